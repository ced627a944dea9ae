#pragma once
// A table of images and captions of one's own: comma- or tab-separated, or JSON lines, with columns
// of any names. Includes no torch.

#include <cstddef>
#include <filesystem>
#include <string>
#include <vector>

#include "vlp/captions/text_file.hpp"
#include "vlp/core/header_only.hpp"

namespace vlp {

/// Names of columns.
struct ImageColumns {
  std::string image;
  std::string caption;
  std::string split;
  std::string prompt;
};

/// One row: an image with a caption, or with several.
struct ImageRow {
  std::string image;                  ///< as written, without blanks around; may be empty
  std::vector<std::string> captions;  ///< as written, those that aren't blank
  std::string split;                  ///< without blanks around; empty if there is none
  std::string prompt;                 ///< without blanks around; empty if there is none
  std::size_t line = 0;               ///< of the file where it begins, from 1
};

/// All rows of a table.
struct ImageTable {
  ImageColumns columns;        ///< that were read; empty: `split` or `prompt`, if it has none
  std::vector<ImageRow> rows;  ///< in the order of the file
};

/// Reads a table: of tabs if the file's name ends with .tsv, JSON lines if it ends with .jsonl, of
/// commas, semicolons or tabs if it ends with .csv; a .gz behind that doesn't count.
/// @param wanted  names of its columns; an empty one is found by name, capitals or not: image,
/// file,
///                filename, file_name, path, image_name; caption, text, description, comment,
///                sentence; split; prompt
/// @throws DataError  naming the line: its form is broken, or a cell is no text; naming the columns
///                    that there are: one isn't there, or several could be meant
[[nodiscard]] ImageTable parse_image_table(const TextFile& file, const ImageColumns& wanted);

/// Reads a file, packed by gzip or not; see `parse_image_table`.
/// @throws DataNotFoundError  if there is no such file
/// @throws DataError          as `parse_image_table` does
[[nodiscard]] ImageTable read_image_table(const std::filesystem::path& file,
                                          const ImageColumns& wanted);

}  // namespace vlp

#if VLP_HEADER_ONLY
#include "vlp/captions/image_table_inl.hpp"
#endif
