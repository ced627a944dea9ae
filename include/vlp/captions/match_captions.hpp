#pragma once
// Brings the captions of two files together: what was generated beside what people wrote. Includes
// no torch.

#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "vlp/captions/captions_by_image.hpp"
#include "vlp/concepts/metric.hpp"
#include "vlp/core/error.hpp"
#include "vlp/core/header_only.hpp"

namespace vlp {

/// The images that two files share, and how many they don't.
struct MatchedCaptions {
  /// Ids that are named of those that don't match.
  static constexpr std::size_t kNamed = 5;

  std::vector<ScoredCaption> images;       ///< in the order of the references
  std::size_t missing = 0;                 ///< images with references and no candidate
  std::size_t extra = 0;                   ///< images with a candidate and no reference
  std::vector<std::string> first_missing;  ///< at most `kNamed` ids
  std::vector<std::string> first_extra;    ///< at most `kNamed` ids
};

/// Finds the references of each candidate by its image's id.
/// @param references  any number of captions an image
/// @param candidates  one caption an image
/// @param partial     whether images that only one of the files has are left out; else they are an
///                    error
/// @throws DataError if an image has several candidates, if no image is in both files, or if
/// `partial` doesn't allow what
///         doesn't match; with a remedy, where the files show one
[[nodiscard]] MatchedCaptions match_captions(CaptionFile references, CaptionFile candidates,
                                             bool partial);

}  // namespace vlp

#if VLP_HEADER_ONLY
#include "vlp/captions/match_captions_inl.hpp"
#endif
