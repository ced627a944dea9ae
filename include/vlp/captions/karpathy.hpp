#pragma once
// Karpathy's splits of COCO, Flickr8k and Flickr30k (Karpathy and Fei-Fei 2015):
// {"images":[{"filepath","filename","imgid", "split","cocoid","sentences":[{"raw"}]}]}, "filepath"
// and "cocoid" in COCO's only. Includes no torch.

#include <array>
#include <cstddef>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "vlp/captions/captions_by_image.hpp"
#include "vlp/captions/text_file.hpp"
#include "vlp/core/error.hpp"
#include "vlp/core/header_only.hpp"

namespace vlp {

class JsonReader;

/// Fields of Karpathy's files that can name an image, in the order in which they are preferred.
inline constexpr std::array<std::string_view, 3> kKarpathyKeys{"cocoid", "filename", "imgid"};

/// What to read of one of Karpathy's files.
struct KarpathyChoice {
  std::string split;      ///< images of this split only, e.g. "test"; "" = all
  std::string image_key;  ///< one of `kKarpathyKeys`, the field that names an image; "" = the first
                          ///< of them that it has
  bool files = false;     ///< whether `CaptionFile::files` says where the images lie: "filename",
                          ///< below "filepath" if given
};

/// Reads one of Karpathy's files, images in its order.
/// @param file    the text
/// @param reader  of that file
/// @param choice  what to keep
/// @throws DataError naming line, column and path of up to 20 mistakes; listing the splits, if
/// `choice.split` is none of them
[[nodiscard]] CaptionFile read_karpathy(const TextFile& file, JsonReader& reader,
                                        const KarpathyChoice& choice);

}  // namespace vlp

#if VLP_HEADER_ONLY
#include "vlp/captions/karpathy_inl.hpp"
#endif
