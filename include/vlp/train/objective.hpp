#pragma once
// The weighted sum of a recipe's losses over one shared forward pass; itself a Loss.

#include <algorithm>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <ATen/ATen.h>
#include <torch/nn/module.h>

#include "vlp/concepts/loss.hpp"
#include "vlp/concepts/parameter_role.hpp"

namespace vlp {

/// Sums losses by weight. A loss of weight 0 is computed and logged, and doesn't change the
/// gradients. Copies share their losses and the state in them.
class Objective {
 public:
  /// One loss of the sum; `name` is what the log calls it.
  struct Term {
    std::string name;
    double weight;
    AnyLoss loss;
  };

  /// Takes the losses over, in the order of the log.
  explicit Objective(std::vector<Term> terms)
      : terms_(std::make_shared<std::vector<Term>>(std::move(terms))) {
    for (const Term& term : *terms_) {
      const std::shared_ptr<torch::nn::Module> own = term.loss.module();
      if (!own) continue;
      if (!module_) module_ = std::make_shared<torch::nn::Module>("losses");
      std::string name = term.name;  // a module's name has no dot
      std::ranges::replace(name, '.', '_');
      module_->register_module(name, own);
    }
  }

  /// The sum, with each loss as a part under its name; parts of parts are `NAME.PART`.
  LossValue operator()(Forward& pass) {
    LossValue sum;
    for (Term& term : *terms_) {
      LossValue value = term.loss(pass);
      sum.parts.emplace_back(term.name, value.total.detach());
      for (auto& [name, part] : value.parts)
        if (name != term.name) sum.parts.emplace_back(term.name + "." + name, std::move(part));
      const at::Tensor weighted = term.weight == 1.0 ? value.total : value.total * term.weight;
      sum.total = sum.total.defined() ? sum.total + weighted : weighted;
    }
    return sum;
  }

  /// What any of the losses needs.
  [[nodiscard]] Parts needs() const {
    Parts all;
    for (const Term& term : *terms_) all = all | term.loss.needs();
    return all;
  }

  /// The losses' own parameters, each loss's under its name, with underscores for dots; null where
  /// none has any.
  [[nodiscard]] std::shared_ptr<torch::nn::Module> module() const { return module_; }

  /// Asks each loss's own parameters for their roles.
  void add_roles(ParameterRoles& roles) const {
    for (const Term& term : *terms_)
      if (const std::shared_ptr<torch::nn::Module> own = term.loss.module())
        roles.add(*own, term.loss.shown());
  }

  /// Each loss takes what it knows of the file that the weights come from.
  void warm_start(const State& tensors, const Console& console) {
    for (Term& term : *terms_) term.loss.warm_start(tensors, console);
  }

  /// Tells each loss that an update begins.
  void begin_update() {
    for (Term& term : *terms_) term.loss.begin_update();
  }

  /// Tells each loss that an update is done.
  void end_update(const Peers& peers) {
    for (Term& term : *terms_) term.loss.end_update(peers);
  }

  void save(State& state) const {
    for (const Term& term : *terms_) {
      State part = state.prefixed(term.name);
      term.loss.save(part);
    }
  }
  void load(const State& state) {
    for (Term& term : *terms_) term.loss.load(state.prefixed(term.name));
  }

 private:
  std::shared_ptr<std::vector<Term>> terms_;
  std::shared_ptr<torch::nn::Module> module_;
};
static_assert(Loss<Objective> && Stateful<Objective>);

}  // namespace vlp
