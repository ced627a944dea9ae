#pragma once
// How far float32 numbers are apart.

#include <algorithm>
#include <cmath>

namespace vlp_test {

/// |a - b| / max(1, |b|). Rounding grows with the numbers: a float32 has a unit in the last place
/// of 9.5e-7 at 10, where an absolute bound of 1e-6 would leave room for one rounding only, which
/// not every processor can keep.
inline double float32_distance(double a, double b) {
  return std::abs(a - b) / std::max(1.0, std::abs(b));
}

}  // namespace vlp_test
