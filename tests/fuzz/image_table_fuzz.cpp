// Any bytes at all as a table of images: it is read, or refused with a DataError. A table that is
// read has as many cells in each row as columns, of UTF-8, and is read alike once it is written
// with all its cells in quotes.

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "vlp/captions/csv.hpp"
#include "vlp/captions/image_table.hpp"
#include "vlp/core/error.hpp"
#include "vlp/text/utf8.hpp"

namespace {

void require(bool good) {
  if (!good) std::abort();
}

template <class Cells>
std::string written(const Cells& cells, char separator) {
  std::string line;
  for (const std::string& cell : cells) {
    require(vlp::utf8_prefix(cell) == cell.size());
    line += line.empty() ? "\"" : std::string(1, separator) + "\"";
    for (const char c : cell) line += c == '"' ? "\"\"" : std::string(1, c);
    line += '"';
  }
  return line + "\n";
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  try {
    const vlp::TextFile file = vlp::TextFile::of("fuzz", bytes);
    const vlp::CsvTable table = vlp::parse_csv(file, ';');
    std::string text = written(table.columns, ';');
    for (const vlp::TableRow& row : table.rows) {
      require(row.cells.size() == table.columns.size());
      text += written(row.cells, ';');
    }
    const vlp::CsvTable again = vlp::parse_csv(vlp::TextFile::of("again", text), ';');
    require(again.columns == table.columns && again.rows.size() == table.rows.size());
    for (std::size_t i = 0; i < table.rows.size(); ++i)
      require(again.rows[i].cells == table.rows[i].cells);
  } catch (const vlp::DataError&) {
  }
  for (const char* name : {"fuzz.csv", "fuzz.tsv", "fuzz.jsonl"}) try {
      const vlp::ImageTable table = vlp::parse_image_table(vlp::TextFile::of(name, bytes), {});
      for (const vlp::ImageRow& row : table.rows)
        for (const std::string& caption : row.captions)
          require(vlp::utf8_prefix(caption) == caption.size());
    } catch (const vlp::DataError&) {
    }
  return 0;
}
