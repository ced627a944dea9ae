// check, list and help: what a recipe says, and what recipes can say.

#include <algorithm>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "src/torch/commands.hpp"
#include "vlp/core/message.hpp"
#include "vlp/plan/tables.hpp"
#include "vlp/tasks/tasks.hpp"
#include "vlp/train/device.hpp"

namespace vlp {

namespace {

void print_options(const std::vector<OptionDoc>& docs) {
  std::size_t key_width = 3, default_width = 7;
  for (const OptionDoc& doc : docs) {
    key_width = std::max(key_width, doc.key.size());
    default_width = std::max(default_width, doc.default_value.size());
  }
  for (const OptionDoc& doc : docs)
    fmt::print("  {:<{}}  {:<{}}  {}\n  {:<{}}  {:<{}}  ({})\n", doc.key, key_width,
               doc.default_value, default_width, doc.meaning, "", key_width, "", default_width,
               doc.allowed);
  if (docs.empty()) fmt::print("  no options\n");
}

/// The table [run], with the tasks that there are.
std::vector<OptionDoc> described_run() {
  std::vector<OptionDoc> docs = describe_options<RunOptions>();
  std::vector<std::string> names, purposes;
  for (const Task& task : kTasks) {
    names.emplace_back(task.name);
    purposes.push_back(fmt::format("`{}` {}", task.name, task.purpose));
  }
  for (OptionDoc& doc : docs)
    if (doc.key == "task") {
      doc.allowed = "one of \"" + joined(names, "\", \"") + "\"";
      doc.meaning = joined(purposes, "; ") + ".";
    }
  return docs;
}

}  // namespace

int carry_out(const CheckCommand& command, const Registry& registry, Terminal&) {
  const Recipe recipe = recipe_of(command);
  CheckArguments arguments{command.data_dir, std::nullopt};
  if (!command.device.empty()) arguments.device = choose_device(command.device).device;
  const TaskChoice choice = choose_task(recipe, kTasks);
  const std::vector<std::string> lines = choice.task.check(choice.recipe, registry, arguments);
  fmt::print("{}: ok\n", recipe.file.string());
  for (const std::string& line : lines) fmt::print("{}\n", line);
  return 0;
}

int carry_out(const ListCommand& command, const Registry& registry, Terminal&) {
  const std::vector<std::string> kinds{"dataset", "tokenizer",    "transform", "model",
                                       "encoder", "text_encoder", "decoder",   "loss",
                                       "metric",  "optimizer",    "schedule",  "format"};
  if (!command.kind.empty() && std::ranges::find(kinds, command.kind) == kinds.end())
    throw RecipeError("no kind named '" + command.kind + "'" + suggestion(command.kind, kinds) +
                      "; there are: " + listing(kinds) + ".");
  for (const std::string& kind : kinds) {
    if (!command.kind.empty() && kind != command.kind) continue;
    for (const auto& info : registry.components())
      if (info->kind == kind)
        fmt::print("{:<12} {:<22} {:<5} {}\n", kind, info->name, info->version, info->origin);
  }
  return 0;
}

int carry_out(const HelpCommand& command, const Registry& registry, Terminal&) {
  bool found = false;
  std::vector<std::string> names;
  for (const auto& info : registry.components()) {
    names.push_back(info->name);
    if (info->name != command.name) continue;
    fmt::print("{}{} '{}', version {}, {}\n\n", found ? "\n" : "", info->kind, info->name,
               info->version, info->origin);
    print_options(info->describe());
    found = true;
  }
  // Tables of the recipe itself, and the keys that stand beside a component's own.
  for_each_field<RecipeOptions>([&]<auto... Path>(const Field<Path...>& f) {
    names.emplace_back(f.name);
    if (f.name != command.name) return;
    using T = typename Field<Path...>::type;
    fmt::print("{}[{}] in a recipe: {}\n\n", found ? "\n" : "", f.name, f.doc);
    if constexpr (std::same_as<T, RunOptions>)
      print_options(described_run());
    else if constexpr (Options<T>)
      print_options(describe_options<T>());
    if (f.name == "model") print_options(describe_options<ModelExtras>());
    if (f.name == "loss") print_options(describe_options<LossExtras>());
    if (f.name == "transform") print_options(describe_options<TransformExtras>());
    if constexpr (!Options<T>)
      fmt::print("\n`vlp list {}` names what `use` can say; `vlp help NAME` explains one.\n",
                 f.name);
    found = true;
  });
  if (!found)
    throw RecipeError("nothing is named '" + command.name + "'" + suggestion(command.name, names) +
                      ". `vlp list` shows all components.");
  return 0;
}

}  // namespace vlp
