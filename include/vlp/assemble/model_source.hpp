#pragma once
// What a model's name stands for, on the command line and as a recipe's `weights`: a Hugging Face folder, a run, a file
// with weights, or a name on the hub, whose files `vlp download` has brought. Nothing is downloaded. Includes no torch.

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>

#include "vlp/core/error.hpp"
#include "vlp/hub/cache.hpp"
#include "vlp/hub/settings.hpp"
#include "vlp/weights/read_weights.hpp"

namespace vlp {

/// Where a model's parts lie.
struct ModelSource {
  std::filesystem::path weights;  ///< the file with the tensors
  std::filesystem::path recipe;   ///< recipe.toml of a run; empty if there is none
  std::filesystem::path config;   ///< config.json of a Hugging Face folder; empty if there is none, or a recipe

  /// The folder with everything else that belongs to the model.
  [[nodiscard]] std::filesystem::path folder() const { return (recipe.empty() ? config.empty() ? weights : config : recipe).parent_path(); }
};

namespace detail {

/// A folder that holds a model itself: recipe.toml or config.json beside weights, or only weights.
inline std::optional<ModelSource> model_in(const std::filesystem::path& folder) {
  namespace fs = std::filesystem;
  if (fs::is_regular_file(folder / "recipe.toml")) return ModelSource{find_weights(folder), folder / "recipe.toml", {}};
  if (fs::is_regular_file(folder / "config.json")) return ModelSource{find_weights(folder), {}, folder / "config.json"};
  return std::nullopt;
}

}  // namespace detail

/// The model that a path names: a run folder, its model/, a folder with config.json, a folder with nothing but weights,
/// or a file with weights, beside which recipe.toml or config.json may lie.
/// @throws WeightsError if there is no model
[[nodiscard]] inline ModelSource model_at(const std::filesystem::path& path) {
  namespace fs = std::filesystem;
  if (fs::is_directory(path)) {
    if (auto run = detail::model_in(path / "model")) return *run;
    if (auto model = detail::model_in(path)) return *model;
    return {find_weights(path), {}, {}};
  }
  ModelSource source{path, {}, {}};
  const fs::path folder = path.parent_path();
  if (fs::is_regular_file(folder / "recipe.toml"))
    source.recipe = folder / "recipe.toml";
  else if (fs::is_regular_file(folder / "config.json"))
    source.config = folder / "config.json";
  return source;
}

/// The model that `name` stands for; a path that exists wins over a name on the hub.
/// @param name  a path as `model_at` takes it, or ORG/NAME, or `ORG/NAME@REVISION`
/// @param hub   where downloaded models lie
/// @throws WeightsError if there is none, saying how to get it
[[nodiscard]] inline ModelSource find_model(const std::string& name, const HubSettings& hub = hub_settings()) {
  std::error_code error;
  if (std::filesystem::exists(name, error)) return model_at(name);
  if (!is_model_name(std::string_view(name).substr(0, name.find('@'))))
    throw WeightsError(name + ": no such file or folder. Name a run folder, a folder with config.json, a file with weights, or a model " +
                       "on the hub as in Salesforce/blip-image-captioning-base.");
  if (!find_in_cache(hub, name))
    throw WeightsError(not_in_cache(hub, parse_hub_name(name)) + ". If it is a path, there is no such file or folder.");
  return model_at(require_in_cache(hub, name));
}

}  // namespace vlp
