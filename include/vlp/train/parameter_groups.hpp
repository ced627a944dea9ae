#pragma once
// How parameters are divided for the optimizer.

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <ATen/core/Tensor.h>
#include <torch/nn/module.h>

#include "vlp/concepts/component.hpp"
#include "vlp/concepts/loss.hpp"
#include "vlp/concepts/model.hpp"
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

/// @param loss  null = none; the names of its own parameters get `loss.` before them
template <Model M, Loss L>
[[nodiscard]] TrainedParameters trained_parameters(const M& model, const L* loss) {
  const auto module = model.ptr();
  TrainedParameters all{distinct_parameters(*module),
                        ParameterRoles(*module, shown_component(model, "model"))};
  const std::shared_ptr<torch::nn::Module> own = loss ? module_of(*loss) : nullptr;
  if (!own) return all;
  if constexpr (requires { loss->add_roles(all.roles); })
    loss->add_roles(all.roles);
  else
    all.roles.add(*own, shown_component(*loss, "loss"));
  for (auto& [name, parameter] : distinct_parameters(*own))
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
