#pragma once
// Checks the #include lines of one header against the ranks of rooms.

#include <algorithm>
#include <cstddef>
#include <istream>
#include <map>
#include <set>
#include <sstream>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

namespace vlp_test {

/// One cell of the table's column.
struct LibTorch {
  bool sees = false;          ///< of most headers of the room
  std::set<std::string> but;  ///< names of the others
};

/// The contents of ranks.txt.
struct Layers {
  std::map<std::string, int> ranks;  ///< room to its floor, lowest first
  std::set<std::pair<std::string, std::string>>
      denied;                        ///< room, room that it doesn't include although it lies below
  std::vector<std::string> plugins;  ///< rooms and headers that a plugin may include
  std::map<std::string, std::vector<std::string>>
      only;  ///< beginning of an outside header to the places that may have it
  std::map<std::string, LibTorch>
      libtorch;  ///< include/vlp/ROOM or plugins/KIND to who of it sees LibTorch

  /// Whether the table lets a header see LibTorch. @param file  from the root of the project
  [[nodiscard]] bool sees_libtorch(const std::string& file) const {
    const std::size_t name = file.rfind('/');
    const auto found =
        libtorch.contains(file) ? libtorch.find(file) : libtorch.find(file.substr(0, name));
    if (found == libtorch.end()) return false;
    std::string stem = file.substr(name + 1, file.rfind('.') - name - 1);
    if (stem.ends_with("_inl")) stem.resize(stem.size() - 4);
    const bool excepted = found->second.but.contains(stem);
    return found->second.sees != excepted;
  }
};

/// @throws std::runtime_error for a line that says nothing
inline Layers read_layers(std::istream& in) {
  Layers layers;
  const auto column = [](const std::vector<std::string>& words, std::size_t from) {
    const bool known = words[from] == "yes" || words[from] == "no";
    if (!known || (words.size() > from + 1 && words[from + 1] != "but"))
      throw std::runtime_error("yes, no or exceptions");
    LibTorch cell{words[from] == "yes", {}};
    for (std::size_t i = from + 2; i < words.size(); ++i) cell.but.insert(words[i]);
    return cell;
  };
  for (std::string line; std::getline(in, line);) {
    std::istringstream words(line.substr(0, line.find('#')));
    std::string kind;
    if (!(words >> kind)) continue;
    std::vector<std::string> rest;
    for (std::string word; words >> word;) rest.push_back(word);
    if (kind == "room" && rest.size() >= 3) {
      layers.ranks[rest[1]] = std::stoi(rest[0]);
      layers.libtorch["include/vlp/" + rest[1]] = column(rest, 2);
    } else if (kind == "kind" && rest.size() >= 2) {
      layers.libtorch["plugins/" + rest[0]] = column(rest, 1);
    } else if (kind == "deny" && rest.size() >= 3 && rest[rest.size() - 2] == "->") {
      for (std::size_t i = 0; i + 2 < rest.size(); ++i) layers.denied.emplace(rest[i], rest.back());
    } else if (kind == "plugins") {
      layers.plugins = rest;
    } else if (kind == "only" && rest.size() >= 2) {
      layers.only[rest[0]] = {rest.begin() + 1, rest.end()};
    } else {
      throw std::runtime_error("ranks.txt: what is '" + line + "'?");
    }
  }
  return layers;
}

/// The name between the quotes or angle brackets of an #include line; empty for any other line.
inline std::string included_name(const std::string& line) {
  std::size_t at = line.find_first_not_of(" \t");
  if (at == line.npos || line[at] != '#') return {};
  at = line.find_first_not_of(" \t", at + 1);
  if (at == line.npos || line.compare(at, 7, "include") != 0) return {};
  const std::size_t begin = line.find_first_of("\"<", at),
                    end = line.find_first_of("\">", begin == line.npos ? begin : begin + 1);
  return end == line.npos ? std::string{} : line.substr(begin + 1, end - begin - 1);
}

/// What a header includes whatever is defined: lines between #if and #endif don't count.
inline std::vector<std::string> includes_of(std::istream& text) {
  std::vector<std::string> names;
  int conditions = 0;
  for (std::string line; std::getline(text, line);) {
    const std::size_t hash = line.find_first_not_of(" \t");
    if (hash == line.npos || line[hash] != '#') continue;
    const std::size_t word = line.find_first_not_of(" \t", hash + 1);
    if (word == line.npos) continue;
    if (line.compare(word, 2, "if") == 0) ++conditions;
    if (line.compare(word, 5, "endif") == 0) --conditions;
    const std::string name = included_name(line);
    if (conditions == 0 && !name.empty()) names.push_back(name);
  }
  return names;
}

/// @param includes  file, from the root of the project, to what it includes
/// @return          those that see LibTorch, directly or through others
inline std::set<std::string> seeing_libtorch(
    const std::map<std::string, std::vector<std::string>>& includes) {
  std::set<std::string> seeing;
  const auto sees = [&](const std::string& name) {
    return name.starts_with("torch/") || name.starts_with("ATen/") || name.starts_with("c10/") ||
           seeing.contains(name.starts_with("vlp/") ? "include/" + name : name);
  };
  for (bool changed = true; changed;) {
    changed = false;
    for (const auto& [file, names] : includes)
      if (!seeing.contains(file) && std::ranges::any_of(names, sees))
        changed = seeing.insert(file).second;
  }
  return seeing;
}

/// The room of a path inside include/vlp: its first folder, or the header itself.
inline std::string room_of(const std::string& path) { return path.substr(0, path.find('/')); }

/// Whether `path` is `place` or lies in it.
inline bool lies_in(const std::string& path, const std::string& place) {
  return path == place || path.starts_with(place + "/");
}

/// @param file  from the root of the project, e.g. include/vlp/nn/layers.hpp
/// @return      what is wrong, one line a violation: `file:line: what, and the rule`
inline std::vector<std::string> violations(const Layers& layers, const std::string& file,
                                           std::istream& text) {
  const bool plugin = file.starts_with("plugins/"), ours = file.starts_with("include/vlp/");
  const std::string own = ours ? room_of(file.substr(12)) : "";
  const bool header = file.ends_with(".hpp");
  std::vector<std::string> found;
  int number = 0;
  const auto report = [&](const std::string& what) {
    found.push_back(file + ":" + std::to_string(number) + ": " + what);
  };

  if (ours && !layers.ranks.contains(own))
    report("room '" + own + "' has no rank; give it one in tests/structure/ranks.txt");
  for (std::string line; std::getline(text, line);) {
    ++number;
    if (number == 1 && header && line != "#pragma once")
      report("a header begins with #pragma once");
    const std::string name = included_name(line);
    if (name.empty()) continue;

    for (const auto& [outside, places] : layers.only)
      if (name.starts_with(outside) && std::ranges::none_of(places, [&](const std::string& place) {
            return lies_in(file, place);
          })) {
        std::string where;
        for (const std::string& place : places) where += (where.empty() ? "" : ", ") + place;
        report("includes " + name + ", which belongs to: " + where);
      }
    if (!plugin && !ours) continue;
    if (name.starts_with("plugins/")) {
      report(plugin ? "includes " + name +
                          "; a plugin never includes another, share code through a block"
                    : "includes " + name + "; nothing in include/ depends on a plugin");
    } else if (name.starts_with("vlp/")) {
      const std::string path = name.substr(4), room = room_of(path);
      if (plugin) {
        if (std::ranges::none_of(layers.plugins,
                                 [&](const std::string& place) { return lies_in(path, place); }))
          report("includes " + name +
                 "; a plugin may include contracts, blocks and generate/, see "
                 "tests/structure/ranks.txt");
      } else if (!layers.ranks.contains(room)) {
        report("includes " + name + ", whose room has no rank in tests/structure/ranks.txt");
      } else if (room != own && layers.ranks.contains(own)) {
        if (layers.ranks.at(room) >= layers.ranks.at(own))
          report("includes " + name + "; '" + own +
                 "' includes its own room and rooms below, and '" + room + "' is not below");
        else if (layers.denied.contains({own, room}))
          report("includes " + name + "; '" + own + "' doesn't include '" + room + "'");
      }
    } else if (line.find('"') != line.npos && name != "vlp_fingerprint.hpp") {
      report("includes \"" + name + "\"; name our headers from the root, as \"vlp/ROOM/NAME.hpp\"");
    }
  }
  return found;
}

}  // namespace vlp_test
