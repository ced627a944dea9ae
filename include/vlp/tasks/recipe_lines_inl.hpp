#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "vlp/assemble/dry_pass.hpp"
#include "vlp/assemble/open.hpp"
#include "vlp/concepts/context.hpp"
#include "vlp/concepts/parts.hpp"
#include "vlp/concepts/schedule.hpp"
#include "vlp/core/error.hpp"
#include "vlp/core/parallel.hpp"
#include "vlp/core/printable.hpp"
#include "vlp/data/bad_images.hpp"
#include "vlp/data/sampler.hpp"
#include "vlp/evaluate/options.hpp"
#include "vlp/recipe/write.hpp"
#include "vlp/report/run_folder.hpp"
#include "vlp/start/model_source.hpp"
#include "vlp/tasks/recipe_lines.hpp"
#include "vlp/tasks/run_parts.hpp"
#include "vlp/tasks/texts_line.hpp"
#include "vlp/train/checkpoint_options.hpp"
#include "vlp/train/options.hpp"

namespace vlp {

namespace detail {

/// A number of things.
[[nodiscard]] inline std::string counted(std::int64_t n, const char* one, const char* many) {
  return fmt::format("{} {}", n, n == 1 ? one : many);
}

/// When the validation split is evaluated; nothing where that is after each epoch, as is usual.
inline std::vector<std::string> evaluation_lines(const EvaluateOptions& evaluate) {
  const std::optional<Rhythm> when = evaluate.rhythm();
  if (!when) return {"evaluate   never on the validation split; the last weights are kept"};
  if (when->unit != Rhythm::Unit::step) return {};
  const std::string every =
      when->count == 1 ? "every update" : fmt::format("every {} updates and the last", when->count);
  return {"evaluate   the validation split behind " + every};
}

}  // namespace detail

VLP_INLINE std::vector<std::string> batch_lines(const Plan& plan) {
  const TrainOptions& train = plan.train;
  std::vector<std::string> lines{
      fmt::format("batch      {} pairs x {} micro-steps x 1 process = {} an update",
                  train.batch_size, train.accumulation, train.batch_size * train.accumulation)};
  if (train.precision == Precision::fp16)
    lines.emplace_back(
        "precision  fp16, which needs a GPU; on a CPU add --set train.precision=fp32");
  if (train.precision == Precision::tf32)
    lines.emplace_back(
        "precision  tf32, which needs a GPU; on a CPU add --set train.precision=fp32");
  if (train.precision == Precision::bf16)
    lines.emplace_back("precision  bf16 by autocast; weights and updates stay in float32");
  return lines;
}

VLP_INLINE std::vector<std::string> training_lines(const Plan& plan) {
  const TrainOptions& train = plan.train;
  const EvaluateOptions& evaluate = plan.evaluate;
  std::vector<std::string> lines;
  if (train.precision == Precision::fp16 && train.skipped_limit != TrainOptions{}.skipped_limit)
    lines.push_back(
        fmt::format("skipped    the run ends after {} in a row",
                    detail::counted(train.skipped_limit, "update without a finite gradient",
                                    "updates without a finite gradient")));
  if (train.clip_norm > 0)
    lines.push_back(fmt::format(
        "clip       gradients with a 2-norm above {0} are scaled down to {0}", train.clip_norm));
  if (train.ema > 0)
    lines.push_back(fmt::format(
        "average    each update keeps {} of it, so it is over about {} updates; {}", train.ema,
        std::llround(1 / (1 - train.ema)),
        evaluate.weights == EvaluatedWeights::ema
            ? "it is what is evaluated and written to model/"
            : "the weights themselves are evaluated and written to model/, not the average"));
  add_lines(lines, detail::evaluation_lines(evaluate));
  if (evaluate.patience > 0)
    lines.push_back(fmt::format("patience   training ends after {} in a row without a better {}",
                                detail::counted(evaluate.patience, "evaluation", "evaluations"),
                                evaluate.best));
  if (plan.checkpoint.every != CheckpointOptions{}.every ||
      plan.checkpoint.keep != CheckpointOptions{}.keep)
    lines.push_back(fmt::format(
        "checkpoint every {}, the newest {} kept", plan.checkpoint.every,
        plan.checkpoint.keep == 1 ? "is" : std::to_string(plan.checkpoint.keep) + " are"));
  if (!train.max_time.empty())
    lines.push_back(fmt::format("max_time   the run ends after {} with a checkpoint to go on from",
                                train.max_time));
  return lines;
}

VLP_INLINE std::vector<std::string> weights_lines(const Plan& plan) {
  const WeightSources& weights = plan.model.extra.weights;
  if (weights.empty()) return {"weights    random"};
  std::vector<std::string> lines;
  for (const auto& [key, source] : weights.given()) {
    const std::string part = weights.only_whole() ? "" : std::string(key) + " = ";
    try {
      lines.push_back(
          fmt::format("weights    {}{}: {}", part, source, find_model(source).weights.string()));
    } catch (const WeightsError& error) {
      lines.push_back(fmt::format("weights    {}not found: {}", part, error.what()));
    }
  }
  return lines;
}

VLP_INLINE std::vector<std::string> note_lines(const Plan& plan) {
  std::vector<std::string> lines;
  for (const auto& loss : plan.loss)
    if (plan.train.accumulation > 1 && loss.traits().compares_pairs)
      lines.push_back(fmt::format(
          "note       loss '{}' compares the {} pairs of a micro-step with one another; "
          "accumulation makes that batch no larger",
          loss.name(), plan.train.batch_size));
  const auto options_of = [](const Use<AnyLoss, LossExtras>& loss) {
    Value table = loss.write();
    table.as<Table>()->erase("weight");
    return write_toml(table);
  };
  Parts used = Parts::of<ImageStates, Temperature>() | parts::momentum_embeddings;
  for (std::size_t i = 0; i < plan.loss.size(); ++i) {
    used = used | plan.loss[i].traits().needs;
    for (std::size_t j = 0; j < i; ++j)
      if (options_of(plan.loss[j]) == options_of(plan.loss[i]))
        lines.push_back(fmt::format(
            "note       loss.{} and loss.{} are the same ('{}'); one with the sum of their weights "
            "does as much",
            j, i, plan.loss[i].name()));
  }
  for (const auto& metric : plan.metric) used = used | metric.traits().needs();
  if (used.contains(ImageEmbeddings::name) || used.contains(MatchLogits::name))
    used = used | Parts::of<TextStates>();  // what these are made of
  Parts unused;
  for (const PartName& part : plan.model.traits().serves)
    if (std::ranges::find(used, part.words, &PartName::words) == used.end()) unused.add(part);
  if (!unused.empty())
    lines.push_back(fmt::format("note       the model has {}, and no loss or metric uses that",
                                in_words(unused)));
  return lines;
}

namespace detail {

/// Whether the learning rate is still rising at the end of a run.
[[nodiscard]] inline bool ends_rising(const AnySchedule& schedule, const LoopLength& length) {
  const auto factor = [&](std::int64_t step) {
    return schedule(
        {.step = step, .steps = length.total_steps, .steps_per_epoch = length.steps_per_epoch});
  };
  return length.total_steps > 1 && factor(length.total_steps - 1) > factor(length.total_steps - 2);
}

/// What patterns meet, and how many layers are computed twice.
[[nodiscard]] inline std::vector<std::string> parameter_lines(const Plan& plan,
                                                              const DryPassFindings& found) {
  std::vector<std::string> lines;
  const auto tell = [&](const char* what, const std::string& pattern, const ParameterCount& met) {
    lines.push_back(fmt::format("{:<10} {}: {} tensors, {} parameters", what, pattern, met.tensors,
                                met.parameters));
  };
  for (std::size_t i = 0; i < found.frozen.size(); ++i)
    tell("freeze", plan.train.freeze[i], found.frozen[i]);
  for (std::size_t i = 0; i < found.groups.size(); ++i) {
    const GroupOptions& group = plan.optimizer->extra.group[i];
    tell("group", group.match, found.groups[i]);
    lines.back() += fmt::format(", lr x {}", group.lr_factor);
    if (group.weight_decay) lines.back() += fmt::format(", weight decay {}", *group.weight_decay);
  }
  if (found.recomputed > 0)
    lines.push_back(fmt::format(
        "recompute  {} a second time in the backward pass",
        counted(found.recomputed, "trained layer is computed", "trained layers are computed")));
  return lines;
}

}  // namespace detail

VLP_INLINE std::optional<CheckedParts> checked_parts(const Plan& plan,
                                                     const CheckArguments& arguments) {
  if (arguments.share_dir.empty()) return std::nullopt;
  RunArguments like;
  like.data_dir = arguments.data_dir;
  like.share_dir = arguments.share_dir;
  Context ctx = open_context(plan, like);
  Preprocessing data = load_preprocessing(plan, ctx);
  return CheckedParts{std::move(ctx), std::move(data)};
}

VLP_INLINE std::vector<std::string> dry_pass_lines(const Plan& plan,
                                                   const std::optional<CheckedParts>& parts,
                                                   const CheckArguments& arguments, bool trains) {
  if (!parts || arguments.quick) return {};
  const DryPassFindings found = dry_pass(plan, parts->ctx, parts->data, trains);
  std::vector<std::string> lines;
  for (const std::string& untried : found.untried)
    lines.push_back("dry pass   not tried: " + untried);
  if (lines.empty())
    lines.emplace_back("dry pass   a made-up batch went through model, losses and metrics");
  add_lines(lines, detail::parameter_lines(plan, found));
  return lines;
}

namespace detail {

/// What a run does about images that can't be used.
[[nodiscard]] inline std::string bad_images_advice(const BadSampleLimits& limits,
                                                   const std::array<std::vector<BadSample>, 3>& bad,
                                                   const AnyDataset& dataset) {
  for (const auto& of_split : bad)
    for (const BadSample& sample : of_split)
      if (sample.reason == bad_reasons::kUnreadable)
        return "Unreadable ones may be sound and end a run, whatever dataset.on_bad. Check the "
               "disk "
               "or the network.";
  if (!limits.skips())
    return "dataset.on_bad = \"stop\": a run ends at the first of them. Mend them, or set "
           "dataset.on_bad = \"skip\".";
  for (const Split split : {Split::train, Split::validation, Split::test}) {
    const std::size_t count = bad[static_cast<std::size_t>(split)].size(),
                      images = dataset.records(split).size();
    const std::int64_t allowed = limits.allowed(static_cast<std::int64_t>(images));
    if (std::cmp_greater(count, allowed))
      return fmt::format(
          "dataset.on_bad = \"skip\": a run ends all the same, since dataset.max_bad = {} and "
          "dataset.max_bad_images = {} allow {} of the {} images of the {} split. Mend them, or "
          "raise these limits.",
          limits.max_bad, limits.max_bad_images, allowed, images, split_name(split));
  }
  return "dataset.on_bad = \"skip\": a run goes on without them, which is within its limits.";
}

/// Decodes every image. @return  a line of how many there are
/// @throws DataError with a line for each that can't be used
[[nodiscard]] inline std::string images_line(const AnyDataset& dataset,
                                             const BadSampleLimits& limits,
                                             const Console& console) {
  const std::array<std::vector<BadSample>, 3> bad = bad_images(dataset, /*threads=*/0, console);
  std::size_t images = 0;
  std::string list;
  for (const Split split : {Split::train, Split::validation, Split::test}) {
    images += dataset.records(split).size();
    for (const BadSample& sample : bad[static_cast<std::size_t>(split)])
      list += fmt::format("  {} '{}', {}: {}\n", split_name(split),
                          printable(sample.image_id.text()), sample.reason, sample.error);
  }
  if (list.empty()) return fmt::format("images     {} decoded, none is missing or broken", images);
  throw DataError(fmt::format(
      "dataset: {} of {} images are missing or broken ({} / {} / {} of {} / {} / {} for training / "
      "validation / test):\n{}{}",
      bad[0].size() + bad[1].size() + bad[2].size(), images, bad[0].size(), bad[1].size(),
      bad[2].size(), dataset.records(Split::train).size(),
      dataset.records(Split::validation).size(), dataset.records(Split::test).size(), list,
      bad_images_advice(limits, bad, dataset)));
}

}  // namespace detail

VLP_INLINE std::vector<std::string> data_lines(const Plan& plan,
                                               const std::optional<CheckedParts>& parts,
                                               const CheckArguments& arguments, bool trains) {
  const BadSampleLimits limits = plan.dataset.extra.limits();
  constexpr BadSampleLimits kAny{OnBad::skip, 1.0, std::numeric_limits<std::int64_t>::max()};
  Context ctx;
  ctx.facts.bad = arguments.images ? kAny : limits;
  ctx.facts.seeds = RandomStream(static_cast<std::uint64_t>(plan.run.seed));
  ctx.folders.data = arguments.data_dir;
  ctx.machine.threads = static_cast<int>(threads_for(0));
  std::vector<std::string> lines, notes;
  ctx.machine.console.on_note = [&](std::string_view note) {
    notes.push_back("note       " + std::string(note));
  };
  try {
    const AnyDataset dataset =
        build_dataset(plan, ctx, parts ? parts->data.transforms : Pipelines());
    const auto records = dataset.records(Split::train);
    lines.push_back(fmt::format("data       {} / {} / {} images for training / validation / test",
                                records.size(), dataset.records(Split::validation).size(),
                                dataset.records(Split::test).size()));
    add_lines(lines, notes);
    if (parts) require_usable_prompts(plan, parts->data.tokenizer, dataset);
    if (arguments.images) lines.push_back(detail::images_line(dataset, limits, arguments.console));
    if (!trains) return lines;
    if (records.empty())
      throw DataError("dataset: the training split is empty. Use more images or other shares.");
    if (parts) lines.push_back(texts_line(plan, parts->data, records));
    const std::int64_t rows = rows_per_epoch(records, dataset.captions_per_image());
    const LoopLength length =
        loop_length(std::max<std::int64_t>(1, rows / plan.train.batch_size), plan.train);
    lines.push_back(fmt::format("length     {} pairs an epoch, {} updates an epoch, {} in all",
                                rows, length.steps_per_epoch, length.total_steps));
    if (rows < plan.train.batch_size)
      lines.push_back(fmt::format(
          "note       train.batch_size = {} is more than an epoch has; a batch will be of {} pairs",
          plan.train.batch_size, rows));
    if (plan.evaluate.by_steps() && plan.evaluate.rhythm()->count > length.total_steps)
      lines.push_back(
          fmt::format("note       evaluate.every = \"{}\" is more than the {} updates of the run; "
                      "only the last is evaluated",
                      plan.evaluate.every, length.total_steps));
    if (plan.schedule && detail::ends_rising(plan.schedule->build(ctx), length))
      lines.push_back(
          fmt::format("note       the learning rate still rises at the last of {} updates; is the "
                      "schedule's warm-up longer than the run?",
                      length.total_steps));
    constexpr double kMuch = 0.05;  // of an average, what the first weights may make up at the end
    const double first = std::pow(plan.train.ema, static_cast<double>(length.total_steps));
    if (plan.train.ema > 0 && first > kMuch)
      lines.push_back(fmt::format(
          "note       the first weights are still {:.0f} % of the average at the last of {} "
          "updates; is train.ema = {} too slow for this run?",
          100 * first, length.total_steps, plan.train.ema));
  } catch (const DataNotFoundError& error) {
    if (arguments.strict || arguments.images) throw;
    lines.push_back(fmt::format("data       not found, counts unknown: {}", error.what()));
  }
  return lines;
}

}  // namespace vlp
