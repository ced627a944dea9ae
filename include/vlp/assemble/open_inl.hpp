#pragma once

#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include <ATen/ATen.h>
#include <ATen/Parallel.h>

#include "vlp/assemble/open.hpp"
#include "vlp/concepts/context.hpp"
#include "vlp/core/message.hpp"
#include "vlp/data/blank_texts.hpp"
#include "vlp/data/data.hpp"
#include "vlp/data/pipeline.hpp"
#include "vlp/data/text_room.hpp"
#include "vlp/nn/device.hpp"
#include "vlp/nn/tf32.hpp"
#include "vlp/plan/plan.hpp"
#include "vlp/plan/run_arguments.hpp"
#include "vlp/report/run_folder.hpp"
#include "vlp/start/fill_model.hpp"
#include "vlp/start/initial_weights.hpp"
#include "vlp/train/device.hpp"
#include "vlp/train/objective.hpp"
#include "vlp/weights/module_weights.hpp"
#include "vlp/weights/safetensors.hpp"

namespace vlp {

VLP_INLINE Context open_context(const Plan& plan, const RunArguments& arguments) {
  Context ctx;
  ctx.machine.device = arguments.device;
  ctx.machine.precision = plan.train.precision;
  choose_tf32(ctx.machine.precision);
  ctx.facts.seeds = RandomStream(static_cast<std::uint64_t>(plan.run.seed));
  ctx.facts.bad = plan.dataset.extra.limits();
  ctx.machine.threads =
      static_cast<int>(arguments.threads > 0 ? arguments.threads
                                             : std::max(1U, std::thread::hardware_concurrency()));
  ctx.folders.data = arguments.data_dir;
  ctx.folders.share = arguments.share_dir;
  if (arguments.peers.first()) ctx.machine.console = arguments.console;
  ctx.machine.peers = arguments.peers;
  ctx.machine.stop = arguments.stop;
  at::set_num_threads(ctx.machine.threads);
  at::manual_seed(static_cast<std::uint64_t>(plan.run.seed));
  return ctx;
}

VLP_INLINE Pipelines build_pipelines(const std::vector<TransformUse>& uses, const Context& ctx) {
  Pipelines pipelines;
  for (const TransformUse& use : uses) {
    const AnyTransform step = use.build(ctx);
    if (use.extra.when != When::evaluate) pipelines.train.add(step);
    if (use.extra.when != When::train) pipelines.evaluate.add(step);
  }
  return pipelines;
}

VLP_INLINE Pipelines build_transforms(const Plan& plan, Context& ctx) {
  Pipelines pipelines = build_pipelines(plan.transform, ctx);
  ImageSize size = pipelines.train.output_size();
  if (size.height == 0) size = pipelines.evaluate.output_size();
  if (size.height > 0) {
    ctx.facts.dimensions.image_height = size.height;
    ctx.facts.dimensions.image_width = size.width;
  }
  return pipelines;
}

VLP_INLINE Preprocessing load_preprocessing(const Plan& plan, Context& ctx) {
  AnyTokenizer tokenizer = plan.tokenizer.build(ctx);
  ctx.facts.tokens = tokenizer.special();
  ctx.facts.dimensions.vocabulary_size = tokenizer.vocabulary_size();
  require_room(plan, tokenizer);
  return {std::move(tokenizer), build_transforms(plan, ctx), plan.model.extra.prompt,
          ImageFiles(plan.dataset.extra.images)};
}

VLP_INLINE void require_room(const Plan& plan, const AnyTokenizer& tokenizer) {
  const std::string& prompt = plan.model.extra.prompt;
  if (prompt.empty()) return;
  const std::int64_t begin = whole_prompt_length(tokenizer, prompt);
  std::vector<std::string> problems;
  if (std::string problem = text_room_problem(begin, plan.tokenizer.traits().longest_text);
      !problem.empty())
    problems.push_back("model.prompt: " + std::move(problem));
  const bool writes =
      std::ranges::any_of(plan.metric, [](const auto& use) { return use.traits().reads_captions; });
  if (writes)
    for (const std::string& problem :
         caption_room_problems(plan.generate, begin, plan.model.traits().longest_caption))
      problems.push_back("generate." + problem + "; shorten model.prompt, or change it");
  if (!problems.empty()) throw RecipeError(joined(problems, "\n") + ".");
}

VLP_INLINE AnyDataset build_dataset(const Plan& plan, const Context& ctx,
                                    const Pipelines& transforms) {
  return without_blank_texts(plan.dataset.build(ctx), transforms, ctx.machine.threads,
                             ctx.machine.console);
}

VLP_INLINE InitialWeights open_initial_weights(const Plan& plan, const Context& ctx) {
  return {plan.model.extra.weights, plan.formats, plan.resolved, ctx.machine.console};
}

VLP_INLINE AnyModel build_model(const Plan& plan, Context ctx, const InitialWeights& weights,
                                bool complete) {
  for (const auto& loss : plan.loss) ctx.facts.needs = ctx.facts.needs | loss.traits().needs;
  AnyModel model = plan.model.build(ctx);
  if (!weights.empty())
    fill_model(*model.ptr(), weights, complete ? FillPolicy::all : FillPolicy::what_fits,
               plan.resolved, ctx.machine.console);
  model.ptr()->to(torch_device(ctx.machine.device));
  return model;
}

VLP_INLINE AnyModel build_model(const Plan& plan, const Context& ctx) {
  return build_model(plan, ctx, open_initial_weights(plan, ctx));
}

VLP_INLINE void read_loss_weights(Objective& losses, const std::filesystem::path& path,
                                  const Console& console) {
  const TensorMap found = read_safetensors(path).tensors;
  const at::NoGradGuard no_grad;
  std::int64_t read = 0;
  for (auto& [name, tensor] : detail::all_tensors(*losses.module())) {
    const auto stored = found.find(name);
    if (stored == found.end() || stored->second.shape != tensor.sizes().vec()) {
      console.note(path.string() + ": nothing that fits loss." + name + " (expected " +
                   detail::described(tensor) + "); it begins as the loss makes it");
      continue;
    }
    tensor.copy_(tensor_view(stored->second));
    ++read;
  }
  console.note(path.string() + ": loaded " + std::to_string(read) + " tensors of losses");
}

VLP_INLINE Objective build_losses(const Plan& plan, const Context& ctx) {
  std::vector<Objective::Term> terms;
  for (std::size_t i = 0; i < plan.loss.size(); ++i) {
    const auto& use = plan.loss[i];
    const bool unique = std::ranges::count(plan.loss, use.name(),
                                           [](const auto& other) { return other.name(); }) == 1;
    terms.push_back({unique ? use.name() : use.name() + "." + std::to_string(i), use.extra.weight,
                     use.build(ctx)});
  }
  Objective losses(std::move(terms));
  if (losses.module()) losses.module()->to(torch_device(ctx.machine.device));
  return losses;
}

VLP_INLINE Objective build_losses(const Plan& plan, const Context& ctx,
                                  const InitialWeights& weights) {
  Objective losses = build_losses(plan, ctx);
  if (weights.empty()) return losses;
  losses.warm_start(weights.for_losses(), ctx.machine.console);
  if (const auto file = weights.loss_weights(); losses.module() && !file.empty())
    read_loss_weights(losses, file, ctx.machine.console);
  return losses;
}

VLP_INLINE std::vector<AnyMetric> build_metrics(const Plan& plan, const Context& ctx) {
  std::vector<AnyMetric> metrics;
  for (const auto& use : plan.metric) metrics.push_back(use.build(ctx));
  return metrics;
}

VLP_INLINE std::int64_t worker_count(const Plan& plan, const Context& ctx) {
  if (plan.train.workers > 0) return plan.train.workers;
  return ctx.machine.device.type == DeviceName::Type::cpu
             ? 1
             : std::min<std::int64_t>(16, ctx.machine.threads);
}

}  // namespace vlp
