#pragma once
// A run folder's environment.json: on what a run computes, and what its command line said, so that
// it can go on without being told again. Includes no torch.

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "vlp/core/device.hpp"
#include "vlp/core/error.hpp"
#include "vlp/core/json.hpp"
#include "vlp/core/plugin_info.hpp"
#include "vlp/core/read_file.hpp"
#include "vlp/recipe/field.hpp"
#include "vlp/report/run_files.hpp"
#include "vlp/report/run_folder.hpp"

namespace vlp {

/// What environment.json holds.
struct RunEnvironment {
  std::vector<std::pair<std::string, std::string>> built;  ///< versions of what the program is of
  std::vector<PluginInfo> plugins;                         ///< opened from files
  DeviceName device;                                       ///< where the model is
  Precision precision = Precision::fp32;                   ///< of forward passes
  int threads = 1;                                         ///< of the loader and within operators
  std::filesystem::path data_dir = ".";                    ///< where relative paths start
  std::filesystem::path recipe;   ///< the file that the run began with; empty = not known
  std::vector<std::string> sets;  ///< KEY=VALUE, on top of that file
  std::string started = timed_name("").substr(1);  ///< local time
};

/// Grows when older programs would misread a run folder; folders without it can't go on.
inline constexpr std::int64_t kRunLayout = 2;

/// As the file holds it.
[[nodiscard]] inline Json environment_json(const RunEnvironment& environment) {
  const auto absolute = [](const std::filesystem::path& path) {
    return path.empty() ? std::string()
                        : std::filesystem::absolute(path).lexically_normal().string();
  };
  Json json = Json::object();
  for (const auto& [name, version] : environment.built) json[name] = version;
  json["plugins"] = plugins_json(environment.plugins);
  json["device"] = environment.device.text();
  json["precision"] = EnumNames<Precision>::of(environment.precision);
  json["threads"] = environment.threads;
  json["cores"] = std::thread::hardware_concurrency();
  json["data_dir"] = absolute(environment.data_dir);
  json["recipe"] = absolute(environment.recipe);
  json["sets"] = environment.sets;
  json["layout"] = kRunLayout;
  json["started"] = environment.started;
  return json;
}

/// What of a run's environment its continuation takes over.
struct StoredEnvironment {
  std::string device, precision;                           ///< as text
  std::int64_t threads = 0;                                ///< at least 1
  std::filesystem::path data_dir;                          ///< absolute
  std::filesystem::path recipe;                            ///< absolute; empty = not known
  std::vector<std::string> sets;                           ///< KEY=VALUE
  std::vector<std::filesystem::path> plugins;              ///< absolute
  std::string started;                                     ///< local time
  std::vector<std::pair<std::string, std::string>> built;  ///< vlp, torch, compiler
};

/// @return  none if the folder has no such file
/// @throws WeightsError if the run is of before this layout, or the file is broken
[[nodiscard]] inline std::optional<StoredEnvironment> read_environment(
    const std::filesystem::path& folder) {
  const std::filesystem::path file = folder / run_files::kEnvironment;
  const std::optional<std::string> text = read_file(file);
  if (!text) return std::nullopt;
  try {
    const Json json = Json::parse(*text);
    if (json.value("layout", std::int64_t{0}) != kRunLayout)
      throw WeightsError(folder.string() +
                         ": this run can't go on, its folder is of another version of vlp, which "
                         "kept too little or something else (got layout " +
                         std::to_string(json.value("layout", std::int64_t{0})) + ", expected " +
                         std::to_string(kRunLayout) + "). Begin a new run; --set model.weights=" +
                         folder.string() + " begins it with the best weights of this one.");
    StoredEnvironment stored{.device = json.at("device"),
                             .precision = json.at("precision"),
                             .threads = json.at("threads"),
                             .data_dir = json.at("data_dir").get<std::string>(),
                             .recipe = json.at("recipe").get<std::string>(),
                             .sets = json.at("sets"),
                             .plugins = {},
                             .started = json.at("started"),
                             .built = {}};
    for (const Json& plugin : json.at("plugins"))
      stored.plugins.emplace_back(plugin.at("file").get<std::string>());
    for (const char* part : {"vlp", "torch", "compiler"})
      if (json.contains(part)) stored.built.emplace_back(part, json.at(part));
    return stored;
  } catch (const Json::exception& error) {
    throw WeightsError(file.string() + ": can't be understood (" + error.what() +
                       "). Did another program change it?");
  }
}

}  // namespace vlp
