#pragma once
// What greedy decoding, sampling and beam search share: the prompt, and the cache's rows.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include <ATen/ATen.h>

#include "vlp/concepts/decoder.hpp"
#include "vlp/concepts/generation.hpp"
#include "vlp/core/error.hpp"
#include "vlp/core/random.hpp"
#include "vlp/core/special_tokens.hpp"
#include "vlp/generate/hypotheses.hpp"

namespace vlp {

/// How captions are asked for.
struct CaptionRequest {
  std::vector<std::int64_t> prompt;  ///< ids between [DEC] and the caption, the same for all images
  SpecialTokens tokens;              ///< [DEC] and [SEP] of the vocabulary
  GenerateOptions options;           ///< lengths, beams, penalties, sampling
  std::vector<RandomStream> random = {};  ///< one an image; needed for sampling only
};

/// [DEC] and the prompt's ids.
[[nodiscard]] inline std::vector<std::int64_t> begin_ids(const std::vector<std::int64_t>& prompt,
                                                         const SpecialTokens& tokens) {
  std::vector<std::int64_t> ids{tokens.decode};
  ids.insert(ids.end(), prompt.begin(), prompt.end());
  return ids;
}

/// @param options  of the generation
/// @param begin    tokens given, [DEC] included
/// @param tokens   [SEP] ends a text
/// @throws RecipeError if there is no room for a token behind them
[[nodiscard]] inline SearchLimits search_limits(const GenerateOptions& options, std::int64_t begin,
                                                const SpecialTokens& tokens) {
  const std::int64_t longest =
      options.max_new_tokens > 0 ? begin + options.max_new_tokens : options.max_length;
  if (longest <= begin)
    throw RecipeError("generate: the prompt fills the caption (got " + std::to_string(begin) +
                      " tokens with [DEC], expected fewer than max_length = " +
                      std::to_string(longest) + "). Raise max_length or shorten the prompt.");
  return {options.beams,
          begin,
          longest,
          tokens.sep,
          options.length_penalty,
          options.early_stopping,
          options.length_rule};
}

/// [rows, T] int64 on the host from rows of one length.
[[nodiscard]] inline at::Tensor ids_tensor(const std::vector<std::vector<std::int64_t>>& rows) {
  const auto length = static_cast<std::int64_t>(rows.at(0).size());
  at::Tensor ids = at::empty({static_cast<std::int64_t>(rows.size()), length}, at::kLong);
  std::int64_t* to = ids.mutable_data_ptr<std::int64_t>();
  for (const auto& row : rows) to = std::copy(row.begin(), row.end(), to);
  return ids;
}

/// Makes `beams` equal beams of the one that an image has.
inline void expand_beams(DecodingCache& cache, std::int64_t beams) {
  if (beams == cache.beams) return;
  cache.beams = beams;
  for (at::Tensor& buffer : cache.per_row) buffer = buffer.repeat_interleave(beams, 0);
}

namespace detail {

/// Row i of each buffer becomes what row `index[i]` was; does nothing if all stay.
inline void select_rows_of(std::vector<at::Tensor>& buffers,
                           const std::vector<std::int64_t>& index) {
  if (buffers.empty()) return;
  bool all_stay = static_cast<std::int64_t>(index.size()) == buffers.front().size(0);
  for (std::size_t i = 0; all_stay && i < index.size(); ++i)
    all_stay = index[i] == static_cast<std::int64_t>(i);
  if (all_stay) return;
  const at::Tensor chosen = at::tensor(index, at::kLong).to(buffers.front().device());
  for (at::Tensor& buffer : buffers) buffer = buffer.index_select(0, chosen);
}

}  // namespace detail

/// Row i of the cache becomes what row `rows[i]` was.
/// @param cache   changed in place
/// @param rows    for each new row, the old one
/// @param images  the images kept, if some are left out; all of an image's rows are then left out
///                too
inline void select_rows(DecodingCache& cache, const std::vector<std::int64_t>& rows,
                        const std::vector<std::int64_t>& images) {
  detail::select_rows_of(cache.per_row, rows);
  detail::select_rows_of(cache.per_image, images);
}

}  // namespace vlp
