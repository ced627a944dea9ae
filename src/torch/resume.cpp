// What `vlp run --resume` takes over from the folder of a run.

#include <algorithm>
#include <cstddef>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <tuple>
#include <vector>

#include "src/torch/commands.hpp"
#include "vlp/core/error.hpp"
#include "vlp/report/run_environment.hpp"
#include "vlp/report/run_files.hpp"

namespace vlp {

namespace {

/// The newest run folder under runs/ that began with this recipe; of several that began in the same
/// second the one with the highest number; empty if there is none. Folders that can't be understood
/// are passed over, and so are those in the making.
std::filesystem::path newest_run_of(const std::filesystem::path& recipe) {
  namespace fs = std::filesystem;
  const fs::path wanted = fs::absolute(recipe).lexically_normal();
  std::tuple<std::string, std::size_t, fs::path> newest;  // NAME-10 is longer than NAME-9
  std::error_code error;
  for (fs::directory_iterator at("runs", error), end; !error && at != end; at.increment(error)) {
    const std::string name = at->path().filename().string();
    if (name.starts_with('.')) continue;
    try {
      const std::optional<StoredEnvironment> run = read_environment(at->path());
      if (!run || run->recipe != wanted || !fs::exists(at->path() / run_files::kRecipe)) continue;
      newest = std::max(newest, {run->started, name.size(), at->path()});
    } catch (const WeightsError&) {
      continue;
    }
  }
  return std::get<fs::path>(newest);
}

std::string_view key_of(std::string_view set) { return set.substr(0, set.find('=')); }

}  // namespace

std::vector<std::string> joined_sets(std::vector<std::string> earlier,
                                     const std::vector<std::string>& given) {
  for (const std::string& set : given) {
    const auto same = std::find_if(earlier.rbegin(), earlier.rend(), [&](const std::string& other) {
      return key_of(other) == key_of(set);
    });
    if (same == earlier.rend() || *same != set) earlier.push_back(set);
  }
  return earlier;
}

RunCommand completed(RunCommand command, Terminal& terminal) {
  namespace fs = std::filesystem;
  if (command.seed) command.sets.push_back("run.seed=" + std::to_string(*command.seed));
  command.seed.reset();
  if (command.resume.empty()) return command;
  if (command.resume == "latest") {
    const fs::path newest = newest_run_of(command.recipe);
    if (newest.empty()) {
      terminal.line("--resume latest: no run of this recipe under runs/; a new one begins");
      command.resume.clear();
      return command;
    }
    command.resume = newest.string();
  }
  command.out = command.resume;
  const fs::path own_recipe = command.out / run_files::kRecipe;
  if (command.recipe.empty()) {
    if (!fs::exists(own_recipe))
      throw RecipeError("--resume " + command.resume + ": no run folder (it has no " +
                        run_files::kRecipe +
                        "). Name the folder that `vlp run` wrote, or a RECIPE that begins there.");
    command.recipe = own_recipe;
  }
  if (!fs::exists(own_recipe)) return command;
  const std::optional<StoredEnvironment> run = read_environment(command.out);
  if (!run) return command;
  if (!command.data_dir_given) command.data_dir = run->data_dir;
  if (!command.device_given) command.machine.device = run->device;
  if (!command.threads_given) command.machine.threads = run->threads;
  if (command.plugins.empty()) command.plugins = run->plugins;
  std::error_code ignored;
  if (fs::equivalent(command.recipe, own_recipe, ignored))
    command.earlier_sets = run->sets;
  else
    command.sets = joined_sets(run->sets, command.sets);
  return command;
}

}  // namespace vlp
