#pragma once
// Which tensors of a file hold numbers that aren't finite: weights of a training that went wrong,
// or a file that was damaged. Includes no torch.

#include <cstddef>
#include <string>
#include <vector>

#include "vlp/core/finite.hpp"
#include "vlp/core/message.hpp"
#include "vlp/core/printable.hpp"

namespace vlp {

/// Reads all tensors once.
/// @param source   how messages call the file
/// @param tensors  pairs of a name and TensorBytes
/// @return         `PATH: 7 of 210 tensors hold NaN or infinity: a, b, c, d, e, ...`, with the
/// first
///                 five; empty if all numbers are finite
template <class Tensors>
[[nodiscard]] std::string not_finite_tensors(const std::string& source, const Tensors& tensors) {
  constexpr std::size_t named = 5;
  std::size_t count = 0;
  std::vector<std::string> first;
  for (const auto& [name, tensor] : tensors) {
    if (all_finite(tensor)) continue;
    if (++count <= named) first.push_back(printable(name));
  }
  if (count == 0) return {};
  return source + ": " + std::to_string(count) + " of " + std::to_string(tensors.size()) +
         " tensors hold NaN or infinity: " + joined(first) + (count > named ? ", ..." : "");
}

}  // namespace vlp
