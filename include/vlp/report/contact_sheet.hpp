#pragma once
// A page of captioned images for reports: one PNG, drawn with cairo. Includes no torch.

#include <filesystem>
#include <span>
#include <string>

#include "vlp/core/error.hpp"
#include "vlp/core/header_only.hpp"

namespace vlp {

/// Shown beside a caption: nothing, a green tick, or a red cross.
enum class CellMark { none, good, bad };

/// One image of a contact sheet.
struct ContactSheetCell {
  std::filesystem::path image;     ///< JPEG or PNG
  std::string caption;             ///< UTF-8
  std::string second_line;         ///< e.g. a reference; smaller and grey; empty = none
  CellMark mark = CellMark::none;  ///< drawn before the caption
};

/// Titles and sizes of a sheet.
struct ContactSheetOptions {
  std::string title;          ///< UTF-8; empty = none
  std::string subtitle;       ///< smaller, below the title; empty = none
  int columns = 4;            ///< images side by side
  double cell_width = 260;    ///< pixels
  double image_height = 195;  ///< pixels; images keep their proportions inside
};

/// Writes a page of images, each with its caption below, row by row in the order given.
/// @throws DataError that names the file if an image can't be read or the page can't be written
void write_contact_sheet(const std::filesystem::path& png, std::span<const ContactSheetCell> cells,
                         const ContactSheetOptions& options = {});

}  // namespace vlp

#if VLP_HEADER_ONLY
#include "vlp/report/contact_sheet_inl.hpp"
#endif
