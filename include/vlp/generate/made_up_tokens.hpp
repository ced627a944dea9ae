#pragma once
// Tokens on the device `meta`, where logits have shapes and no values: made up, so that a search
// asks of a decoder all that it ever asks, whatever its logits would be.

#include <cstddef>
#include <cstdint>
#include <vector>

#include "vlp/generate/hypotheses.hpp"

namespace vlp {

/// Two or three tokens a caption, as far as the longest length lets them: behind the first all
/// captions go on, an image's beams in the opposite order; with the second all images but the first
/// end, and leave the batch; with the third that one ends, too.
class MadeUpTokens {
 public:
  explicit MadeUpTokens(const SearchLimits& limits) : limits_(limits) {}

  /// The next token of each caption of an image.
  /// @param image   its place in the batch
  /// @param length  tokens so far, prompt included
  [[nodiscard]] std::int64_t next(std::size_t image, std::int64_t length) const {
    const std::int64_t written = length - limits_.prompt;
    const bool ends = written > 1 || (written == 1 && image > 0);
    return ends ? limits_.end : limits_.end == 0 ? 1 : 0;
  }

  /// The same as continuations of an image's beams, best first.
  [[nodiscard]] std::vector<Hypotheses::Continuation> continuations(std::size_t image,
                                                                    std::int64_t length) const {
    std::vector<Hypotheses::Continuation> all;
    for (std::int64_t rank = 0; rank < 2 * limits_.beams; ++rank)
      all.push_back({.score = -static_cast<double>(rank),
                     .beam = limits_.beams - 1 - rank % limits_.beams,
                     .token = next(image, length)});
    return all;
  }

 private:
  SearchLimits limits_;
};

}  // namespace vlp
