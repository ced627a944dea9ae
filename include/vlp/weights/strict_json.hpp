#pragma once
// JSON from files that anyone may have written: no name twice in an object, no nesting beyond what
// the format needs. Includes no torch.

#include <cstddef>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "vlp/core/printable.hpp"

#include <nlohmann/json.hpp>

namespace vlp {

/// What a JSON text is and how far it may go.
struct StrictJson {
  std::string what;       ///< how messages call it, e.g. "the header"
  int deepest = 3;        ///< levels of objects and arrays below the outermost one
  std::size_t begin = 0;  ///< where the text begins in its file, for messages

  /// Parsers by themselves keep the last of two entries with one name; here that is an error, as no
  /// reader can tell which of them another reader takes.
  /// @param fail  called with a sentence; must throw
  template <class Fail>
  [[nodiscard]] nlohmann::json parse(std::string_view text, const Fail& fail) const {
    using Event = nlohmann::json::parse_event_t;
    std::vector<std::set<std::string>> names;
    const auto watch = [&](int depth, Event event, nlohmann::json& parsed) {
      if (depth > deepest) fail(what + " nests too deeply.");
      if (event == Event::object_start) names.emplace_back();
      if (event == Event::object_end) names.pop_back();
      if (event == Event::key && !names.back().insert(parsed.get<std::string>()).second)
        fail(what + " has '" + printable(parsed.get<std::string>()) + "' twice.");
      return true;
    };
    try {
      return nlohmann::json::parse(text, watch);
    } catch (const nlohmann::json::parse_error& error) {
      fail(what + " is not JSON at byte " + std::to_string(begin + error.byte) + ".");
    } catch (const nlohmann::json::exception&) {
      fail(what + " holds a number that is out of range.");
    }
    return {};
  }
};

}  // namespace vlp
