#pragma once
// What one update tells of itself.

#include <algorithm>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include <ATen/ATen.h>

namespace vlp {

/// What a step leaves behind, still on the device: reading it waits for the device, so do it
/// rarely. Loss and parts are means over samples; of several processes the mean of their records is
/// that over all samples. The norm is of all processes' gradients.
struct StepRecord {
  at::Tensor loss;                                        ///< scalar
  std::vector<std::pair<std::string, at::Tensor>> parts;  ///< named scalars
  at::Tensor grad_norm;     ///< scalar, 2-norm over all gradients before clipping
  at::Tensor skipped = {};  ///< [1] float32, 1 = a gradient wasn't finite and nothing has changed
  double lr = 0;            ///< of this update
  std::int64_t pairs = 0;   ///< of this process's micro-batches
};

/// Adds what a micro-batch contributes to each part.
inline void add_parts(std::vector<std::pair<std::string, at::Tensor>>& sums,
                      std::vector<std::pair<std::string, at::Tensor>> parts) {
  for (auto& [name, part] : parts) {
    const auto same = std::ranges::find(sums, name, [](const auto& sum) { return sum.first; });
    if (same == sums.end())
      sums.emplace_back(std::move(name), part.detach());
    else
      same->second = same->second + part.detach();
  }
}

}  // namespace vlp
