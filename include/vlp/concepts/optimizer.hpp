#pragma once
// Optimizer: turns gradients into updates. Contract: one `step` updates all parameters of all
// groups without waiting for the device; gradients are divided by `grad_scale` first; where
// `found_inf` is 1 the step changes nothing. Each group has its own factor of the learning rate,
// and may have its own weight decay.

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <ATen/core/Tensor.h>

#include "vlp/concepts/component.hpp"
#include "vlp/concepts/parameter_role.hpp"
#include "vlp/core/foreign_errors.hpp"
#include "vlp/core/state.hpp"

namespace vlp {

/// Parameters that share their settings.
struct ParameterGroup {
  std::vector<std::string> names;      ///< as in the model
  std::vector<at::Tensor> parameters;  ///< leaves, float32
  bool decay = true;  ///< false: no weight decay (norms and biases, if the optimizer exempts them)
  std::vector<ParameterRole> roles = {};  ///< as the model tells them; empty = all are hidden
  double lr_factor = 1;                   ///< of the optimizer's learning rate
  std::optional<double> weight_decay = std::nullopt;  ///< in place of the optimizer's

  /// The weight decay that holds here. @param usual  the optimizer's
  [[nodiscard]] double decay_of(double usual) const {
    return decay ? weight_decay.value_or(usual) : 0.0;
  }
  /// Whether a parameter is a matrix between embeddings and heads.
  /// @param i  its place in the group
  [[nodiscard]] bool is_hidden_matrix(std::size_t i) const {
    return parameters[i].dim() == 2 && (roles.empty() || roles[i] == ParameterRole::hidden);
  }
};

/// What a step is told besides the gradients.
struct StepControl {
  double lr_factor = 1;   ///< from the schedule
  at::Tensor grad_scale;  ///< [1] float32 on the device, undefined = 1; loss scale times clipping
  at::Tensor found_inf;   ///< [1] float32 on the device, 1 = skip; undefined = never
};

template <class O>
concept Optimizer = std::move_constructible<O> && Stateful<O> &&
                    requires(O optimizer, const O& ready, std::vector<ParameterGroup> groups,
                             const StepControl& control) {
                      optimizer.manage(std::move(groups));  // once, before the first step
                      optimizer.step(control);
                      optimizer.zero_grad();
                      {
                        ready.lr()
                      } -> std::convertible_to<double>;  // before the schedule's factor
                      {
                        ready.decays_norms_and_biases()
                      } -> std::same_as<bool>;  // decides how the trainer groups parameters
                    };

/// Any optimizer as a value that is moved, not copied.
class AnyOptimizer {
 public:
  static constexpr std::string_view kind = "optimizer";

  template <class O>
    requires(!std::same_as<O, AnyOptimizer>) && Optimizer<O>
  AnyOptimizer(O optimizer)
      : self_(std::make_unique<Holder<O>>(std::move(optimizer))),
        shown_(shown_component<O>(kind)) {}

  void manage(std::vector<ParameterGroup> groups) {
    named(shown_, [&] { self_->manage(std::move(groups)); });
  }
  void step(const StepControl& control) {
    named(shown_, [&] { self_->step(control); });
  }
  void zero_grad() {
    named(shown_, [&] { self_->zero_grad(); });
  }
  [[nodiscard]] double lr() const {
    return named(shown_, [&] { return self_->lr(); });
  }
  [[nodiscard]] bool decays_norms_and_biases() const {
    return named(shown_, [&] { return self_->decays_norms_and_biases(); });
  }
  void save(State& state) const {
    named(shown_, [&] { self_->save(state); });
  }
  void load(const State& state) {
    named(shown_, [&] { self_->load(state); });
  }

 private:
  struct Base {
    virtual ~Base() = default;
    virtual void manage(std::vector<ParameterGroup> groups) = 0;
    virtual void step(const StepControl& control) = 0;
    virtual void zero_grad() = 0;
    virtual double lr() const = 0;
    virtual bool decays_norms_and_biases() const = 0;
    virtual void save(State& state) const = 0;
    virtual void load(const State& state) = 0;
  };
  template <class O>
  struct Holder final : Base {
    explicit Holder(O o) : optimizer(std::move(o)) {}
    void manage(std::vector<ParameterGroup> groups) override {
      optimizer.manage(std::move(groups));
    }
    void step(const StepControl& control) override { optimizer.step(control); }
    void zero_grad() override { optimizer.zero_grad(); }
    double lr() const override { return optimizer.lr(); }
    bool decays_norms_and_biases() const override { return optimizer.decays_norms_and_biases(); }
    void save(State& state) const override { optimizer.save(state); }
    void load(const State& state) override { optimizer.load(state); }
    O optimizer;
  };
  std::unique_ptr<Base> self_;
  std::string shown_;  // in messages
};
static_assert(Optimizer<AnyOptimizer>);

template <Optimizer T>
AnyOptimizer kind_of(ComponentTag<T>);

}  // namespace vlp
