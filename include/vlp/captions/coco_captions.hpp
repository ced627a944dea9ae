#pragma once
// Captions as rows of JSON, {"image_id": 7, "caption": "..."}: COCO's annotations and results (Chen
// et al. 2015), and JSON lines. Includes no torch.

#include <cstddef>
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

/// Reads COCO's captions, {"images":[{"id"}], "annotations":[{"image_id","caption"}]}, images in
/// the order of "images", or of first appearance if there is no such list. Other fields are checked
/// as JSON and passed over.
/// @param file    the text
/// @param reader  of that file
/// @throws DataError naming line, column and path of up to 20 mistakes
[[nodiscard]] CaptionFile read_coco_captions(const TextFile& file, JsonReader& reader);

/// Reads COCO's results, [{"image_id","caption"}], images in order of first appearance.
/// @param file    the text
/// @param reader  of that file
/// @throws DataError as `read_coco_captions` does
[[nodiscard]] CaptionFile read_coco_results(const TextFile& file, JsonReader& reader);

/// Reads JSON lines, {"image_id","caption"} or {"image_id","captions":[]} each, images in order of
/// first appearance; blank lines are skipped.
/// @param file    the text
/// @param reader  of that file
/// @throws DataError as `read_coco_captions` does
[[nodiscard]] CaptionFile read_caption_lines(const TextFile& file, JsonReader& reader);

}  // namespace vlp

#if VLP_HEADER_ONLY
#include "vlp/captions/coco_captions_inl.hpp"
#endif
