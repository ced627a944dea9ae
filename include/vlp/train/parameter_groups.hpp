#pragma once
// How parameters are divided for the optimizer, and which ones are left alone.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <ATen/core/Tensor.h>
#include <torch/nn/module.h>

#include "vlp/concepts/component.hpp"
#include "vlp/concepts/loss.hpp"
#include "vlp/concepts/model.hpp"
#include "vlp/concepts/optimizer.hpp"
#include "vlp/concepts/parameter_role.hpp"
#include "vlp/core/error.hpp"
#include "vlp/recipe/diagnostics.hpp"
#include "vlp/train/options.hpp"
#include "vlp/weights/module_weights.hpp"

namespace vlp {

/// Whether a pattern fits a whole name; `*` stands for any characters, dots and none included.
[[nodiscard]] inline bool matches(std::string_view pattern, std::string_view name) {
  std::size_t p = 0, n = 0, star = pattern.npos, from = 0;
  while (n < name.size()) {
    if (p < pattern.size() && pattern[p] == '*') {
      star = p++;
      from = n;
    } else if (p < pattern.size() && pattern[p] == name[n]) {
      ++p, ++n;
    } else if (star != pattern.npos) {
      p = star + 1;
      n = ++from;
    } else {
      return false;
    }
  }
  return pattern.find_first_not_of('*', p) == pattern.npos;
}

/// A parameter with all of its names: one that several parts share has several.
struct NamedParameter {
  std::vector<std::string> names;  ///< the one by which states know it first
  at::Tensor tensor;
};

/// Each parameter once, the model's, then those of the losses under `loss.NAME`.
/// @param losses  null = they have none
[[nodiscard]] inline std::vector<NamedParameter> named_parameters(
    const torch::nn::Module& model, const torch::nn::Module* losses = nullptr) {
  std::vector<NamedParameter> all;
  const auto add = [&](const torch::nn::Module& module, const std::string& prefix) {
    for (const auto& item : module.named_parameters()) {
      if (!item.value().defined()) continue;
      const auto known = std::ranges::find_if(all, [&](const NamedParameter& parameter) {
        return parameter.tensor.is_same(item.value());
      });
      if (known != all.end())
        known->names.push_back(prefix + item.key());
      else
        all.push_back({{prefix + item.key()}, item.value()});
    }
  };
  add(model, "");
  if (losses) add(*losses, "loss.");
  return all;
}

/// Which pattern each parameter is the business of: the first that fits one of its names.
/// @param key  of the recipe, for messages
/// @return     positions among the patterns by parameter, -1 = none fits
/// @throws RecipeError for a pattern that fits no name, with a near one
[[nodiscard]] inline std::vector<std::int64_t> first_matches(
    std::span<const std::string> patterns, std::span<const NamedParameter> parameters,
    const std::string& key) {
  const auto fits = [](const std::string& pattern, const NamedParameter& parameter) {
    return std::ranges::any_of(parameter.names,
                               [&](const std::string& name) { return matches(pattern, name); });
  };
  for (const std::string& pattern : patterns) {
    if (std::ranges::any_of(parameters, [&](const auto& p) { return fits(pattern, p); })) continue;
    std::set<std::string> near;  // names, and those of the modules that they belong to
    for (const NamedParameter& parameter : parameters)
      for (const std::string& name : parameter.names)
        for (std::size_t end = name.find('.'); true; end = name.find('.', end + 1)) {
          near.insert(name.substr(0, end));
          if (end == name.npos) break;
        }
    std::string stem = pattern.substr(0, pattern.find('*'));
    if (stem.ends_with('.')) stem.pop_back();
    throw RecipeError(
        key + ": '" + pattern + "' fits no parameter" +
        suggestion(stem, {near.begin(), near.end()}) +
        ". Write whole names, with * for any part of them, e.g. '" +
        parameters.front().names.front() + "' or '" +
        parameters.front().names.front().substr(0, parameters.front().names.front().find('.')) +
        ".*'.");
  }
  std::vector<std::int64_t> chosen;
  for (const NamedParameter& parameter : parameters) {
    std::int64_t first = -1;
    for (std::size_t i = 0; i < patterns.size() && first < 0; ++i)
      if (fits(patterns[i], parameter)) first = static_cast<std::int64_t>(i);
    chosen.push_back(first);
  }
  return chosen;
}

/// The patterns of groups.
[[nodiscard]] inline std::vector<std::string> patterns_of(std::span<const GroupOptions> groups) {
  std::vector<std::string> patterns;
  for (const GroupOptions& group : groups) patterns.push_back(group.match);
  return patterns;
}

/// Takes parameters out of training: they keep their values, and cost no gradient.
/// @param freeze  patterns
/// @throws RecipeError as `first_matches`, or if nothing is left to train
inline void freeze_parameters(std::span<const std::string> freeze,
                              std::span<const NamedParameter> parameters) {
  if (freeze.empty()) return;
  const std::vector<std::int64_t> frozen = first_matches(freeze, parameters, "train.freeze");
  bool any_left = false;
  for (std::size_t i = 0; i < parameters.size(); ++i) {
    if (frozen[i] >= 0) parameters[i].tensor.requires_grad_(false);
    any_left = any_left || parameters[i].tensor.requires_grad();
  }
  if (!any_left) throw RecipeError("train.freeze: nothing is left to train. Freeze less.");
}

/// Parameters of a module that are trained, by the names by which states know them.
[[nodiscard]] inline NamedTensorList trained_among(const torch::nn::Module& module) {
  NamedTensorList trained;
  for (const NamedParameter& parameter : named_parameters(module))
    if (parameter.tensor.requires_grad())
      trained.emplace_back(parameter.names.front(), parameter.tensor);
  return trained;
}

/// What training changes, as far as it isn't frozen.
struct TrainedParameters {
  std::vector<NamedParameter> named;  ///< those of the losses behind the model's
  ParameterRoles roles;               ///< as model and losses tell them
};

/// @param loss  null = none; the names of its own parameters get `loss.` before them
template <Model M, Loss L>
[[nodiscard]] TrainedParameters trained_parameters(const M& model, const L* loss) {
  const auto module = model.ptr();
  const std::shared_ptr<torch::nn::Module> own = loss ? module_of(*loss) : nullptr;
  TrainedParameters all{named_parameters(*module, own.get()),
                        ParameterRoles(*module, shown_component(model, "model"))};
  if (!own) return all;
  if constexpr (requires { loss->add_roles(all.roles); })
    loss->add_roles(all.roles);
  else
    all.roles.add(*own, shown_component(*loss, "loss"));
  return all;
}

/// Norms, biases and scalars are the parameters with fewer than two dimensions. Those of one rule
/// that also agree in whether they decay make a group, in the order of the rules, those without a
/// rule first.
/// @param decay_everything  whether norms, biases and scalars decay too
/// @param roles             as model and loss tell them
/// @param rules             the first that fits counts
/// @throws RecipeError as `first_matches`
[[nodiscard]] inline std::vector<ParameterGroup> parameter_groups(
    std::span<const NamedParameter> parameters, bool decay_everything,
    const ParameterRoles& roles = {}, std::span<const GroupOptions> rules = {}) {
  const std::vector<std::int64_t> chosen =
      first_matches(patterns_of(rules), parameters, "optimizer.group");
  std::vector<ParameterGroup> groups(2 * (rules.size() + 1));
  for (std::size_t i = 0; i < groups.size(); ++i) {
    groups[i].decay = i % 2 == 0;
    if (i < 2) continue;
    groups[i].lr_factor = rules[i / 2 - 1].lr_factor;
    groups[i].weight_decay = rules[i / 2 - 1].weight_decay;
  }
  for (std::size_t i = 0; i < parameters.size(); ++i) {
    const at::Tensor& parameter = parameters[i].tensor;
    if (!parameter.requires_grad()) continue;
    const bool decays = decay_everything || parameter.dim() >= 2;
    ParameterGroup& group = groups[2 * static_cast<std::size_t>(chosen[i] + 1) + (decays ? 0 : 1)];
    group.names.push_back(parameters[i].names.front());
    group.parameters.push_back(parameter);
    group.roles.push_back(roles.of(parameter));
  }
  std::erase_if(groups, [](const ParameterGroup& group) { return group.parameters.empty(); });
  return groups;
}

}  // namespace vlp
