#pragma once
// What is left of a file when its tensors have got the names that vlp gives them. Includes no
// torch.

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

#include "vlp/core/error.hpp"
#include "vlp/core/printable.hpp"
#include "vlp/weights/tensor_map.hpp"

namespace vlp {

/// Tensors under new names, and what no vlp model has a place for.
struct RenamedTensors {
  TensorMap tensors;    ///< by their new names
  PartCounts left_out;  ///< heads, poolers and the like, by name

  /// Adds a tensor. @throws WeightsError if the name is taken already
  void add(const std::string& name, TensorBytes tensor) {
    if (!tensors.emplace(name, std::move(tensor)).second)
      throw WeightsError("weights: two tensors are '" + printable(name) +
                         "' in vlp's names. Give a file with names of one kind.");
  }
};

namespace detail {

/// `name` without `prefix`, or as it is.
[[nodiscard]] inline std::string_view without_prefix(std::string_view name,
                                                     std::string_view prefix) {
  return name.starts_with(prefix) ? name.substr(prefix.size()) : name;
}

/// Whether the tensor counts 0, 1, 2, ..., which every model can do itself.
[[nodiscard]] inline bool counts_positions(std::string_view name) {
  return name == "position_ids" || name.ends_with(".position_ids");
}

}  // namespace detail

}  // namespace vlp
