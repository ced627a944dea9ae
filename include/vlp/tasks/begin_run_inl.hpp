#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <thread>
#include <variant>
#include <vector>

#include "vlp/concepts/peers.hpp"
#include "vlp/core/draft.hpp"
#include "vlp/core/packed.hpp"
#include "vlp/recipe/difference.hpp"
#include "vlp/recipe/load.hpp"
#include "vlp/recipe/write.hpp"
#include "vlp/registry/registry.hpp"
#include "vlp/report/run_files.hpp"
#include "vlp/tasks/begin_run.hpp"
#include "vlp/tasks/run_parts.hpp"

namespace vlp {

namespace detail {

/// Keys that change no number of a run; what becomes of a bad image changes none until one comes,
/// at which the run would have ended.
[[nodiscard]] inline bool changes_no_number(const std::string& key) {
  constexpr std::array<std::string_view, 7> keys{
      "train.workers",  "train.max_time",  "checkpoint.every",      "checkpoint.keep",
      "dataset.on_bad", "dataset.max_bad", "dataset.max_bad_images"};
  return std::ranges::find(keys, key) != keys.end();
}

/// Whether there is nothing in a folder but what a run leaves that was killed while it made it.
[[nodiscard]] inline bool holds_no_run(const std::filesystem::path& folder) {
  namespace fs = std::filesystem;
  if (!fs::exists(folder)) return true;
  if (!fs::is_directory(folder))
    throw RecipeError("--resume " + folder.string() + ": is no folder. Name a run folder.");
  for (const auto& entry : fs::directory_iterator(folder)) {
    const std::string name = entry.path().filename().string();
    if (name != run_files::kEnvironment && !is_abandoned_draft(name)) return false;
  }
  return true;
}

/// Looks into the folder of an earlier run, for the process that writes.
class EarlierRun {
 public:
  EarlierRun(const Plan& plan, const Recipe& recipe, const RunArguments& arguments)
      : plan_(plan), recipe_(recipe), arguments_(arguments), folder_(arguments.out) {}

  void look(RunBeginning& beginning) const {
    namespace fs = std::filesystem;
    if (holds_no_run(folder_)) {
      beginning.goes_on = fs::exists(folder_) && !fs::is_empty(folder_);
      note("there is no run yet; it begins here");
      return;
    }
    if (!fs::is_regular_file(folder_ / run_files::kRecipe))
      throw RecipeError("--resume " + folder_.string() + ": no run folder (it has no " +
                        run_files::kRecipe + "). Name the folder that `vlp run` wrote.");
    const std::optional<StoredEnvironment> stored = read_environment(folder_);
    if (!stored)
      throw WeightsError("--resume " + folder_.string() + ": can't go on, it has no " +
                         run_files::kEnvironment + ". Begin a new run.");
    beginning.goes_on = true;
    take_over(*stored, beginning.environment);
    const bool over = fs::exists(folder_ / run_files::kScores);
    beginning.exact = compare_recipes(over);
    if (over && beginning.exact) {
      beginning.finished = true;
      return;
    }
    compare_machines(*stored, beginning.environment);
    beginning.checkpoint =
        Checkpoints(folder_ / run_files::kCheckpoints, arguments_.console).newest();
    note(beginning.checkpoint
             ? "goes on behind update " + std::to_string(beginning.checkpoint->step) + ", epoch " +
                   std::to_string(beginning.checkpoint->epoch)
             : "no whole checkpoint; the run begins anew in this folder");
  }

 private:
  void note(const std::string& text) const {
    arguments_.console.note(folder_.string() + ": " + text);
  }

  /// The run keeps the time when it was started, and the file that it began with.
  void take_over(const StoredEnvironment& stored, RunEnvironment& environment) const {
    environment.started = stored.started;
    std::error_code ignored;
    if (std::filesystem::equivalent(recipe_.file, folder_ / run_files::kRecipe, ignored))
      environment.recipe = stored.recipe;
  }

  /// @param over  whether the run is finished: a change that isn't allowed then does no harm
  /// @return      whether nothing has changed that changes a number
  [[nodiscard]] bool compare_recipes(bool over) const {
    std::vector<ValueChange> changes =
        differences(parse_toml_file(folder_ / run_files::kRecipe), plan_.resolved);
    for (const ValueChange& change : changes)
      if (changes_no_number(change.key)) note(change.text() + ", which changes no number");
    std::erase_if(changes, [](const ValueChange& change) { return changes_no_number(change.key); });
    if (changes.empty() || (over && !arguments_.allow_changes)) return true;
    std::string lines;
    for (const ValueChange& change : changes) lines += "\n  " + change.text();
    if (!arguments_.allow_changes)
      throw RecipeError("--resume " + folder_.string() +
                        ": the recipe has changed since this run began:" + lines +
                        "\nGo on with the recipe of the folder (leave out RECIPE and --set), begin "
                        "a new run, or add --allow-changes.");
    arguments_.console.warning(
        folder_.string() + ": the recipe has changed:" + lines +
        "\nFrom here on losses, scores and weights are not those of a run that was made by either "
        "recipe alone.");
    return false;
  }

