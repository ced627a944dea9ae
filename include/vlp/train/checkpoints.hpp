#pragma once
// The states of training that a run keeps: folders `step-00001108/` with model.safetensors,
// state.safetensors, recipe.toml, and manifest.json, which names the others with their sizes and
// hashes and is written last. A folder appears whole or not at all; what became damaged later is
// recognised. Includes no torch.

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "vlp/core/console.hpp"
#include "vlp/core/error.hpp"
#include "vlp/core/header_only.hpp"
#include "vlp/core/state.hpp"

namespace vlp {

/// Where a state of training lies.
struct Checkpoint {
  std::filesystem::path folder;
  std::int64_t step = 0;   ///< updates done
  std::int64_t epoch = 0;  ///< that was under way, or has just ended; from 1
};

/// Entries of a state that begin so are tensors of the model, and lie in model.safetensors.
inline constexpr const char* kModelEntries = "model.";

/// What is wrong with a checkpoint's folder: a file is missing, or has another size or hash than
/// the manifest says. Reads all of it.
/// @return  empty = it is whole
[[nodiscard]] std::string checkpoint_damage(const std::filesystem::path& folder);

/// @return  all entries; tensors lie in the mapped files
/// @throws WeightsError if a file can't be read
[[nodiscard]] State read_checkpoint(const std::filesystem::path& folder);

/// The checkpoints of one run.
class Checkpoints {
 public:
  /// @param folder   of the run's checkpoints; made when the first is written
  /// @param console  hears of damaged ones
  Checkpoints(std::filesystem::path folder, Console console)
      : folder_(std::move(folder)), console_(std::move(console)) {}

  /// The folder of a step.
  [[nodiscard]] std::filesystem::path place_of(std::int64_t step) const;
  /// Steps for which there is a folder, ascending, whole or not.
  [[nodiscard]] std::vector<std::int64_t> steps() const;
  /// The newest that is whole. Of each newer one a warning says what is wrong.
  [[nodiscard]] std::optional<Checkpoint> newest() const;

  /// Writes a state; one of the same step is replaced. The manifest's hashes are those of the bytes
  /// that were given, not of what was read back. Says nothing to the console.
  /// @param at      step and epoch; the folder follows from them
  /// @param recipe  TOML, with every default
  /// @throws DiskError, WeightsError if it can't be written; nothing is left of it then
  void write(const Checkpoint& at, const State& state, const std::string& recipe) const;

  /// Removes the oldest, up to and including `newest`, but for this many. Newer ones, which belong
  /// to what is repeated, stay.
  void keep(std::int64_t count, std::int64_t newest) const;
  /// Removes one, if it is there.
  void remove(std::int64_t step) const;

 private:
  std::filesystem::path folder_;
  Console console_;
};

}  // namespace vlp

#if VLP_HEADER_ONLY
#include "vlp/train/checkpoints_inl.hpp"
#endif
