#pragma once
// Between LibTorch's tensors and the bytes of a State: dtype names, snapshots, and loading into
// tensors that exist.

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "vlp/core/error.hpp"
#include "vlp/core/state.hpp"

#include <ATen/core/Tensor.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/from_blob.h>
#include <c10/core/impl/VirtualGuardImpl.h>
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

/// Copies of a GPU's tensors in host memory, page-locked where that can be had, which is faster;
/// all are waited for at once.
class HostCopies {
 public:
  /// Begins to copy, behind what the GPU has been given to do.
  /// @param tensor  all of one device
  /// @return        the copy, row-major; its values are there after `wait`
  [[nodiscard]] at::Tensor begin(const at::Tensor& tensor) {
    const at::NoGradGuard no_grad;
    if (tensor.is_cuda()) gpu_ = tensor.device();
    at::Tensor copy = take(static_cast<std::int64_t>(tensor.nbytes()))
                          .view(tensor.scalar_type())
                          .view(tensor.sizes());
    copy.copy_(tensor, /*non_blocking=*/true);
    return copy;
  }
  /// Waits for all copies that were begun.
  void wait() {
    if (!gpu_) return;
    const c10::impl::VirtualGuardImpl guard(gpu_->type());
    guard.synchronizeStream(guard.getStream(*gpu_));
    gpu_.reset();
  }

 private:
  static constexpr std::int64_t kSmallest = std::int64_t{1} << 20, kLargest = std::int64_t{1} << 28;
  static constexpr std::int64_t kAlignment = 64;

  /// A part of a block that tensors share, since page-locked memory is given in powers of 2.
  [[nodiscard]] at::Tensor take(std::int64_t bytes) {
    if (!block_.defined() || used_ + bytes > block_.numel()) {
      block_ = memory(std::max(bytes, next_));
      used_ = 0;
      next_ = std::min(2 * next_, kLargest);
    }
    const at::Tensor taken = block_.narrow(0, used_, bytes);
    used_ += (bytes + kAlignment - 1) / kAlignment * kAlignment;
    return taken;
  }
  [[nodiscard]] at::Tensor memory(std::int64_t bytes) {
    const at::TensorOptions options(at::kByte);
    if (!pins_) return at::empty({bytes}, options);
    try {
      return at::empty({bytes}, options.pinned_memory(true));
    } catch (const std::exception&) {
      pins_ = false;  // slower copies, nothing else
    }
    return at::empty({bytes}, options);
  }

  std::optional<at::Device> gpu_;  // whose copies nobody has waited for
  at::Tensor block_;
  std::int64_t used_ = 0, next_ = kSmallest;
  bool pins_ = true;
};

/// Puts a copy of `tensor` into the state, so that later updates don't change what was saved.
inline void put_tensor(State& state, std::string_view name, const at::Tensor& tensor) {
  if (!tensor.defined())
    throw WeightsError(c10::str("checkpoint: tensor '", name,
                                "' is undefined. Skip tensors that were never set."));
  const at::NoGradGuard no_grad;
  if (state.copies() && tensor.is_cuda()) {
    (void)dtype_name(tensor.scalar_type());  // refused before anything is copied
    state.put(name, tensor_bytes(state.copies()->begin(tensor.detach())));
    return;
  }
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
