#pragma once
// The well-formed byte sequences of UTF-8, and where a text stops being it. Includes no torch.

#include <cstddef>
#include <string_view>

namespace vlp {

/// What the first byte of a character says about the bytes behind it (Unicode 15, table 3-7).
struct Utf8Lead {
  std::size_t length;  ///< bytes of the character; 0 for a byte that begins none
  unsigned char low;   ///< the second byte's range, which leaves out overlong forms, surrogates,
  unsigned char high;  ///< and what lies above U+10FFFF; that of further bytes is 0x80 to 0xBF
};

/// What a byte begins.
[[nodiscard]] constexpr Utf8Lead utf8_lead(unsigned char byte) {
  if (byte < 0x80) return {1, 0x80, 0xBF};
  if (byte < 0xC2 || byte > 0xF4) return {0, 0x80, 0xBF};
  if (byte < 0xE0) return {2, 0x80, 0xBF};
  if (byte < 0xF0)
    return {3, static_cast<unsigned char>(byte == 0xE0 ? 0xA0 : 0x80),
            static_cast<unsigned char>(byte == 0xED ? 0x9F : 0xBF)};
  return {4, static_cast<unsigned char>(byte == 0xF0 ? 0x90 : 0x80),
          static_cast<unsigned char>(byte == 0xF4 ? 0x8F : 0xBF)};
}

/// Bytes at the beginning of `text` that are well-formed UTF-8: no overlong forms, no surrogates,
/// nothing above U+10FFFF (Unicode 15, table 3-7). All of `text` if the result is its size; else
/// where the first bad character begins.
[[nodiscard]] constexpr std::size_t utf8_prefix(std::string_view text) {
  std::size_t i = 0;
  while (i < text.size()) {
    const auto byte = [&](std::size_t k) {
      return k < text.size() ? static_cast<unsigned char>(text[k]) : 0U;
    };
    const auto [length, low, high] = utf8_lead(static_cast<unsigned char>(text[i]));
    if (length == 0) return i;
    if (length > 1 && (byte(i + 1) < low || byte(i + 1) > high)) return i;
    for (std::size_t k = 2; k < length; ++k)
      if (byte(i + k) < 0x80 || byte(i + k) > 0xBF) return i;
    i += length;
  }
  return i;
}

}  // namespace vlp
