#pragma once
// Reads files of captions, whatever their format: what they hold tells it, not their names.
// Includes no torch.

#include <cstddef>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "vlp/captions/captions_by_image.hpp"
#include "vlp/core/error.hpp"
#include "vlp/core/header_only.hpp"

namespace vlp {

/// What to read of Karpathy's files; other files have no choice.
struct CaptionFileOptions {
  std::string split;      ///< images of this split only, e.g. "test"; "" = all
  std::string image_key;  ///< cocoid, filename or imgid, the field that names an image; "" = the
                          ///< first of them that it has
};

/// Reads a file of captions, packed by gzip or not: COCO's captions, COCO's results, Karpathy's
/// splits, JSON lines, or Kaggle's CSV. Captions and image ids stay as they are written; the ids 7
/// and "7" are the same.
/// @throws DataNotFoundError if there is no such file
/// @throws DataError if it can't be read, is none of these, is broken (naming line and column), or
/// holds no caption
/// @throws RecipeError if `options.image_key` is none of the three
[[nodiscard]] CaptionFile read_caption_file(const std::filesystem::path& path,
                                            const CaptionFileOptions& options = {});

/// The same for bytes in memory. @param name  how messages call them
[[nodiscard]] CaptionFile parse_caption_file(std::string_view bytes, const std::string& name,
                                             const CaptionFileOptions& options = {});

}  // namespace vlp

#if VLP_HEADER_ONLY
#include "vlp/captions/caption_file_inl.hpp"
#endif
