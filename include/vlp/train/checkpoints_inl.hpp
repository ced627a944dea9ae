#pragma once

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <variant>
#include <vector>

#include "vlp/core/atomic_file.hpp"
#include "vlp/core/digest.hpp"
#include "vlp/core/draft.hpp"
#include "vlp/core/json.hpp"
#include "vlp/core/named_tensors.hpp"
#include "vlp/core/read_file.hpp"
#include "vlp/train/checkpoints.hpp"
#include "vlp/weights/safetensors.hpp"
#include "vlp/weights/state_file.hpp"

namespace vlp {

namespace detail {

inline constexpr const char* kManifest = "manifest.json";
inline constexpr const char* kCheckpointModel = "model.safetensors";
inline constexpr const char* kCheckpointState = "state.safetensors";
inline constexpr const char* kCheckpointRecipe = "recipe.toml";
inline constexpr std::array kCheckpointFiles{kCheckpointModel, kCheckpointState, kCheckpointRecipe};
inline constexpr std::string_view kStepPrefix = "step-";

/// @return  the step of a folder's name; none if it is no checkpoint's
[[nodiscard]] inline std::optional<std::int64_t> step_of(std::string_view name) {
  if (!name.starts_with(kStepPrefix)) return std::nullopt;
  name.remove_prefix(kStepPrefix.size());
  std::int64_t step = 0;
  const auto [end, problem] = std::from_chars(name.data(), name.data() + name.size(), step);
  const bool whole = problem == std::errc{} && end == name.data() + name.size() && step >= 0;
  return whole && name.size() >= 8 ? std::optional(step) : std::nullopt;
}

/// A folder in the making, removed unless it gets its name.
class DraftFolder {
 public:
  /// @throws DiskError if it can't be made
  explicit DraftFolder(std::filesystem::path place)
      : place_(std::move(place)), draft_(draft_of(place_)) {
    std::error_code error;
    std::filesystem::remove_all(draft_, error);
    std::filesystem::create_directories(draft_, error);
    if (error) fail("can't be made", error);
  }
  ~DraftFolder() {
    std::error_code ignored;
    if (!draft_.empty()) std::filesystem::remove_all(draft_, ignored);
  }
  DraftFolder(const DraftFolder&) = delete;
  DraftFolder& operator=(const DraftFolder&) = delete;

  [[nodiscard]] const std::filesystem::path& path() const { return draft_; }
  /// Puts it in its place; what is there makes way first. @throws DiskError if that can't be done
  void commit() {
    namespace fs = std::filesystem;
    std::error_code error;
    fs::path older;
    if (fs::exists(place_, error)) {
      older = draft_of(place_.parent_path() / ("older-" + place_.filename().string()));
      fs::rename(place_, older, error);
      if (error) fail("can't be replaced", error);
    }
    sync_folder(draft_);
    fs::rename(draft_, place_, error);
    if (error) fail("can't be put in place", error);
    draft_.clear();
    sync_folder(place_.parent_path());
    if (!older.empty()) fs::remove_all(older, error);
  }

 private:
  [[noreturn]] void fail(const std::string& what, const std::error_code& error) const {
    throw DiskError(place_.string() + ": " + what + " (" + error.message() +
                    "). Make room, or allow writing there.");
  }

  std::filesystem::path place_, draft_;
};

[[nodiscard]] inline std::string damage_of_file(const std::filesystem::path& file,
                                                const Json& expected) {
  std::error_code error;
  const std::uintmax_t size = std::filesystem::file_size(file, error);
  const std::string name = file.filename().string();
  if (error) return name + " is missing";
  const auto bytes = expected.at("bytes").get<std::uintmax_t>();
  if (size != bytes)
    return name + " has another size (got " + std::to_string(size) + " bytes, expected " +
           std::to_string(bytes) + ")";
  if (sha256_of_file(file) != expected.at("sha256").get<std::string>())
    return name + " has other content than was written";
  return {};
}

/// What a manifest says of a file, taken from the bytes that are to be written, so that it tells
/// what the disk made of them.
class FileFacts {
 public:
  [[nodiscard]] ByteSink sink() {
    return [this](std::span<const std::byte> bytes) {
      digest_.feed(bytes);
      bytes_ += bytes.size();
    };
  }
  /// Of what was heard; nothing can be heard afterwards.
  [[nodiscard]] Json json() { return {{"bytes", bytes_}, {"sha256", digest_.text()}}; }

