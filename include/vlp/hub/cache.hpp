#pragma once
// The cache of huggingface_hub, which transformers and vlp share:
// - models--ORG--NAME/blobs/ETAG
// - models--ORG--NAME/refs/REVISION, which holds a commit
// - models--ORG--NAME/snapshots/COMMIT/FILE -> ../../blobs/ETAG
//
// Includes no torch.

#include <filesystem>
#include <fstream>
#include <optional>
#include <string>
#include <system_error>
#include <vector>

#include "vlp/core/error.hpp"
#include "vlp/hub/model_files.hpp"
#include "vlp/hub/model_name.hpp"
#include "vlp/hub/settings.hpp"

namespace vlp {

/// Where the parts of one model lie in the cache; touches no disk.
class CachedModel {
 public:
  /// @param name  ORG/NAME as `parse_hub_name` lets through
  CachedModel(const std::filesystem::path& cache, const std::string& name)
      : cache_(cache), folder_name_("models") {
    const std::size_t slash = name.find('/');
    folder_name_ += "--" + name.substr(0, slash);
    if (slash != std::string::npos) folder_name_ += "--" + name.substr(slash + 1);
  }

  /// The model's own folder.
  [[nodiscard]] std::filesystem::path folder() const { return cache_ / folder_name_; }
  /// The bytes of one file, named by the hub's ETag.
  [[nodiscard]] std::filesystem::path blob(const std::string& etag) const {
    return folder() / "blobs" / etag;
  }
  /// A file with the commit that a revision stood for when it was last asked.
  [[nodiscard]] std::filesystem::path ref(const std::string& revision) const {
    return folder() / "refs" / revision;
  }
  /// The folder with a commit's files under their own names.
  [[nodiscard]] std::filesystem::path snapshot(const std::string& commit) const {
    return folder() / "snapshots" / commit;
  }
  /// The file that whoever fetches a blob holds locked.
  [[nodiscard]] std::filesystem::path lock(const std::string& etag) const {
    return cache_ / ".locks" / folder_name_ / (etag + ".lock");
  }

 private:
  std::filesystem::path cache_;
  std::string folder_name_;
};

/// The folder with a model's files, if the cache has it at that revision. The hub is not asked; the
/// folder may lack files that nobody needed so far: see `missing_files`.
[[nodiscard]] inline std::optional<std::filesystem::path> find_in_cache(const HubSettings& settings,
                                                                        const HubName& model) {
  const CachedModel cached(settings.cache, model.name);
  std::string commit = model.revision;
  if (!is_commit(commit)) {
    std::ifstream in(cached.ref(model.revision), std::ios::binary);
    in >> commit;
    if (!in || !is_commit(commit)) return std::nullopt;
  }
  std::error_code error;
  if (!std::filesystem::is_directory(cached.snapshot(commit), error)) return std::nullopt;
  return cached.snapshot(commit);
}

/// The folder with a model's files, if it has a configuration and all of its weights. The hub is
/// not asked.
[[nodiscard]] inline std::optional<std::filesystem::path> find_whole_in_cache(
    const HubSettings& settings, const HubName& model) {
  const auto snapshot = find_in_cache(settings, model);
  try {
    if (snapshot && missing_files(*snapshot).empty()) return snapshot;
  } catch (const WeightsError&) {  // its index of shards is broken: it isn't whole
  }
  return std::nullopt;
}

/// `find_in_cache` of a name as a person writes it: ORG/NAME or `ORG/NAME@REVISION`.
/// @param revision  "" = the one in the name, else `main`
/// @throws RecipeError if the name or the revision is malformed
[[nodiscard]] inline std::optional<std::filesystem::path> find_in_cache(
    const HubSettings& settings, const std::string& name, const std::string& revision = {}) {
  return find_in_cache(settings, parse_hub_name(name, revision));
}

/// The message for a model that has to be downloaded first: what was looked for, where, and the
/// command that brings it.
[[nodiscard]] inline std::string not_in_cache(const HubSettings& settings, const HubName& model) {
  return model.text() + ": not in the Hugging Face cache (looked in " + settings.cache.string() +
         "). Bring it with: vlp download " + model.text();
}

/// The folder with a model's files, with its configuration and weights in it.
/// @throws RecipeError if the name is malformed
/// @throws WeightsError with the command that downloads the model if it is not there, or not whole
[[nodiscard]] inline std::filesystem::path require_in_cache(const HubSettings& settings,
                                                            const std::string& name,
                                                            const std::string& revision = {}) {
  const HubName model = parse_hub_name(name, revision);
  const auto snapshot = find_in_cache(settings, model);
  if (!snapshot) throw WeightsError(not_in_cache(settings, model));
  const std::vector<std::string> missing = missing_files(*snapshot);
  if (missing.empty()) return *snapshot;
  std::string list;
  for (const std::string& file : missing) list += (list.empty() ? "" : ", ") + file;
  throw WeightsError(model.text() + ": the copy in the Hugging Face cache is not whole (" +
                     snapshot->string() + " lacks " + list +
                     "). Bring the rest with: vlp download " + model.text());
}

}  // namespace vlp
