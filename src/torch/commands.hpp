#pragma once
// One function a command, each of which returns the program's exit code and throws vlp::Error, and
// what they have in common.

#include <string>
#include <vector>

#include "src/shared/command.hpp"
#include "src/shared/terminal.hpp"
#include "vlp/assemble/open_model.hpp"
#include "vlp/recipe/load.hpp"
#include "vlp/registry/registry.hpp"
#include "vlp/train/device.hpp"

namespace vlp {

/// The recipe that a command names, with its --set and --seed applied.
inline Recipe recipe_of(const RecipeCommand& command) {
  std::vector<std::string> sets = command.sets;
  if (command.seed) sets.push_back("run.seed=" + std::to_string(*command.seed));
  return load_recipe(command.recipe, sets);
}

/// How a model is opened for a command.
inline OpenModelArguments open_arguments(const MachineArguments& machine, Terminal& terminal,
                                         Parts needs = Parts()) {
  return {.device = choose_device(machine.device).device,
          .threads = machine.threads,
          .share_dir = machine.share_dir,
          .console = terminal.console(),
          .needs = needs};
}

/// What a command to resume means: the folder, and what isn't given as the run began with it. Any
/// other command as it is.
/// @throws RecipeError, WeightsError if there is no such run, or it can't go on
RunCommand completed(RunCommand command, Terminal& terminal);
template <class Command>
const Command& completed(const Command& command, Terminal&) {
  return command;
}

/// @return  earlier settings, KEY=VALUE, with those on top that say something else
std::vector<std::string> joined_sets(std::vector<std::string> earlier,
                                     const std::vector<std::string>& given);

int carry_out(const RunCommand& command, const Registry& registry, Terminal& terminal);
int carry_out(const CheckCommand& command, const Registry& registry, Terminal& terminal);
int carry_out(const ListCommand& command, const Registry& registry, Terminal& terminal);
int carry_out(const HelpCommand& command, const Registry& registry, Terminal& terminal);
int carry_out(const CaptionCommand& command, const Registry& registry, Terminal& terminal);
int carry_out(const MatchCommand& command, const Registry& registry, Terminal& terminal);
int carry_out(const TraceCommand& command, const Registry& registry, Terminal& terminal);

}  // namespace vlp
