#pragma once
// The one training step of vlp: forward under autocast, backward, clipping and update, for any
// model and any loss that model their concepts. Works without recipes; a recipe's model and losses
// are just `Trainer<AnyModel, Objective>`.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include <ATen/ATen.h>
#include <ATen/Context.h>
#include <torch/nn/module.h>

#include "vlp/concepts/context.hpp"
#include "vlp/concepts/loss.hpp"
#include "vlp/concepts/model.hpp"
#include "vlp/concepts/optimizer.hpp"
#include "vlp/concepts/parameter_role.hpp"
#include "vlp/concepts/peers.hpp"
#include "vlp/concepts/schedule.hpp"
#include "vlp/concepts/tensor_state.hpp"
#include "vlp/core/packed.hpp"
#include "vlp/core/random.hpp"
#include "vlp/core/state.hpp"
#include "vlp/nn/autocast.hpp"
#include "vlp/nn/device.hpp"
#include "vlp/train/parameter_groups.hpp"
#include "vlp/train/precision.hpp"
#include "vlp/train/step_record.hpp"
#include "vlp/weights/module_weights.hpp"

namespace vlp {

/// What a step needs to know besides model, loss, optimizer and schedule.
struct TrainerOptions {
  AnySchedule schedule = constant_schedule();  ///< factor of the optimizer's learning rate
  double clip_norm = 0;              ///< gradients are scaled down to this 2-norm; 0 = never
  std::int64_t total_steps = 1;      ///< updates of the whole run, for the schedule
  std::int64_t steps_per_epoch = 1;  ///< updates of one epoch, for the schedule
};

/// Trains model `M` with loss `L`, step by step.
template <Model M, Loss L>
class Trainer {
 public:
  /// Model and loss must be on the context's device already.
  Trainer(M model, L loss, AnyOptimizer optimizer, TrainerOptions options, const Context& ctx)
      : model_(std::move(model)),
        module_(model_.ptr()),
        parts_(parts_of(model_)),
        loss_(std::move(loss)),
        loss_module_(module_of(loss_)),
        optimizer_(std::move(optimizer)),
        options_(std::move(options)),
        precision_(ctx.machine.precision),
        device_(ctx.machine.device),
        peers_(ctx.machine.peers),
        random_(ctx.facts.seeds.derive("micro-batch")),
        scaler_(ctx.machine.precision, ctx.machine.device) {
    TrainedParameters trained = trained_parameters(model_, &loss_);
    parameters_ = std::move(trained.named);
    optimizer_.manage(
        parameter_groups(parameters_, optimizer_.decays_norms_and_biases(), trained.roles));
  }

  /// One update from the mean gradient of one or more micro-batches, and of those of all other
  /// processes. Never waits for the device. Before each micro-batch LibTorch's generators are
  /// seeded with a number of its own, for dropout.
  /// @throws PeerError if another process fails to compute its gradients
  StepRecord step(std::span<const Batch> micro_batches) {
    StepRecord record;
    const std::vector<Bytes> present = together(peers_, [&] {
      record = backward(micro_batches);
      return peers_.size() == 1 ? Bytes() : gradients_present();
    });
    update(record, present);
    end_update(loss_, peers_);
    return record;
  }
  /// One update from one micro-batch.
  StepRecord step(const Batch& batch) { return step(std::span(&batch, 1)); }

  /// Updates done, those of a state that was loaded included.
  [[nodiscard]] std::int64_t steps_done() const { return step_; }
  /// Where the model is.
  [[nodiscard]] at::Device device() const { return torch_device(device_); }
  /// The processes that train together.
  [[nodiscard]] const Peers& peers() const { return peers_; }
  /// The model that is trained.
  [[nodiscard]] M& model() { return model_; }
  /// The loss that is minimised.
  [[nodiscard]] L& loss() { return loss_; }

  /// Parameters, optimizer, scaler, losses and position. Random numbers need no state: they follow
  /// from seed, update and micro-batch.
  void save(State& state) const {
    State model = state.prefixed("model"), optimizer = state.prefixed("optimizer"),
          scaler = state.prefixed("scaler"), loss = state.prefixed("loss");
    save_module(*module_, model);
    optimizer_.save(optimizer);
    scaler_.save(scaler);
    if constexpr (Stateful<L>) loss_.save(loss);
    if (loss_module_) {
      State own = state.prefixed("loss_module");
      save_module(*loss_module_, own);
    }
    state.put("step", step_);
  }
  /// @throws WeightsError if an entry is missing or has another shape
  void load(const State& state) {
    load_module(*module_, state.prefixed("model"));
    optimizer_.load(state.prefixed("optimizer"));
    scaler_.load(state.prefixed("scaler"));
    if constexpr (Stateful<L>) loss_.load(state.prefixed("loss"));
    if (loss_module_) load_module(*loss_module_, state.prefixed("loss_module"));
    step_ = state.integer("step");
  }

