#pragma once
// How parameters are divided for the optimizer.

#include <string>
#include <utility>
#include <vector>

#include <ATen/core/Tensor.h>

#include "vlp/concepts/optimizer.hpp"
#include "vlp/concepts/parameter_role.hpp"

namespace vlp {

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
