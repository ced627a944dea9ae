#pragma once
// `vlp caption` on the stored models, and what it says.

#include <filesystem>
#include <sstream>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "tests/support/process.hpp"
#include "tests/support/scratch_folder.hpp"

namespace vlp_test {

namespace fs = std::filesystem;

inline fs::path stored(const std::string& name) {
  return fs::path(VLP_TEST_DATA) / "parity" / name;
}
inline std::string image(const std::string& name) {
  return (fs::path(VLP_TEST_DATA) / "images" / name).string();
}

/// The stored model of 64 x 64 pixels as a folder of Hugging Face, with its vocabulary.
class ModelFolder {
 public:
  ModelFolder() {
    for (const char* name : {"config.json", "model.safetensors"})
      fs::create_symlink(stored("caption") / "model" / name, folder.path / name);
    fs::create_symlink(fs::path(VLP_SOURCE_ROOT) / "share/vocabularies/bert-base-uncased.txt",
                       folder.path / "vocab.txt");
  }
  /// Runs `vlp caption` with it.
  [[nodiscard]] Outcome caption(std::vector<std::string> words) const {
    words.insert(words.begin(),
                 {VLP_PROGRAM, "caption", "--model", folder.path.string(), "--device", "cpu"});
    return run_process(words);
  }
  ScratchFolder folder;
};

/// The lines of a text.
inline std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  std::istringstream in(text);
  for (std::string line; std::getline(in, line);) lines.push_back(line);
  return lines;
}

/// The JSON lines that a run printed.
inline std::vector<nlohmann::json> json_lines(const Outcome& outcome) {
  std::vector<nlohmann::json> values;
  for (const std::string& line : lines_of(outcome.out))
    values.push_back(nlohmann::json::parse(line));
  return values;
}

}  // namespace vlp_test
