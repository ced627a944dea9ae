#pragma once
// Gradient checkpointing (Chen et al. 2016, section 3): what lies inside a layer isn't kept for the
// backward pass but computed a second time there, with the same random numbers and the same number
// format, so that the gradients are the same bits.

#include <algorithm>
#include <cstddef>
#include <functional>
#include <mutex>
#include <optional>
#include <set>
#include <utility>
#include <vector>

#include <ATen/ATen.h>
#include <torch/csrc/autograd/autograd.h>
#include <torch/csrc/autograd/custom_function.h>
#include <torch/custom_class.h>
#include <torch/nn/module.h>

#include "vlp/core/error.hpp"
#include "vlp/nn/autocast.hpp"

namespace vlp {

/// A layer that can forget what is in it until the backward pass.
class Recomputable {
 public:
  virtual ~Recomputable() = default;
  /// From now on it does, or it doesn't, which is how it begins.
  void recompute(bool on) { on_ = on; }

 protected:
  /// Whether this pass is one of which there will be a gradient, and the layer was told to.
  [[nodiscard]] bool recomputes() const { return on_ && at::GradMode::is_enabled(); }

 private:
  bool on_ = false;
};

/// Tells every layer of a module that knows how. @return  how many these are
inline std::size_t set_recompute(torch::nn::Module& module, bool on) {
  std::set<const void*> seen;  // a layer that two parts share stands under two names
  for (const auto& part : module.modules())
    if (auto* layer = dynamic_cast<Recomputable*>(part.get()); layer && seen.insert(layer).second)
      layer->recompute(on);
  return seen.size();
}

/// Layers that know how and have something to train: what momentum encoders and frozen parts
/// compute once is not among them.
[[nodiscard]] inline std::size_t trained_recomputable_layers(const torch::nn::Module& module) {
  std::set<const void*> seen;
  for (const auto& part : module.modules()) {
    if (!dynamic_cast<const Recomputable*>(part.get())) continue;
    const std::vector<at::Tensor> parameters = part->parameters();
    if (std::ranges::any_of(parameters, [](const at::Tensor& p) { return p.requires_grad(); }))
      seen.insert(part.get());
  }
  return seen.size();
}

/// `set_recompute` for who was asked by a recipe.
/// @throws RecipeError if it is to be done and no layer knows how
inline void require_recompute(torch::nn::Module& module, bool on) {
  if (set_recompute(module, on) == 0 && on)
    throw RecipeError(
        "train.gradient_checkpointing: no layer of the model can be computed a second time (got "
        "none that is a vlp::Recomputable). Leave it out.");
}

namespace detail {

/// The state of the generator from which a device's random numbers come.
class GeneratorState {
 public:
  /// As it is now; none for devices without values.
  explicit GeneratorState(at::Device device) {
    if (device.is_meta()) return;
    generator_ = at::globalContext().defaultGenerator(device);
    const std::scoped_lock lock(generator_->mutex());
    state_ = generator_->get_state();
  }
  /// Goes back to it.
  void restore() {
    if (!generator_) return;
    const std::scoped_lock lock(generator_->mutex());
    generator_->set_state(state_);
  }

 private:
  std::optional<at::Generator> generator_;
  at::Tensor state_;
};

/// While it lives, random numbers are those that followed an earlier state.
class EarlierRandomNumbers {
 public:
  EarlierRandomNumbers(GeneratorState earlier, at::Device device) : now_(device) {
    earlier.restore();
  }
  ~EarlierRandomNumbers() { now_.restore(); }
  EarlierRandomNumbers(const EarlierRandomNumbers&) = delete;
  EarlierRandomNumbers& operator=(const EarlierRandomNumbers&) = delete;

 private:
  GeneratorState now_;
};

/// What is done twice, and under which circumstances.
struct RecomputedWork : torch::CustomClassHolder {
  RecomputedWork(std::function<at::Tensor(at::TensorList)> work, std::size_t arguments,
                 at::Device device)
      : compute(std::move(work)),
        count(arguments),
        random(device),
        format(NumberFormat::now(device.type())) {}
  std::function<at::Tensor(at::TensorList)> compute;
  std::size_t count;  // arguments; behind them stand the parameters
  GeneratorState random;
  NumberFormat format;
};

struct Recomputed : torch::autograd::Function<Recomputed> {
  static at::Tensor forward(torch::autograd::AutogradContext* ctx, at::TensorList all,
                            const c10::intrusive_ptr<RecomputedWork>& work) {
    const WithoutCastCache nothing_kept;  // casts made here have no gradient
    ctx->save_for_backward(all.vec());
    ctx->saved_data["work"] = c10::IValue::make_capsule(work);
    return work->compute(all.slice(0, work->count));
  }

  static torch::autograd::variable_list backward(torch::autograd::AutogradContext* ctx,
                                                 torch::autograd::variable_list gradients) {
    const auto capsule = ctx->saved_data["work"].toCapsule();
    const auto& work = static_cast<const RecomputedWork&>(*capsule);
    std::vector<at::Tensor> all = ctx->get_saved_variables(), arguments;
    std::vector<at::Tensor> wanted;
    std::vector<std::size_t> places;
    for (std::size_t i = 0; i < all.size(); ++i) {
      if (i < work.count) all[i] = all[i].detach().set_requires_grad(all[i].requires_grad());
      if (!ctx->needs_input_grad(i)) continue;
      wanted.push_back(all[i]);
      places.push_back(i);
    }
    at::Tensor again;
    {
      const at::AutoGradMode with_graph(true);
      const EarlierRandomNumbers same_numbers(work.random, all.front().device());
      const Autocast same_format(work.format);
      for (std::size_t i = 0; i < work.count; ++i)  // autocast keeps casts of leaves, as if weights
        arguments.push_back(all[i].view_as(all[i]));
      again = work.compute(arguments);
    }
    const auto found = torch::autograd::grad({again}, wanted, {gradients[0]},
                                             /*retain_graph=*/std::nullopt,
                                             /*create_graph=*/false, /*allow_unused=*/true);
    torch::autograd::variable_list result(all.size() + 1);  // the work has none
    for (std::size_t i = 0; i < places.size(); ++i) result[places[i]] = found[i];
    return result;
  }
};

}  // namespace detail

/// A layer's result, of which the backward pass keeps the arguments only.
/// @param layer      owns the parameters; lives until the backward pass
/// @param arguments  of one device
/// @param compute    the layer: a function of the arguments, the parameters, and random numbers of
///                   the arguments' device
[[nodiscard]] inline at::Tensor recomputed(const torch::nn::Module& layer,
                                           std::vector<at::Tensor> arguments,
                                           std::function<at::Tensor(at::TensorList)> compute) {
  const std::size_t count = arguments.size();
  std::set<const void*> seen;
  for (const at::Tensor& parameter : layer.parameters())
    if (parameter.requires_grad() && seen.insert(parameter.unsafeGetTensorImpl()).second)
      arguments.push_back(parameter);
  auto work = c10::make_intrusive<detail::RecomputedWork>(std::move(compute), count,
                                                          arguments.front().device());
  return detail::Recomputed::apply(at::TensorList(arguments), work);
}

}  // namespace vlp
