#pragma once
// The plugins that a run was made with, as its folder names them. Includes no torch.

#include <algorithm>
#include <exception>
#include <filesystem>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "vlp/core/json.hpp"
#include "vlp/core/message.hpp"
#include "vlp/core/read_file.hpp"
#include "vlp/report/observer.hpp"
#include "vlp/report/run_files.hpp"

namespace vlp {

/// Plugins as environment.json holds them.
[[nodiscard]] inline Json plugins_json(const std::vector<RunPlugin>& plugins) {
  Json all = Json::array();
  for (const RunPlugin& plugin : plugins)
    all.push_back({{"file", plugin.file}, {"name", plugin.name}, {"version", plugin.version}});
  return all;
}

/// @param folder  of a run, or its model/
/// @return        the plugins of the run; none where the folder doesn't tell, as those that were
///                written before plugins were kept don't
[[nodiscard]] inline std::vector<RunPlugin> plugins_of_run(const std::filesystem::path& folder) {
  namespace fs = std::filesystem;
  fs::path file = folder / run_files::kEnvironment;
  if (!fs::exists(file))
    file = fs::absolute(folder / ".").lexically_normal().parent_path().parent_path() /
           run_files::kEnvironment;  // whether or not a slash ends the name
  const std::optional<std::string> text =
      fs::exists(file) ? read_file(file) : std::optional<std::string>{};
  std::vector<RunPlugin> plugins;
  try {
    const Json environment = Json::parse(text.value_or("{}"));
    for (const Json& plugin : environment.value("plugins", Json::array()))
      plugins.push_back({plugin.at("file"), plugin.at("name"), plugin.at("version")});
  } catch (const std::exception&) {
    return {};  // whoever opens the run has something better to say than that this file is broken
  }
  return plugins;
}

/// What to do about a run that needs plugins.
/// @param made_with  the run's
/// @param opened     files that were opened
/// @return           one sentence that names those that weren't; empty if there is none
[[nodiscard]] inline std::string missing_plugins_hint(const std::vector<RunPlugin>& made_with,
                                                      const std::vector<std::string>& opened) {
  std::vector<std::string> missing;
  for (const RunPlugin& plugin : made_with) {
    const std::filesystem::path name = std::filesystem::path(plugin.file).filename();
    const bool there = std::ranges::any_of(opened, [&](const std::string& file) {
      return std::filesystem::path(file).filename() == name;
    });
    if (!there) missing.push_back(name.string() + ", version " + plugin.version);
  }
  return missing.empty()
             ? ""
             : "this run was made with " + joined(missing, " and ") + "; add --plugin FILE.so";
}

}  // namespace vlp