 private:
  Digest digest_{EVP_sha256()};
  std::uintmax_t bytes_ = 0;
};

/// What a look at a checkpoint's folder has found.
struct CheckpointLook {
  std::string damage;      // empty = it is whole
  std::int64_t epoch = 0;  // of one that is whole
};

/// Reads all of it.
[[nodiscard]] inline CheckpointLook look_at(const std::filesystem::path& folder) {
  const std::optional<std::string> text = read_file(folder / kManifest);
  if (!text) return {std::string(kManifest) + " is missing"};
  try {
    const Json manifest = Json::parse(*text);
    if (manifest.at("step").get<std::int64_t>() != step_of(folder.filename().string()))
      return {std::string(kManifest) + " is of another step"};
    const auto epoch = manifest.at("epoch").get<std::int64_t>();
    for (const char* name : kCheckpointFiles)
      if (std::string damage = damage_of_file(folder / name, manifest.at("files").at(name));
          !damage.empty())
        return {std::move(damage)};
    return {{}, epoch};
  } catch (const Json::exception&) {
    return {std::string(kManifest) + " can't be understood"};
  }
}

}  // namespace detail

VLP_INLINE std::string checkpoint_damage(const std::filesystem::path& folder) {
  return detail::look_at(folder).damage;
}

VLP_INLINE State read_checkpoint(const std::filesystem::path& folder) {
  State state = load_state(folder / detail::kCheckpointState);
  SafetensorsFile model = read_safetensors(folder / detail::kCheckpointModel);
  for (auto& [name, tensor] : model.tensors) state.put(kModelEntries + name, std::move(tensor));
  return state;
}

VLP_INLINE std::filesystem::path Checkpoints::place_of(std::int64_t step) const {
  std::array<char, 32> name{};
  std::snprintf(name.data(), name.size(), "step-%08lld", static_cast<long long>(step));
  return folder_ / name.data();
}

VLP_INLINE std::vector<std::int64_t> Checkpoints::steps() const {
  namespace fs = std::filesystem;
  std::vector<std::int64_t> steps;
  std::error_code error;
  for (fs::directory_iterator at(folder_, error), end; !error && at != end; at.increment(error)) {
    std::error_code ignored;
    const std::optional<std::int64_t> step = detail::step_of(at->path().filename().string());
    if (step && at->is_directory(ignored)) steps.push_back(*step);
  }
  std::ranges::sort(steps);
  return steps;
}

VLP_INLINE std::optional<Checkpoint> Checkpoints::newest() const {
  std::vector<std::int64_t> newest_first = steps();
  std::ranges::reverse(newest_first);
  for (const std::int64_t step : newest_first) {
    const std::filesystem::path folder = place_of(step);
    const detail::CheckpointLook found = detail::look_at(folder);
    if (found.damage.empty()) return Checkpoint{folder, step, found.epoch};
    console_.warning(folder.string() + ": damaged, and not used: " + found.damage +
                     "; the one before it is looked at");
  }
  return std::nullopt;
}

VLP_INLINE void Checkpoints::write(const Checkpoint& at, const State& state,
                                   const std::string& recipe) const {
  detail::DraftFolder draft(place_of(at.step));
  NamedTensors model;
  State rest;
  for (const auto& [name, entry] : state.entries()) {
    const auto* tensor = std::get_if<TensorBytes>(&entry);
    if (tensor && name.starts_with(kModelEntries))
      model.emplace_back(name.substr(std::string_view(kModelEntries).size()), *tensor);
    else
      rest.entries()[name] = entry;
  }
  const auto write_text = [&](const char* name, const std::string& text,
                              const ByteSink& also = {}) {
    AtomicFile<DiskError> file(draft.path() / name, also);
    file.write(std::as_bytes(std::span(text)));
    file.commit();
  };
  detail::FileFacts of_model, of_state, of_recipe;
  write_safetensors(draft.path() / detail::kCheckpointModel, model, {{"format", "pt"}},
                    of_model.sink());
  save_state(rest, draft.path() / detail::kCheckpointState, of_state.sink());
  write_text(detail::kCheckpointRecipe, recipe, of_recipe.sink());
  const Json manifest{{"step", at.step},
                      {"epoch", at.epoch},
                      {"files",
                       {{detail::kCheckpointModel, of_model.json()},
                        {detail::kCheckpointState, of_state.json()},
                        {detail::kCheckpointRecipe, of_recipe.json()}}}};
  write_text(detail::kManifest, manifest.dump(2) + "\n");
  draft.commit();
}

VLP_INLINE void Checkpoints::keep(std::int64_t count, std::int64_t newest) const {
  std::vector<std::int64_t> old = steps();
  std::erase_if(old, [&](std::int64_t step) { return step > newest; });
  for (std::size_t i = 0; i + static_cast<std::size_t>(count) < old.size(); ++i) remove(old[i]);
}

VLP_INLINE void Checkpoints::remove(std::int64_t step) const {
  namespace fs = std::filesystem;
  const fs::path place = place_of(step);
  const fs::path draft = draft_of(place);  // half of a checkpoint never has the name of one
  std::error_code error;
  fs::rename(place, draft, error);
  if (!error) fs::remove_all(draft, error);
}

}  // namespace vlp
