#pragma once
// Sizes of what every weight file comes down to, tensors as bytes. They are computed under overflow
// checks, because they come from files that anyone may have written. Includes no torch.

#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "vlp/core/message.hpp"
#include "vlp/core/named_tensors.hpp"

namespace vlp {

/// Most dimensions of a tensor that is read from a file.
inline constexpr std::size_t kMostDimensions = 64;

/// The dtypes that vlp knows, for messages.
inline constexpr std::string_view kTensorDtypes = "F64 F32 F16 BF16 I64 I32 I16 I8 U8 BOOL";

/// @return  bytes of one element of `dtype` in safetensors' spelling, or nothing if vlp doesn't
///          know it
[[nodiscard]] constexpr std::optional<std::uint64_t> item_size(std::string_view dtype) {
  if (dtype == "F64" || dtype == "I64") return 8;
  if (dtype == "F32" || dtype == "I32") return 4;
  if (dtype == "F16" || dtype == "BF16" || dtype == "I16") return 2;
  if (dtype == "I8" || dtype == "U8" || dtype == "BOOL") return 1;
  return std::nullopt;
}

/// @return  bytes of a contiguous tensor, or nothing if the dtype is unknown, a size is negative,
///          or the sizes are so large that strides or bytes would not fit 63 bits (even where a
///          size of 0 makes the product 0)
[[nodiscard]] constexpr std::optional<std::uint64_t> byte_size(
    std::string_view dtype, std::span<const std::int64_t> shape) {
  const auto item = item_size(dtype);
  if (!item) return std::nullopt;
  constexpr std::uint64_t limit = std::numeric_limits<std::int64_t>::max();
  std::uint64_t stride = *item;
  bool empty = false;
  for (const std::int64_t size : shape) {
    if (size < 0) return std::nullopt;
    empty |= size == 0;
    const std::uint64_t factor = size == 0 ? 1 : static_cast<std::uint64_t>(size);
    if (stride > limit / factor) return std::nullopt;
    stride *= factor;
  }
  return empty ? 0 : stride;
}

}  // namespace vlp
