#pragma once
// Which files are pictures that can be read: told by their first bytes, and by their names where a
// person means one. Includes no torch.

#include <algorithm>
#include <array>
#include <cctype>
#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "vlp/image/orientation.hpp"

namespace vlp {

enum class ImageFormat { jpeg, png, webp };

/// First bytes of a file that tell its format.
inline constexpr std::size_t kImageHeadBytes = 12;

/// @param bytes  of a file, from its beginning: all, or `kImageHeadBytes` at least
/// @return       none if it is no picture of a format that is read
[[nodiscard]] inline std::optional<ImageFormat> image_format(std::span<const std::byte> bytes) {
  if (detail::begins_with(bytes, "\xff\xd8\xff")) return ImageFormat::jpeg;
  if (detail::begins_with(bytes, "\x89PNG\r\n\x1a\n")) return ImageFormat::png;
  if (detail::begins_with(bytes, "RIFF") && bytes.size() >= kImageHeadBytes &&
      detail::begins_with(bytes.subspan(8), "WEBP"))
    return ImageFormat::webp;
  return std::nullopt;
}

/// The ending of a file's name with its dot, ASCII letters small; empty if it has none.
[[nodiscard]] inline std::string name_ending(std::string_view name) {
  const std::size_t dot = name.rfind('.');
  std::string ending(dot == name.npos || dot == 0 ? std::string_view() : name.substr(dot));
  std::ranges::transform(ending, ending.begin(),
                         [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return ending;
}

/// Whether a file's name says that it is a picture of a format that is read.
[[nodiscard]] inline bool is_image_name(std::string_view name) {
  constexpr std::array<std::string_view, 6> kEndings{".jpg",  ".jpeg", ".jpe",
                                                     ".jfif", ".png",  ".webp"};
  return std::ranges::find(kEndings, name_ending(name)) != kEndings.end();
}

}  // namespace vlp
