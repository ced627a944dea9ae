#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <fmt/format.h>

#include "vlp/core/parallel.hpp"
#include "vlp/core/random.hpp"
#include "vlp/data/collate.hpp"
#include "vlp/data/text_room.hpp"
#include "vlp/tasks/texts_line.hpp"

namespace vlp {

namespace detail {

/// What the tokenizer makes of captions.
struct CaptionTokens {
  std::int64_t longest = 0;  ///< tokens of a text, prompt included, uncut
  std::int64_t cut = 0;      ///< texts
  std::int64_t words = 0;    ///< tokens but the beginning, the prompt's and [SEP]
  std::int64_t unknown = 0;  ///< those of them that are [UNK]

  void add(const CaptionTokens& more) {
    longest = std::max(longest, more.longest);
    cut += more.cut;
    words += more.words;
    unknown += more.unknown;
  }
};

/// A caption and the image that it is of.
struct CaptionOf {
  const ImageRecord* image;
  std::string_view caption;
};

/// At most so many captions, in their order, one drawn from each of as many equal parts.
[[nodiscard]] inline std::vector<CaptionOf> some_captions(std::span<const ImageRecord> records,
                                                          std::size_t most,
                                                          const RandomStream& random) {
  std::size_t all = 0;
  for (const ImageRecord& record : records) all += record.captions.size();
  const std::size_t count = std::min(all, most);
  std::vector<CaptionOf> captions;
  captions.reserve(count);
  std::size_t place = 0;  // of the record's first caption among all
  for (const ImageRecord& record : records) {
    while (captions.size() < count) {
      const std::size_t part = captions.size(), begin = part * all / count;
      const std::size_t drawn = begin + random.derive(part).below((part + 1) * all / count - begin);
      if (drawn >= place + record.captions.size()) break;
      captions.push_back({&record, record.captions[drawn - place]});
    }
    place += record.captions.size();
  }
  return captions;
}

/// @param limit  tokens to which the tokenizer cuts; 0 = not known
[[nodiscard]] inline CaptionTokens tokens_of(std::span<const CaptionOf> captions,
                                             const Preprocessing& data, std::int64_t limit) {
  const std::int64_t usual = whole_prompt_length(data.tokenizer, data.prompt);
  std::vector<CaptionTokens> found(block_count(0, captions.size()));
  parallel_blocks(0, captions.size(), [&](std::size_t block, std::size_t first, std::size_t last) {
    for (std::size_t i = first; i < last; ++i) {
      RandomStream random(i);
      const auto& [image, caption] = captions[i];
      const std::string text =
          with_prompt(image->prompt_or(data.prompt), data.transforms.train(caption, random));
      const std::int64_t begin =
          image->prompt.empty() ? usual : whole_prompt_length(data.tokenizer, image->prompt);
      const std::optional<std::vector<std::int64_t>> whole = data.tokenizer.encode_whole(text);
      const std::vector<std::int64_t> ids = whole ? *whole : data.tokenizer.encode(text);
      const auto length = static_cast<std::int64_t>(ids.size());
      const std::span<const std::int64_t> words =
          std::span(ids).subspan(static_cast<std::size_t>(std::min(begin, length - 1)));
      found[block].add({.longest = length,
                        .cut = limit > 0 && length > limit ? 1 : 0,
                        .words = static_cast<std::int64_t>(words.size()) - 1,
                        .unknown = std::ranges::count(words, data.tokenizer.special().unknown)});
    }
  });
  CaptionTokens all;
  for (const CaptionTokens& of_block : found) all.add(of_block);
  return all;
}

}  // namespace detail

VLP_INLINE std::string texts_line(const Plan& plan, const Preprocessing& data,
                                  std::span<const ImageRecord> records) {
  constexpr std::size_t kEnough = 100'000;
  std::size_t all = 0;
  for (const ImageRecord& record : records) all += record.captions.size();
  const std::vector<detail::CaptionOf> captions = detail::some_captions(
      records, kEnough, RandomStream(static_cast<std::uint64_t>(plan.run.seed)).derive("check"));
  const std::int64_t limit = plan.tokenizer.traits().longest_text;
  const detail::CaptionTokens tokens = detail::tokens_of(captions, data, limit);
  std::string line = "texts      ";
  line += captions.size() < all
              ? fmt::format("{} of {} captions, drawn with the seed", captions.size(), all)
              : fmt::format("{} {}", all, all == 1 ? "caption" : "captions");
  const bool whole = data.tokenizer.encode_whole("").has_value();
  line += fmt::format(", the longest of {} tokens{}", tokens.longest,
                      whole ? "" : " once it is cut, if it is");
  if (whole && limit > 0)
    line += tokens.cut == 0 ? fmt::format("; none is cut at {}", limit)
                            : fmt::format("; {} {} cut at {}", tokens.cut,
                                          tokens.cut == 1 ? "is" : "are", limit);
  if (data.tokenizer.special().unknown < 0 || tokens.words == 0) return line;
  const double share =
      100 * static_cast<double>(tokens.unknown) / static_cast<double>(tokens.words);
  if (tokens.unknown == 0) return line + "; no token is [UNK]";
  return line + (share < 0.1 ? "; less than 0.1 % of the tokens are [UNK]"
                             : fmt::format("; {:.1f} % of the tokens are [UNK]", share));
}

}  // namespace vlp
