#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <ATen/ATen.h>
#include <ATen/CPUGeneratorImpl.h>
#include <fmt/format.h>
#include <torch/nn/module.h>

#include "vlp/assemble/dry_pass.hpp"
#include "vlp/assemble/open.hpp"
#include "vlp/concepts/batch.hpp"
#include "vlp/concepts/forward.hpp"
#include "vlp/core/error.hpp"
#include "vlp/core/foreign_errors.hpp"
#include "vlp/core/random.hpp"
#include "vlp/data/collate.hpp"
#include "vlp/nn/meta_tensors.hpp"
#include "vlp/nn/recompute.hpp"
#include "vlp/train/objective.hpp"
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

  /// See `parameter_lines`.
  std::vector<std::string> parameters() {
    (void)load_preprocessing(plan_, ctx_);
    const MetaTensors without_memory;
    const AnyModel model = plan_.model.build(ctx_);
    const Objective losses = build_losses(plan_, ctx_);
    const std::vector<NamedParameter> all = named_parameters(*model.ptr(), losses.module().get());
    std::vector<std::string> lines;
    const auto tell = [&](const char* what, const std::vector<std::string>& patterns,
                          const char* key, const auto& more) {
      const std::vector<std::int64_t> chosen = first_matches(patterns, all, key);
      for (std::size_t i = 0; i < patterns.size(); ++i) {
        std::int64_t tensors = 0, numbers = 0;
        for (std::size_t k = 0; k < all.size(); ++k) {
          if (chosen[k] != static_cast<std::int64_t>(i) || !all[k].tensor.requires_grad()) continue;
          ++tensors;
          numbers += all[k].tensor.numel();
        }
        lines.push_back(fmt::format("{:<10} {}: {} tensors, {} parameters{}", what, patterns[i],
                                    tensors, numbers, more(i)));
      }
    };
    tell("freeze", plan_.train.freeze, "train.freeze", [](std::size_t) { return ""; });
    freeze_parameters(plan_.train.freeze, all);
    const std::vector<GroupOptions>& groups = plan_.optimizer->extra.group;
    tell("group", patterns_of(groups), "optimizer.group", [&](std::size_t i) {
      return fmt::format(", lr x {}{}", groups[i].lr_factor,
                         groups[i].weight_decay
                             ? fmt::format(", weight decay {}", *groups[i].weight_decay)
                             : std::string());
    });
    return lines;
  }

  std::vector<std::string> run() {
    const Preprocessing preprocessing = load_preprocessing(plan_, ctx_);
    const Dimensions& sizes = ctx_.facts.dimensions;
    if (sizes.image_height <= 0) {
      untried_.emplace_back("no transform fixes the size of images");
      return untried_;
    }
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
    if (!model) return untried_;
    const Batch batch = made_up(preprocessing);
    const std::shared_ptr<torch::nn::Module> module = model->ptr();
    if (losses && !plan_.loss.empty()) {
      if (trains_) prepare(*module, losses->module().get());
      module->train(trains_);
      attempt("a pass through the losses", [&] { pass(*model, *losses, batch); });
    }
    module->eval();
    const at::NoGradGuard no_grad;
    for (const auto& metric : plan_.metric)
      attempt("what metric '" + metric.name() + "' reads",
              [&] { read_for(metric.traits(), model->parts(), batch, preprocessing); });
    return untried_;
  }

 private:
  /// What is done to parameters by name, and layers that are computed twice.
  void prepare(torch::nn::Module& model, const torch::nn::Module* losses) const {
    const std::vector<NamedParameter> all = named_parameters(model, losses);
    freeze_parameters(plan_.train.freeze, all);
    if (plan_.optimizer)
      (void)first_matches(patterns_of(plan_.optimizer->extra.group), all, "optimizer.group");
    require_recompute(model, plan_.train.gradient_checkpointing);
  }

  /// Does something; what only lacks values is noted, whatever else is wrong is thrown.
  template <class F>
  void attempt(const std::string& what, const F& f) {
    const auto lacks = [&](std::string_view message) {
      if (!lacks_values(message)) return false;
      untried_.push_back(what + " needs values (" +
                         std::string(message.substr(0, message.find('\n'))) + ")");
      return true;
    };
    try {
      f();
    } catch (const ComponentError& error) {
      if (!lacks(error.what())) throw;
    } catch (const Error&) {
      throw;
    } catch (const std::exception& error) {
      const std::string message = without_stack(error.what()).message;
      if (!lacks(message)) throw ContractError(what + ": the parts don't fit: " + message);
    }
  }

  /// As many pairs as the losses need, at least two, of the longest text that the tokenizer gives.
  [[nodiscard]] Batch made_up(const Preprocessing& data) const {
    constexpr std::size_t kWords = 2000;  // cut by whatever cuts
    std::int64_t pairs = 2, captions = 1;
    for (const auto& loss : plan_.loss) {
      pairs = std::max(pairs, loss.traits().smallest_batch);
      captions = std::max(captions, loss.traits().captions_per_image);
    }
    std::string text;
    for (std::size_t i = 0; i < kWords; ++i) text += i == 0 ? "a" : " a";
    RandomStream random(1);
    const std::vector<std::int64_t> ids =
        data.tokenizer.encode(with_prompt(data.prompt, data.transforms.train(text, random)));
    const std::vector rows(static_cast<std::size_t>(pairs), ids);
    const auto texts = [&] {
      return collate_ids(rows, ctx_.facts.tokens.pad, prompt_length(data.tokenizer, data.prompt));
    };
    Batch batch;
    batch.pixels =
        at::zeros({pairs, 3, ctx_.facts.dimensions.image_height, ctx_.facts.dimensions.image_width},
                  at::TensorOptions(at::kMeta));
    batch.texts = texts();
    for (std::int64_t k = 1; k < captions; ++k) batch.extra_captions.push_back(texts());
    batch.image_index = at::arange(pairs, at::kLong);
    for (std::int64_t i = 0; i < pairs; ++i) batch.image_ids.push_back("made-up");
    for_each_tensor(batch, [](at::Tensor& tensor) {
      if (tensor.defined()) tensor = tensor.to(at::kMeta);
    });
    return batch;
  }

  void pass(AnyModel& model, Objective& losses, const Batch& batch) const {
    if (!trains_) {
      const at::NoGradGuard no_grad;
      Forward forward(model.parts(), batch);
      (void)losses(forward);
      return;
    }
    Forward forward(model.parts(), batch, {}, TrainingStep{{0, 1, 1}, RandomStream(1)});
    const LossValue value = losses(forward);
    value.total.backward();
  }

  /// Asks for what a metric will be made of.
  void read_for(const AnyMetric::Traits& metric, const ModelParts& parts, const Batch& batch,
                const Preprocessing& data) const {
    const at::Tensor states = parts.call<ImageStates>(batch.pixels);
    if (!metric.reads_captions) {
      (void)parts.call<ImageEmbeddings>(states);
      const Texts& texts = batch.texts;
      (void)parts.call<TextEmbeddings>(parts.call<TextStates>(texts.token_ids, texts.token_mask),
                                       texts.token_mask);
      if (metric.rerank > 0)
        (void)parts.call<MatchLogits>(
            parts.call<GroundedStates>(texts.token_ids, texts.token_mask, states));
      return;
    }
    try {
      const std::vector<RandomStream> random(static_cast<std::size_t>(states.size(0)),
                                             RandomStream(1));
      (void)parts.call<Generate>(states, prompt_ids(data.tokenizer, data.prompt), plan_.generate,
                                 plan_.generate.sample ? random : std::vector<RandomStream>());
    } catch (const ComponentError& error) {
      // The cache is made and the first logits are there; to choose a token takes their values.
      if (!lacks_values(error.what())) throw;
    }
  }

  const Plan& plan_;
  Context ctx_;
  bool trains_;
  std::vector<std::string> untried_;
};

}  // namespace detail

VLP_INLINE std::vector<std::string> parameter_lines(const Plan& plan, Context ctx) {
  if (plan.train.freeze.empty() && (!plan.optimizer || plan.optimizer->extra.group.empty()))
    return {};
  const detail::SameRandomNumbers as_before;
  return detail::DryPass(plan, std::move(ctx), /*trains=*/true).parameters();
}

VLP_INLINE std::vector<std::string> dry_pass(const Plan& plan, Context ctx, bool trains) {
  const detail::SameRandomNumbers as_before;
  return detail::DryPass(plan, std::move(ctx), trains).run();
}

}  // namespace vlp
