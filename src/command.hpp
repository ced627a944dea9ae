#pragma once
// What the command line says, as plain values: the program parses it without LibTorch and hands it to the part that
// needs LibTorch, which is opened only then.

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace vlp {

/// One command with its options.
struct Command {
  enum class Verb { run, check, list, help, caption };
  Verb verb = Verb::run;

  std::string subject;  ///< the recipe, the kind or the name
  std::filesystem::path out;
  std::filesystem::path data_dir = ".";
  std::filesystem::path share_dir;  ///< vocabularies and other files that ship with the program
  std::string device = "auto";
  std::int64_t threads = 0;  ///< 0 = all cores
  std::optional<std::int64_t> seed;
  std::vector<std::string> sets;
  std::vector<std::filesystem::path> plugins;

  std::filesystem::path model;  ///< caption: a run folder
  std::vector<std::filesystem::path> images;
  std::filesystem::path image_list;  ///< caption: a file with one image a line
  std::optional<std::int64_t> beams, max_length, max_new_tokens, min_length, num_captions;
  std::optional<double> length_penalty, repetition_penalty;
  std::optional<std::string> early_stopping, prompt;
  std::int64_t batch_size = 8;
  std::string precision = "fp32";
  bool json = false;
};

}  // namespace vlp

/// Carries out a command; prints results to stdout, everything else to stderr. Never throws.
/// @return  the program's exit code
extern "C" __attribute__((visibility("default"))) int vlp_torch_command(const vlp::Command& command);
