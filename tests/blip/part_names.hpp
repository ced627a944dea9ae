#pragma once
// Tensors that are only names.

#include <string>
#include <vector>

#include "vlp/weights/renamed_tensors.hpp"
#include "vlp/weights/tensor_map.hpp"

namespace vlp_test {

using Names = std::vector<std::string>;

inline vlp::TensorMap named(const Names& names) {
  vlp::TensorMap tensors;
  for (const std::string& name : names) tensors.emplace(name, vlp::TensorBytes{});
  return tensors;
}

inline Names names_of(const vlp::RenamedTensors& renamed) {
  Names names;
  for (const auto& [name, tensor] : renamed.tensors) names.push_back(name);
  return names;
}

}  // namespace vlp_test
