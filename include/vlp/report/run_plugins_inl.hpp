#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "vlp/core/json.hpp"
#include "vlp/core/message.hpp"
#include "vlp/core/read_file.hpp"
#include "vlp/report/run_files.hpp"
#include "vlp/report/run_plugins.hpp"

namespace vlp {

namespace detail {

/// The text of a key; `otherwise` if there is none.
[[nodiscard]] inline std::string text_at(const Json& object, const char* key,
                                         const char* otherwise) {
  const auto found = object.find(key);
  return found != object.end() && found->is_string() ? found->get<std::string>() : otherwise;
}

}  // namespace detail

VLP_INLINE std::string plugins_of_run(const std::filesystem::path& recipe) {
  if (recipe.filename() != run_files::kRecipe) return {};
  const std::filesystem::path folder = std::filesystem::absolute(recipe).parent_path();
  std::optional<std::string> text = read_file(folder / run_files::kEnvironment);
  if (!text && folder.filename() == "model")
    text = read_file(folder.parent_path() / run_files::kEnvironment);
  if (!text) return {};
  const Json environment = Json::parse(*text, nullptr, /*allow_exceptions=*/false);
  if (!environment.is_object()) return {};
  const auto plugins = environment.find("plugins");
  if (plugins == environment.end() || !plugins->is_array()) return {};
  std::vector<std::string> names;
  for (const Json& plugin : *plugins) {
    if (!plugin.is_object()) continue;
    const std::filesystem::path file = detail::text_at(plugin, "file", "");
    if (!file.empty())
      names.push_back(file.filename().string() + ", version " +
                      detail::text_at(plugin, "version", "unknown"));
  }
  return names.empty() ? std::string() : "this run was made with " + joined(names, " and ");
}

}  // namespace vlp
