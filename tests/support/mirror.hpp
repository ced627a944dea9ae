#pragma once
// Checks that tests/ mirrors include/vlp and plugins/: tests/ROOM/NAME_test.cpp tests
// include/vlp/ROOM/NAME.hpp, tests/KIND/NAME_test.cpp tests plugins/KIND/NAME.hpp.

#include <cstddef>
#include <map>
#include <set>
#include <string>
#include <vector>

namespace vlp_test {

/// Folders of tests/ that mirror nothing.
inline const std::set<std::string> kUnmirroredFolders{"support", "structure", "program",  "parity",
                                                      "fuzz",    "fixtures",  "examples", "gpu"};

/// A file's path, from the root of the project, to what it includes.
using FileIncludes = std::map<std::string, std::vector<std::string>>;

/// The folder that comes after `place`; "" if the file lies elsewhere or in `place` itself.
inline std::string folder_in(const std::string& place, const std::string& file) {
  if (!file.starts_with(place + "/")) return {};
  const std::size_t begin = place.size() + 1, end = file.find('/', begin);
  return end == file.npos ? std::string{} : file.substr(begin, end - begin);
}

/// The header that a test belongs to, as one includes it: of those in the folder that the test's
/// folder mirrors the one whose name the test's begins with, the longest such; "" if none.
inline std::string own_header(const FileIncludes& files, const std::string& test) {
  const std::string folder = folder_in("tests", test);
  std::string stem = test.substr(test.rfind('/') + 1);
  stem.resize(stem.size() - std::string("_test.cpp").size());
  std::string header, longest;
  for (const std::string& place : {"include/vlp/" + folder + "/", "plugins/" + folder + "/"})
    for (auto file = files.lower_bound(place);
         file != files.end() && file->first.starts_with(place); ++file) {
      const std::string& path = file->first;
      if (!path.ends_with(".hpp") || path.ends_with("_inl.hpp")) continue;
      const std::string name = path.substr(place.size(), path.size() - place.size() - 4);
      if ((stem != name && !stem.starts_with(name + "_")) || name.size() < longest.size()) continue;
      longest = name;
      header = path.starts_with("include/") ? path.substr(std::string("include/").size()) : path;
    }
  return header;
}

/// @param files  of include/vlp, plugins/ and tests/
/// @return       what is wrong, one line a violation: `file: what, and the rule`
inline std::vector<std::string> mirror_violations(const FileIncludes& files) {
  std::set<std::string> mirrored;
  for (const auto& [file, includes] : files)
    for (const char* place : {"include/vlp", "plugins"})
      if (const std::string folder = folder_in(place, file); !folder.empty())
        mirrored.insert(folder);

  std::vector<std::string> found;
  for (const auto& [file, includes] : files) {
    if (!file.starts_with("tests/")) continue;
    const std::string folder = folder_in("tests", file);
    const bool mirrors = mirrored.contains(folder);
    if (!mirrors && !kUnmirroredFolders.contains(folder))
      found.push_back(file + ": '" + folder +
                      "' is neither a room of include/vlp, nor a kind of plugins/, nor a folder "
                      "that mirrors nothing");
    if (mirrors && file.ends_with("_test.cpp")) {
      const std::string own = own_header(files, file);
      if (own.empty())
        found.push_back(file + ": no header of '" + folder +
                        "' has this name, or one that it begins with");
      else if (includes.empty() || includes.front() != own)
        found.push_back(file + ": its first #include is " +
                        (includes.empty() ? "missing" : includes.front()) + ", not " + own);
    }
    for (const std::string& name : includes)
      if (name.find("../") != name.npos ||
          (name.starts_with("tests/") && !name.starts_with("tests/support/") &&
           !name.starts_with("tests/" + folder + "/")))
        found.push_back(file + ": includes " + name +
                        "; what tests of several folders need lies in tests/support");
  }
  return found;
}

}  // namespace vlp_test
