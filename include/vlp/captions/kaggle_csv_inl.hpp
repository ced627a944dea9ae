#pragma once

#include <algorithm>
#include <array>
#include <charconv>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <unordered_map>
#include <utility>
#include <vector>

#include "vlp/captions/kaggle_csv.hpp"
#include "vlp/core/error.hpp"
#include "vlp/core/read_file.hpp"
#include "vlp/text/utf8.hpp"

namespace vlp {

namespace detail {

struct CsvRow {
  std::string_view image;
  std::int64_t number = 0;
  std::string comment;
};

/// `"a ""b"" c"` becomes `a "b" c`; any other text, e.g. `"a" and "b"`, stays as it is.
inline std::string unwrap_quotes(std::string_view text) {
  if (text.size() < 2 || text.front() != '"' || text.back() != '"') return std::string(text);
  std::string inner;
  for (std::size_t i = 1; i + 1 < text.size(); ++i) {
    inner += text[i];
    if (text[i] == '"' && (i + 2 >= text.size() || text[++i] != '"')) return std::string(text);
  }
  return std::string(trim_blanks(inner));
}

inline std::optional<std::int64_t> whole_number(std::string_view text) {
  std::int64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{} || end != text.data() + text.size() || number < 0) return std::nullopt;
  return number;
}

/// @return  the problem in words, empty if `row` was filled
inline std::string read_row(std::string_view line, CsvRow& row) {
  if (utf8_prefix(line) < line.size())
    return "bytes that are not UTF-8. Convert the file to UTF-8.";
  const std::size_t first = line.find('|');
  if (first == line.npos)
    return "no separator '|' (expected image_name| comment_number| comment). Mend or delete the "
           "row.";
  row.image = trim_blanks(line.substr(0, first));
  if (row.image.empty()) return "no image name. Mend or delete the row.";

  const std::string_view rest = line.substr(first + 1);
  const std::size_t second = rest.find('|');
  std::string_view number = trim_blanks(rest.substr(0, second));
  std::string_view comment =
      second == rest.npos ? std::string_view{} : trim_blanks(rest.substr(second + 1));
  // The published file has one row whose number and comment stand in one column: `2199200615.jpg| 4
  // A dog ...`.
  if (const std::size_t blank = number.find_first_of(" \t");
      comment.empty() && blank != number.npos) {
    comment = trim_blanks(number.substr(blank));
    number = number.substr(0, blank);
  }
  const std::optional<std::int64_t> value = whole_number(number);
  if (!value)
    return "comment number is not a number (got '" + std::string(number.substr(0, 40)) +
           "', expected 0, 1, 2, ...). Mend or delete the row.";
  if (second == rest.npos && comment.empty())
    return "no comment (expected image_name| comment_number| comment). Mend or delete the row.";
  row.number = *value;
  row.comment = unwrap_quotes(comment);
  return "";
}

}  // namespace detail

VLP_INLINE std::vector<ImageCaptions> parse_kaggle_csv(std::string_view text,
                                                       const std::string& name) {
  constexpr std::size_t kShown = 20;
  constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";
  if (text.starts_with(kByteOrderMark)) text.remove_prefix(kByteOrderMark.size());

  using Numbered =
      std::multimap<std::int64_t, std::string>;  // equal numbers stay in the order of the file
  std::vector<std::pair<std::string_view, Numbered>> images;
  std::unordered_map<std::string_view, std::size_t> index;
  std::string problems;
  std::size_t broken = 0, line_number = 0;
  bool header_seen = false;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    const std::string_view line = detail::trim_blanks(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
    ++line_number;
    if (line.empty()) continue;
    const std::string where = name + ":" + std::to_string(line_number) + ": ";
    if (!header_seen) {
      if (!detail::is_header(line))
        throw DataError(where +
                        "no header (expected image_name| comment_number| comment). Is this "
                        "Kaggle's results.csv?");
      header_seen = true;
      continue;
    }
    detail::CsvRow row;
    if (const std::string problem = detail::read_row(line, row); !problem.empty()) {
      if (++broken <= kShown) problems += (broken > 1 ? "\n" : "") + where + problem;
      continue;
    }
    const auto [found, is_new] = index.try_emplace(row.image, images.size());
    if (is_new) images.emplace_back(row.image, Numbered{});
    images[found->second].second.emplace(row.number, std::move(row.comment));
  }
  if (broken > kShown)
    problems += "\n" + name + ": " + std::to_string(broken) + " broken rows in all, the first " +
                std::to_string(kShown) + " are listed.";
  if (broken > 0) throw DataError(problems);
  if (images.empty())
    throw DataError(name + ":" + std::to_string(std::max<std::size_t>(line_number, 1)) +
                    ": no captions (the file is empty). Is the download complete?");

  std::vector<ImageCaptions> result;
  result.reserve(images.size());
  for (auto& [image, numbered] : images) {
    ImageCaptions& entry = result.emplace_back(ImageCaptions{std::string(image), {}});
    for (auto& [number, comment] : numbered) entry.captions.push_back(std::move(comment));
  }
  return result;
}

VLP_INLINE std::vector<ImageCaptions> read_kaggle_csv(const std::filesystem::path& file) {
  const std::optional<std::string> text = read_file(file);
  if (!text)
    throw DataError(file.string() + ": can't be read. Check the path and its permissions.");
  return parse_kaggle_csv(*text, file.string());
}

}  // namespace vlp
