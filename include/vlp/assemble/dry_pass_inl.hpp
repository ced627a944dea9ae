#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <ATen/ATen.h>
#include <ATen/CPUGeneratorImpl.h>
#include <torch/nn/module.h>

#include "vlp/assemble/dry_pass.hpp"
#include "vlp/assemble/made_up_batch.hpp"
#include "vlp/assemble/open.hpp"
#include "vlp/concepts/batch.hpp"
#include "vlp/concepts/forward.hpp"
#include "vlp/concepts/optimizer.hpp"
#include "vlp/concepts/schedule.hpp"
#include "vlp/core/error.hpp"
#include "vlp/core/foreign_errors.hpp"
#include "vlp/core/random.hpp"
#include "vlp/data/collate.hpp"
#include "vlp/data/data.hpp"
#include "vlp/data/pipeline.hpp"
#include "vlp/nn/meta_tensors.hpp"
#include "vlp/nn/recompute.hpp"
#include "vlp/train/objective.hpp"
#include "vlp/train/options.hpp"
#include "vlp/train/parameter_groups.hpp"

namespace vlp {

namespace detail {

/// Puts LibTorch's random numbers back to where they were.
class SameRandomNumbers {
 public:
  SameRandomNumbers() : state_(at::detail::getDefaultCPUGenerator().get_state()) {}
  ~SameRandomNumbers() {
    at::Generator generator = at::detail::getDefaultCPUGenerator();
    generator.set_state(state_);
  }
  SameRandomNumbers(const SameRandomNumbers&) = delete;
  SameRandomNumbers& operator=(const SameRandomNumbers&) = delete;

 private:
  at::Tensor state_;
};

/// One dry pass.
class DryPass {
 public:
  DryPass(const Plan& plan, Context ctx, bool trains)
      : plan_(plan), ctx_(std::move(ctx)), trains_(trains) {
    ctx_.machine.device = {.type = DeviceName::Type::meta};
    ctx_.machine.console = {};
    ctx_.machine.peers = {};
    for (const auto& loss : plan.loss) ctx_.facts.needs = ctx_.facts.needs | loss.traits().needs;
  }

  DryPassFindings run(const Preprocessing& data) {
    const Pipelines& steps = data.transforms;
    if (trains_) preprocess(data, steps.train, "training");
    preprocess(data, steps.evaluate, "evaluation");
    if (trains_ && plan_.schedule) ask_schedule(plan_.schedule->build(ctx_));
    std::optional<AnyModel> model;
    std::optional<Objective> losses;
    attempt("the model", [&] {
      const MetaTensors without_memory;
      model.emplace(plan_.model.build(ctx_));
    });
    attempt("the losses", [&] {
      const MetaTensors without_memory;
      losses.emplace(build_losses(plan_, ctx_));
    });
    if (!model) return found_;
    Objective* const objective = losses && !plan_.loss.empty() ? &*losses : nullptr;
    if (trains_) prepare(*model->ptr(), objective ? objective->module().get() : nullptr);
    const Dimensions& sizes = ctx_.facts.dimensions;
    if (sizes.image_height <= 0) {
      found_.untried.emplace_back("no transform fixes the size of images");
      return found_;
    }
    const ImageSize fixed{sizes.image_height, sizes.image_width},
        own = steps.evaluate.output_size();
    const bool sound =
        !trains_ ||
        update(*model, objective, made_up_batch(plan_, data, /*trains=*/true, steps.train, fixed));
    evaluate(
        *model, sound ? objective : nullptr, data,
        made_up_batch(plan_, data, /*trains=*/false, steps.evaluate, own.height > 0 ? own : fixed));
    return found_;
  }

 private:
  /// What is done to parameters by name, and layers that are computed twice.
  void prepare(torch::nn::Module& model, const torch::nn::Module* losses) {
    const std::vector<NamedParameter> all = named_parameters(model, losses);
    found_.frozen = counts(plan_.train.freeze, all, "train.freeze");
    freeze_parameters(plan_.train.freeze, all);
    if (plan_.optimizer)
      found_.groups = counts(patterns_of(plan_.optimizer->extra.group), all, "optimizer.group");
    require_recompute(model, plan_.train.gradient_checkpointing);
    if (plan_.train.gradient_checkpointing)
      found_.recomputed = static_cast<std::int64_t>(trained_recomputable_layers(model));
  }

