#pragma once
// Tensors as PyTorch describes them: a part of a storage with a size and a stride for each
// dimension. What lies in order is used in place, the rest is gathered into order. Includes no
// torch.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "vlp/core/state.hpp"
#include "vlp/weights/tensor_map.hpp"

namespace vlp {

/// A tensor within a storage. Offset and strides count items, not bytes.
struct StridedTensor {
  std::string dtype;                   ///< in safetensors' spelling
  std::int64_t offset = 0;             ///< of the first item within the storage
  std::vector<std::int64_t> shape;     ///< sizes, outermost first
  std::vector<std::int64_t> strides;   ///< as many as sizes
  std::span<const std::byte> storage;  ///< all of it
  std::shared_ptr<const void> owner;   ///< keeps the storage alive

  /// Whether every size, stride and item lies within bounds: no negative number, no overflow, no
  /// item outside the storage.
  [[nodiscard]] bool fits() const {
    const auto bytes = byte_size(dtype, shape);
    if (!bytes || offset < 0 || strides.size() != shape.size()) return false;
    if (std::ranges::any_of(strides, [](std::int64_t stride) { return stride < 0; })) return false;
    if (*bytes == 0) return true;
    std::uint64_t room =
        storage.size() /
        *item_size(dtype);  // items from the one reached so far to the storage's end
    if (static_cast<std::uint64_t>(offset) >= room) return false;
    room -= static_cast<std::uint64_t>(offset) + 1;
    for (std::size_t i = 0; i < shape.size(); ++i) {
      const auto steps = static_cast<std::uint64_t>(shape[i] - 1);
      const auto stride = static_cast<std::uint64_t>(strides[i]);
      if (steps > 0 && stride > room / steps) return false;
      room -= steps * stride;
    }
    return true;
  }

  /// Whether the items lie one after the other in row-major order. @pre fits()
  [[nodiscard]] bool in_order() const {
    if (std::ranges::count(shape, 0) > 0) return true;
    std::int64_t expected = 1;
    for (std::size_t i = shape.size(); i-- > 0;) {
      if (shape[i] == 1) continue;
      if (strides[i] != expected) return false;
      expected *= shape[i];
    }
    return true;
  }

  /// Bytes of the tensor in row-major order. @pre fits()
  [[nodiscard]] std::uint64_t size() const { return *byte_size(dtype, shape); }

  /// The tensor as a view of the storage. @pre fits() and in_order()
  [[nodiscard]] TensorBytes view() const {
    const std::uint64_t length = size();
    if (length == 0) return {dtype, shape, {}, owner};
    return {dtype, shape,
            storage.subspan(static_cast<std::uint64_t>(offset) * *item_size(dtype), length), owner};
  }

  /// A copy of the tensor in row-major order. @pre fits() and size() > 0
  [[nodiscard]] TensorBytes gathered() const {
    const std::uint64_t item = *item_size(dtype);
    const auto copy = std::make_shared<std::vector<std::byte>>(size());
    std::byte* into = copy->data();
    std::vector<std::int64_t> index(shape.size(), 0);
    std::int64_t from = offset;
    while (true) {
      std::memcpy(into, storage.data() + static_cast<std::uint64_t>(from) * item, item);
      into += item;
      std::size_t dimension = shape.size();
      while (dimension > 0 && index[dimension - 1] == shape[dimension - 1] - 1) {
        from -= index[dimension - 1] * strides[dimension - 1];
        index[--dimension] = 0;
      }
      if (dimension == 0) break;
      ++index[dimension - 1];
      from += strides[dimension - 1];
    }
    return {dtype, shape, *copy, copy};
  }
};

}  // namespace vlp
