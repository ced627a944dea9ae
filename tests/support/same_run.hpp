#pragma once
// Whether two run folders hold the same run, byte for byte, but for what depends on the clock.

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <sstream>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

namespace vlp_test {

/// A file's bytes; of JSON, without what depends on the clock.
inline std::string timeless(const std::filesystem::path& file) {
  std::ifstream in(file, std::ios::binary);
  const std::string bytes{std::istreambuf_iterator<char>(in), {}};
  const auto without_times = [](const std::string& text) {
    auto json = nlohmann::ordered_json::parse(text);
    for (const char* key : {"samples_per_s", "wait", "checkpoint", "memory_mb", "started"})
      json.erase(key);
    return json.dump();
  };
  if (file.filename() == "environment.json") return without_times(bytes);
  if (file.filename() != "log.jsonl") return bytes;
  std::istringstream lines(bytes);
  std::string text;
  for (std::string line; std::getline(lines, line);) text += without_times(line) + "\n";
  return text;
}

/// All files of a folder by their path in it.
inline std::map<std::string, std::string> timeless_files(const std::filesystem::path& folder) {
  std::map<std::string, std::string> files;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(folder))
    if (entry.is_regular_file())
      files[std::filesystem::relative(entry.path(), folder).string()] = timeless(entry.path());
  return files;
}

/// The files that only one of the two has, or that differ; empty = the same run.
inline std::string run_differences(const std::filesystem::path& a, const std::filesystem::path& b) {
  const auto of_a = timeless_files(a), of_b = timeless_files(b);
  std::string text;
  for (const auto& [name, bytes] : of_a)
    if (const auto other = of_b.find(name); other == of_b.end())
      text += name + " is missing in the second\n";
    else if (other->second != bytes)
      text += name + " differs\n";
  for (const auto& [name, bytes] : of_b)
    if (!of_a.contains(name)) text += name + " is missing in the first\n";
  return text;
}

}  // namespace vlp_test
