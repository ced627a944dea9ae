#pragma once
// The one training step of vlp: forward under autocast, backward, clipping and update, for any
// model and any loss that model their concepts. Works without recipes; a recipe's model and losses
// are just `Trainer<AnyModel, Objective>`.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include <ATen/ATen.h>
#include <ATen/Context.h>
#include <torch/nn/module.h>

#include "vlp/concepts/batch.hpp"
#include "vlp/concepts/context.hpp"
#include "vlp/concepts/loss.hpp"
#include "vlp/concepts/model.hpp"
#include "vlp/concepts/optimizer.hpp"
#include "vlp/concepts/parameter_role.hpp"
#include "vlp/concepts/peers.hpp"
#include "vlp/concepts/schedule.hpp"
#include "vlp/concepts/tensor_state.hpp"
#include "vlp/core/error.hpp"
#include "vlp/core/packed.hpp"
#include "vlp/core/random.hpp"
#include "vlp/core/state.hpp"
#include "vlp/data/to_device.hpp"
#include "vlp/nn/autocast.hpp"
#include "vlp/nn/device.hpp"
#include "vlp/nn/recompute.hpp"
#include "vlp/train/accumulation.hpp"
#include "vlp/train/ema.hpp"
#include "vlp/train/explain_nan.hpp"
#include "vlp/train/options.hpp"
#include "vlp/train/parameter_groups.hpp"
#include "vlp/train/precision.hpp"
#include "vlp/train/skips.hpp"
#include "vlp/train/step_record.hpp"
#include "vlp/weights/module_weights.hpp"

namespace vlp {

/// What a step needs to know besides model, loss, optimizer and schedule.
struct TrainerOptions {
  AnySchedule schedule = constant_schedule();  ///< factor of the optimizer's learning rate
  double clip_norm = 0;              ///< gradients are scaled down to this 2-norm; 0 = never
  std::int64_t total_steps = 1;      ///< updates of the whole run, for the schedule
  std::int64_t steps_per_epoch = 1;  ///< updates of one epoch, for the schedule
  double ema = 0;  ///< share that an average of the weights keeps in each update; 0 = no average
  bool gradient_checkpointing = false;    ///< layers are computed again in the backward pass
  std::int64_t skipped_limit = 0;         ///< skipped updates in a row after which nothing changes
                                          ///< any more, see `SkipCounter`; 0 = none
  std::vector<std::string> freeze = {};   ///< patterns of names, see `freeze_parameters`
  std::vector<GroupOptions> groups = {};  ///< see `parameter_groups`
};

/// Trains model `M` with loss `L`, step by step.
template <Model M, Loss L>
class Trainer {
 public:
  /// Model and loss must be on the context's device already.
  /// @throws RecipeError for a pattern that fits no parameter, if nothing is left to train, and if
  /// no layer of the model knows gradient checkpointing
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
        scaler_(ctx.machine.precision, ctx.machine.device),
        skips_(options_.skipped_limit, torch_device(device_)) {
    const TrainedParameters all = trained_parameters(model_, &loss_);
    freeze_parameters(options_.freeze, all.named);
    for (const NamedParameter& parameter : all.named)
      parameters_.emplace_back(parameter.names.front(), parameter.tensor);
    optimizer_.manage(parameter_groups(all.named, optimizer_.decays_norms_and_biases(), all.roles,
                                       options_.groups));
    require_recompute(*module_, options_.gradient_checkpointing);
    if (options_.ema > 0) average_.emplace(options_.ema, trained_of_model());
  }

