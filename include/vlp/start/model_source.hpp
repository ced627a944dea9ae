#pragma once
// What a model's name stands for, on the command line and as a recipe's `weights`: a Hugging Face
// folder, a run, a file with weights, or a name on the hub, whose files `vlp download` has brought.
// Nothing is downloaded. Includes no torch.

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

#include "vlp/core/error.hpp"
#include "vlp/core/header_only.hpp"
#include "vlp/hub/settings.hpp"

namespace vlp {

/// Where a model's parts lie.
struct ModelSource {
  std::filesystem::path weights;  ///< the file with the tensors
  std::filesystem::path recipe;   ///< recipe.toml of a run; empty if there is none
  std::filesystem::path
      config;  ///< config.json of a Hugging Face folder; empty if there is none, or a recipe

  /// The folder with everything else that belongs to the model.
  [[nodiscard]] std::filesystem::path folder() const {
    return (recipe.empty() ? config.empty() ? weights : config : recipe).parent_path();
  }
};

/// The model that a path names: a run folder, its model/, a folder with config.json, a folder with
/// nothing but weights, or a file with weights, beside which recipe.toml or config.json may lie.
/// @throws WeightsError if there is no model
[[nodiscard]] ModelSource model_at(const std::filesystem::path& path);

/// The model that `name` stands for; a path that exists wins over a name on the hub.
/// @param name  a path as `model_at` takes it, or ORG/NAME, or `ORG/NAME@REVISION`
/// @param hub   where downloaded models lie
/// @throws WeightsError if there is none, saying how to get it
[[nodiscard]] ModelSource find_model(const std::string& name,
                                     const HubSettings& hub = hub_settings());

}  // namespace vlp

#if VLP_HEADER_ONLY
#include "vlp/start/model_source_inl.hpp"
#endif
