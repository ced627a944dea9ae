#pragma once
// The vocabulary of a WordPiece tokenizer among the files of a Hugging Face folder, whatever family
// its model is of. Includes no torch.

#include <filesystem>
#include <optional>

#include "vlp/core/error.hpp"
#include "vlp/weights/config_file.hpp"

namespace vlp {

/// @return  vocab.txt or else tokenizer.json; nothing if neither is there
/// @throws WeightsError if tokenizer_config.json beside it is that of another tokenizer than BERT's
/// lower-casing WordPiece
[[nodiscard]] inline std::optional<std::filesystem::path> wordpiece_vocabulary(
    const std::filesystem::path& folder) {
  std::optional<std::filesystem::path> vocabulary;
  for (const char* name : {"tokenizer.json", "vocab.txt"})  // the plainer one wins
    if (std::filesystem::is_regular_file(folder / name)) vocabulary = folder / name;
  if (!vocabulary) return vocabulary;
  if (const auto path = folder / "tokenizer_config.json"; std::filesystem::is_regular_file(path)) {
    const ConfigObject file = read_config_file(path);
    file.expect("tokenizer_class",
                {"BertTokenizer", "BertTokenizerFast", "TokenizersBackend", nullptr});
    file.expect("do_lower_case", {true});
    file.expect("strip_accents", {nullptr, true});
    file.expect("tokenize_chinese_chars", {true});
    file.throw_if_wrong("Use a model with BERT's lower-casing WordPiece tokenizer.");
  }
  return vocabulary;
}

}  // namespace vlp