  /// One update from the mean gradient over the samples of all micro-batches, and of those of all
  /// other processes: that of one large batch, as far as losses are means over independent samples.
  /// Micro-batches are asked for one at a time, see `BatchQueue`. Never waits for the device.
  /// Before each micro-batch LibTorch's generators are seeded with a number of its own, for
  /// dropout.
  /// @return  nothing if there was no micro-batch, and so no update
  /// @throws PeerError if another process fails to compute its gradients
  std::optional<StepRecord> step(const MicroBatches& given) {
    BatchQueue batches(given, !weighs_alike(loss_));
    Accumulation sums = weigh(batches, given.count);
    if (batches.empty()) return std::nullopt;
    StepRecord record;
    const std::vector<Bytes> told = together(peers_, [&] {
      record = backward(batches, sums);
      return pack(sums.seen(), gradients_present());
    });
    double weight = 0;
    std::vector<Bytes> present;
    for (const Bytes& of_one : told) {
      auto [own, has] = unpack<double, Bytes>(of_one);
      weight += own;
      present.push_back(std::move(has));
    }
    update(record, present, sums.rest(weight));
    end_update(loss_, peers_);
    return record;
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
  [[nodiscard]] const Peers& peers() const { return peers_; }
  /// The context's device.
  [[nodiscard]] const DeviceName& device_name() const { return device_; }
  /// Where the model is.
  [[nodiscard]] at::Device device() const { return torch_device(device_); }
  /// The model that is trained.
  [[nodiscard]] M& model() { return model_; }
  /// The loss that is minimised.
  [[nodiscard]] L& loss() { return loss_; }
  /// The average of the weights; null without one.
  [[nodiscard]] WeightAverage* average() { return average_ ? &*average_ : nullptr; }

  /// Does the passes of an update again and looks at every tensor, forward and backward. The
  /// weights must be those before the update: it was skipped, and nothing has changed since.
  /// Gradients are lost.
  /// @param given  its micro-batches
  /// @param step   its number, from 0
  /// @return       the first tensor that isn't finite; nothing if all are
  [[nodiscard]] std::optional<NonFiniteUpdate> explain(const MicroBatches& given,
                                                       std::int64_t step) {
    prepare();
    for (std::int64_t i = 0; i < given.count; ++i) {
      std::optional<Batch> made = given.next();
      if (!made) break;
      Batch batch = to_device(std::move(*made), device());
      if (const std::string problem = not_finite(batch); !problem.empty())
        return NonFiniteUpdate{step, i, std::move(batch), problem};
      const FiniteWatch watch(parameters_, batch.size());
      const char* phase = "forward";
      try {
        (void)pass(batch, step, peers_.rank() * given.count + i, {},
                   [&] { phase = watch.found() ? "forward" : "backward"; });
      } catch (const std::exception&) {  // what comes of such numbers is no cause
        if (!watch.found()) throw;
      }
      if (watch.found()) {
        std::string text = in_words(watch.first(), phase, batch.image_ids);
        return NonFiniteUpdate{step, i, std::move(batch), std::move(text)};
      }
    }
    return std::nullopt;
  }

  /// Parameters and their average, optimizer, scaler, losses and position. Random numbers need no
  /// state: they follow from seed, update and micro-batch.
  void save(State& state) const {
    State model = state.prefixed("model"), optimizer = state.prefixed("optimizer"),
          scaler = state.prefixed("scaler"), loss = state.prefixed("loss"),
          skips = state.prefixed("skips");
    save_module(*module_, model);
    optimizer_.save(optimizer);
    scaler_.save(scaler);
    skips_.save(skips);
    if constexpr (Stateful<L>) loss_.save(loss);
    if (loss_module_) {
      State own = state.prefixed("loss_module");
      save_module(*loss_module_, own);
    }
    if (average_) {
      State average = state.prefixed("ema");
      average_->save(average);
    }
    state.put("step", step_);
  }
  /// @throws WeightsError if an entry is missing or has another shape
  void load(const State& state) {
    load_module(*module_, state.prefixed("model"));
    optimizer_.load(state.prefixed("optimizer"));
    scaler_.load(state.prefixed("scaler"));
    skips_.load(state.prefixed("skips"));
    if constexpr (Stateful<L>) loss_.load(state.prefixed("loss"));
    if (loss_module_) load_module(*loss_module_, state.prefixed("loss_module"));
    if (average_) average_->load(state.prefixed("ema"));
    step_ = state.integer("step");
  }

 private:
  /// Where the schedule stands: skipped updates don't count, once they are known.
  [[nodiscard]] SchedulePosition position(std::int64_t step) const {
    return {step - skips_.known(), options_.total_steps, options_.steps_per_epoch};
  }
  /// @param number  of the micro-batch among those that all processes give to this update
  [[nodiscard]] TrainingStep training_step(std::int64_t step, std::int64_t number) const {
    return {position(step), random_.derive(static_cast<std::uint64_t>(step))
                                .derive(static_cast<std::uint64_t>(number))};
  }
  /// Parameters of the model, not of the losses, that are trained.
  [[nodiscard]] std::vector<std::pair<std::string, at::Tensor>> trained_of_model() const {
    std::vector<std::pair<std::string, at::Tensor>> trained;
    for (const NamedParameter& parameter : named_parameters(*module_))
      if (parameter.tensor.requires_grad())
        trained.emplace_back(parameter.names.front(), parameter.tensor);
    return trained;
  }

  /// Makes the micro-batches whose weights must be known beforehand, and learns of those of other
  /// processes if all must be.
  [[nodiscard]] Accumulation weigh(BatchQueue& batches, std::int64_t count) const {
    const auto weights = [&](const Batch& batch) { return weights_of(loss_, batch); };
    if (weighs_alike(loss_)) {
      alone(peers_, [&] { batches.open(weights); });
      return {batches.known(), count, peers_.size()};
    }
    std::vector<double> totals(batches.known());
    const auto told = together(peers_, [&] {
      batches.open(weights);
      return pack(batches.known());
    });
    for (const Bytes& of_one : told) {
      const auto [own] = unpack<std::vector<double>>(of_one);
      totals.resize(std::max(totals.size(), own.size()));
      for (std::size_t i = 0; i < own.size(); ++i) totals[i] += own[i];
    }
    return {std::move(totals), 0, peers_.size()};
  }

  /// What comes before the passes of an update. Makes no call of the group.
  void prepare() {
    module_->train();
    if (loss_module_) loss_module_->train();
    optimizer_.zero_grad();
    begin_update(loss_);
    if (parts_.begin_step) parts_.begin_step();
  }

  /// The gradient of this process's micro-batches. Makes no call of the group.
  [[nodiscard]] StepRecord backward(BatchQueue& batches, Accumulation& sums) {
    prepare();
    StepRecord record;
    std::int64_t number = peers_.rank() * batches.count();
    while (std::optional<Batch> batch = batches.next()) {
      record.pairs += pairs_of(*batch);
      const std::vector<double> shares = sums.shares(weights_of(loss_, *batch));
      LossValue value = pass(to_device(std::move(*batch), device()), step_, number++, shares);
      record.loss = record.loss.defined() ? record.loss + value.total : value.total;
      add_parts(record.parts, std::move(value.parts));
    }
    return record;
  }

  /// Forward and backward of one micro-batch, whose share is added to the gradients.
  /// @param between  called between both
  /// @return         its share of the loss and the parts, without gradient
  LossValue pass(const Batch& batch, std::int64_t step, std::int64_t number,
                 std::span<const double> shares, const std::function<void()>& between = {}) {
    TrainingStep training = training_step(step, number);
    at::manual_seed(training.random.derive("torch").next());
    LossValue value;
    {
      const Autocast autocast(precision_, device_);
      Forward forward(parts_, batch, {}, std::move(training));
      value = value_of(loss_, forward, shares);
    }
    if (between) between();
    (scaler_.dynamic() ? value.total * scaler_.scale().squeeze(0) : value.total).backward();
    value.total = value.total.detach();
    return value;
  }

  /// What isn't finite before a pass begins; else empty. Waits for the device.
  [[nodiscard]] std::string not_finite(const Batch& batch) const {
    const at::NoGradGuard no_grad;
    const auto bad = [](const at::Tensor& tensor) {
      return tensor.is_floating_point() && !tensor.isfinite().all().template item<bool>();
    };
    for (const auto& [name, parameter] : parameters_)
      if (bad(parameter)) return "parameter " + name + " isn't finite: " + range_of(parameter);
    if (batch.pixels.defined() && bad(batch.pixels))
      return "the pixels of the batch aren't finite: " + range_of(batch.pixels) +
             "; images of the batch: " + joined(batch.image_ids);
    return {};
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
  /// @param present  of each process, whether it has a parameter's gradient
  /// @param rest     with which sums over micro-batches become means
  void update(StepRecord& record, const std::vector<Bytes>& present, double rest) {
    const at::NoGradGuard no_grad;
    std::vector<at::Tensor> all = gradients(present);
    if (rest != 1) at::_foreach_mul_(all, rest);
    record.loss = share_of(record.loss, rest);
    for (auto& [name, part] : record.parts) part = share_of(part, rest);
    share_gradients(all);
    const at::Tensor scaled_norm = at::stack(at::_foreach_norm(all)).norm();
    record.grad_norm = scaler_.dynamic() ? scaled_norm / scaler_.scale().squeeze(0) : scaled_norm;

    StepControl control;
    control.lr_factor = options_.schedule(position(step_));
    control.found_inf = record.skipped = skips_.add(is_bad(record), step_);
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

  /// Whether an update must not happen, scalar bool on the device; the same in all processes.
  [[nodiscard]] at::Tensor is_bad(const StepRecord& record) const {
    const at::Tensor bad = record.grad_norm.isfinite().logical_not();
    return peers_.size() > 1 ? bad : bad.logical_or(record.loss.isfinite().logical_not());
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
  SkipCounter skips_;
  std::optional<WeightAverage> average_;
  std::int64_t step_ = 0;
};

}  // namespace vlp
