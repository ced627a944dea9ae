#pragma once
// What messages say.

#include <algorithm>
#include <exception>
#include <string>
#include <utility>
#include <vector>

#include <boost/test/unit_test.hpp>

namespace vlp_test {

inline bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != text.npos;
}
/// Whether one of the lines has this part.
inline bool contains(const std::vector<std::string>& lines, const std::string& part) {
  return std::ranges::any_of(lines, [&](const std::string& line) { return contains(line, part); });
}

/// For BOOST_CHECK_EXCEPTION: whether the error says this; if not, what it says is shown.
inline auto says(std::string words) {
  return [words = std::move(words)](const std::exception& error) {
    BOOST_TEST_INFO(error.what());
    return contains(error.what(), words);
  };
}

/// The message of the E that `act` ends with; empty if it ends without.
template <class E, class Act>
std::string message_of(Act&& act) {
  try {
    std::forward<Act>(act)();
  } catch (const E& error) {
    return error.what();
  }
  return {};
}

}  // namespace vlp_test
