#pragma once

#include <algorithm>
#include <cstddef>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "vlp/captions/csv.hpp"
#include "vlp/captions/image_table.hpp"
#include "vlp/captions/json_reader.hpp"
#include "vlp/captions/kaggle_csv.hpp"
#include "vlp/captions/text_file.hpp"
#include "vlp/core/error.hpp"
#include "vlp/core/message.hpp"
#include "vlp/core/printable.hpp"
#include "vlp/text/unicode.hpp"

namespace vlp {

namespace detail {

inline std::string small_letters(std::string_view text) {
  std::string all(text);
  std::ranges::transform(all, all.begin(), [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  });
  return all;
}

/// Tells the columns of one table apart.
class ColumnChoice {
 public:
  ColumnChoice(const std::string& file, const std::vector<std::string>& columns)
      : file_(file), columns_(columns) {}

  /// @param option  e.g. "image_column"
  /// @param wanted  the option's value; empty = by name
  /// @param usual   names that such a column usually has
  /// @return        its name; empty = there is none
  [[nodiscard]] std::string choose(const std::string& option, const std::string& wanted,
                                   const std::vector<std::string>& usual) const {
    if (!wanted.empty()) {
      if (std::ranges::find(columns_, wanted) != columns_.end()) return wanted;
      throw DataError(file_ + ": no column '" + printable(wanted) + "' (got " + all() +
                      "). Set dataset." + option + " to one of them.");
    }
    std::vector<std::string> found;
    for (const std::string& column : columns_)
      if (std::ranges::find(usual, small_letters(column)) != usual.end()) found.push_back(column);
    if (found.size() > 1)
      throw DataError(file_ + ": which column is meant isn't clear (got " + joined(found) +
                      ", expected one of them). Set dataset." + option + ".");
    return found.empty() ? "" : found.front();
  }

  /// The same of a column that there must be.
  [[nodiscard]] std::string require(const std::string& option, const std::string& wanted,
                                    const std::vector<std::string>& usual) const {
    std::string column = choose(option, wanted, usual);
    if (column.empty())
      throw DataError(file_ + ": no column is called " + joined(usual, " or ") + " (got " + all() +
                      "). Set dataset." + option + ", or give the table a first line with names.");
    return column;
  }

 private:
  [[nodiscard]] std::string all() const {
    std::vector<std::string> names;
    for (const std::string& column : columns_) names.push_back("'" + printable(column) + "'");
    return listing(names);
  }

  const std::string& file_;
  const std::vector<std::string>& columns_;
};

inline ImageColumns choose_columns(const std::string& file, const std::vector<std::string>& columns,
                                   const ImageColumns& wanted) {
  const ColumnChoice choice(file, columns);
  return {choice.require("image_column", wanted.image,
                         {"image", "file", "filename", "file_name", "path", "image_name"}),
          choice.require("caption_column", wanted.caption,
                         {"caption", "text", "description", "comment", "sentence"}),
          choice.choose("split_column", wanted.split, {"split"}),
          choice.choose("prompt_column", wanted.prompt, {"prompt"})};
}

/// Puts what stands in a column into a row.
inline void put(ImageRow& row, const ImageColumns& columns, std::string_view column,
                std::string_view text) {
  const std::string_view trimmed = trim_blanks(text);
  if (column == columns.image) row.image = trimmed;
  if (column == columns.caption && !only_white_space(text)) row.captions.emplace_back(text);
  if (!columns.split.empty() && column == columns.split) row.split = trimmed;
  if (!columns.prompt.empty() && column == columns.prompt) row.prompt = trimmed;
}

inline ImageTable image_table_of_csv(const TextFile& file, std::optional<char> separator,
                                     const ImageColumns& wanted) {
  const CsvTable csv = parse_csv(file, separator);
  ImageTable table{choose_columns(file.name(), csv.columns, wanted), {}};
  for (const TableRow& cells : csv.rows) {
    ImageRow& row = table.rows.emplace_back();
    row.line = cells.line;
    for (std::size_t i = 0; i < csv.columns.size(); ++i)
      put(row, table.columns, csv.columns[i], cells.cells[i]);
  }
  return table;
}

/// A table of JSON lines: its columns are the fields that any row has.
class JsonImageTable {
 public:
  JsonImageTable(const TextFile& file, const ImageColumns& wanted) : reader_(file) {
    std::vector<std::string> names;
    reader_.lines([&](Value& row, std::size_t) {
      if (!JsonReader::is_object(row)) return false;
      reader_.fields(row, [&](std::string_view name, Value&) {
        if (std::ranges::find(names, name) == names.end()) names.emplace_back(name);
        return false;
      });
      return true;
    });
    table_.columns = choose_columns(file.name(), names, wanted);
    reader_.lines([&](Value& row, std::size_t line) { return read_row(row, line); });
    reader_.problems().raise_if_any(file.name());
  }

  [[nodiscard]] ImageTable table() && { return std::move(table_); }

 private:
  using Value = JsonReader::Value;

  bool read_row(Value& value, std::size_t line) {
    const std::string where = "line " + std::to_string(line);
    if (!JsonReader::is_object(value)) {
      reader_.wrong(value, where, "an object with the image and its caption");
      return false;
    }
    ImageRow& row = table_.rows.emplace_back();
    row.line = line;
    reader_.fields(value, [&](std::string_view name, Value& field) {
      const ImageColumns& columns = table_.columns;
      if (name != columns.image && name != columns.caption && name != columns.split &&
          name != columns.prompt)
        return false;
      const std::string column(name), path = where + "." + column;
      if (JsonReader::is_null(field)) return false;  // as pandas writes an empty cell
      if (column != columns.caption || !JsonReader::is_array(field)) {
        read_cell(row, column, field, path);
        return true;
      }
      reader_.elements(field, [&](std::size_t index, Value& caption) {
        read_cell(row, column, caption, path + "[" + std::to_string(index) + "]");
        return true;
      });
      return true;
    });
    return true;
  }

  void read_cell(ImageRow& row, const std::string& column, Value& value, const std::string& path) {
    if (const std::optional<std::string_view> text = reader_.string(value))
      put(row, table_.columns, column, *text);
    else
      reader_.wrong(value, path, "a string");
  }

  JsonReader reader_;
  ImageTable table_;
};

}  // namespace detail

VLP_INLINE ImageTable parse_image_table(const TextFile& file, const ImageColumns& wanted) {
  std::filesystem::path name = file.name();
  if (name.extension() == ".gz") name.replace_extension();
  const std::string ending = detail::small_letters(name.extension().string());
  if (ending == ".csv") return detail::image_table_of_csv(file, {}, wanted);
  if (ending == ".tsv") return detail::image_table_of_csv(file, '\t', wanted);
  if (ending == ".jsonl") return detail::JsonImageTable(file, wanted).table();
  throw DataError(file.name() + ": the form of the table isn't known (got the ending '" +
                  printable(ending) + "', expected .csv, .tsv or .jsonl). Rename the file.");
}

VLP_INLINE ImageTable read_image_table(const std::filesystem::path& file,
                                       const ImageColumns& wanted) {
  return parse_image_table(TextFile::read(file), wanted);
}

}  // namespace vlp
