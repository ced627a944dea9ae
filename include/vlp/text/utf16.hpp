#pragma once
// Text as UTF-16 units, which are what Java counts as characters.

#include <array>
#include <cstddef>
#include <string>
#include <string_view>

namespace vlp {

/// The code point that begins at units[place], which moves behind it; half of a pair alone is its own code point.
[[nodiscard]] inline char32_t take_code_point(std::u16string_view units, std::size_t& place) {
  const char32_t unit = units[place++];
  const bool is_pair = unit >= 0xD800 && unit < 0xDC00 && place < units.size() && units[place] >= 0xDC00 && units[place] < 0xE000;
  return is_pair ? 0x10000 + ((unit - 0xD800) << 10) + (units[place++] - 0xDC00) : unit;
}

/// Appends UTF-8 as UTF-16. Bytes that are not UTF-8 become U+FFFD, one for each longest beginning of a character or else for
/// each byte (Unicode 15, section 3.9, "U+FFFD substitution of maximal subparts").
inline void append_units(std::string_view utf8, std::u16string& units) {
  constexpr char16_t kReplacement = 0xFFFD;
  constexpr auto kLength = [] {  // of a character by its first byte; 0 for bytes that begin none
    std::array<unsigned char, 256> length{};
    for (std::size_t byte = 0; byte < length.size(); ++byte)
      length[byte] = byte < 0x80 ? 1 : byte < 0xC2 ? 0 : byte < 0xE0 ? 2 : byte < 0xF0 ? 3 : byte < 0xF5 ? 4 : 0;
    return length;
  }();
  for (std::size_t place = 0; place < utf8.size();) {
    const auto lead = static_cast<unsigned char>(utf8[place++]);
    const std::size_t length = kLength[lead];
    if (length == 1) {
      units += static_cast<char16_t>(lead);
      continue;
    }
    char32_t character = lead & (0xFFU >> (length + 1));
    std::size_t missing = length == 0 ? 1 : length - 1;
    // The second byte's range leaves out overlong forms, surrogates, and what lies above U+10FFFF.
    unsigned char low = lead == 0xE0 ? 0xA0 : lead == 0xF0 ? 0x90 : 0x80;
    unsigned char high = length == 0 ? 0 : lead == 0xED ? 0x9F : lead == 0xF4 ? 0x8F : 0xBF;
    for (; missing > 0 && place < utf8.size(); --missing, ++place) {
      const auto byte = static_cast<unsigned char>(utf8[place]);
      if (byte < low || byte > high) break;
      character = character << 6 | (byte & 0x3FU);
      low = 0x80;
      high = 0xBF;
    }
    if (missing > 0) {
      units += kReplacement;
    } else if (character < 0x10000) {
      units += static_cast<char16_t>(character);
    } else {
      units += static_cast<char16_t>(0xD800 + ((character - 0x10000) >> 10));
      units += static_cast<char16_t>(0xDC00 + (character & 0x3FF));
    }
  }
}

}  // namespace vlp
