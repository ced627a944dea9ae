#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "vlp/captions/csv.hpp"
#include "vlp/captions/kaggle_csv.hpp"
#include "vlp/captions/problems.hpp"
#include "vlp/captions/text_file.hpp"
#include "vlp/core/error.hpp"
#include "vlp/core/printable.hpp"
#include "vlp/text/utf8.hpp"

namespace vlp {

namespace detail {

/// How messages call a separator.
inline std::string shown_separator(char separator) {
  return separator == '\t' ? "a tab" : "'" + std::string(1, separator) + "'";
}

/// Takes a table apart, row by row.
class CsvScanner {
 public:
  CsvScanner(const TextFile& file, char separator)
      : file_(file), text_(file.text()), separator_(separator) {}

  /// Reads the next row that has anything in it. @return  whether there was one
  bool next(TableRow& row) {
    while (at_ < text_.size()) {
      row.cells.clear();
      row.line = line_;
      bool more = true;
      while (more) {
        row.cells.emplace_back();
        if (at_ < text_.size() && text_[at_] == '"')
          read_quoted(row.cells.back());
        else
          read_plain(row.cells.back());
        more = at_ < text_.size() && text_[at_] == separator_;
        if (more) ++at_;
      }
      end_line();
      if (std::ranges::any_of(row.cells, [](const std::string& cell) {
            return cell.find_first_not_of(" \t\r\n\v\f") != cell.npos;
          }))
        return true;
    }
    return false;
  }

 private:
  [[nodiscard]] std::string place(std::size_t line) const {
    return file_.name() + ":" + std::to_string(line) + ": ";
  }

  /// Whether a line ends here, or the text.
  [[nodiscard]] bool at_end_of_line() const {
    return at_ >= text_.size() || text_[at_] == '\n' || text_.substr(at_) == "\r" ||
           text_.substr(at_, 2) == "\r\n";
  }

  void end_line() {
    at_ = std::min(text_.find('\n', at_), text_.size() - 1) + 1;
    ++line_;
  }

  void read_plain(std::string& cell) {
    const std::size_t begin = at_;
    while (!at_end_of_line() && text_[at_] != separator_) ++at_;
    cell = text_.substr(begin, at_ - begin);
  }

  void read_quoted(std::string& cell) {
    const std::size_t opened = line_;
    ++at_;
    while (true) {
      const std::size_t quote = text_.find('"', at_);
      if (quote == text_.npos)
        throw DataError(place(opened) +
                        "a cell that begins with a quote never ends (expected a second \"). Close "
                        "it, or double the quotes of a text: \"a \"\"red\"\" car\".");
      const std::string_view part = text_.substr(at_, quote - at_);
      line_ += static_cast<std::size_t>(std::ranges::count(part, '\n'));
      cell += part;
      at_ = quote + 1;
      if (at_ >= text_.size() || text_[at_] != '"') break;
      cell += '"';
      ++at_;
    }
    if (at_end_of_line() || text_[at_] == separator_) return;
    const std::string_view rest = text_.substr(at_, text_.find_first_of("\r\n", at_) - at_);
    throw DataError(place(line_) + "text behind a closing quote (got '" +
                    printable(rest.substr(0, std::min<std::size_t>(rest.size(), 20))) +
                    "', expected " + shown_separator(separator_) +
                    " or the end of the line). Double the quotes of a text that has some: \"a "
                    "\"\"red\"\" car\".");
  }

  const TextFile& file_;
  std::string_view text_;
  char separator_;
  std::size_t at_ = 0, line_ = 1;
};

/// The separator that stands in the header outside of quotes; a comma if none or several do.
inline char separator_of(std::string_view text) {
  std::array<bool, 3> found{};
  constexpr std::string_view kSeparators = ",;\t";
  bool quoted = false;
  for (const char c : text) {
    if (c == '"') quoted = !quoted;
    if (c == '\n' && !quoted) break;
    if (const std::size_t which = kSeparators.find(c); !quoted && which != kSeparators.npos)
      found.at(which) = true;
  }
  if (std::ranges::count(found, true) != 1) return ',';
  return kSeparators[static_cast<std::size_t>(std::ranges::find(found, true) - found.begin())];
}

}  // namespace detail

VLP_INLINE CsvTable parse_csv(const TextFile& file, std::optional<char> separator) {
  const std::string_view text = file.text();
  if (const std::size_t good = utf8_prefix(text); good < text.size())
    throw DataError(file.place(good) +
                    ": bytes that are not UTF-8. Convert the file to UTF-8; in Excel, save it as "
                    "\"CSV UTF-8\".");
  const char between = separator.value_or(detail::separator_of(text));
  detail::CsvScanner scanner(file, between);
  TableRow row;
  if (!scanner.next(row))
    throw DataError(file.name() +
                    ": the file is empty (expected a header and rows). Is it complete?");
  CsvTable table;
  for (const std::string& cell : row.cells) {
    std::string column(detail::trim_blanks(cell));
    if (!column.empty() && std::ranges::find(table.columns, column) != table.columns.end())
      throw DataError(file.name() + ":" + std::to_string(row.line) + ": two columns are called '" +
                      printable(column) + "' (expected each once). Rename or delete one.");
    table.columns.push_back(std::move(column));
  }
  Problems problems;
  while (scanner.next(row)) {
    if (row.cells.size() != table.columns.size())
      problems.add([&] {
        return file.name() + ":" + std::to_string(row.line) +
               ": another number of cells than columns (got " + std::to_string(row.cells.size()) +
               ", expected " + std::to_string(table.columns.size()) + "). A text with " +
               detail::shown_separator(between) + " in it must stand in quotes.";
      });
    else
      table.rows.push_back(row);
  }
  problems.raise_if_any(file.name());
  return table;
}

}  // namespace vlp
