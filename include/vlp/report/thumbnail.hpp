#pragma once
// Small pictures for pages. Includes no torch.

#include <filesystem>

#include "vlp/core/error.hpp"
#include "vlp/core/header_only.hpp"

namespace vlp {

/// Writes a JPEG of an image, at most `side` pixels long and high; a smaller image keeps its size.
/// @param image  JPEG or PNG
/// @param jpeg   replaced if it is there
/// @throws DataError that names the file if it can't be read or written
void write_thumbnail(const std::filesystem::path& image, const std::filesystem::path& jpeg,
                     int side = 256);

}  // namespace vlp

#if VLP_HEADER_ONLY
#include "vlp/report/thumbnail_inl.hpp"
#endif
