#pragma once
// What a task that trains or evaluates works with once everything is open, and what both do with
// it: tell the observers, and score a split.

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "vlp/concepts/context.hpp"
#include "vlp/concepts/dataset.hpp"
#include "vlp/concepts/format.hpp"
#include "vlp/concepts/model.hpp"
#include "vlp/concepts/tokenizer.hpp"
#include "vlp/core/header_only.hpp"
#include "vlp/core/state.hpp"
#include "vlp/data/data.hpp"
#include "vlp/evaluate/evaluation.hpp"
#include "vlp/plan/plan.hpp"
#include "vlp/report/bad_samples.hpp"
#include "vlp/report/observer.hpp"
#include "vlp/report/report.hpp"
#include "vlp/report/run_folder.hpp"
#include "vlp/train/objective.hpp"

namespace vlp {

/// The parts of a run; what is referred to outlives it.
struct RunParts {
  const Plan& plan;
  const Context& ctx;
  const Data& data;
  AnyModel& model;                       ///< on the device
  Objective& losses;                     ///< empty where the recipe has none
  const RunFolder& folder;               ///< made
  Observers observers;                   ///< hear what happens
  BadSamples bad;                        ///< images that were skipped
  std::optional<AnyFormat> format = {};  ///< names the tensors in model/; none = as the module's
  std::vector<PluginInfo> plugins = {};  ///< opened from files
  std::string reader = {};               ///< the format that has read the first weights, if any
  std::optional<State> from = {};        ///< of training, to go on from; none = from the start
  bool exact = true;                     ///< whether the state is of this very recipe
};

/// What listens to a run: its folder and the console.
[[nodiscard]] Observers observers_of(const Plan& plan, const Context& ctx, const RunFolder& folder);

/// Versions of vlp, LibTorch and the compiler.
[[nodiscard]] std::vector<std::pair<std::string, std::string>> versions_built_with();

/// What is known before the first update.
[[nodiscard]] RunStart start_of(const RunParts& run);

/// Refuses, before anything is trained, prompts of images' own that can't be used.
/// @throws RecipeError if one leaves no room for a caption within tokenizer's or generation's
/// length, or if retrieval is to be measured
void require_usable_prompts(const Plan& plan, const AnyTokenizer& tokenizer,
                            const AnyDataset& dataset);

/// Tells the observers of images that can't be used, each once a run. For the process that writes
/// the run's files; does nothing in others.
/// @return  how many of them are new
std::size_t list_bad(RunParts& run, std::span<const BadSample> found);

/// Lists the training images that loaders have met and that can't be used: those of all processes,
/// which make this call together.
/// @param found  by this process's loader
/// @throws DataError if the run has skipped more of the training split than it may; in another
///         process the next call of the group throws then
void list_bad_of_training(RunParts& run, const std::vector<BadSample>& found);

/// Which weights are evaluated: those behind an update of the run, or given ones.
struct EvaluatedUpdate {
  std::int64_t epoch = 0;  ///< to which it belongs, 0 = given weights
  std::int64_t step = 0;   ///< its number, from 1; 0 = given weights
};

/// Evaluates the model on a split with the recipe's metrics, and tells the observers.
/// @param weights  that the model has
/// @param steps    updates done
/// @throws DataError if more of its images can't be used than the recipe allows
[[nodiscard]] Evaluation evaluate_split(RunParts& run, Split split, const EvaluatedUpdate& weights,
                                        std::int64_t steps);

/// Notes, once a run, that images lie on their side, if they do.
inline void note_orientation(const RunParts& run) {
  const std::string note = run.data.images.note("[dataset] orient = true turns them upright.");
  if (!note.empty()) run.ctx.machine.console.note(note);
}

/// What a run that is over already comes to.
[[nodiscard]] inline Report finished_before(const std::filesystem::path& folder) {
  Report report;
  report.folder = folder;
  report.finished_before = true;
  return report;
}

/// Evaluates the split that the recipe names with the weights that the model has now, beside the
/// commonest training caption, and ends the run.
[[nodiscard]] Report score(RunParts& run, History history);

}  // namespace vlp

#if VLP_HEADER_ONLY
#include "vlp/tasks/run_parts_inl.hpp"
#endif
