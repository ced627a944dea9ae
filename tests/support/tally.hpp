#pragma once
// Counts what is compared of stored cases, so that one that is gone is noticed.

#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <istream>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include <boost/test/unit_test.hpp>

namespace parity {

/// What is compared, and how many of it.
using Counts = std::map<std::string, std::int64_t>;

/// What ships must be compared in the numbers that stand here: `SCOPE: WHAT COUNT` on each line.
inline std::filesystem::path expected_cases() {
  return std::filesystem::path(VLP_TEST_DATA) / "parity" / "expected_cases.txt";
}

/// The counts of one scope.
inline Counts read_counts(std::istream& in, const std::string& scope) {
  Counts counts;
  for (std::string line; std::getline(in, line);) {
    if (!line.starts_with(scope + ": ")) continue;
    const std::size_t begin = scope.size() + 2, space = line.rfind(' ');
    if (space > begin) counts[line.substr(begin, space - begin)] = std::stoll(line.substr(space));
  }
  return counts;
}

/// @return  where two differ, one line each: `WHAT: compared 1, expected 2`
inline std::vector<std::string> differing(const Counts& compared, const Counts& expected) {
  std::set<std::string> names;
  for (const Counts* counts : {&compared, &expected})
    for (const auto& [name, count] : *counts) names.insert(name);
  std::vector<std::string> lines;
  for (const std::string& name : names) {
    const auto of = [&](const Counts& counts) {
      const auto found = counts.find(name);
      return found == counts.end() ? 0 : found->second;
    };
    if (of(compared) != of(expected))
      lines.push_back(name + ": compared " + std::to_string(of(compared)) + ", expected " +
                      std::to_string(of(expected)));
  }
  return lines;
}

/// The counts of one test case.
class Tally {
 public:
  explicit Tally(std::string scope) : scope_(std::move(scope)) {}

  void add(const std::string& what, std::int64_t count = 1) { counts_[what] += count; }

  /// Holds them against what is expected of the folder that ships; of one that VLP_PARITY_DIR names
  /// nothing is expected. The last that a test case does.
  void check() const {
    if (std::getenv("VLP_PARITY_DIR")) return;
    std::ifstream in(expected_cases());
    BOOST_REQUIRE_MESSAGE(in.good(), "missing " + expected_cases().string());
    for (const std::string& line : differing(counts_, read_counts(in, scope_)))
      BOOST_ERROR(scope_ + ": " + line + " by " + expected_cases().string());
  }

 private:
  std::string scope_;
  Counts counts_;
};

}  // namespace parity
