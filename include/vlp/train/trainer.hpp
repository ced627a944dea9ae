#pragma once
// The one training step of vlp: forward under autocast, backward, clipping and update, for any
// model and any loss that model their concepts. Works without recipes; a recipe's model and losses
// are just `Trainer<AnyModel, Objective>`.

#include <cstdint>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include <ATen/ATen.h>

#include "vlp/concepts/optimizer.hpp"
#include "vlp/concepts/tensor_state.hpp"
#include "vlp/core/error.hpp"
#include "vlp/nn/recompute.hpp"
#include "vlp/train/ema.hpp"
#include "vlp/train/parameter_groups.hpp"
#include "vlp/train/passes.hpp"
#include "vlp/train/skips.hpp"
#include "vlp/train/trainer_options.hpp"
#include "vlp/weights/module_weights.hpp"

namespace vlp {

/// Trains model `M` with loss `L`, step by step.
template <Model M, Loss L>
class Trainer {
 public:
  /// Model and loss must be on the context's device already.
  /// @throws RecipeError for a pattern that fits no parameter, if nothing is left to train, and if
  /// no layer of the model knows gradient checkpointing
  Trainer(M model, L loss, AnyOptimizer optimizer, TrainerOptions options, const Context& ctx)
      : passes_(std::move(model), std::move(loss), ctx),
        optimizer_(std::move(optimizer)),
        options_(std::move(options)),
        scaler_(ctx.machine.precision, ctx.machine.device),
        skips_(options_.skipped_limit, device()) {
    const TrainedParameters all = trained_parameters(passes_.model, &passes_.loss);
    freeze_parameters(options_.freeze, all.named);
    for (const NamedParameter& parameter : all.named)
      parameters_.emplace_back(parameter.names.front(), parameter.tensor);
    optimizer_.manage(parameter_groups(all.named, optimizer_.decays_norms_and_biases(), all.roles,
                                       options_.groups));
    require_recompute(*passes_.module, options_.gradient_checkpointing);
    if (options_.ema > 0) average_.emplace(options_.ema, trained_among(*passes_.module));
  }

  /// One update from the mean gradient over the samples of all micro-batches, and of those of all
  /// other processes: that of one large batch, as far as losses are means over independent samples.
  /// Micro-batches are asked for one at a time, see `BatchQueue`. Never waits for the device.
  /// @return  nothing if there was no micro-batch, and so no update
  /// @throws PeerError if another process fails to compute its gradients
  std::optional<StepRecord> step(const MicroBatches& given) {
    optimizer_.zero_grad();
    std::optional<UpdatePasses> done = passes_(given, place(step_), parameters_, scaler_);
    if (!done) return std::nullopt;
    update(*done);
    end_update(passes_.loss, peers());
    return std::move(done->record);
  }
  /// One update from some micro-batches.
  StepRecord step(std::span<const Batch> micro_batches) {
    if (micro_batches.empty())
      throw ContractError("trainer: no micro-batch (got 0, expected at least 1). Give it some.");
    auto next = micro_batches.begin();
    return *step({static_cast<std::int64_t>(micro_batches.size()), [&]() -> std::optional<Batch> {
                    return next == micro_batches.end() ? std::nullopt : std::optional(*next++);
                  }});
  }
  /// One update from one micro-batch.
  StepRecord step(const Batch& batch) { return step(std::span(&batch, 1)); }

  /// Does the passes of update `step`, from 0, again and looks at every tensor; see
  /// `Passes::explain`.
  [[nodiscard]] std::optional<NonFiniteUpdate> explain(const MicroBatches& given,
                                                       std::int64_t step) {
    optimizer_.zero_grad();
    return passes_.explain(given, place(step), parameters_, scaler_);
  }

