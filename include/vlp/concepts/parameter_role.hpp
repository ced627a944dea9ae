#pragma once
// What a parameter is for, as far as optimizers treat them differently. A model's modules tell it,
// so that no optimizer has to guess from names.

#include <map>
#include <memory>
#include <string_view>
#include <utility>
#include <vector>

#include <ATen/core/Tensor.h>
#include <torch/nn/module.h>

#include "vlp/core/foreign_errors.hpp"

namespace vlp {

/// What a parameter is for.
enum class ParameterRole {
  hidden,  ///< of a layer between embeddings and heads; so is everything of which nothing is told
  embedding,  ///< a table whose rows are looked up
  head,  ///< what turns the last states into a result: words, embeddings to compare, a decision
};

/// A module that tells the roles of parameters, its own or its children's. A module takes part by
/// deriving from this; one whose parameters are hidden needn't do anything.
class TellsRoles {
 public:
  /// Parameters with their roles.
  using Roles = std::vector<std::pair<at::Tensor, ParameterRole>>;

  virtual ~TellsRoles() = default;
  /// @return  parameters that aren't hidden
  [[nodiscard]] virtual Roles parameter_roles() const = 0;
};

/// The roles of a module's parameters.
class ParameterRoles {
 public:
  /// Everything is hidden.
  ParameterRoles() = default;
  /// Those of one module; see `add`.
  ParameterRoles(const torch::nn::Module& module, std::string_view shown) { add(module, shown); }

  /// Asks a module and all modules in it; the first that tells a parameter's role is believed.
  /// @param shown  the component whose module it is, as messages call it: `model 'blip'`
  void add(const torch::nn::Module& module, std::string_view shown) {
    named(shown, [&] {
      for (const std::shared_ptr<torch::nn::Module>& part : module.modules(/*include_self=*/false))
        ask(*part);
      ask(module);
    });
  }

  /// The role of one parameter.
  [[nodiscard]] ParameterRole of(const at::Tensor& parameter) const {
    const auto found = roles_.find(parameter.unsafeGetTensorImpl());
    return found == roles_.end() ? ParameterRole::hidden : found->second;
  }

 private:
  void ask(const torch::nn::Module& module) {
    if (module.name() == "torch::nn::EmbeddingImpl")  // LibTorch's own tables tell nothing
      for (const at::Tensor& table : module.parameters(/*recurse=*/false))
        roles_.emplace(table.unsafeGetTensorImpl(), ParameterRole::embedding);
    if (const auto* teller = dynamic_cast<const TellsRoles*>(&module))
      for (const auto& [parameter, role] : teller->parameter_roles())
        roles_.emplace(parameter.unsafeGetTensorImpl(), role);
  }

  std::map<const void*, ParameterRole> roles_;
};

}  // namespace vlp
