#pragma once
// Runs a program and keeps what it said.

#include <sys/wait.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include "tests/support/scratch_folder.hpp"

namespace vlp_test {

/// How a program ended.
struct Outcome {
  int code = -1;  ///< exit code; -1 = it didn't exit by itself
  std::string out, err;
};

inline std::string shell_quoted(const std::string& word) {
  std::string quoted = "'";
  for (const char c : word) quoted += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return quoted + "'";
}

inline std::string text_of(const std::filesystem::path& file) {
  std::ifstream in(file, std::ios::binary);
  std::ostringstream text;
  text << in.rdbuf();
  return text.str();
}

/// @param words   the program and its arguments
/// @param before  assignments of environment variables, e.g. "LD_DEBUG=files"
/// @param folder  where it runs
inline Outcome run_process(const std::vector<std::string>& words, const std::string& before = {},
                           const std::filesystem::path& folder = VLP_SOURCE_ROOT) {
  const ScratchFolder scratch;
  std::string line = "cd " + shell_quoted(folder.string()) + " && " + before;
  for (const std::string& word : words) line += " " + shell_quoted(word);
  line += " </dev/null >" + shell_quoted((scratch.path / "out").string()) + " 2>" +
          shell_quoted((scratch.path / "err").string());
  const int status = std::system(line.c_str());
  return {WIFEXITED(status) ? WEXITSTATUS(status) : -1, text_of(scratch.path / "out"),
          text_of(scratch.path / "err")};
}

}  // namespace vlp_test
