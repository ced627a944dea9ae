#pragma once
// Two files of a model's numbers compared, whole tensors with whole ones or with the rows, columns
// and sums that the other file holds of them. Includes no torch.

#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "vlp/core/header_only.hpp"
#include "vlp/trace/file.hpp"

namespace vlp {

/// How far apart two files are in one tensor.
struct TensorDifference {
  std::string name;     ///< without suffix
  double largest = 0;   ///< absolute difference of two numbers; NaN if either file holds NaN
  double relative = 0;  ///< 2-norm of the difference over the 2-norm of the second file's numbers
  std::string
      how;  ///< what was compared where it is less than plain, e.g. "F64 with F32, 266 rows, sums"
  std::string
      problem;  ///< why nothing could be compared, e.g. "missing in b.safetensors"; else empty

  /// Whether it counts as different.
  [[nodiscard]] bool beyond(double tolerance) const {
    return !problem.empty() || !(largest <= tolerance);
  }
};

/// Compares every tensor that either file names, sorted by name. Of a tensor that both hold in
/// float32 and in float64 both are compared; one that they hold at different precisions is compared
/// as it is.
[[nodiscard]] std::vector<TensorDifference> compare_traces(const TraceFile& a, const TraceFile& b);

}  // namespace vlp

#if VLP_HEADER_ONLY
#include "vlp/trace/compare_inl.hpp"
#endif
