#pragma once
// What the command line says, as plain values: the program parses it without LibTorch and hands it
// to the part that needs LibTorch or libcurl, which is opened only then.

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "vlp/recipe/value.hpp"

namespace vlp {

class Registry;

/// What a model is computed on.
struct MachineArguments {
  std::string device = "auto";
  std::int64_t threads = 0;         ///< 0 = all cores
  std::filesystem::path share_dir;  ///< vocabularies and other files that ship with the program
};

using Plugins = std::vector<std::filesystem::path>;

/// What `run` and `check` have in common.
struct RecipeCommand {
  std::filesystem::path recipe;
  std::filesystem::path data_dir = ".";
  std::optional<std::int64_t> seed;  ///< none = the recipe's
  std::vector<std::string> sets;     ///< KEY=VALUE
  Plugins plugins;
  bool quick = false;  ///< without a dry pass
};

struct RunCommand : RecipeCommand {
  std::filesystem::path out;  ///< empty = runs/NAME-TIME
  MachineArguments machine;
  std::string resume;                     ///< a run folder, or `latest`; empty = a new run
  std::vector<std::string> earlier_sets;  ///< those that the resumed run began with, where they
                                          ///< are in the recipe already
  bool allow_changes = false;             ///< goes on though the recipe has changed
  bool data_dir_given = false, device_given = false, threads_given = false;
};

struct CheckCommand : RecipeCommand {
  std::string device;               ///< empty = not known
  bool strict = false;              ///< data that aren't there are an error
  bool images = false;              ///< every image is decoded
  std::filesystem::path share_dir;  ///< as a machine's
};

struct ListCommand {
  std::string kind;  ///< empty = all
  Plugins plugins;
};

struct HelpCommand {
  std::string name;  ///< of a component or a table
  Plugins plugins;
};

/// What `caption` and `match` have in common.
struct ImageCommand {
  std::string model;
  std::vector<std::filesystem::path> images;       ///< files, or folders of them
  bool recursive = false;                          ///< with the folders in folders
  std::vector<std::filesystem::path> image_lists;  ///< with one a line; `-` = standard input
  std::filesystem::path pixel_values;              ///< safetensors with `pixel_values` [B, 3, H, W]
  std::optional<std::string> preprocess;           ///< `torchvision` or `pil`; none = the model's
  bool orient = false;  ///< turns images upright, whatever the model says
  std::int64_t batch_size = 8;
  bool json = false;
  MachineArguments machine;
  Plugins plugins;
};

struct CaptionCommand : ImageCommand {
  Table generate;  ///< the options that are given, as in the table [generate] of a recipe
  std::optional<std::int64_t> seed;
  std::optional<std::string> prompt;
  std::vector<std::int64_t> prompt_ids;  ///< [DEC] and the ids behind it; empty = none given
  std::vector<std::string> bad_words;    ///< that captions never complete
  std::string precision = "fp32";
};

struct MatchCommand : ImageCommand {
  std::vector<std::string> texts;                 ///< to compare with
  std::vector<std::filesystem::path> text_lists;  ///< with one a line; `-` = standard input
  std::optional<std::string> match_token;         ///< `enc` or `cls`; none = the model's
};

struct TraceCommand {
  std::string model;
  std::filesystem::path inputs;               ///< safetensors with what goes into the model
  std::vector<std::filesystem::path> images;  ///< instead: files, or folders of them
  bool recursive = false;                     ///< with the folders in folders
  bool orient = false;                        ///< turns images upright, whatever the model says
  std::filesystem::path out;
  std::string dtype = "float32";         ///< of weights and inputs
  std::int64_t steps = 0;                ///< updates
  double lr = 1e-3, weight_decay = 0.1;  ///< of the updates
  MachineArguments machine;
  Plugins plugins;
};

using TorchCommand = std::variant<RunCommand, CheckCommand, ListCommand, HelpCommand,
                                  CaptionCommand, MatchCommand, TraceCommand>;

struct DownloadCommand {
  std::string name;
  std::string revision;  ///< instead of the one in the name; empty = none given
};

}  // namespace vlp

/// Carries out a command; prints results to stdout, everything else to stderr. Never throws.
/// @return  the program's exit code
extern "C" __attribute__((visibility("default"))) int vlp_torch_command(
    const vlp::TorchCommand& command);

/// Opens plugins for a command that needs no LibTorch itself.
/// @throws PluginError if one can't be opened, see vlp::load_plugin
extern "C" __attribute__((visibility("default"))) void vlp_torch_add_plugins(
    vlp::Registry& registry, const vlp::Plugins& files);

/// Carries out a command in a library that has libcurl and no LibTorch, as vlp_torch_command does.
extern "C" __attribute__((visibility("default"))) int vlp_hub_command(
    const vlp::DownloadCommand& command);