  /// What each pattern meets of that which is trained.
  static std::vector<ParameterCount> counts(const std::vector<std::string>& patterns,
                                            const std::vector<NamedParameter>& all,
                                            const char* key) {
    const std::vector<std::int64_t> chosen = first_matches(patterns, all, key);
    std::vector<ParameterCount> met(patterns.size());
    for (std::size_t i = 0; i < all.size(); ++i) {
      if (chosen[i] < 0 || !all[i].tensor.requires_grad()) continue;
      ParameterCount& count = met[static_cast<std::size_t>(chosen[i])];
      ++count.tensors;
      count.parameters += all[i].tensor.numel();
    }
    return met;
  }

  /// Does something; what only lacks values is noted, whatever else is wrong is thrown.
  /// @return  whether it could be done
  template <class F>
  bool attempt(const std::string& what, const F& f) {
    const auto lacks = [&](std::string_view message) {
      if (!lacks_values(message)) return false;
      found_.untried.push_back(what + " needs values (" +
                               std::string(message.substr(0, message.find('\n'))) + ")");
      return true;
    };
    try {
      f();
      return true;
    } catch (const ComponentError& error) {
      if (!lacks(error.what())) throw;
    } catch (const Error&) {
      throw;
    } catch (const std::exception& error) {
      const std::string message = without_stack(error.what()).message;
      if (!lacks(message)) throw ContractError(what + ": the parts don't fit: " + message);
    }
    return false;
  }

  /// An image and captions through the transforms of a phase, and captions on to ids.
  static void preprocess(const Preprocessing& data, const Pipeline& steps,
                         const std::string& phase) {
    RandomStream random(1);
    if (const std::string problem = input_problem(steps(made_up_image(), random)); !problem.empty())
      throw ContractError("transforms of " + phase + ": " + problem + ".");
    for (const std::string_view caption : kMadeUpCaptions)
      (void)data.tokenizer.encode(with_prompt(data.prompt, steps(caption, random)));
  }

  /// The length of the run isn't known before the data are: long enough for any warm-up.
  [[nodiscard]] SchedulePosition length() const {
    constexpr std::int64_t kUpdates = 10'000;  // of an epoch
    const LoopLength all = loop_length(kUpdates * plan_.train.accumulation, plan_.train);
    return {.step = 0, .steps = all.total_steps, .steps_per_epoch = all.steps_per_epoch};
  }

  /// For the first update, one in the middle, and the last.
  void ask_schedule(const AnySchedule& schedule) const {
    SchedulePosition position = length();
    for (const std::int64_t step : {std::int64_t{0}, position.steps / 2, position.steps - 1}) {
      position.step = step;
      (void)schedule(position);
    }
  }

  /// What training does for each batch.
  /// @param losses  null = they couldn't be built
  /// @return        whether the batch went through the losses
  bool update(AnyModel& model, Objective* losses, const Batch& batch) {
    model.ptr()->train();
    const std::shared_ptr<torch::nn::Module> own = losses ? losses->module() : nullptr;
    if (own) own->train();
    if (model.parts().begin_step)
      attempt("what the model does before an update", model.parts().begin_step);
    if (losses) attempt("what the losses do before an update", [&] { losses->begin_update(); });
    const bool passed =
        losses && attempt("a pass through the losses", [&] {
          SchedulePosition middle = length();  // whatever warms up takes part
          middle.step = middle.steps / 2;
          Forward forward(model.parts(), batch, {}, TrainingStep{middle, RandomStream(1)});
          (*losses)(forward).total.backward();
        });
    if (plan_.optimizer)
      attempt("a step of optimizer '" + plan_.optimizer->name() + "'",
              [&] { step(model, losses, passed); });
    if (passed) attempt("what the losses do behind an update", [&] { losses->end_update({}); });
    return passed;
  }

