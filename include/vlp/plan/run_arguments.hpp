#pragma once
// What a command line says beside the recipe. Includes no torch.

#include <cstdint>
#include <filesystem>
#include <optional>

#include "vlp/concepts/peers.hpp"
#include "vlp/core/console.hpp"
#include "vlp/core/device.hpp"

namespace vlp {

/// For a run.
struct RunArguments {
  std::filesystem::path out;                  ///< the run folder
  std::filesystem::path data_dir = ".";       ///< where relative paths in [dataset] start
  std::filesystem::path share_dir = "share";  ///< holds vocabularies/
  DeviceName device;                          ///< chosen already, see choose_device
  std::int64_t threads = 0;                   ///< 0 = all cores
  Console console;                            ///< where notes and progress of the first process go
  Peers peers;                                ///< processes that run together
  bool quick = false;                         ///< without a dry pass
};

/// For a look at a recipe that isn't run.
struct CheckArguments {
  std::filesystem::path data_dir = ".";  ///< where relative paths in [dataset] start
  std::optional<DeviceName> device;      ///< none = not known, and what depends on it isn't checked
  std::filesystem::path share_dir;       ///< holds vocabularies/; empty = they aren't looked for
  bool strict = false;                   ///< data that aren't there are an error
  bool quick = false;                    ///< without a dry pass
};

}  // namespace vlp
