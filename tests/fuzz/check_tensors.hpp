#pragma once
// What must hold of every tensor that a reader returns, whatever the file was.

#include <cstddef>
#include <cstdlib>

#include "vlp/weights/tensor_map.hpp"

/// Touches the first and the last byte, so that the address sanitizer sees views beyond the file.
/// Aborts if the bytes don't fit the shape.
inline void check_tensors(const vlp::TensorMap& tensors) {
  volatile unsigned char seen = 0;
  for (const auto& [name, tensor] : tensors) {
    if (vlp::byte_size(tensor.dtype, tensor.shape) != tensor.bytes.size()) std::abort();
    if (tensor.bytes.empty()) continue;
    seen = static_cast<unsigned char>(tensor.bytes.front());
    seen = static_cast<unsigned char>(tensor.bytes.back());
  }
  (void)seen;
}
