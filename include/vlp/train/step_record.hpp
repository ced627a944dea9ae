#pragma once
// What one update tells of itself.

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include <ATen/ATen.h>

namespace vlp {

/// What a step leaves behind, still on the device: reading it waits for the device, so do it
/// rarely. Loss and parts are of this process's micro-batches, the norm of all processes'.
struct StepRecord {
  at::Tensor loss;                                        ///< scalar, mean over the micro-batches
  std::vector<std::pair<std::string, at::Tensor>> parts;  ///< named scalars, means likewise
  at::Tensor grad_norm;  ///< scalar, 2-norm over all gradients before clipping
  double lr = 0;         ///< of this update
};

/// Adds a micro-batch's share of each part. @param share  of one micro-batch
inline void add_parts(std::vector<std::pair<std::string, at::Tensor>>& sums,
                      std::vector<std::pair<std::string, at::Tensor>> parts, double share) {
  for (auto& [name, part] : parts) {
    at::Tensor value = share == 1 ? part.detach() : part.detach() * share;
    const auto same = std::ranges::find(sums, name, [](const auto& sum) { return sum.first; });
    if (same == sums.end())
      sums.emplace_back(std::move(name), std::move(value));
    else
      same->second = same->second + value;
  }
}

}  // namespace vlp