  /// Updates done, skipped ones and those of a state that was loaded included.
  [[nodiscard]] std::int64_t steps_done() const { return step_; }
  /// Updates that were skipped because a gradient wasn't finite. The schedule then goes back by
  /// those of which it hasn't known. Waits for the device.
  [[nodiscard]] Skips read_skips() { return skips_.read(); }
  /// What fp16 multiplies the loss by; none for other formats. Waits for the device.
  [[nodiscard]] std::optional<double> read_scale() const {
    return scaler_.dynamic() ? std::optional(scaler_.scale().template item<double>())
                             : std::nullopt;
  }
  /// The processes that train together.
  [[nodiscard]] const Peers& peers() const { return passes_.peers; }
  /// The context's device.
  [[nodiscard]] const DeviceName& device_name() const { return passes_.device; }
  /// Where the model is.
  [[nodiscard]] at::Device device() const { return torch_device(passes_.device); }
  /// The model that is trained.
  [[nodiscard]] M& model() { return passes_.model; }
  /// The loss that is minimised.
  [[nodiscard]] L& loss() { return passes_.loss; }
  /// The average of the weights; null without one.
  [[nodiscard]] WeightAverage* average() { return average_ ? &*average_ : nullptr; }

  /// Parameters and their average, optimizer, scaler, losses and position. Random numbers need no
  /// state: they follow from seed, update and micro-batch.
  void save(State& state) const {
    const auto put = [&](const char* name, const auto& write) {
      State part = state.prefixed(name);
      write(part);
    };
    put("model", [&](State& part) { save_module(*passes_.module, part); });
    put("optimizer", [&](State& part) { optimizer_.save(part); });
    put("scaler", [&](State& part) { scaler_.save(part); });
    put("skips", [&](State& part) { skips_.save(part); });
    if constexpr (Stateful<L>) put("loss", [&](State& part) { passes_.loss.save(part); });
    if (passes_.loss_module)
      put("loss_module", [&](State& part) { save_module(*passes_.loss_module, part); });
    if (average_) put("ema", [&](State& part) { average_->save(part); });
    state.put("step", step_);
  }
  /// @throws WeightsError if an entry is missing or has another shape
  void load(const State& state) {
    load_module(*passes_.module, state.prefixed("model"));
    optimizer_.load(state.prefixed("optimizer"));
    scaler_.load(state.prefixed("scaler"));
    skips_.load(state.prefixed("skips"));
    if constexpr (Stateful<L>) passes_.loss.load(state.prefixed("loss"));
    if (passes_.loss_module) load_module(*passes_.loss_module, state.prefixed("loss_module"));
    if (average_) average_->load(state.prefixed("ema"));
    step_ = state.integer("step");
  }

 private:
  /// Skipped updates don't move the schedule, once they are known.
  [[nodiscard]] UpdatePlace place(std::int64_t step) const {
    return {step, {step - skips_.known(), options_.total_steps, options_.steps_per_epoch}};
  }

  /// Unscaling, clipping and the update in one pass: the optimizer divides gradients by scale *
  /// max(1, norm / clip_norm).
  void update(UpdatePasses& done) {
    const at::NoGradGuard no_grad;
    StepRecord& record = done.record;
    std::vector<at::Tensor> gradients = gradients_of(parameters_, done.present, peers());
    if (done.rest != 1) at::_foreach_mul_(gradients, done.rest);
    record.loss = share_of(record.loss, done.rest);
    for (auto& [name, part] : record.parts) part = share_of(part, done.rest);
    const at::Tensor all_losses = share_gradients(gradients, record.loss, peers());
    const at::Tensor scaled_norm = at::stack(at::_foreach_norm(gradients)).norm();
    record.grad_norm = scaler_.dynamic() ? scaled_norm / scaler_.scale().squeeze(0) : scaled_norm;

    StepControl control;
    control.lr_factor = options_.schedule(place(step_).schedule);
    control.found_inf = record.skipped = skips_.add(
        record.grad_norm.isfinite().logical_and(all_losses.isfinite()).logical_not(), step_);
    if (options_.clip_norm > 0)
      control.grad_scale = scaler_.scale() * (record.grad_norm / options_.clip_norm).clamp_min(1.0);
    else if (scaler_.dynamic())
      control.grad_scale = scaler_.scale();
    record.lr = optimizer_.lr() * control.lr_factor;
    optimizer_.step(control);
    if (average_) average_->follow(scaler_.dynamic() ? control.found_inf : at::Tensor());
    scaler_.update(control.found_inf);
    ++step_;
  }

  Passes<M, L> passes_;
  AnyOptimizer optimizer_;
  TrainerOptions options_;
  LossScaler scaler_;
  SkipCounter skips_;
  NamedTensorList parameters_;  // of model and loss, each once
  std::optional<WeightAverage> average_;
  std::int64_t step_ = 0;
};

}  // namespace vlp
