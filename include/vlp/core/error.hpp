#pragma once
// The tree of errors: one class per cause that a user can mend, each with the program's exit code.
// A message reads `where: what happened (got X, expected Y). What to do.`, lower case, one line a
// problem.

#include <stdexcept>
#include <string>
#include <string_view>

namespace vlp {

/// Exit codes of the program; every `Error` carries one.
enum class ExitCode {
  ok = 0,
  unexpected = 1,
  recipe = 2,
  plugin = 3,
  data = 4,
  weights = 5,
  non_finite = 6,
  differs = 7,
  interrupted = 8,
  disk = 9,
};

/// Root of everything that vlp throws on purpose.
class Error : public std::runtime_error {
 public:
  /// `message` in the form above.
  Error(ExitCode code, const std::string& message) : std::runtime_error(message), code_(code) {}
  /// The exit code with which the program ends when this error reaches it.
  [[nodiscard]] ExitCode code() const noexcept { return code_; }

 private:
  ExitCode code_;
};

/// A mistake in a recipe or on the command line.
struct RecipeError : Error {
  explicit RecipeError(const std::string& message) : Error(ExitCode::recipe, message) {}
};

/// A plugin that can't be opened, doesn't fit this build, or clashes with another.
struct PluginError : Error {
  explicit PluginError(const std::string& message) : Error(ExitCode::plugin, message) {}
};

/// A missing, broken or contradictory file of a dataset.
struct DataError : Error {
  explicit DataError(const std::string& message) : Error(ExitCode::data, message) {}
};

/// A dataset that is not where it was looked for, as opposed to one that is broken.
struct DataNotFoundError : DataError {
  using DataError::DataError;
};

/// A file of a dataset that is not there.
struct MissingFileError : DataError {
  using DataError::DataError;
};

/// A file of a dataset that is there and can't be read, since a disk or a network fails or
/// permission lacks. What it holds may be sound.
struct ReadError : DataError {
  using DataError::DataError;
};

/// A checkpoint or weight file that can't be read or doesn't fit the model.
struct WeightsError : Error {
  explicit WeightsError(const std::string& message) : Error(ExitCode::weights, message) {}
};

/// A loss, gradient, logit or embedding that is not a number, or infinite.
struct NonFiniteError : Error {
  explicit NonFiniteError(const std::string& message) : Error(ExitCode::non_finite, message) {}
};

/// A run that ends early because it was asked to, by a signal or by the time that it may take.
struct InterruptedError : Error {
  explicit InterruptedError(const std::string& message) : Error(ExitCode::interrupted, message) {}
};

/// A disk that is full or can't be written. What was whole before still is.
struct DiskError : Error {
  explicit DiskError(const std::string& message) : Error(ExitCode::disk, message) {}
};

/// A call that breaks the contract of the function: a component that lacks what it is asked for, or
/// one of the wrong sort.
struct ContractError : Error {
  explicit ContractError(const std::string& message) : Error(ExitCode::unexpected, message) {}
};

/// A tensor whose shape or dtype breaks the contract of the function it was given to.
struct ShapeError : Error {
  explicit ShapeError(const std::string& message) : Error(ExitCode::unexpected, message) {}
};

}  // namespace vlp
