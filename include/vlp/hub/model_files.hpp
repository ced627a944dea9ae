#pragma once
// Which files of a model on the hub are worth having: configuration, vocabulary, and the weights
// once, in the first of the layouts that can be read here. Weights of other frameworks are left
// out. Includes no torch.

#include <algorithm>
#include <array>
#include <filesystem>
#include <fstream>
#include <set>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

#include <nlohmann/json.hpp>

#include "vlp/core/error.hpp"
#include "vlp/hub/model_name.hpp"

namespace vlp {

/// Configuration and vocabulary files, all but the first optional; those of tokenizers are
/// WordPiece's, byte pair encodings' and SentencePiece's, so that a format can read its own.
inline constexpr auto kConfigurationFiles = std::to_array<std::string_view>(
    {"config.json", "generation_config.json", "preprocessor_config.json", "processor_config.json",
     "vocab.txt", "tokenizer_config.json", "special_tokens_map.json", "added_tokens.json",
     "tokenizer.json", "vocab.json", "merges.txt", "tokenizer.model", "spiece.model",
     "sentencepiece.bpe.model"});

/// Layouts of the weights, best first. A name that ends in `.index.json` lists shards.
inline constexpr std::array<std::string_view, 4> kWeightFiles = {
    "model.safetensors", "model.safetensors.index.json", "pytorch_model.bin",
    "pytorch_model.bin.index.json"};

/// The files of one model that are wanted.
struct WantedFiles {
  std::vector<std::string> configuration;  ///< those of `kConfigurationFiles` that exist
  std::string weights;  ///< the one of `kWeightFiles` that is taken; "" = none exists
};

/// @param files  names of all files that there are
[[nodiscard]] inline WantedFiles wanted_files(const std::vector<std::string>& files) {
  const auto exists = [&](std::string_view name) {
    return std::ranges::find(files, name) != files.end();
  };
  WantedFiles wanted;
  for (const std::string_view name : kConfigurationFiles)
    if (exists(name)) wanted.configuration.emplace_back(name);
  const auto weights = std::ranges::find_if(kWeightFiles, exists);
  if (weights != kWeightFiles.end()) wanted.weights = *weights;
  return wanted;
}

/// @return  whether the weights lie in shards that this file lists
[[nodiscard]] inline bool is_shard_index(std::string_view file) {
  return file.ends_with(".index.json");
}

/// The shards that an index names, each once, in sorted order.
/// @throws WeightsError if the file can't be read or is no index, or a shard's name leads to
/// another folder
[[nodiscard]] inline std::vector<std::string> shards_of(const std::filesystem::path& index) {
  const auto fail = [&](const std::string& what) -> WeightsError {
    return WeightsError(index.string() + ": " + what +
                        ". Get the model again from whoever made it.");
  };
  std::ifstream in(index, std::ios::binary);
  if (!in) throw fail("can't be read");
  const nlohmann::json content = nlohmann::json::parse(in, nullptr, /*allow_exceptions=*/false);
  if (!content.is_object() || !content.contains("weight_map") ||
      !content["weight_map"].is_object() || content["weight_map"].empty())
    throw fail("not an index of shards (expected a JSON object with a filled \"weight_map\")");
  std::set<std::string> shards;
  for (const auto& [parameter, shard] : content["weight_map"].items()) {
    if (!shard.is_string())
      throw fail("the shard of '" + parameter + "' is not a file name (got " + shard.dump() + ")");
    const auto name = shard.get<std::string>();
    if (!detail::is_made_of(name, "._-") || name.starts_with('.'))
      throw fail("the shard of '" + parameter +
                 "' is not the name of a file beside the index (got " + shard.dump() + ")");
    shards.insert(name);
  }
  return {shards.begin(), shards.end()};
}

/// What a folder lacks to be a model with weights, in words; empty = nothing. A link to nowhere
/// counts as lacking, and so does a shard that the index names.
/// @throws WeightsError if an index of shards is broken
[[nodiscard]] inline std::vector<std::string> missing_files(const std::filesystem::path& folder) {
  const auto exists = [&](std::string_view name) {
    std::error_code error;
    return std::filesystem::is_regular_file(folder / name, error);
  };
  std::vector<std::string> missing;
  if (!exists(kConfigurationFiles[0])) missing.emplace_back(kConfigurationFiles[0]);
  const auto weights = std::ranges::find_if(kWeightFiles, exists);
  if (weights == kWeightFiles.end()) {
    missing.push_back(std::string(kWeightFiles[0]) + " or " + std::string(kWeightFiles[2]));
  } else if (is_shard_index(*weights)) {
    for (const std::string& shard : shards_of(folder / *weights))
      if (!exists(shard)) missing.push_back(shard);
  }
  return missing;
}

}  // namespace vlp