  /// One step of the optimizer with the parameters that a trainer would give it.
  /// @param passed  whether a pass has left gradients; otherwise all get some
  void step(const AnyModel& model, const Objective* losses, bool passed) const {
    const MetaTensors without_memory;
    const at::NoGradGuard no_grad;
    AnyOptimizer optimizer = plan_.optimizer->build(ctx_);
    const TrainedParameters trained = trained_parameters(model, losses);
    std::vector<ParameterGroup> groups =
        parameter_groups(trained.named, optimizer.decays_norms_and_biases(), trained.roles,
                         plan_.optimizer->extra.group);
    for (ParameterGroup& group : groups)
      for (at::Tensor& parameter : group.parameters) {
        const bool moves = !passed || parameter.grad().defined();
        if (!parameter.is_meta())  // a number that LibTorch made on a path of its own
          parameter = meta_twin(parameter.detach()).set_requires_grad(true);
        if (moves && !parameter.grad().defined())
          parameter.mutable_grad() = at::zeros_like(parameter);
      }
    optimizer.manage(std::move(groups));
    StepControl control;
    control.found_inf = at::zeros({1});
    if (plan_.train.clip_norm > 0 || plan_.train.precision == Precision::fp16)
      control.grad_scale = at::ones({1});
    optimizer.step(control);
    optimizer.zero_grad();
  }

  /// What an evaluation does for each batch.
  /// @param losses  null = not to be tried
  void evaluate(AnyModel& model, Objective* losses, const Preprocessing& data, const Batch& batch) {
    const at::NoGradGuard no_grad;
    model.ptr()->eval();
    if (losses) {
      if (losses->module()) losses->module()->eval();
      attempt("a pass through the losses", [&] {
        Forward forward(model.parts(), batch);
        (void)(*losses)(forward);
      });
    }
    bool captioned = false;
    for (const auto& metric : plan_.metric) {
      const AnyMetric::Traits& traits = metric.traits();
      if (traits.reads_captions && std::exchange(captioned, true)) continue;
      attempt("what metric '" + metric.name() + "' reads",
              [&] { read_for(traits, model.parts(), batch, data); });
    }
  }

  /// Asks for what a metric will be made of.
  void read_for(const AnyMetric::Traits& metric, const ModelParts& parts, const Batch& batch,
                const Preprocessing& data) const {
    const at::Tensor states = parts.call<ImageStates>(batch.pixels);
    if (metric.reads_captions) {
      const std::vector<RandomStream> random(static_cast<std::size_t>(states.size(0)),
                                             RandomStream(1));
      (void)parts.call<Generate>(states, prompt_ids(data.tokenizer, data.prompt), plan_.generate,
                                 plan_.generate.sample ? random : std::vector<RandomStream>());
      return;
    }
    (void)parts.call<ImageEmbeddings>(states);
    const Texts& texts = batch.texts;
    (void)parts.call<TextEmbeddings>(parts.call<TextStates>(texts.token_ids, texts.token_mask),
                                     texts.token_mask);
    if (metric.rerank > 0)
      (void)parts.call<MatchLogits>(
          parts.call<GroundedStates>(texts.token_ids, texts.token_mask, states));
  }

  const Plan& plan_;
  Context ctx_;
  bool trains_;
  DryPassFindings found_;
};

}  // namespace detail

VLP_INLINE DryPassFindings dry_pass(const Plan& plan, Context ctx, const Preprocessing& data,
                                    bool trains) {
  const detail::SameRandomNumbers as_before;
  return detail::DryPass(plan, std::move(ctx), trains).run(data);
}

VLP_INLINE DryPassFindings dry_pass(const Plan& plan, Context ctx, bool trains) {
  const detail::SameRandomNumbers as_before;
  ctx.machine.console = {};
  const Preprocessing data = load_preprocessing(plan, ctx);
  return dry_pass(plan, std::move(ctx), data, trains);
}

}  // namespace vlp
