#pragma once
// Kaggle's `results.csv` of Flickr30k: the header `image_name| comment_number| comment`, then one
// row a caption with
// `|` and stray blanks between the columns. The published file's flaws are read; anything else
// broken is an error.

#include <array>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "vlp/core/error.hpp"
#include "vlp/core/header_only.hpp"
#include "vlp/core/image_id.hpp"

namespace vlp {

/// One image of a caption file.
struct ImageCaptions {
  ImageId image_id;                   ///< as written
  std::vector<std::string> captions;  ///< by comment number; at least one
};

namespace detail {

inline std::string_view trim_blanks(std::string_view text) {
  constexpr std::string_view blanks = " \t\r\v\f";
  const std::size_t first = text.find_first_not_of(blanks);
  return first == text.npos ? std::string_view{}
                            : text.substr(first, text.find_last_not_of(blanks) - first + 1);
}

inline bool is_header(std::string_view line) {
  constexpr std::array<std::string_view, 3> names{"image_name", "comment_number", "comment"};
  for (std::size_t i = 0; i < names.size(); ++i) {
    const std::size_t bar = line.find('|');
    if (trim_blanks(line.substr(0, bar)) != names[i] ||
        (bar == line.npos) != (i + 1 == names.size()))
      return false;
    line.remove_prefix(bar == line.npos ? line.size() : bar + 1);
  }
  return true;
}

}  // namespace detail

/// Reads the text of a caption file: images in order of first appearance, captions of an image by
/// comment number (equal numbers in file order). Blank lines, CRLF and a byte order mark are
/// skipped; a comment wholly in quotes is unwrapped as CSV has it, any other keeps its quotes; one
/// that is blank stays, see `pass_over_blank`.
/// @param text  the whole file
/// @param name  how messages call the file
/// @throws DataError naming `name:line` of the first 20 broken rows and the count of all
[[nodiscard]] std::vector<ImageCaptions> parse_kaggle_csv(std::string_view text,
                                                          const std::string& name);

/// Reads a caption file; see `parse_kaggle_csv`.
/// @throws DataError if the file can't be read or has broken rows
[[nodiscard]] std::vector<ImageCaptions> read_kaggle_csv(const std::filesystem::path& file);

}  // namespace vlp

#if VLP_HEADER_ONLY
#include "vlp/captions/kaggle_csv_inl.hpp"
#endif
