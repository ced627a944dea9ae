#pragma once
// Tensors of models, alone and compared.

#include <string>

#include <ATen/ATen.h>

#include "vlp/concepts/model.hpp"
#include "vlp/concepts/tensor_state.hpp"
#include "vlp/core/state.hpp"

namespace vlp_test {

inline at::Tensor parameter(const vlp::AnyModel& model, const std::string& name) {
  return model.ptr()->named_parameters()[name].detach();
}

inline vlp::TensorBytes bytes_of(const at::Tensor& tensor) {
  return vlp::tensor_bytes(tensor.clone());
}

/// The largest difference of two numbers in the same place.
inline double difference(const at::Tensor& a, const at::Tensor& b) {
  return (a.to(at::kDouble) - b.to(at::kDouble)).abs().max().item<double>();
}

/// Whether two models have the same parameters, by name, to the last bit.
inline bool equal_parameters(const vlp::AnyModel& a, const vlp::AnyModel& b) {
  const auto left = a.ptr()->named_parameters(), right = b.ptr()->named_parameters();
  if (left.size() != right.size()) return false;
  for (const auto& item : left)
    if (!at::equal(item.value(), right[item.key()])) return false;
  return true;
}

}  // namespace vlp_test