 private:
  /// The gradient of this process's micro-batches. Makes no call of the group.
  [[nodiscard]] StepRecord backward(std::span<const Batch> micro_batches) {
    module_->train();
    if (loss_module_) loss_module_->train();
    optimizer_.zero_grad();
    begin_update(loss_);
    if (parts_.begin_step) parts_.begin_step();
    StepRecord record;
    const double share = 1.0 / static_cast<double>(micro_batches.size());
    std::int64_t number = peers_.rank() * static_cast<std::int64_t>(micro_batches.size());
    for (const Batch& batch : micro_batches) {
      TrainingStep training = training_step(number++);
      at::manual_seed(training.random.derive("torch").next());
      LossValue value;
      {
        const Autocast autocast(precision_, device_);
        Forward pass(parts_, batch, {}, std::move(training));
        value = loss_(pass);
      }
      const at::Tensor mean = micro_batches.size() == 1 ? value.total : value.total * share;
      (scaler_.dynamic() ? mean * scaler_.scale().squeeze(0) : mean).backward();
      record.loss = record.loss.defined() ? record.loss + mean.detach() : mean.detach();
      add_parts(record.parts, std::move(value.parts), share);
    }
    return record;
  }

  [[nodiscard]] SchedulePosition position() const {
    return {step_, options_.total_steps, options_.steps_per_epoch};
  }
  /// @param number  of the micro-batch among those that all processes give to this update
  [[nodiscard]] TrainingStep training_step(std::int64_t number) const {
    return {position(), random_.derive(static_cast<std::uint64_t>(step_))
                            .derive(static_cast<std::uint64_t>(number))};
  }

  /// Whether each parameter has a gradient, a byte each.
  [[nodiscard]] Bytes gradients_present() const {
    Bytes present;
    for (const auto& [name, parameter] : parameters_)
      present.push_back(static_cast<std::byte>(parameter.grad().defined()));
    return present;
  }

  /// The gradients that any process has. What another one has and this one hasn't, as a part that
  /// only some batches go through, is zero here.
  /// @param present  of each process, whether it has a parameter's; not read for one process
  [[nodiscard]] std::vector<at::Tensor> gradients(const std::vector<Bytes>& present) const {
    std::vector<at::Tensor> gradients;
    for (std::size_t i = 0; i < parameters_.size(); ++i) {
      const at::Tensor& parameter = parameters_[i].second;
      if (!parameter.grad().defined() && peers_.size() > 1 &&
          std::ranges::any_of(present,
                              [&](const Bytes& of_one) { return of_one.at(i) != std::byte{0}; }))
        parameter.mutable_grad() = at::zeros_like(parameter);
      if (parameter.grad().defined()) gradients.push_back(parameter.grad());
    }
    return gradients;
  }

  /// Gradients become their means over all processes.
  void share_gradients(std::vector<at::Tensor>& gradients) const {
    if (peers_.size() == 1) return;
    std::vector<at::Tensor> flat;
    for (const at::Tensor& gradient : gradients) flat.push_back(gradient.flatten());
    at::Tensor all = at::cat(flat);
    peers_.sum(all);
    all.div_(static_cast<double>(peers_.size()));
    std::int64_t from = 0;
    for (at::Tensor& gradient : gradients) {
      gradient.copy_(all.narrow(0, from, gradient.numel()).view_as(gradient));
      from += gradient.numel();
    }
  }

  /// Unscaling, clipping and the update in one pass: the optimizer divides gradients by scale *
  /// max(1, norm / clip_norm).
  void update(StepRecord& record, const std::vector<Bytes>& present) {
    const at::NoGradGuard no_grad;
    std::vector<at::Tensor> all = gradients(present);
    share_gradients(all);
    const at::Tensor scaled_norm = at::stack(at::_foreach_norm(all)).norm();
    record.grad_norm = scaler_.dynamic() ? scaled_norm / scaler_.scale().squeeze(0) : scaled_norm;

    StepControl control;
    control.lr_factor = options_.schedule(position());
    control.found_inf = record.grad_norm.isfinite().logical_not().to(at::kFloat).reshape({1});
    if (options_.clip_norm > 0)
      control.grad_scale = scaler_.scale() * (record.grad_norm / options_.clip_norm).clamp_min(1.0);
    else if (scaler_.dynamic())
      control.grad_scale = scaler_.scale();
    record.lr = optimizer_.lr() * control.lr_factor;
    optimizer_.step(control);
    scaler_.update(control.found_inf);
    ++step_;
  }

  M model_;
  std::shared_ptr<torch::nn::Module> module_;
  std::vector<std::pair<std::string, at::Tensor>> parameters_;  // of model and loss, each once
  ModelParts parts_;
  L loss_;
  std::shared_ptr<torch::nn::Module> loss_module_;  // null where the loss has no parameters
  AnyOptimizer optimizer_;
  TrainerOptions options_;
  Precision precision_;
  DeviceName device_;
  Peers peers_;
  RandomStream random_;  // of all micro-batches
  LossScaler scaler_;
  std::int64_t step_ = 0;
};

}  // namespace vlp
