#pragma once
// Whether numbers are finite, told by the bits of their exponents: memory is read once, and nothing
// is computed. Includes no torch.

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string_view>

#include "vlp/core/state.hpp"

namespace vlp {

namespace detail {

/// IEEE 754: infinity and NaN have all bits of the exponent set.
template <class Bits>
[[nodiscard]] bool all_exponents_below(std::span<const std::byte> items, Bits exponent) {
  Bits bad = 0;
  for (std::size_t at = 0; at + sizeof(Bits) <= items.size(); at += sizeof(Bits)) {
    Bits bits;
    std::memcpy(&bits, items.data() + at, sizeof bits);  // a mapped file's need not be aligned
    bad |= static_cast<Bits>((bits & exponent) == exponent);
  }
  return bad == 0;
}

}  // namespace detail

/// Whether there is neither NaN nor infinity among float32 numbers.
[[nodiscard]] inline bool all_finite(std::span<const float> numbers) {
  return detail::all_exponents_below<std::uint32_t>(std::as_bytes(numbers), 0x7f80'0000U);
}

/// Whether there is neither NaN nor infinity in a tensor; always so for integers and dtypes that
/// vlp doesn't know.
[[nodiscard]] inline bool all_finite(const TensorBytes& tensor) {
  const std::string_view dtype = tensor.dtype;
  if (dtype == "F32") return detail::all_exponents_below<std::uint32_t>(tensor.bytes, 0x7f80'0000U);
  if (dtype == "F16") return detail::all_exponents_below<std::uint16_t>(tensor.bytes, 0x7c00U);
  if (dtype == "BF16") return detail::all_exponents_below<std::uint16_t>(tensor.bytes, 0x7f80U);
  if (dtype == "F64")
    return detail::all_exponents_below<std::uint64_t>(tensor.bytes, 0x7ff0'0000'0000'0000ULL);
  return true;
}

}  // namespace vlp
