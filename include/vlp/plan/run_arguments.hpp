#pragma once
// What a command line says beside the recipe. Includes no torch.

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "vlp/concepts/peers.hpp"
#include "vlp/core/console.hpp"
#include "vlp/core/device.hpp"
#include "vlp/core/stop.hpp"

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
  bool resume = false;            ///< goes on with the run in `out`; begins one if there is none
  bool allow_changes = false;     ///< goes on though the recipe has changed
  bool counts_up = false;         ///< where `out` is taken, NAME-2, NAME-3, ... are tried
  std::vector<std::string> sets;  ///< KEY=VALUE that the recipe has been changed by
  Stop stop;                      ///< tells when to end early
};

/// For a look at a recipe that isn't run.
struct CheckArguments {
  std::filesystem::path data_dir = ".";  ///< where relative paths in [dataset] start
  std::optional<DeviceName> device;      ///< none = not known, and what depends on it isn't checked
  std::filesystem::path share_dir;       ///< holds vocabularies/; empty = they aren't looked for
  bool strict = false;                   ///< data that aren't there are an error
  bool quick = false;                    ///< without a dry pass
  bool images = false;   ///< every image is decoded, with all cores; data must be there then
  Console console = {};  ///< hears how far that is
};

}  // namespace vlp
