#pragma once
// TensorFloat-32: float32 of which the tensor cores of a GPU read 10 bits of mantissa in place of
// 23 when they multiply; sums and what lies in memory keep all of them.

#include <ATen/Context.h>

#include "vlp/core/device.hpp"

namespace vlp {

/// Whether products of float32 matrices (cuBLAS) and convolutions (cuDNN) may be made of TF32: in
/// tf32 they may, in any other format they may not, though LibTorch begins with convolutions that
/// do. It holds for the whole process, as the number of threads does: whoever opens a run or a
/// model or makes a trainer says it, and what was said last counts. Changes nothing on a CPU.
inline void choose_tf32(Precision precision) {
  const bool allowed = precision == Precision::tf32;
  at::Context& torch = at::globalContext();
  torch.setAllowTF32CuBLAS(allowed);
  torch.setAllowTF32CuDNN(allowed);
  if (allowed) return;
  using at::Float32Backend;
  using at::Float32Op;
  for (const Float32Op op : {Float32Op::MATMUL, Float32Op::CONV, Float32Op::RNN})  // by no default
    torch.setFloat32Precision(Float32Backend::CUDA, op, at::Float32Precision::IEEE);
}

}  // namespace vlp
