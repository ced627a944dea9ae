#pragma once
// How a run begins: in a folder of its own, or where an earlier one was left in that folder.

#include <cstdint>
#include <optional>

#include "vlp/core/error.hpp"
#include "vlp/core/header_only.hpp"
#include "vlp/core/state.hpp"
#include "vlp/plan/plan.hpp"
#include "vlp/plan/run_arguments.hpp"
#include "vlp/report/run_environment.hpp"
#include "vlp/report/run_folder.hpp"
#include "vlp/train/checkpoints.hpp"

namespace vlp {

/// What was found in the run's folder, equal in all processes but for the environment.
struct RunBeginning {
  bool goes_on = false;   ///< the folder is an earlier run's
  bool finished = false;  ///< which is over: there is nothing to do
  bool exact = true;      ///< whether its recipe is the same in all that changes a number
  std::optional<Checkpoint> checkpoint = {};  ///< the newest that is whole
  RunEnvironment environment = {};            ///< to be written into the folder
};

/// Looks what there is to go on with, and tells the console; changes nothing.
/// @throws RecipeError if the folder is taken and shall not be resumed, is no run folder, or its
///         recipe differs, key by key, and changes are not allowed; WeightsError if the run is of
///         an older layout
[[nodiscard]] RunBeginning begin_run(const Plan& plan, const Recipe& recipe,
                                     const Registry& registry, const RunArguments& arguments);

/// Makes the run's folder, or opens that of the earlier run.
/// @throws RecipeError, DiskError: see `RunFolder`
[[nodiscard]] RunFolder open_run_folder(const RunBeginning& beginning, const Plan& plan,
                                        const RunArguments& arguments);

/// Takes away what an earlier run has written behind the state that its continuation begins with.
/// @param from  that state; null = the start
/// @throws DiskError if that can't be done
void cut_back(const RunFolder& folder, const RunBeginning& beginning, const State* from);

/// Lines of growing files into a state and back.
void save_line_counts(const LineCounts& counts, State& state);
[[nodiscard]] LineCounts load_line_counts(const State& state);

}  // namespace vlp

#if VLP_HEADER_ONLY
#include "vlp/tasks/begin_run_inl.hpp"
#endif
