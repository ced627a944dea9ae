#pragma once
// The numbers of a tensor that is only bytes, one by one as float64, whatever its dtype. Includes
// no torch.

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <limits>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "vlp/core/error.hpp"
#include "vlp/core/state.hpp"
#include "vlp/weights/tensor_map.hpp"

namespace vlp {

namespace detail {

template <class T>
[[nodiscard]] T item_at(const std::byte* bytes, std::size_t index) {
  T item;
  std::memcpy(&item, bytes + index * sizeof(T),
              sizeof(T));  // a mapped file's tensors need not be aligned
  return item;
}

template <class T>
[[nodiscard]] double number_at(const std::byte* bytes, std::size_t index) {
  return static_cast<double>(item_at<T>(bytes, index));
}

/// The upper half of a float32.
[[nodiscard]] inline double bfloat16_at(const std::byte* bytes, std::size_t index) {
  const std::uint32_t bits = static_cast<std::uint32_t>(item_at<std::uint16_t>(bytes, index)) << 16;
  float value;
  std::memcpy(&value, &bits, sizeof value);
  return static_cast<double>(value);
}

/// IEEE 754 binary16: a sign, 5 bits of exponent, 10 bits of mantissa.
[[nodiscard]] inline double float16_at(const std::byte* bytes, std::size_t index) {
  const auto bits = item_at<std::uint16_t>(bytes, index);
  const int exponent = (bits >> 10) & 0x1F, mantissa = bits & 0x3FF;
  double value;
  if (exponent == 0x1F)
    value = mantissa == 0 ? std::numeric_limits<double>::infinity()
                          : std::numeric_limits<double>::quiet_NaN();
  else if (exponent == 0)
    value = std::ldexp(mantissa, -24);
  else
    value = std::ldexp(mantissa + 0x400, exponent - 25);
  return (bits & 0x8000) != 0 ? -value : value;
}

}  // namespace detail

/// Reads a tensor's items as float64; int64 beyond 2^53 is rounded. Keeps the bytes alive.
class Numbers {
 public:
  /// @throws WeightsError if the dtype is unknown, or bytes and shape don't agree
  explicit Numbers(TensorBytes tensor) : tensor_(std::move(tensor)), read_(reader(tensor_.dtype)) {
    if (byte_size(tensor_.dtype, tensor_.shape) != tensor_.bytes.size())
      throw WeightsError("tensor of " + std::to_string(tensor_.bytes.size()) +
                         " bytes can't have shape " + shape_text(tensor_.shape) + " and dtype " +
                         tensor_.dtype + ".");
    for (const std::int64_t size : tensor_.shape) count_ *= static_cast<std::size_t>(size);
  }

  /// Items in all, row-major.
  [[nodiscard]] std::size_t size() const { return count_; }
  /// Sizes, outermost first.
  [[nodiscard]] const std::vector<std::int64_t>& shape() const { return tensor_.shape; }
  /// As weight files spell it, e.g. "F32".
  [[nodiscard]] const std::string& dtype() const { return tensor_.dtype; }
  /// @param index  below `size()`
  [[nodiscard]] double operator[](std::size_t index) const {
    return read_(tensor_.bytes.data(), index);
  }

 private:
  using Reader = double (*)(const std::byte*, std::size_t);

  static Reader reader(std::string_view dtype) {
    if (dtype == "F64") return detail::number_at<double>;
    if (dtype == "F32") return detail::number_at<float>;
    if (dtype == "F16") return detail::float16_at;
    if (dtype == "BF16") return detail::bfloat16_at;
    if (dtype == "I64") return detail::number_at<std::int64_t>;
    if (dtype == "I32") return detail::number_at<std::int32_t>;
    if (dtype == "I16") return detail::number_at<std::int16_t>;
    if (dtype == "I8") return detail::number_at<std::int8_t>;
    if (dtype == "U8" || dtype == "BOOL") return detail::number_at<std::uint8_t>;
    throw WeightsError("dtype '" + std::string(dtype) + "' is unknown (expected one of " +
                       std::string(kTensorDtypes) + ").");
  }

  TensorBytes tensor_;
  Reader read_;
  std::size_t count_ = 1;
};

}  // namespace vlp
