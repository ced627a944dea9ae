// check, list and help: what a recipe says, and what recipes can say.

#include <algorithm>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "commands.hpp"
#include "vlp/assemble/model_source.hpp"
#include "vlp/data/sampler.hpp"
#include "vlp/plan.hpp"
#include "vlp/train/device.hpp"
#include "vlp/train/fit.hpp"

namespace vlp {

namespace {

void print_options(const std::vector<OptionDoc>& docs) {
  std::size_t key_width = 3, default_width = 7;
  for (const OptionDoc& doc : docs) {
    key_width = std::max(key_width, doc.key.size());
    default_width = std::max(default_width, doc.default_value.size());
  }
  for (const OptionDoc& doc : docs)
    fmt::print("  {:<{}}  {:<{}}  {}\n  {:<{}}  {:<{}}  ({})\n", doc.key, key_width, doc.default_value, default_width, doc.meaning, "",
               key_width, "", default_width, doc.allowed);
  if (docs.empty()) fmt::print("  no options\n");
}

/// Where initial weights come from; weights that are not there yet are no error.
void print_weights(const WeightSources& weights) {
  if (weights.empty()) fmt::print("weights    random\n");
  for (const auto& [key, source] : weights.given()) {
    const std::string part = weights.only_whole() ? "" : std::string(key) + " = ";
    try {
      fmt::print("weights    {}{}: {}\n", part, source, find_model(source).weights.string());
    } catch (const WeightsError& error) {
      fmt::print("weights    {}not found: {}\n", part, error.what());
    }
  }
}

/// What the data say, where they are there; a broken dataset is an error, a missing one is not.
void print_data(const Plan& plan, Context& ctx) {
  try {
    const AnyDataset dataset = plan.dataset.build(ctx);
    const auto records = dataset.records(Split::train);
    fmt::print("data       {} / {} / {} images for training / validation / test\n", records.size(),
               dataset.records(Split::validation).size(), dataset.records(Split::test).size());
    if (plan.run.task != Task::train || records.empty()) return;
    const std::int64_t rows = rows_per_epoch(records, dataset.captions_per_image());
    const FitLength length = fit_length(std::max<std::int64_t>(1, rows / plan.train.batch_size), plan.train);
    fmt::print("length     {} pairs an epoch, {} updates an epoch, {} in all\n", rows, length.steps_per_epoch, length.total_steps);
  } catch (const DataNotFoundError& error) {
    fmt::print("data       not found, counts unknown: {}\n", error.what());
  }
}

}  // namespace

int check_command(const Command& command, const Registry& registry) {
  const Recipe recipe = recipe_of(command);
  std::optional<DeviceName> device;
  if (!command.device.empty()) device = choose_device(command.device).device;
  const Plan plan = make_plan(recipe, registry, device);

  fmt::print("{}: ok\n", recipe.file.string());
  if (plan.run.task == Task::train) {
    fmt::print("batch      {} pairs x {} micro-steps x 1 process = {} an update\n", plan.train.batch_size, plan.train.accumulation,
               plan.train.batch_size * plan.train.accumulation);
    if (plan.train.precision == Precision::fp16)
      fmt::print("precision  fp16, which needs a GPU; on a CPU add --set train.precision=fp32\n");
  }
  print_weights(plan.model.extra.weights);
  Context ctx;
  ctx.seeds = RandomStream(static_cast<std::uint64_t>(plan.run.seed));
  ctx.data_dir = command.data_dir;
  print_data(plan, ctx);
  return 0;
}

int list_command(const Command& command, const Registry& registry) {
  const std::vector<std::string> kinds{"dataset", "tokenizer", "transform", "model",    "encoder",   "text_encoder", "decoder",
                                       "loss",    "metric",    "optimizer", "schedule", "captioner", "filter"};
  if (!command.subject.empty() && std::ranges::find(kinds, command.subject) == kinds.end())
    throw RecipeError("no kind named '" + command.subject + "'" + suggestion(command.subject, kinds) + "; there are: " + listing(kinds) +
                      ".");
  for (const std::string& kind : kinds) {
    if (!command.subject.empty() && kind != command.subject) continue;
    for (const auto& info : registry.components())
      if (info->kind == kind) fmt::print("{:<12} {:<22} {:<5} {}\n", kind, info->name, info->version, info->origin);
  }
  return 0;
}

int help_command(const Command& command, const Registry& registry) {
  bool found = false;
  std::vector<std::string> names;
  for (const auto& info : registry.components()) {
    names.push_back(info->name);
    if (info->name != command.subject) continue;
    fmt::print("{}{} '{}', version {}, {}\n\n", found ? "\n" : "", info->kind, info->name, info->version, info->origin);
    print_options(info->describe());
    found = true;
  }
  // Tables of the recipe itself, and the keys that stand beside a component's own.
  for_each_field<RecipeOptions>([&]<auto M>(const Field<M>& f) {
    names.emplace_back(f.name);
    if (f.name != command.subject) return;
    using T = typename Field<M>::type;
    fmt::print("{}[{}] in a recipe: {}\n\n", found ? "\n" : "", f.name, f.doc);
    if constexpr (Options<T>) print_options(describe_options<T>());
    if (f.name == "model") print_options(describe_options<ModelExtras>());
    if (f.name == "loss") print_options(describe_options<LossExtras>());
    if (f.name == "transform") print_options(describe_options<TransformExtras>());
    if constexpr (!Options<T>) fmt::print("\n`vlp list {}` names what `use` can say; `vlp help NAME` explains one.\n", f.name);
    found = true;
  });
  if (!found)
    throw RecipeError("nothing is named '" + command.subject + "'" + suggestion(command.subject, names) +
                      ". `vlp list` shows all components.");
  return 0;
}

}  // namespace vlp
