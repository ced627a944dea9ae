#pragma once

#include <algorithm>
#include <cstdint>

#include <fmt/format.h>

#include "vlp/concepts/context.hpp"
#include "vlp/core/error.hpp"
#include "vlp/data/sampler.hpp"
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

VLP_INLINE std::vector<std::string> data_lines(const Plan& plan, const CheckArguments& arguments,
                                               bool trains) {
  Context ctx;
  ctx.facts.seeds = RandomStream(static_cast<std::uint64_t>(plan.run.seed));
  ctx.folders.data = arguments.data_dir;
  std::vector<std::string> lines;
  try {
    const AnyDataset dataset = plan.dataset.build(ctx);
    const auto records = dataset.records(Split::train);
    lines.push_back(fmt::format("data       {} / {} / {} images for training / validation / test",
                                records.size(), dataset.records(Split::validation).size(),
                                dataset.records(Split::test).size()));
    if (!trains || records.empty()) return lines;
    const std::int64_t rows = rows_per_epoch(records, dataset.captions_per_image());
    const LoopLength length =
        loop_length(std::max<std::int64_t>(1, rows / plan.train.batch_size), plan.train);
    lines.push_back(fmt::format("length     {} pairs an epoch, {} updates an epoch, {} in all",
                                rows, length.steps_per_epoch, length.total_steps));
  } catch (const DataNotFoundError& error) {
    lines.push_back(fmt::format("data       not found, counts unknown: {}", error.what()));
  }
  return lines;
}

}  // namespace vlp
