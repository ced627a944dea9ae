#pragma once
// How parameters are divided for the optimizer.

#include <string>
#include <utility>
#include <vector>

#include <ATen/core/Tensor.h>
#include <torch/nn/module.h>

#include "vlp/concepts/optimizer.hpp"
#include "vlp/concepts/parameter_role.hpp"
#include "vlp/weights/module_weights.hpp"

namespace vlp {

/// What training changes.
struct TrainedParameters {
  std::vector<std::pair<std::string, at::Tensor>>
      named;  ///< each once, however many parts share it; those of the losses behind the model's
  ParameterRoles roles;  ///< as model and losses tell them
};

/// @param losses  the losses' own module, whose names get `loss.` before them; null = none
[[nodiscard]] inline TrainedParameters trained_parameters(const torch::nn::Module& model,
                                                          const torch::nn::Module* losses) {
  TrainedParameters all{distinct_parameters(model), ParameterRoles(model)};
  if (!losses) return all;
  all.roles.add(*losses);
  for (auto& [name, parameter] : distinct_parameters(*losses))
    all.named.emplace_back("loss." + name, std::move(parameter));
  return all;
}

/// Norms, biases and scalars are the parameters with fewer than two dimensions.
/// @param parameters        by name
/// @param decay_everything  whether these decay too
/// @param roles             as model and loss tell them
[[nodiscard]] inline std::vector<ParameterGroup> parameter_groups(
    const std::vector<std::pair<std::string, at::Tensor>>& parameters, bool decay_everything,
    const ParameterRoles& roles = {}) {
  ParameterGroup decayed, exempt;
  exempt.decay = false;
  for (const auto& [name, parameter] : parameters) {
    if (!parameter.requires_grad()) continue;
    ParameterGroup& group = decay_everything || parameter.dim() >= 2 ? decayed : exempt;
    group.names.push_back(name);
    group.parameters.push_back(parameter);
    group.roles.push_back(roles.of(parameter));
  }
  std::vector<ParameterGroup> groups;
  for (ParameterGroup* group : {&decayed, &exempt})
    if (!group->parameters.empty()) groups.push_back(std::move(*group));
  return groups;
}

}  // namespace vlp
