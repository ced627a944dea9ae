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

/// The contents of ranks.txt.
struct Layers {
  std::map<std::string, int> ranks;                      ///< room to rank, lowest first
  std::set<std::pair<std::string, std::string>> denied;  ///< room, room that it doesn't include although it lies below
  std::vector<std::string> plugins;                      ///< rooms and headers that a plugin may include
  std::map<std::string, std::vector<std::string>> only;  ///< beginning of an outside header to the places that may have it
};

/// @throws std::runtime_error for a line that is none of the four kinds
inline Layers read_layers(std::istream& in) {
  Layers layers;
  int rank = 0;
  for (std::string line; std::getline(in, line);) {
    std::istringstream words(line.substr(0, line.find('#')));
    std::string kind;
    if (!(words >> kind)) continue;
    std::vector<std::string> rest;
    for (std::string word; words >> word;) rest.push_back(word);
    if (kind == "room") {
      for (const std::string& room : rest) layers.ranks[room] = rank;
      ++rank;
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
  const std::size_t begin = line.find_first_of("\"<", at), end = line.find_first_of("\">", begin == line.npos ? begin : begin + 1);
  return end == line.npos ? std::string{} : line.substr(begin + 1, end - begin - 1);
}

/// The room of a path inside include/vlp: its first folder, or the header itself.
inline std::string room_of(const std::string& path) { return path.substr(0, path.find('/')); }

/// Whether `path` is `place` or lies in it.
inline bool lies_in(const std::string& path, const std::string& place) { return path == place || path.starts_with(place + "/"); }

/// @param file  from the root of the project, e.g. include/vlp/nn/layers.hpp
/// @return      what is wrong, one line a violation: `file:line: what, and the rule`
inline std::vector<std::string> violations(const Layers& layers, const std::string& file, std::istream& text) {
  const bool plugin = file.starts_with("plugins/"), ours = file.starts_with("include/vlp/");
  const std::string own = ours ? room_of(file.substr(12)) : "";
  const bool header = file.ends_with(".hpp");
  std::vector<std::string> found;
  int number = 0;
  const auto report = [&](const std::string& what) { found.push_back(file + ":" + std::to_string(number) + ": " + what); };

  if (ours && !layers.ranks.contains(own)) report("room '" + own + "' has no rank; give it one in tests/structure/ranks.txt");
  for (std::string line; std::getline(text, line);) {
    ++number;
    if (number == 1 && header && line != "#pragma once") report("a header begins with #pragma once");
    const std::string name = included_name(line);
    if (name.empty()) continue;

    for (const auto& [outside, places] : layers.only)
      if (name.starts_with(outside) && std::ranges::none_of(places, [&](const std::string& place) { return lies_in(file, place); })) {
        std::string where;
        for (const std::string& place : places) where += (where.empty() ? "" : ", ") + place;
        report("includes " + name + ", which belongs to: " + where);
      }
    if (!plugin && !ours) continue;
    if (name.starts_with("plugins/")) {
      report(plugin ? "includes " + name + "; a plugin never includes another, share code through a block"
                    : "includes " + name + "; nothing in include/ depends on a plugin");
    } else if (name.starts_with("vlp/")) {
      const std::string path = name.substr(4), room = room_of(path);
      if (plugin) {
        if (std::ranges::none_of(layers.plugins, [&](const std::string& place) { return lies_in(path, place); }))
          report("includes " + name + "; a plugin may include contracts, blocks and generate/, see tests/structure/ranks.txt");
      } else if (!layers.ranks.contains(room)) {
        report("includes " + name + ", whose room has no rank in tests/structure/ranks.txt");
      } else if (room != own && layers.ranks.contains(own)) {
        if (layers.ranks.at(room) >= layers.ranks.at(own))
          report("includes " + name + "; '" + own + "' includes its own room and rooms below, and '" + room + "' is not below");
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
