#pragma once
// The forward and backward passes of an update: over its micro-batches one at a time, with
// autocast, shares of the means, and random numbers that follow from seed, update and micro-batch.

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
#include "vlp/concepts/forward.hpp"
#include "vlp/concepts/loss.hpp"
#include "vlp/concepts/model.hpp"
#include "vlp/concepts/peers.hpp"
#include "vlp/concepts/schedule.hpp"
#include "vlp/core/message.hpp"
#include "vlp/core/packed.hpp"
#include "vlp/core/random.hpp"
#include "vlp/data/to_device.hpp"
#include "vlp/nn/autocast.hpp"
#include "vlp/nn/device.hpp"
#include "vlp/nn/tf32.hpp"
#include "vlp/train/accumulation.hpp"
#include "vlp/train/explain_nan.hpp"
#include "vlp/train/gradients.hpp"
#include "vlp/train/precision.hpp"
#include "vlp/train/step_record.hpp"
#include "vlp/weights/module_weights.hpp"

namespace vlp {

/// Which update a pass is of.
struct UpdatePlace {
  std::int64_t step = 0;      ///< updates before it
  SchedulePosition schedule;  ///< skipped ones don't count there
};

/// What the passes of an update leave, beside gradients.
struct UpdatePasses {
  StepRecord record;           ///< loss and parts, of this process
  std::vector<Bytes> present;  ///< of each process, whether it has a parameter's gradient
  double rest = 1;             ///< with which gradients, loss and parts become means
};

/// Makes the passes of updates of model `M` with loss `L`.
template <Model M, Loss L>
class Passes {
 public:
  /// Model and loss must be on the context's device already. Says for the process whether it may
  /// compute in TF32.
  Passes(M model, L loss, const Context& ctx)
      : model(std::move(model)),
        module(this->model.ptr()),
        parts(parts_of(this->model)),
        loss(std::move(loss)),
        loss_module(module_of(this->loss)),
        device(ctx.machine.device),
        peers(ctx.machine.peers),
        precision_(ctx.machine.precision),
        random_(ctx.facts.seeds.derive("micro-batch")) {
    choose_tf32(precision_);
  }

  /// Adds the gradients of all micro-batches to those that are there. Before each micro-batch
  /// LibTorch's generators are seeded with a number of its own, for dropout. Never waits for the
  /// device.
  /// @param parameters  that are trained
  /// @return            nothing if there was no micro-batch
  /// @throws PeerError if another process fails to compute its gradients
  [[nodiscard]] std::optional<UpdatePasses> operator()(const MicroBatches& given,
                                                       const UpdatePlace& place,
                                                       const NamedTensorList& parameters,
                                                       const LossScaler& scaler) {
    BatchQueue batches(given, !weighs_alike(loss));
    Accumulation sums = weigh(batches, given.count);
    if (batches.empty()) return std::nullopt;
    UpdatePasses all;
    const std::vector<Bytes> told = together(peers, [&] {
      all.record = backward(batches, sums, place, scaler);
      return pack(sums.seen(), gradients_present(parameters));
    });
    double weight = 0;
    for (const Bytes& of_one : told) {
      auto [own, has] = unpack<double, Bytes>(of_one);
      weight += own;
      all.present.push_back(std::move(has));
    }
    all.rest = sums.rest(weight);
    return all;
  }

  /// Makes the passes again and looks at every tensor, forward and backward. The weights must be
  /// those before the update: it was skipped, and nothing has changed since. Gradients are lost.
  /// @return  the first tensor that isn't finite; nothing if all are
  [[nodiscard]] std::optional<NonFiniteUpdate> explain(const MicroBatches& given,
                                                       const UpdatePlace& place,
                                                       const NamedTensorList& parameters,
                                                       const LossScaler& scaler) {
    begin();
    for (std::int64_t i = 0; i < given.count; ++i) {
      std::optional<Batch> made = given.next();
      if (!made) break;
      Batch batch = to_device(std::move(*made), torch_device(device));
      if (const std::string problem = not_finite(batch, parameters); !problem.empty())
        return NonFiniteUpdate{place.step, i, std::move(batch), problem};
      const FiniteWatch watch(parameters, batch.size());
      const char* phase = "forward";
      try {
        (void)pass(batch, training_step(place, peers.rank() * given.count + i), {}, scaler,
                   [&] { phase = watch.found() ? "forward" : "backward"; });
      } catch (const std::exception&) {  // what comes of such numbers is no cause
        if (!watch.found()) throw;
      }
      if (watch.found()) {
        std::string text = in_words(watch.first(), phase, batch.image_ids);
        return NonFiniteUpdate{place.step, i, std::move(batch), std::move(text)};
      }
    }
    return std::nullopt;
  }

