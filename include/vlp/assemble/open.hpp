#pragma once
// From a plan to living parts: context, data, losses, metrics, weights.

#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include <ATen/ATen.h>
#include <ATen/Parallel.h>

#include "vlp/assemble/initial_weights.hpp"
#include "vlp/assemble/warm_start.hpp"
#include "vlp/core/context.hpp"
#include "vlp/data/data.hpp"
#include "vlp/nn/autocast.hpp"
#include "vlp/plan.hpp"
#include "vlp/report/run_folder.hpp"
#include "vlp/train/device.hpp"
#include "vlp/train/objective.hpp"

namespace vlp {

/// What a command line says beside the recipe.
struct RunArguments {
  std::filesystem::path out;                  ///< the run folder; empty = runs/NAME-TIME
  std::filesystem::path data_dir = ".";       ///< where relative paths in [dataset] start
  std::filesystem::path share_dir = "share";  ///< holds vocabularies/
  DeviceName device;                          ///< chosen already, see choose_device
  std::int64_t threads = 0;                   ///< 0 = all cores
  Console console;                            ///< where notes and progress go
};

/// Device, precision, seeds and folders of a run. Seeds torch's own generators and sets its threads.
[[nodiscard]] inline Context open_context(const Plan& plan, const RunArguments& arguments) {
  Context ctx;
  ctx.device = arguments.device;
  ctx.precision = plan.train.precision;
  ctx.seeds = RandomStream(static_cast<std::uint64_t>(plan.run.seed));
  ctx.threads = static_cast<int>(arguments.threads > 0 ? arguments.threads : std::max(1U, std::thread::hardware_concurrency()));
  ctx.data_dir = arguments.data_dir;
  ctx.share_dir = arguments.share_dir;
  ctx.run_dir = arguments.out;
  ctx.console = arguments.console;
  at::set_num_threads(ctx.threads);
  at::manual_seed(static_cast<std::uint64_t>(plan.run.seed));
  return ctx;
}

/// Builds the transforms, and tells the context the image's size: that of training, where it is fixed.
[[nodiscard]] inline Pipelines build_transforms(const Plan& plan, Context& ctx) {
  Pipelines pipelines = build_pipelines(plan.transform, ctx);
  ImageSize size = pipelines.train.output_size();
  if (size.height == 0) size = pipelines.evaluate.output_size();
  if (size.height > 0) {
    ctx.dimensions.image_height = size.height;
    ctx.dimensions.image_width = size.width;
  }
  return pipelines;
}

/// Builds tokenizer and transforms, and tells the context the sizes that they settle.
[[nodiscard]] inline Preprocessing load_preprocessing(const Plan& plan, Context& ctx) {
  AnyTokenizer tokenizer = plan.tokenizer.build(ctx);
  ctx.tokens = tokenizer.special();
  ctx.dimensions.vocabulary_size = tokenizer.vocabulary_size();
  return {std::move(tokenizer), build_transforms(plan, ctx), plan.model.extra.prompt};
}

/// Builds preprocessing and dataset.
[[nodiscard]] inline Data load_data(const Plan& plan, Context& ctx) {
  Preprocessing preprocessing = load_preprocessing(plan, ctx);
  return {std::move(preprocessing), plan.dataset.build(ctx)};
}

/// The sources of the model's first weights, opened; they can be as large as the model, so don't keep them while it trains.
/// @throws WeightsError if one isn't there, is broken or of another architecture
[[nodiscard]] inline InitialWeights open_initial_weights(const Plan& plan, const Context& ctx) {
  return {plan.model.extra.weights, ctx.console};
}

/// Builds the model with what the losses need, fills in its first weights, and moves it to the device. A model that is to be
/// evaluated must find all of itself in them.
/// @param plan     of the run
/// @param ctx      knows the sizes that tokenizer and transforms have settled
/// @param weights  as `open_initial_weights` gives them
/// @throws WeightsError as `WarmStart::fill`
[[nodiscard]] inline AnyModel build_model(const Plan& plan, Context ctx, const InitialWeights& weights) {
  for (const auto& loss : plan.loss) ctx.needs = ctx.needs | loss.needs();
  AnyModel model = plan.model.build(ctx);
  if (!weights.empty())
    WarmStart(*model.ptr(), weights, {.resolved = plan.resolved, .complete = plan.run.task == Task::evaluate}, ctx.console).fill();
  model.ptr()->to(torch_device(ctx.device));
  return model;
}
/// The same with the sources opened here.
[[nodiscard]] inline AnyModel build_model(const Plan& plan, const Context& ctx) {
  return build_model(plan, ctx, open_initial_weights(plan, ctx));
}

/// The recipe's weighted sum of losses. Several losses of one name are told apart by their index.
[[nodiscard]] inline Objective build_losses(const Plan& plan, const Context& ctx) {
  std::vector<Objective::Term> terms;
  for (std::size_t i = 0; i < plan.loss.size(); ++i) {
    const auto& use = plan.loss[i];
    const bool unique = std::ranges::count(plan.loss, use.name(), [](const auto& other) { return other.name(); }) == 1;
    terms.push_back({unique ? use.name() : use.name() + "." + std::to_string(i), use.extra.weight, use.build(ctx)});
  }
  return Objective(std::move(terms));
}
/// The same, beginning with what the losses can use of the sources of initial weights: queues of embeddings.
[[nodiscard]] inline Objective build_losses(const Plan& plan, const Context& ctx, const InitialWeights& weights) {
  Objective losses = build_losses(plan, ctx);
  if (!weights.empty()) losses.warm_start(weights.for_losses(), ctx.console);
  return losses;
}

/// Fresh metrics, as each evaluation needs them.
[[nodiscard]] inline std::vector<AnyMetric> build_metrics(const Plan& plan, const Context& ctx) {
  std::vector<AnyMetric> metrics;
  for (const auto& use : plan.metric) metrics.push_back(use.build(ctx));
  return metrics;
}

/// Loader threads: as the recipe says, else one on a CPU and up to 16 beside a GPU.
[[nodiscard]] inline std::int64_t worker_count(const Plan& plan, const Context& ctx) {
  if (plan.train.workers > 0) return plan.train.workers;
  return ctx.device.type == DeviceName::Type::cpu ? 1 : std::min<std::int64_t>(16, ctx.threads);
}

}  // namespace vlp
