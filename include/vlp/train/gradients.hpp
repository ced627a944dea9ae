#pragma once
// The gradients of processes that train together.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

#include <ATen/ATen.h>

#include "vlp/concepts/peers.hpp"
#include "vlp/core/packed.hpp"
#include "vlp/weights/module_weights.hpp"

namespace vlp {

/// Whether each parameter has a gradient, a byte each.
[[nodiscard]] inline Bytes gradients_present(const NamedTensorList& parameters) {
  Bytes present;
  for (const auto& [name, parameter] : parameters)
    present.push_back(static_cast<std::byte>(parameter.grad().defined()));
  return present;
}

/// The gradients that any process has. What another one has and this one hasn't, as a part that
/// only some batches go through, is zero here.
/// @param present  of each process, whether it has a parameter's; not read for one process
[[nodiscard]] inline std::vector<at::Tensor> gradients_of(const NamedTensorList& parameters,
                                                          const std::vector<Bytes>& present,
                                                          const Peers& peers) {
  std::vector<at::Tensor> gradients;
  for (std::size_t i = 0; i < parameters.size(); ++i) {
    const at::Tensor& parameter = parameters[i].second;
    if (!parameter.grad().defined() && peers.size() > 1 &&
        std::ranges::any_of(present,
                            [&](const Bytes& of_one) { return of_one.at(i) != std::byte{0}; }))
      parameter.mutable_grad() = at::zeros_like(parameter);
    if (parameter.grad().defined()) gradients.push_back(parameter.grad());
  }
  return gradients;
}

/// Gradients become their means over all processes.
/// @param loss  of this process, scalar
/// @return      its mean over all processes: not finite where one's isn't
[[nodiscard]] inline at::Tensor share_gradients(std::vector<at::Tensor>& gradients,
                                                const at::Tensor& loss, const Peers& peers) {
  if (peers.size() == 1) return loss;
  std::vector<at::Tensor> flat;
  for (const at::Tensor& gradient : gradients) flat.push_back(gradient.flatten());
  flat.push_back(loss.flatten());
  at::Tensor all = at::cat(flat);
  peers.sum(all);
  all.div_(static_cast<double>(peers.size()));
  std::int64_t from = 0;
  for (at::Tensor& gradient : gradients) {
    gradient.copy_(all.narrow(0, from, gradient.numel()).view_as(gradient));
    from += gradient.numel();
  }
  return all.narrow(0, from, 1).squeeze(0);
}

}  // namespace vlp
