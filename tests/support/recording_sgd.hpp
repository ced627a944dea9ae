#pragma once
// An optimizer that keeps what a trainer tells it.

#include <memory>
#include <utility>
#include <vector>

#include <ATen/ATen.h>

#include "vlp/concepts/optimizer.hpp"

namespace vlp_test {

/// Keeps what the trainer tells it, and steps by plain gradient descent.
struct RecordingSgd {
  void manage(std::vector<vlp::ParameterGroup> g) { *groups = std::move(g); }
  void step(const vlp::StepControl& c) {
    *control = c;
    const double scale = c.grad_scale.defined() ? c.grad_scale.item<double>() : 1.0;
    if (c.found_inf.item<float>() == 1.0F) return;
    for (auto& group : *groups)
      for (auto& p : group.parameters) p.sub_(p.grad() * (0.1 * c.lr_factor / scale));
  }
  void zero_grad() {
    for (auto& group : *groups)
      for (auto& p : group.parameters) p.mutable_grad().reset();
  }
  [[nodiscard]] double lr() const { return 0.1; }
  [[nodiscard]] bool decays_norms_and_biases() const { return decay_all; }
  void save(vlp::State&) const {}
  void load(const vlp::State&) {}
  bool decay_all = false;
  std::shared_ptr<std::vector<vlp::ParameterGroup>> groups =
      std::make_shared<std::vector<vlp::ParameterGroup>>();
  std::shared_ptr<vlp::StepControl> control = std::make_shared<vlp::StepControl>();
};
static_assert(vlp::Optimizer<RecordingSgd>);

}  // namespace vlp_test
