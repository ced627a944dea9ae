#pragma once
// Which plugins a run was made with, as its environment.json tells: for the message of a recipe
// that names a component nobody knows any more. Includes no torch.

#include <filesystem>
#include <string>

#include "vlp/core/header_only.hpp"

namespace vlp {

/// `this run was made with convnet.so, version 1.0`, of the run whose recipe this is.
/// @param recipe  recipe.toml of a run folder or of its model/
/// @return        empty for any other recipe, and for a run that used no plugin
[[nodiscard]] std::string plugins_of_run(const std::filesystem::path& recipe);

}  // namespace vlp

#if VLP_HEADER_ONLY
#include "vlp/report/run_plugins_inl.hpp"
#endif
