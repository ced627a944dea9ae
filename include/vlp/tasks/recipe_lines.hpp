#pragma once
// What `vlp check` tells of a recipe without running it.

#include <string>
#include <vector>

#include "vlp/core/header_only.hpp"
#include "vlp/plan/plan.hpp"
#include "vlp/plan/run_arguments.hpp"

namespace vlp {

/// Pairs of an update, and what the precision asks for.
[[nodiscard]] std::vector<std::string> batch_lines(const Plan& plan);
/// Where the first weights come from; weights that are not there yet are no error.
[[nodiscard]] std::vector<std::string> weights_lines(const Plan& plan);
/// What the data say, where they are there; missing data are no error, broken data are.
/// @param trains  also tells how long training is
/// @throws DataError if the dataset is broken
[[nodiscard]] std::vector<std::string> data_lines(const Plan& plan, const CheckArguments& arguments,
                                                  bool trains);

/// Puts lines behind others.
inline void add_lines(std::vector<std::string>& lines, const std::vector<std::string>& more) {
  lines.insert(lines.end(), more.begin(), more.end());
}

}  // namespace vlp

#if VLP_HEADER_ONLY
#include "vlp/tasks/recipe_lines_inl.hpp"
#endif
