#pragma once
// Between LibTorch's tensors and the bytes of a State: dtype names, snapshots, and loading into
// tensors that exist.

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "vlp/core/error.hpp"
#include "vlp/core/state.hpp"

#include <ATen/core/Tensor.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/from_blob.h>
#include <c10/util/StringUtil.h>
#include <c10/util/accumulate.h>

namespace vlp {

namespace detail {

inline constexpr std::array<std::pair<std::string_view, at::ScalarType>, 10> kDtypes{
    {{"F64", at::kDouble},
     {"F32", at::kFloat},
     {"F16", at::kHalf},
     {"BF16", at::kBFloat16},
     {"I64", at::kLong},
     {"I32", at::kInt},
     {"I16", at::kShort},
     {"I8", at::kChar},
     {"U8", at::kByte},
     {"BOOL", at::kBool}}};

}  // namespace detail

/// @return  a dtype as weight files spell it, e.g. "F32"
/// @throws WeightsError for dtypes that they can't hold here (complex, quantised, 8-bit floats)
[[nodiscard]] inline std::string dtype_name(at::ScalarType dtype) {
  for (const auto& [name, type] : detail::kDtypes)
    if (type == dtype) return std::string(name);
  throw WeightsError(c10::str(
      "dtype ", dtype,
      " can't be saved. Convert the tensor to one of F64 F32 F16 BF16 I64 I32 I16 I8 U8 BOOL."));
}

/// The inverse of `dtype_name`. @throws WeightsError for unknown names
[[nodiscard]] inline at::ScalarType dtype_of(std::string_view name) {
  for (const auto& [known, type] : detail::kDtypes)
    if (known == name) return type;
  throw WeightsError(c10::str(
      "dtype '", name, "' is unknown (expected one of F64 F32 F16 BF16 I64 I32 I16 I8 U8 BOOL)."));
}

/// A tensor's bytes on the CPU, row-major. They are the tensor's own memory where it lies so
/// already, and then change with it: good for writing a file at once; `put_tensor` takes a copy.
[[nodiscard]] inline TensorBytes tensor_bytes(const at::Tensor& tensor) {
  if (!tensor.defined())
    throw WeightsError("tensor_bytes: the tensor is undefined. Skip tensors that were never set.");
  const auto owner = std::make_shared<const at::Tensor>(tensor.detach().to(at::kCPU).contiguous());
  const auto* data = static_cast<const std::byte*>(owner->const_data_ptr());
  return {dtype_name(owner->scalar_type()), owner->sizes().vec(), {data, owner->nbytes()}, owner};
}

/// A tensor that reads `source`'s bytes in place and keeps them alive; a copy only where they are
/// not aligned to their items. Read-only: it may lie in a mapped file.
/// @throws WeightsError if the dtype is unknown or bytes and shape don't agree
[[nodiscard]] inline at::Tensor tensor_view(const TensorBytes& source) {
  const at::ScalarType dtype = dtype_of(source.dtype);
  const std::size_t item = c10::elementSize(dtype);
  if (static_cast<std::size_t>(c10::multiply_integers(source.shape)) * item != source.bytes.size())
    throw WeightsError(c10::str("tensor of ", source.bytes.size(), " bytes can't have shape ",
                                at::IntArrayRef(source.shape), " and dtype ", source.dtype, "."));
  void* data = const_cast<std::byte*>(source.bytes.data());  // from_blob knows no read-only memory
  if (reinterpret_cast<std::uintptr_t>(data) % item == 0)
    return at::from_blob(data, source.shape, [owner = source.owner](void*) {}, dtype);
  const at::Tensor bytes =
      at::from_blob(data, {static_cast<std::int64_t>(source.bytes.size())}, at::kByte).clone();
  return bytes.view(dtype).reshape(source.shape);
}

/// Puts a copy of `tensor` into the state, so that later updates don't change what was saved.
inline void put_tensor(State& state, std::string_view name, const at::Tensor& tensor) {
  if (!tensor.defined())
    throw WeightsError(c10::str("checkpoint: tensor '", name,
                                "' is undefined. Skip tensors that were never set."));
  const at::NoGradGuard no_grad;
  const auto cpu = tensor.options().device(at::kCPU).requires_grad(false);
  state.put(name, tensor_bytes(tensor.to(cpu, /*non_blocking=*/false, /*copy=*/true,
                                         at::MemoryFormat::Contiguous)));
}

/// @return  a copy on the CPU
/// @throws WeightsError if the entry is missing or no tensor
[[nodiscard]] inline at::Tensor get_tensor(const State& state, std::string_view name) {
  return tensor_view(state.tensor(name)).clone();
}

/// Copies an entry into a tensor that exists, wherever it lives.
/// @throws WeightsError if the entry is missing, or its shape or dtype differs from the tensor's
inline void load_tensor(const State& state, std::string_view name, at::Tensor& into) {
  const at::Tensor saved = tensor_view(state.tensor(name));
  if (saved.sizes() != into.sizes() || saved.scalar_type() != into.scalar_type())
    throw WeightsError(c10::str("checkpoint: entry '", name, "' doesn't fit (got ",
                                dtype_name(saved.scalar_type()), " ", saved.sizes(), ", expected ",
                                dtype_name(into.scalar_type()), " ", into.sizes(),
                                "). Resume with the recipe that wrote it."));
  const at::NoGradGuard no_grad;
  into.copy_(saved);
}

}  // namespace vlp
