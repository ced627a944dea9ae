#pragma once
// Parts of messages: lists, shapes, bytes. A message reads `where: what happened (got X, expected
// Y). What to do.`, see core/error.hpp. Includes no torch.

#include <concepts>
#include <ranges>
#include <string>
#include <string_view>
#include <utility>

namespace vlp {

/// Two hexadecimal digits.
[[nodiscard]] inline std::string hex_byte(unsigned char byte) {
  constexpr std::string_view digits = "0123456789abcdef";
  return {digits[byte >> 4U], digits[byte & 0xfU]};
}

/// `a, b, c` of texts or numbers.
template <std::ranges::input_range R>
[[nodiscard]] std::string joined(const R& items, std::string_view separator = ", ") {
  std::string text;
  bool first = true;
  for (const auto& item : items) {
    if (!std::exchange(first, false)) text += separator;
    if constexpr (std::convertible_to<decltype(item), std::string_view>)
      text += std::string_view(item);
    else
      text += std::to_string(item);
  }
  return text;
}

/// `a, b, c`, or `none` for an empty list.
template <std::ranges::input_range R>
[[nodiscard]] std::string listing(const R& items) {
  return std::ranges::empty(items) ? "none" : joined(items);
}

/// `[2, 3, 16]`
template <std::ranges::input_range R>
[[nodiscard]] std::string shape_text(const R& sizes) {
  return "[" + joined(sizes) + "]";
}

}  // namespace vlp
