#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "vlp/concepts/metric.hpp"
#include "vlp/core/parallel.hpp"
#include "vlp/scoring/ptb_tokenizer.hpp"
#include "vlp/scoring/ptb_tokens.hpp"

namespace vlp {

namespace detail::ptb_tokens {

/// The first `border` captions are one stream, the others a second.
[[nodiscard]] inline std::vector<std::string> two_streams(
    std::span<const std::string_view> captions, std::size_t border, const PtbOptions& options) {
  constexpr std::size_t kWorthAThread =
      2000;  // captions; a thread's tokenizer has to make its states first
  std::vector<std::string> tokens(captions.size());
  parallel_for(threads_for(options.threads, captions.size(), kWorthAThread), captions.size(),
               [&](std::size_t begin, std::size_t end) {
                 PtbTokenizer tokenizer;
                 std::string line;
                 for (std::size_t i = begin; i < end; ++i) {
                   const auto stream =
                       i < border ? captions.first(border) : captions.subspan(border);
                   line.clear();
                   tokenizer.tokenize(stream, i < border ? i : i - border, options.isolated,
                                      options.keep_punctuation, line);
                   tokens[i] = line;
                 }
               });
  return tokens;
}

}  // namespace detail::ptb_tokens

VLP_INLINE std::vector<std::string> ptb_tokens(std::span<const std::string_view> captions,
                                               const PtbOptions& options) {
  return detail::ptb_tokens::two_streams(captions, captions.size(), options);
}

VLP_INLINE std::vector<ScoredCaption> ptb_tokens(std::vector<ScoredCaption> images,
                                                 const PtbOptions& options) {
  std::vector<std::string_view> captions;
  for (const ScoredCaption& image : images) captions.push_back(image.candidate);
  for (const ScoredCaption& image : images)
    captions.insert(captions.end(), image.references.begin(), image.references.end());
  std::vector<std::string> tokens =
      detail::ptb_tokens::two_streams(captions, images.size(), options);

  auto candidate = tokens.begin(), reference = tokens.begin() + std::ssize(images);
  for (ScoredCaption& image : images) {
    image.raw = std::exchange(image.candidate, std::move(*candidate++));
    for (std::string& caption : image.references) caption = std::move(*reference++);
  }
  return images;
}

}  // namespace vlp