  M model;
  std::shared_ptr<torch::nn::Module> module;
  ModelParts parts;
  L loss;
  std::shared_ptr<torch::nn::Module> loss_module;  ///< null where the loss has no parameters
  DeviceName device;
  Peers peers;

 private:
  /// @param number  of the micro-batch among those that all processes give to this update
  [[nodiscard]] TrainingStep training_step(const UpdatePlace& place, std::int64_t number) const {
    return {place.schedule, random_.derive(static_cast<std::uint64_t>(place.step))
                                .derive(static_cast<std::uint64_t>(number))};
  }

  /// Makes the micro-batches whose weights must be known beforehand, and learns of those of other
  /// processes if all must be.
  [[nodiscard]] Accumulation weigh(BatchQueue& batches, std::int64_t count) const {
    const auto weights = [&](const Batch& batch) { return weights_of(loss, batch); };
    if (weighs_alike(loss)) {
      alone(peers, [&] { batches.open(weights); });
      return {batches.known(), count, peers.size()};
    }
    std::vector<double> totals(batches.known());
    const auto told = together(peers, [&] {
      batches.open(weights);
      return pack(batches.known());
    });
    for (const Bytes& of_one : told) {
      const auto [own] = unpack<std::vector<double>>(of_one);
      totals.resize(std::max(totals.size(), own.size()));
      for (std::size_t i = 0; i < own.size(); ++i) totals[i] += own[i];
    }
    return {std::move(totals), 0, peers.size()};
  }

  /// What comes before the passes of an update. Makes no call of the group.
  void begin() {
    module->train();
    if (loss_module) loss_module->train();
    begin_update(loss);
    if (parts.begin_step) parts.begin_step();
  }

  /// The gradient of this process's micro-batches. Makes no call of the group.
  [[nodiscard]] StepRecord backward(BatchQueue& batches, Accumulation& sums,
                                    const UpdatePlace& place, const LossScaler& scaler) {
    begin();
    StepRecord record;
    std::int64_t number = peers.rank() * batches.count();
    while (std::optional<Batch> batch = batches.next()) {
      record.pairs += pairs_of(*batch);
      const std::vector<double> shares = sums.shares(weights_of(loss, *batch));
      LossValue value = pass(to_device(std::move(*batch), torch_device(device)),
                             training_step(place, number++), shares, scaler);
      record.loss = record.loss.defined() ? record.loss + value.total : value.total;
      add_parts(record.parts, std::move(value.parts));
    }
    return record;
  }

  /// Forward and backward of one micro-batch, whose share is added to the gradients.
  /// @param between  called between both
  /// @return         its share of the loss and the parts, without gradient
  LossValue pass(const Batch& batch, TrainingStep training, std::span<const double> shares,
                 const LossScaler& scaler, const std::function<void()>& between = {}) {
    at::manual_seed(training.random.derive("torch").next());
    LossValue value;
    {
      const Autocast autocast(precision_, device);
      Forward forward(parts, batch, {}, std::move(training));
      value = value_of(loss, forward, shares);
    }
    if (between) between();
    (scaler.dynamic() ? value.total * scaler.scale().squeeze(0) : value.total).backward();
    value.total = value.total.detach();
    return value;
  }

  /// What isn't finite before a pass begins; else empty. Waits for the device.
  [[nodiscard]] static std::string not_finite(const Batch& batch,
                                              const NamedTensorList& parameters) {
    const at::NoGradGuard no_grad;
    const auto bad = [](const at::Tensor& tensor) {
      return tensor.is_floating_point() && !tensor.isfinite().all().template item<bool>();
    };
    for (const auto& [name, parameter] : parameters)
      if (bad(parameter)) return "parameter " + name + " isn't finite: " + range_of(parameter);
    if (batch.pixels.defined() && bad(batch.pixels))
      return "the pixels of the batch aren't finite: " + range_of(batch.pixels) +
             "; images of the batch: " + joined(batch.image_ids);
    return {};
  }

  Precision precision_;
  RandomStream random_;  // of all micro-batches
};

}  // namespace vlp
