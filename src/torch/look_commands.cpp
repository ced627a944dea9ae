// check, list and help: what a recipe says, and what recipes can say.

#include <algorithm>
#include <string>
#include <string_view>
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

/// Whatever `use` can name in some place, in the order of the data flow.
const std::vector<std::string>& component_kinds() {
  static const std::vector<std::string> kinds{"dataset", "tokenizer",    "transform", "model",
                                              "encoder", "text_encoder", "decoder",   "loss",
                                              "metric",  "optimizer",    "schedule",  "format"};
  return kinds;
}

void print_components(const std::string& kind, const Registry& registry) {
  for (const auto& info : registry.components())
    if (info->kind == kind)
      fmt::print("{:<12} {:<22} {:<5} {}\n", kind, info->name, info->version, info->origin);
}

std::string no_components(const std::string& kind) {
  return fmt::format("there is no {} yet; --plugin FILE.so adds the components of a plugin", kind);
}

/// A kind that has no table of its own in a recipe: who chooses one, and what there is.
void print_kind(const std::string& kind, const Registry& registry) {
  const bool vowel = std::string_view("aeiou").find(kind.front()) != std::string_view::npos;
  const std::string choice =
      fmt::format("a table with `use` naming {} {}", vowel ? "an" : "a", kind);
  fmt::print("{}: a kind of component\n\n", kind);
  for (const auto& info : registry.components())
    for (const OptionDoc& doc : info->describe())
      if (doc.allowed == choice)
        fmt::print("  {} '{}' chooses one in its table `{}`: {}\n", info->kind, info->name, doc.key,
                   doc.meaning);
  fmt::print("\n");
  print_components(kind, registry);
  if (registry.names(kind).empty()) fmt::print("{}\n", no_components(kind));
  fmt::print("\n`vlp help NAME` explains one.\n");
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

int carry_out(const CheckCommand& command, const Registry& registry, Terminal& terminal) {
  const Recipe recipe = recipe_of(command);
  CheckArguments arguments{.data_dir = command.data_dir,
                           .device = std::nullopt,
                           .share_dir = command.share_dir,
                           .strict = command.strict,
                           .quick = command.quick,
                           .images = command.images,
                           .console = terminal.console()};
  if (!command.device.empty()) arguments.device = choose_device(command.device).device;
  const TaskChoice choice = choose_task(recipe, kTasks);
  const std::vector<std::string> lines = choice.task.check(choice.recipe, registry, arguments);
  fmt::print("{}: ok\n", recipe.file.string());
  for (const std::string& line : lines) fmt::print("{}\n", line);
  return 0;
}

int carry_out(const ListCommand& command, const Registry& registry, Terminal& terminal) {
  const std::vector<std::string> kinds = component_kinds();
  if (!command.kind.empty() && std::ranges::find(kinds, command.kind) == kinds.end())
    throw RecipeError("no kind named '" + command.kind + "'" + suggestion(command.kind, kinds) +
                      "; there are: " + listing(kinds) + ".");
  for (const std::string& kind : kinds) {
    if (command.kind.empty() || kind == command.kind) print_components(kind, registry);
    if (kind == command.kind && registry.names(kind).empty()) terminal.line(no_components(kind));
  }
  return 0;
}

int carry_out(const HelpCommand& command, const Registry& registry, Terminal&) {
  bool found = false;
  std::vector<std::string> names = component_kinds();
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
    if (f.name == "dataset") print_options(describe_options<DatasetExtras>());
    if (f.name == "model") print_options(describe_options<ModelExtras>());
    if (f.name == "loss") print_options(describe_options<LossExtras>());
    if (f.name == "transform") print_options(describe_options<TransformExtras>());
    if constexpr (!Options<T>)
      fmt::print("\n`vlp list {}` names what `use` can say; `vlp help NAME` explains one.\n",
                 f.name);
    found = true;
  });
  if (!found && std::ranges::find(component_kinds(), command.name) != component_kinds().end()) {
    print_kind(command.name, registry);
    found = true;
  }
  if (!found)
    throw RecipeError("nothing is named '" + command.name + "'" + suggestion(command.name, names) +
                      ". `vlp list` shows all components.");
  return 0;
}

}  // namespace vlp
