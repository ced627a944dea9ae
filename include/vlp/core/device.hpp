#pragma once
// Where and in which number format a model computes, in words of our own: what asks for it needn't
// know LibTorch.

#include <string>

namespace vlp {

/// Number format of the forward pass.
enum class Precision {
  fp32,
  tf32,  ///< fp32, but a GPU may round what it multiplies in products of matrices and convolutions
  bf16,  ///< autocast
  fp16   ///< autocast
};

/// Where tensors live. `index` counts GPUs and is 0 on the CPU.
struct DeviceName {
  /// What computes.
  enum class Type {
    cpu,
    cuda,
    meta  ///< nothing: shapes without values, to try out how parts fit together
  };
  Type type = Type::cpu;
  int index = 0;  ///< which GPU

  /// `cpu`, `cuda:N` or `meta`.
  [[nodiscard]] std::string text() const {
    if (type == Type::cuda) return "cuda:" + std::to_string(index);
    return type == Type::cpu ? "cpu" : "meta";
  }
  friend bool operator==(const DeviceName&, const DeviceName&) = default;
};

}  // namespace vlp
