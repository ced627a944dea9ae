#pragma once
// JSON's numbers as text (RFC 8259, section 6): checked without being converted, so that none is
// too large. Includes no torch.

#include <algorithm>
#include <cstddef>
#include <string_view>

namespace vlp {

namespace detail {

/// Takes digits off the front of `text`. @return  how many
constexpr std::size_t take_digits(std::string_view& text) {
  const std::size_t digits = std::min(text.find_first_not_of("0123456789"), text.size());
  text.remove_prefix(digits);
  return digits;
}

/// Takes `-12` off the front of `text`. @return  whether it is there, without leading zeros
constexpr bool take_integer(std::string_view& text) {
  if (text.starts_with('-')) text.remove_prefix(1);
  const bool zero = text.starts_with('0');
  const std::size_t digits = take_digits(text);
  return digits == 1 || (digits > 1 && !zero);
}

}  // namespace detail

/// Whether all of `text` is an integer, such as -12.
[[nodiscard]] constexpr bool is_json_integer(std::string_view text) {
  return detail::take_integer(text) && text.empty();
}

/// Whether all of `text` is a number, such as -12 or 1.5e+3.
[[nodiscard]] constexpr bool is_json_number(std::string_view text) {
  if (!detail::take_integer(text)) return false;
  if (text.starts_with('.')) {
    text.remove_prefix(1);
    if (detail::take_digits(text) == 0) return false;
  }
  if (text.starts_with('e') || text.starts_with('E')) {
    text.remove_prefix(1);
    if (text.starts_with('+') || text.starts_with('-')) text.remove_prefix(1);
    if (detail::take_digits(text) == 0) return false;
  }
  return text.empty();
}

}  // namespace vlp
