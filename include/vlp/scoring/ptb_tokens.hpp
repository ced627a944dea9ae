#pragma once
// Whole sets of captions cut into tokens as pycocoevalcap's PTBTokenizer does it: streams in which
// a rule may look ahead into the next caption, on threads.

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "vlp/concepts/metric.hpp"
#include "vlp/core/header_only.hpp"

namespace vlp {

/// How captions are cut into tokens.
struct PtbOptions {
  bool isolated =
      false;  ///< each caption is a text of its own: its tokens don't depend on its neighbours
  bool keep_punctuation =
      false;                 ///< the tokenizer's own output, before kPtbPunctuation is left out
  std::int64_t threads = 1;  ///< 0 = all cores; the result is the same for any number
};

/// Cuts captions that follow each other in one stream. Needs the size of the captions once more for
/// the result, and a few MiB a thread.
/// @param captions  UTF-8; a line feed inside one counts as a blank, other line ends never reach
///                  into the next caption
/// @param options   how
/// @returns of each caption its tokens in lower case, joined by single blanks; a token may hold
/// U+00A0
[[nodiscard]] std::vector<std::string> ptb_tokens(std::span<const std::string_view> captions,
                                                  const PtbOptions& options);

/// Cuts the captions of images: all candidates are one stream, all references another, image by
/// image.
/// @returns the same images with tokens in place of captions, and the candidates as `raw`
[[nodiscard]] std::vector<ScoredCaption> ptb_tokens(std::vector<ScoredCaption> images,
                                                    const PtbOptions& options);

}  // namespace vlp

#if VLP_HEADER_ONLY
#include "vlp/scoring/ptb_tokens_inl.hpp"
#endif
