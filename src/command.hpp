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
  enum class Verb { run, check, list, help, caption, match, trace };
  Verb verb = Verb::run;

  std::string subject;   ///< the recipe, the kind or the name
  std::string revision;  ///< download: instead of the one in the name; empty = none given
  std::filesystem::path out;
  std::filesystem::path data_dir = ".";
  std::filesystem::path share_dir;  ///< vocabularies and other files that ship with the program
  std::string device = "auto";
  std::int64_t threads = 0;  ///< 0 = all cores
  std::optional<std::int64_t> seed;
  std::vector<std::string> sets;
  std::vector<std::filesystem::path> plugins;

  std::filesystem::path model;  ///< caption, match: a run folder
  std::vector<std::filesystem::path> images;
  std::vector<std::filesystem::path> image_lists;  ///< caption, match: files with one image a line; `-` = standard input
  std::filesystem::path pixel_values;              ///< caption, match: safetensors with `pixel_values` [B, 3, H, W]
  std::optional<std::int64_t> beams, max_length, max_new_tokens, min_length, num_captions, top_k;
  std::optional<double> length_penalty, repetition_penalty, temperature, top_p;
  std::optional<bool> sample;
  std::optional<std::string> early_stopping, length_rule, clean_up, preprocess, prompt;
  std::vector<std::int64_t> prompt_ids;           ///< caption: [DEC] and the ids behind it; empty = none given
  std::vector<std::string> texts;                 ///< match: to compare with
  std::vector<std::filesystem::path> text_lists;  ///< match: files with one text a line; `-` = standard input
  std::optional<std::string> match_token;         ///< match: `enc` or `cls`; none = the model's
  std::int64_t batch_size = 8;
  std::string precision = "fp32";
  bool json = false;

  std::filesystem::path inputs;                ///< trace: safetensors with what goes into the model
  std::string dtype = "float32";               ///< trace: of weights and inputs
  std::int64_t steps = 0;                      ///< trace: updates
  double lr = 1e-3, weight_decay = 0.1;        ///< trace: of the updates
  std::vector<std::filesystem::path> compare;  ///< trace: two files to compare instead
  double tolerance = 5e-5;                     ///< trace: largest difference that is none

  std::filesystem::path references, candidates, baseline;  ///< score: files of captions; baseline: empty = none
  std::vector<std::string> metrics{"bleu", "rouge_l", "cider"};
  std::string split, image_key;  ///< score: of Karpathy's files; empty = not given
  std::filesystem::path document_frequencies, save_document_frequencies;
  std::optional<double> confidence;
  std::int64_t resamples = 1000;
  bool per_image = false, partial = false, isolated = false;
  std::string tokens;  ///< score: `filtered` or `raw` tokens of the file `subject` instead; empty = scores

  std::filesystem::path vocabulary;  ///< tokenize: BERT's vocab.txt instead of a model's
  bool decode = false, json_lines = false;
};

}  // namespace vlp

/// Carries out a command; prints results to stdout, everything else to stderr. Never throws.
/// @return  the program's exit code
extern "C" __attribute__((visibility("default"))) int vlp_torch_command(const vlp::Command& command);

/// The same for `vlp download`, in a library that has libcurl and no LibTorch.
extern "C" __attribute__((visibility("default"))) int vlp_hub_command(const vlp::Command& command);
