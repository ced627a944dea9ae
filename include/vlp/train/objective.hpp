#pragma once
// The weighted sum of a recipe's losses over one shared forward pass; itself a Loss.

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <ATen/ATen.h>

#include "vlp/concepts/loss.hpp"

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
      : terms_(std::make_shared<std::vector<Term>>(std::move(terms))) {}

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
  [[nodiscard]] Needs needs() const {
    Needs all = Needs::nothing;
    for (const Term& term : *terms_) all = all | term.loss.needs();
    return all;
  }

  /// Each loss takes what it knows of the file that the weights come from.
  void warm_start(const State& tensors, const Console& console) {
    for (Term& term : *terms_) term.loss.warm_start(tensors, console);
  }

  void save(State& state) const {
    for (std::size_t i = 0; i < terms_->size(); ++i) {
      State part = state.prefixed(std::to_string(i));
      (*terms_)[i].loss.save(part);
    }
  }
  void load(const State& state) {
    for (std::size_t i = 0; i < terms_->size(); ++i)
      (*terms_)[i].loss.load(state.prefixed(std::to_string(i)));
  }

 private:
  std::shared_ptr<std::vector<Term>> terms_;
};
static_assert(Loss<Objective> && Stateful<Objective>);

}  // namespace vlp
