#pragma once
// AdamW with decoupled weight decay (Loshchilov and Hutter 2019, algorithm 2), one fused kernel a
// group.

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

#include "vlp/concepts/optimizer.hpp"
#include "vlp/concepts/tensor_state.hpp"
#include "vlp/core/error.hpp"
#include "vlp/core/state.hpp"
#include "vlp/nn/parameter.hpp"
#include "vlp/recipe/field.hpp"
#include "vlp/registry/plugin.hpp"

#include <ATen/core/grad_mode.h>
#include <ATen/ops/_fused_adamw.h>
#include <ATen/ops/empty_like.h>
#include <ATen/ops/zeros.h>
#include <ATen/ops/zeros_like.h>

namespace vlp {

/// p -= lr * (wd * p + m_hat / (sqrt(v_hat) + eps)), with bias-corrected moments m_hat and v_hat of
/// the gradient. Differs from torch.optim.AdamW: all parameters share one count of steps, so a
/// parameter that gets its first gradient late starts with the bias correction of that late step.
class AdamW {
 public:
  static constexpr std::string_view name = "adamw";

  struct Options {
    double lr = 5e-5;
    double weight_decay = 0.01;
    double beta1 = 0.9;
    double beta2 = 0.999;
    double eps = 1e-8;
    bool decay_norms_and_biases = false;

    static constexpr auto fields() {
      constexpr Range below_one = between(0.0, 1 - 1e-9);
      return std::tuple{
          field<&Options::lr>("Learning rate before the schedule's factor.", above(0.0)),
          field<&Options::weight_decay>("Share of a parameter that a step of lr 1 would remove.",
                                        at_least(0.0)),
          field<&Options::beta1>("Decay of the gradients' mean, a step, 0 to below 1.", below_one),
          field<&Options::beta2>("Decay of the gradients' mean square, a step, 0 to below 1.",
                                 below_one),
          field<&Options::eps>("Added to the root of the mean square.", above(0.0)),
          field<&Options::decay_norms_and_biases>("Whether norms and biases are decayed too.")};
    }
  };

  explicit AdamW(Options options) : options_(options) {}

  /// @throws ContractError if a group mixes devices or dtypes, or a parameter is neither float32
  /// nor float64
  void manage(std::vector<ParameterGroup> groups) {
    groups_.clear();
    for (ParameterGroup& group : groups)
      if (!group.parameters.empty()) groups_.push_back(Managed(std::move(group)));
  }

  /// One update of every parameter that has a gradient; the others and their moments stay as they
  /// are. Gradients are scratch afterwards: the kernel may leave them divided by `grad_scale`.
  void step(const StepControl& control) {
    const at::NoGradGuard no_grad;
    for (Managed& group : groups_) update(group, control);
  }

  /// Drops all gradients; the next backward pass makes new ones.
  void zero_grad() {
    for (Managed& group : groups_)
      for (at::Tensor& parameter : group.of.parameters) parameter.mutable_grad().reset();
  }

  /// The learning rate before the schedule's factor.
  [[nodiscard]] double lr() const { return options_.lr; }
  /// As the options say.
  [[nodiscard]] bool decays_norms_and_biases() const { return options_.decay_norms_and_biases; }

  void save(State& state) const {
    for (const Managed& group : groups_) {
      for (std::size_t i = 0; i < group.of.names.size(); ++i) {
        put_tensor(state, "exp_avg." + group.of.names[i], group.exp_avg[i]);
        put_tensor(state, "exp_avg_sq." + group.of.names[i], group.exp_avg_sq[i]);
      }
      put_tensor(state, "step", group.steps);
    }
  }
  /// Call `manage` first. @throws WeightsError naming a parameter whose moments are missing or
  /// don't fit
  void load(const State& state) {
    for (Managed& group : groups_) {
      for (std::size_t i = 0; i < group.of.names.size(); ++i) {
        load_tensor(state, "exp_avg." + group.of.names[i], group.exp_avg[i]);
        load_tensor(state, "exp_avg_sq." + group.of.names[i], group.exp_avg_sq[i]);
      }
      load_tensor(state, "step", group.steps);
    }
  }

 private:
  struct Managed {
    explicit Managed(ParameterGroup group) : of(std::move(group)) {
      const at::Tensor& first = of.parameters.front();
      if (of.names.size() != of.parameters.size())
        throw ContractError("adamw: names and parameters of a group differ in number (got " +
                            std::to_string(of.names.size()) + " and " +
                            std::to_string(of.parameters.size()) + ").");
      for (std::size_t i = 0; i < of.names.size(); ++i) {
        const at::Tensor& p = of.parameters[i];
        require_updatable(name, of.names[i], p);
        if (p.device() != first.device() || p.scalar_type() != first.scalar_type())
          throw ContractError("adamw: parameters '" + of.names[i] + "' and '" + of.names.front() +
                              "' of one group differ in device or dtype.");
        exp_avg.push_back(at::zeros_like(p).detach());
        exp_avg_sq.push_back(at::zeros_like(p).detach());
      }
      steps = at::zeros({1}, first.options().dtype(at::kFloat).requires_grad(false));
    }

    ParameterGroup of;
    std::vector<at::Tensor> exp_avg;     ///< like the parameters
    std::vector<at::Tensor> exp_avg_sq;  ///< like the parameters
    at::Tensor steps;                    ///< [1] float32 on the device; updates done
  };

  void update(Managed& group, const StepControl& control) const {
    std::vector<at::Tensor> parameters, grads, means, squares;
    for (std::size_t i = 0; i < group.of.parameters.size(); ++i) {
      const at::Tensor& parameter = group.of.parameters[i];
      const at::Tensor& grad = parameter.grad();
      if (!grad.defined()) continue;
      parameters.push_back(parameter);
      // The kernel walks through memory, so all of a parameter's tensors must have its strides.
      grads.push_back(
          grad.strides() == parameter.strides() ? grad : at::empty_like(parameter).copy_(grad));
      means.push_back(group.exp_avg[i]);
      squares.push_back(group.exp_avg_sq[i]);
    }
    group.steps.add_(1);
    if (control.found_inf.defined()) group.steps.sub_(control.found_inf);
    if (parameters.empty()) return;
    const auto given = [](const at::Tensor& t) {
      return t.defined() ? std::optional(t) : std::nullopt;
    };
    const std::vector<at::Tensor> steps(parameters.size(),
                                        group.steps);  // the kernel only reads it
    at::_fused_adamw_(parameters, grads, means, squares, /*max_exp_avg_sqs=*/{}, steps,
                      options_.lr * control.lr_factor * group.of.lr_factor, options_.beta1,
                      options_.beta2, group.of.decay_of(options_.weight_decay), options_.eps,
                      /*amsgrad=*/false,
                      /*maximize=*/false, given(control.grad_scale), given(control.found_inf));
  }

  Options options_;
  std::vector<Managed> groups_;
};
static_assert(Optimizer<AdamW>);

}  // namespace vlp

VLP_PLUGIN(adamw, "1.0", vlp::AdamW);
