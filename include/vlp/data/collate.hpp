#pragma once
// Texts of a batch as tensors for teacher forcing: padded ids, their mask, and the positions whose
// next token is supervised. A prompt conditions the decoder and is not supervised. Letters: B
// texts, T tokens of the longest, M supervised positions.

#include <algorithm>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "vlp/concepts/batch.hpp"
#include "vlp/concepts/tokenizer.hpp"

#include <ATen/core/Tensor.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/full.h>
#include <ATen/ops/zeros.h>

namespace vlp {

/// Prompt and caption as one text.
[[nodiscard]] inline std::string with_prompt(std::string_view prompt, std::string_view caption) {
  return prompt.empty() ? std::string(caption) : std::string(prompt) + " " + std::string(caption);
}

/// @return  ids of the prompt without [CLS] and [SEP], as generation continues them
[[nodiscard]] inline std::vector<std::int64_t> prompt_ids(const AnyTokenizer& tokenizer,
                                                          std::string_view prompt) {
  std::vector<std::int64_t> ids = tokenizer.encode(prompt);
  const SpecialTokens special = tokenizer.special();
  if (!ids.empty() && ids.back() == special.sep) ids.pop_back();
  if (!ids.empty() && ids.front() == special.begin()) ids.erase(ids.begin());
  return ids;
}

/// @return  leading positions of each row that are never targets: [CLS] and the prompt's tokens
[[nodiscard]] inline std::int64_t prompt_length(const AnyTokenizer& tokenizer,
                                                std::string_view prompt) {
  const std::vector<std::int64_t> ids = tokenizer.encode(prompt);
  const bool ends = !ids.empty() && ids.back() == tokenizer.special().sep;
  return static_cast<std::int64_t>(ids.size()) - (ends ? 1 : 0);
}

/// Pads rows of ids and lists their targets: the token at t of row b is one if
/// t >= max(unsupervised[b], 1).
/// @param rows          [CLS] ... [SEP] of each text
/// @param pad           id of [PAD]
/// @param unsupervised  for each row, positions at its start that are not targets
[[nodiscard]] inline Texts collate_ids(std::span<const std::vector<std::int64_t>> rows,
                                       std::int64_t pad,
                                       std::span<const std::int64_t> unsupervised) {
  const auto batch = static_cast<std::int64_t>(rows.size());
  const auto first_of = [&](std::size_t row) {
    return std::max<std::int64_t>(unsupervised[row], 1);
  };
  std::int64_t longest = 0, supervised = 0;
  for (std::size_t b = 0; b < rows.size(); ++b) {
    const auto length = static_cast<std::int64_t>(rows[b].size());
    longest = std::max(longest, length);
    supervised += std::max<std::int64_t>(length - first_of(b), 0);
  }
  Texts text{.token_ids = at::full({batch, longest}, pad, at::kLong),
             .token_mask = at::zeros({batch, longest}, at::kBool),
             .target_index = at::empty({supervised}, at::kLong),
             .targets = at::empty({supervised}, at::kLong),
             .image_rows = {}};
  auto* ids = text.token_ids.mutable_data_ptr<std::int64_t>();
  auto* mask = text.token_mask.mutable_data_ptr<bool>();
  auto* index = text.target_index.mutable_data_ptr<std::int64_t>();
  auto* targets = text.targets.mutable_data_ptr<std::int64_t>();
  for (std::int64_t b = 0; b < batch; ++b) {
    const std::vector<std::int64_t>& row = rows[static_cast<std::size_t>(b)];
    std::ranges::copy(row, ids + b * longest);
    std::fill_n(mask + b * longest, row.size(), true);
    for (std::int64_t t = first_of(static_cast<std::size_t>(b));
         t < static_cast<std::int64_t>(row.size()); ++t) {
      *index++ = b * longest + t - 1;
      *targets++ = row[static_cast<std::size_t>(t)];
    }
  }
  return text;
}

/// The same where all rows have as many such positions.
[[nodiscard]] inline Texts collate_ids(std::span<const std::vector<std::int64_t>> rows,
                                       std::int64_t pad, std::int64_t unsupervised) {
  return collate_ids(rows, pad, std::vector<std::int64_t>(rows.size(), unsupervised));
}

}  // namespace vlp
