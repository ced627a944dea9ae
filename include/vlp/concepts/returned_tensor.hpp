#pragma once
// Tensors that components return, looked at where they enter: dimensions, rows, number format and
// device, never values, so that nothing waits for the device.

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include <ATen/core/Tensor.h>
#include <c10/util/StringUtil.h>

#include "vlp/core/error.hpp"

namespace vlp {

/// What a call into a component should return: floating-point numbers of a shape.
struct ExpectedTensor {
  std::string_view what;     ///< the tensor, as messages call it: "image states"
  at::IntArrayRef sizes;     ///< -1 = any
  std::string_view letters;  ///< one for each of the last dimensions; messages show that of any
                             ///< size by it: "BND"
  std::string_view meaning;  ///< of the dimensions: "images, image tokens, width()"
};

namespace detail {

[[nodiscard]] inline bool has_sizes(at::IntArrayRef sizes, at::IntArrayRef expected) {
  if (sizes.size() != expected.size()) return false;
  for (std::size_t i = 0; i < sizes.size(); ++i)
    if (expected[i] >= 0 && sizes[i] != expected[i]) return false;
  return true;
}

/// E.g. "[2, N, 768]".
[[nodiscard]] inline std::string text_of_sizes(const ExpectedTensor& expected) {
  std::string text = "[";
  for (std::size_t i = 0; i < expected.sizes.size(); ++i) {
    const std::size_t from_last = expected.sizes.size() - i;
    text += (i > 0 ? ", " : "") +
            (expected.sizes[i] >= 0
                 ? std::to_string(expected.sizes[i])
                 : std::string(expected.letters.substr(expected.letters.size() - from_last, 1)));
  }
  return text + "]";
}

[[noreturn]] inline void refuse_returned(const at::Tensor& tensor, const std::string& shown,
                                         const ExpectedTensor& expected) {
  throw ShapeError(
      shown + ": " + std::string(expected.what) + " of another shape (got " +
      (tensor.defined() ? c10::str(tensor.sizes()) : std::string("an undefined tensor")) +
      ", expected " + text_of_sizes(expected) + ": " + std::string(expected.meaning) +
      "). Return a tensor of that shape.");
}

}  // namespace detail

/// Whether two tensors lie on one device, for what should lie where a component's arguments do.
/// @param shown  the component as messages call it: `encoder 'vit'`
/// @param what   the tensor, as messages call it
/// @throws ShapeError naming component and tensor
inline void require_device(const at::Tensor& tensor, const std::string& shown,
                           std::string_view what, at::Device device) {
  if (tensor.device() != device)
    throw ShapeError(shown + ": " + std::string(what) + " on another device (got " +
                     tensor.device().str() + ", expected " + device.str() +
                     ", where its arguments are). Make tensors with the options of those given.");
}

/// Looks at what a component returned.
/// @param shown  the component as messages call it: `encoder 'vit'`
/// @param like   one of its arguments, on whose device the tensor should be; undefined = anywhere
/// @return       the tensor
/// @throws ShapeError naming component and tensor
[[nodiscard]] inline at::Tensor returned(at::Tensor tensor, const std::string& shown,
                                         const ExpectedTensor& expected, const at::Tensor& like) {
  if (!tensor.defined() || !detail::has_sizes(tensor.sizes(), expected.sizes))
    detail::refuse_returned(tensor, shown, expected);
  if (!tensor.is_floating_point())
    throw ShapeError(shown + ": " + std::string(expected.what) + " of another number format (got " +
                     c10::toString(tensor.scalar_type()) +
                     ", expected a floating-point one). Return floating-point numbers.");
  if (like.defined()) require_device(tensor, shown, expected.what, like.device());
  return tensor;
}

}  // namespace vlp
