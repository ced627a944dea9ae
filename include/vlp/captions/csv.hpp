#pragma once
// Tables as spreadsheets and pandas write them: RFC 4180, with commas, semicolons or tabs between
// the cells. Includes no torch.

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "vlp/captions/text_file.hpp"
#include "vlp/core/header_only.hpp"

namespace vlp {

/// One row of a table.
struct TableRow {
  std::vector<std::string> cells;  ///< without the quotes around them; as many as columns
  std::size_t line = 0;            ///< of the file where it begins, from 1
};

/// A table with a header.
struct CsvTable {
  std::vector<std::string> columns;  ///< as the header names them, without blanks around
  std::vector<TableRow> rows;        ///< those that have anything in them
};

/// Reads a table. Lines end with LF or CRLF. A cell that begins with a quote ends with one: in
/// between stand separators, ends of lines, and quotes, each twice. Any other cell stays as it is
/// written, quotes and blanks included. Lines in which all cells are blank are left out.
/// @param file       UTF-8
/// @param separator  none: that of comma, semicolon and tab which stands in the header; a comma if
///                   none or several do
/// @throws DataError naming file and line: no header, two columns of one name, bytes that are not
///                   UTF-8, a quote that isn't closed, text behind a closing one, or the first 20
///                   rows with another number of cells than columns
[[nodiscard]] CsvTable parse_csv(const TextFile& file, std::optional<char> separator = {});

}  // namespace vlp

#if VLP_HEADER_ONLY
#include "vlp/captions/csv_inl.hpp"
#endif
