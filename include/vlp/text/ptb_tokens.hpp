#pragma once
// Whole sets of captions cut into tokens as pycocoevalcap's PTBTokenizer does it: streams in which a rule may look ahead into
// the next caption, on threads.

#include "vlp/concepts/metric.hpp"
#include "vlp/core/parallel.hpp"
#include "vlp/text/ptb_tokenizer.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace vlp {

/// How captions are cut into tokens.
struct PtbOptions {
  bool isolated = false;          ///< each caption is a text of its own: its tokens don't depend on its neighbours
  bool keep_punctuation = false;  ///< the tokenizer's own output, before kPtbPunctuation is left out
  std::int64_t threads = 1;       ///< 0 = all cores; the result is the same for any number
};

namespace detail::ptb_tokens {

/// The first `border` captions are one stream, the others a second.
[[nodiscard]] inline std::vector<std::string> two_streams(std::span<const std::string_view> captions, std::size_t border,
                                                          const PtbOptions& options) {
  constexpr std::size_t kWorthAThread = 2000;  // captions; a thread's tokenizer has to make its states first
  std::vector<std::string> tokens(captions.size());
  parallel_for(threads_for(options.threads, captions.size(), kWorthAThread), captions.size(), [&](std::size_t begin, std::size_t end) {
    PtbTokenizer tokenizer;
    std::string line;
    for (std::size_t i = begin; i < end; ++i) {
      const auto stream = i < border ? captions.first(border) : captions.subspan(border);
      line.clear();
      tokenizer.tokenize(stream, i < border ? i : i - border, options.isolated, options.keep_punctuation, line);
      tokens[i] = line;
    }
  });
  return tokens;
}

}  // namespace detail::ptb_tokens

/// Cuts captions that follow each other in one stream. Needs the size of the captions once more for the result, and a few
/// MiB a thread.
/// @param captions  UTF-8; a line feed inside one counts as a blank, other line ends never reach into the next caption
/// @param options   how
/// @returns of each caption its tokens in lower case, joined by single blanks; a token may hold U+00A0
[[nodiscard]] inline std::vector<std::string> ptb_tokens(std::span<const std::string_view> captions, const PtbOptions& options) {
  return detail::ptb_tokens::two_streams(captions, captions.size(), options);
}

/// Cuts the captions of images: all candidates are one stream, all references another, image by image.
/// @returns the same images with tokens in place of captions
[[nodiscard]] inline std::vector<ScoredCaption> ptb_tokens(std::span<const ScoredCaption> images, const PtbOptions& options) {
  std::vector<std::string_view> captions;
  for (const ScoredCaption& image : images) captions.push_back(image.candidate);
  for (const ScoredCaption& image : images) captions.insert(captions.end(), image.references.begin(), image.references.end());
  std::vector<std::string> tokens = detail::ptb_tokens::two_streams(captions, images.size(), options);

  std::vector<ScoredCaption> result;
  result.reserve(images.size());
  auto reference = tokens.begin() + std::ssize(images);
  for (std::size_t i = 0; i < images.size(); ++i) {
    result.push_back({.image_id = images[i].image_id, .candidate = std::move(tokens[i]), .references = {}});
    result.back().references.reserve(images[i].references.size());
    for (std::size_t count = images[i].references.size(); count > 0; --count) result.back().references.push_back(std::move(*reference++));
  }
  return result;
}

}  // namespace vlp
