#pragma once
// What the command line says of each command, and the commands that need no LibTorch.

#include <cstdint>
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <tuple>
#include <vector>

#include "src/shared/command.hpp"

namespace CLI {
class App;
}

namespace vlp {

struct TokenizeCommand {
  std::string model;
  std::filesystem::path vocabulary;  ///< BERT's vocab.txt instead of a model's
  std::filesystem::path share_dir;   ///< holds vocabularies/
  Plugins plugins;                   ///< tokenizers and formats
  bool decode = false, json_lines = false;
};

/// `vlp trace --compare`.
struct CompareCommand {
  std::vector<std::filesystem::path> files;  ///< two; empty = no comparison
  double tolerance = 5e-5;                   ///< largest difference that is none
};

struct ScoreCommand {
  std::filesystem::path references, candidates;
  std::filesystem::path baseline;  ///< empty = none
  std::string split, image_key;    ///< of Karpathy's files; empty = not given
  bool partial = false;

  std::vector<std::string> metrics{"bleu", "rouge_l", "cider"};
  std::vector<std::string> sets;  ///< KEY=VALUE
  std::filesystem::path document_frequencies, save_document_frequencies;
  Plugins plugins;
  std::optional<double> confidence;
  std::int64_t resamples = 1000;
  std::optional<std::int64_t> seed;
  bool per_image = false, json = false;

  std::string tokens;  ///< `filtered` or `raw` tokens of `file` instead; empty = scores
  std::filesystem::path file;
  bool isolated = false;
  std::int64_t threads = 0;  ///< 0 = all cores
};

using Commands =
    std::tuple<RunCommand, CheckCommand, ListCommand, HelpCommand, CaptionCommand, MatchCommand,
               ScoreCommand, DownloadCommand, TraceCommand, CompareCommand, TokenizeCommand>;

/// Adds the commands with their options; parsing fills in the one that is named.
void add_commands(CLI::App& app, Commands& commands);

/// Arguments in which --plugin and --set stand before each of their values: what follows one of
/// them and its value, and looks like another (`FILE.so`; `KEY=VALUE`), is one. Everything else
/// stays what it is.
[[nodiscard]] std::vector<std::string> with_repeated_flags(std::span<const char* const> arguments);

/// Opens plugins with the part that needs LibTorch; opens nothing if there are none.
/// @throws PluginError if one can't be opened
void add_plugins(Registry& registry, const Plugins& files);

// Each prints results to stdout, returns the exit code, and throws vlp::Error.
int tokenize_command(const TokenizeCommand& command);
int compare_command(const CompareCommand& command);
int score_command(const ScoreCommand& command);

}  // namespace vlp
