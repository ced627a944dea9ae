#pragma once
// Text as UTF-16 units, which are what Java counts as characters.

#include "vlp/text/utf8.hpp"

#include <cstddef>
#include <string>
#include <string_view>

namespace vlp {

/// The code point that begins at units[place], which moves behind it; half of a pair alone is its
/// own code point.
[[nodiscard]] inline char32_t take_code_point(std::u16string_view units, std::size_t& place) {
  const char32_t unit = units[place++];
  const bool is_pair = unit >= 0xD800 && unit < 0xDC00 && place < units.size() &&
                       units[place] >= 0xDC00 && units[place] < 0xE000;
  return is_pair ? 0x10000 + ((unit - 0xD800) << 10) + (units[place++] - 0xDC00) : unit;
}

/// Appends UTF-8 as UTF-16. Bytes that are not UTF-8 become U+FFFD, one for each longest beginning
/// of a character or else for each byte (Unicode 15, section 3.9, "U+FFFD substitution of maximal
/// subparts").
inline void append_units(std::string_view utf8, std::u16string& units) {
  constexpr char16_t kReplacement = 0xFFFD;
  for (std::size_t place = 0; place < utf8.size();) {
    const auto lead = static_cast<unsigned char>(utf8[place++]);
    auto [length, low, high] = utf8_lead(lead);
    if (length <= 1) {
      units += length == 1 ? static_cast<char16_t>(lead) : kReplacement;
      continue;
    }
    char32_t character = lead & (0xFFU >> (length + 1));
    std::size_t missing = length - 1;
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