  void compare_machines(const StoredEnvironment& stored, const RunEnvironment& now) const {
    const auto compare = [&](const std::string& what, const std::string& was,
                             const std::string& is) {
      if (was != is)
        note(what + " was " + was + " and is " + is + ": last digits can differ from here on");
    };
    compare("device", stored.device, now.device.text());
    compare("threads", std::to_string(stored.threads), std::to_string(now.threads));
    for (const auto& [part, version] : stored.built)
      for (const auto& [name, is] : now.built)
        if (part == name) compare(name, version, is);
    const std::filesystem::path data = std::filesystem::absolute(now.data_dir).lexically_normal();
    if (stored.data_dir != data)
      note("the data folder was " + stored.data_dir.string() + " and is " + data.string());
  }

  const Plan& plan_;
  const Recipe& recipe_;
  const RunArguments& arguments_;
  const std::filesystem::path& folder_;
};

/// Looks in the first process, and tells the others.
inline void look(const EarlierRun& earlier, RunBeginning& beginning,
                 const RunArguments& arguments) {
  const Peers& peers = arguments.peers;
  const std::vector<Bytes> told = together(peers, [&] {
    if (!peers.first()) return Bytes();
    earlier.look(beginning);
    return pack(beginning.goes_on, beginning.finished, beginning.exact,
                beginning.checkpoint ? beginning.checkpoint->step : std::int64_t{-1},
                beginning.checkpoint ? beginning.checkpoint->epoch : std::int64_t{-1});
  });
  if (peers.first()) return;
  const auto [goes_on, finished, exact, step, epoch] =
      unpack<bool, bool, bool, std::int64_t, std::int64_t>(told.front());
  beginning.goes_on = goes_on;
  beginning.finished = finished;
  beginning.exact = exact;
  const Checkpoints all(arguments.out / run_files::kCheckpoints, arguments.console);
  if (step >= 0) beginning.checkpoint = Checkpoint{all.place_of(step), step, epoch};
}

}  // namespace detail

VLP_INLINE RunBeginning begin_run(const Plan& plan, const Recipe& recipe, const Registry& registry,
                                  const RunArguments& arguments) {
  RunBeginning beginning;
  RunEnvironment& environment = beginning.environment;
  environment.built = versions_built_with();
  environment.plugins = registry.plugins();
  environment.device = arguments.device;
  environment.precision = plan.train.precision;
  environment.threads =
      static_cast<int>(arguments.threads > 0 ? arguments.threads
                                             : std::max(1U, std::thread::hardware_concurrency()));
  environment.data_dir = arguments.data_dir;
  environment.recipe = recipe.file;
  environment.sets = arguments.sets;
  if (!arguments.resume) {
    together(arguments.peers, [&] {  // earlier runs are never touched
      if (arguments.peers.first() && !arguments.counts_up) RunFolder::require_free(arguments.out);
    });
    return beginning;
  }
  detail::look(detail::EarlierRun(plan, recipe, arguments), beginning, arguments);
  return beginning;
}

VLP_INLINE RunFolder open_run_folder(const RunBeginning& beginning, const Plan& plan,
                                     const RunArguments& arguments) {
  return RunFolder(
      arguments.out,
      {.writes = arguments.peers.first(),
       .goes_on = beginning.goes_on,
       .counts_up = arguments.counts_up,
       .first = {{run_files::kEnvironment, environment_json(beginning.environment).dump(2) + "\n"},
                 {run_files::kRecipe, write_toml(plan.resolved)}},
       .console = arguments.console});
}

VLP_INLINE void cut_back(const RunFolder& folder, const RunBeginning& beginning,
                         const State* from) {
  if (!beginning.goes_on) return;
  folder.remove(run_files::kScores);
  folder.cut_lines(from ? load_line_counts(*from) : LineCounts{});
  if (!from || !beginning.exact) folder.remove("references");
  if (from) return;
  for (const char* name : {"captions", "rows"}) folder.remove(name);
}

VLP_INLINE void save_line_counts(const LineCounts& counts, State& state) {
  State lines = state.prefixed("lines");
  for (const auto& [name, count] : counts) lines.put(name, count);
}

VLP_INLINE LineCounts load_line_counts(const State& state) {
  constexpr std::string_view prefix = "lines.";
  LineCounts counts;
  for (const auto& [name, entry] : state.entries())
    if (name.starts_with(prefix))
      counts[name.substr(prefix.size())] = std::get<std::int64_t>(entry);
  return counts;
}

}  // namespace vlp
