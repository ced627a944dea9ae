#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <utility>

#include <fmt/format.h>

#include "vlp/assemble/dry_pass.hpp"
#include "vlp/assemble/open.hpp"
#include "vlp/concepts/context.hpp"
#include "vlp/concepts/parts.hpp"
#include "vlp/concepts/schedule.hpp"
#include "vlp/core/error.hpp"
#include "vlp/core/printable.hpp"
#include "vlp/data/bad_images.hpp"
#include "vlp/data/sampler.hpp"
#include "vlp/recipe/write.hpp"
#include "vlp/report/run_folder.hpp"
#include "vlp/start/model_source.hpp"
#include "vlp/tasks/recipe_lines.hpp"
#include "vlp/train/options.hpp"

namespace vlp {

VLP_INLINE std::vector<std::string> batch_lines(const Plan& plan) {
  const TrainOptions& train = plan.train;
  std::vector<std::string> lines{
      fmt::format("batch      {} pairs x {} micro-steps x 1 process = {} an update",
                  train.batch_size, train.accumulation, train.batch_size * train.accumulation)};
  if (train.precision == Precision::fp16)
    lines.emplace_back(
        "precision  fp16, which needs a GPU; on a CPU add --set train.precision=fp32");
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

}  // namespace detail

VLP_INLINE std::vector<std::string> dry_pass_lines(const Plan& plan,
                                                   const CheckArguments& arguments, bool trains) {
  if (arguments.share_dir.empty()) return {};
  if (arguments.quick) {
    Context ctx;
    ctx.folders = {.data = arguments.data_dir, .share = arguments.share_dir};
    (void)plan.tokenizer.build(ctx);
    return {};
  }
  RunArguments like;
  like.data_dir = arguments.data_dir;
  like.share_dir = arguments.share_dir;
  const Context ctx = open_context(plan, like);
  std::vector<std::string> lines;
  for (const std::string& untried : dry_pass(plan, ctx, trains))
    lines.push_back("dry pass   not tried: " + untried);
  if (lines.empty())
    lines.emplace_back("dry pass   a made-up batch went through model, losses and metrics");
  if (trains)
    for (std::string& line : parameter_lines(plan, ctx)) lines.push_back(std::move(line));
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
      list += fmt::format("  {} '{}', {}: {}\n", split_name(split), printable(sample.image_id),
                          sample.reason, sample.error);
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

VLP_INLINE std::vector<std::string> data_lines(const Plan& plan, const CheckArguments& arguments,
                                               bool trains) {
  const BadSampleLimits limits = plan.dataset.extra.limits();
  constexpr BadSampleLimits kAny{OnBad::skip, 1.0, std::numeric_limits<std::int64_t>::max()};
  Context ctx;
  ctx.facts.bad = arguments.images ? kAny : limits;
  ctx.facts.seeds = RandomStream(static_cast<std::uint64_t>(plan.run.seed));
  ctx.folders.data = arguments.data_dir;
  std::vector<std::string> lines;
  try {
    const AnyDataset dataset = plan.dataset.build(ctx);
    const auto records = dataset.records(Split::train);
    lines.push_back(fmt::format("data       {} / {} / {} images for training / validation / test",
                                records.size(), dataset.records(Split::validation).size(),
                                dataset.records(Split::test).size()));
    if (arguments.images) lines.push_back(detail::images_line(dataset, limits, arguments.console));
    if (!trains) return lines;
    if (records.empty())
      throw DataError("dataset: the training split is empty. Use more images or other shares.");
    const std::int64_t rows = rows_per_epoch(records, dataset.captions_per_image());
    const LoopLength length =
        loop_length(std::max<std::int64_t>(1, rows / plan.train.batch_size), plan.train);
    lines.push_back(fmt::format("length     {} pairs an epoch, {} updates an epoch, {} in all",
                                rows, length.steps_per_epoch, length.total_steps));
    if (rows < plan.train.batch_size)
      lines.push_back(fmt::format(
          "note       train.batch_size = {} is more than an epoch has; a batch will be of {} pairs",
          plan.train.batch_size, rows));
    if (plan.schedule && detail::ends_rising(plan.schedule->build(ctx), length))
      lines.push_back(
          fmt::format("note       the learning rate still rises at the last of {} updates; is the "
                      "schedule's warm-up longer than the run?",
                      length.total_steps));
  } catch (const DataNotFoundError& error) {
    if (arguments.strict || arguments.images) throw;
    lines.push_back(fmt::format("data       not found, counts unknown: {}", error.what()));
  }
  return lines;
}

}  // namespace vlp
