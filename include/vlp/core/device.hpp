#pragma once
// Where and in which number format a model computes, in words of our own: what asks for it needn't
// know LibTorch.

#include <string>

namespace vlp {

/// Number format of the forward pass: fp32 everywhere, or autocast to bf16 or fp16.
enum class Precision { fp32, bf16, fp16 };

/// Where tensors live. `index` counts GPUs and is 0 on the CPU.
struct DeviceName {
  /// What computes.
  enum class Type { cpu, cuda };
  Type type = Type::cpu;  ///< CPU or GPU
  int index = 0;          ///< which GPU

  /// `cpu` or `cuda:N`.
  [[nodiscard]] std::string text() const {
    return type == Type::cpu ? "cpu" : "cuda:" + std::to_string(index);
  }
  friend bool operator==(const DeviceName&, const DeviceName&) = default;
};

}  // namespace vlp
