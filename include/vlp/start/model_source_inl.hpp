#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>

#include "vlp/core/error.hpp"
#include "vlp/hub/cache.hpp"
#include "vlp/hub/settings.hpp"
#include "vlp/start/model_source.hpp"
#include "vlp/weights/read_weights.hpp"

namespace vlp {

namespace detail {

/// A folder that holds a model itself: recipe.toml or config.json beside weights, or only weights.
inline std::optional<ModelSource> model_in(const std::filesystem::path& folder) {
  namespace fs = std::filesystem;
  if (fs::is_regular_file(folder / "recipe.toml"))
    return ModelSource{find_weights(folder), folder / "recipe.toml", {}};
  if (fs::is_regular_file(folder / "config.json"))
    return ModelSource{find_weights(folder), {}, folder / "config.json"};
  return std::nullopt;
}

}  // namespace detail

VLP_INLINE ModelSource model_at(const std::filesystem::path& path) {
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

VLP_INLINE ModelSource find_model(const std::string& name, const HubSettings& hub) {
  std::error_code error;
  if (std::filesystem::exists(name, error)) return model_at(name);
  if (!is_model_name(std::string_view(name).substr(0, name.find('@'))))
    throw WeightsError(name +
                       ": no such file or folder. Name a run folder, a folder with config.json, a "
                       "file with weights, or a model " +
                       "on the hub as in Salesforce/blip-image-captioning-base.");
  if (!find_in_cache(hub, name))
    throw WeightsError(not_in_cache(hub, parse_hub_name(name)) +
                       ". If it is a path, there is no such file or folder.");
  return model_at(require_in_cache(hub, name));
}

}  // namespace vlp
