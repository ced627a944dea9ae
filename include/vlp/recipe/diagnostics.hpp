#pragma once
// Collects every mistake of a recipe, so that all are shown at once, each with its place and the
// nearest right name.

#include <algorithm>
#include <cctype>
#include <numeric>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

#include "vlp/core/error.hpp"
#include "vlp/core/message.hpp"
#include "vlp/recipe/value.hpp"

namespace vlp {

/// The candidate with the smallest edit distance to `name`, if that is small enough to be a slip;
/// else empty. Upper and lower case count as the same: `cider` is near `CIDEr`.
[[nodiscard]] inline std::string nearest(std::string_view name,
                                         const std::vector<std::string>& candidates) {
  const auto same = [](char a, char b) {
    return std::tolower(static_cast<unsigned char>(a)) ==
           std::tolower(static_cast<unsigned char>(b));
  };
  const auto distance = [&](std::string_view a, std::string_view b) {
    std::vector<std::size_t> row(b.size() + 1), two_up,
        up;  // optimal string alignment: a swap costs one
    std::iota(row.begin(), row.end(), std::size_t{0});
    for (std::size_t i = 1; i <= a.size(); ++i) {
      two_up = std::move(up);
      up = row;
      row[0] = i;
      for (std::size_t j = 1; j <= b.size(); ++j) {
        row[j] =
            std::min({up[j] + 1, row[j - 1] + 1, up[j - 1] + (same(a[i - 1], b[j - 1]) ? 0 : 1)});
        if (i > 1 && j > 1 && same(a[i - 1], b[j - 2]) && same(a[i - 2], b[j - 1]))
          row[j] = std::min(row[j], two_up[j - 2] + 1);
      }
    }
    return row[b.size()];
  };
  std::string best;
  std::size_t best_distance = std::max<std::size_t>(2, name.size() / 3) + 1;
  for (const std::string& candidate : candidates) {
    const std::size_t d = distance(name, candidate);
    if (d < best_distance && d < candidate.size()) {
      best_distance = d;
      best = candidate;
    }
  }
  return best;
}

/// `(did you mean 'x'?)` with a leading blank, or nothing.
[[nodiscard]] inline std::string suggestion(std::string_view name,
                                            const std::vector<std::string>& candidates) {
  const std::string near = nearest(name, candidates);
  return near.empty() ? std::string{} : " (did you mean '" + near + "'?)";
}

/// One mistake.
struct Problem {
  Place place;          ///< where it was written
  std::string key;      ///< path of the key, e.g. `model.encoder.width`; may be empty
  std::string message;  ///< what is wrong and what was expected

  /// `place: key: message`
  [[nodiscard]] std::string text() const {
    return place.text() + ": " + (key.empty() ? "" : key + ": ") + message;
  }
};

/// All mistakes found so far.
class Diagnostics {
 public:
  /// Keeps one more mistake.
  void add(Place place, std::string key, std::string message) {
    problems_.push_back({std::move(place), std::move(key), std::move(message)});
  }
  /// In the order in which they were found.
  [[nodiscard]] const std::vector<Problem>& problems() const { return problems_; }
  /// Whether something is wrong with this key or with one below it: what is read from there may be
  /// a default that nobody asked for.
  [[nodiscard]] bool about(std::string_view key) const {
    return std::ranges::any_of(problems_, [key](const Problem& problem) {
      return problem.key.starts_with(key) &&
             (problem.key.size() == key.size() || problem.key[key.size()] == '.');
    });
  }
  /// Whether nothing is wrong.
  [[nodiscard]] bool empty() const { return problems_.empty(); }

  /// @throws RecipeError with all problems, in the order of their places
  void throw_if_any() const {
    if (problems_.empty()) return;
    std::vector<Problem> sorted = problems_;
    const auto order = [](const Problem& p) {
      return std::tuple(p.place.file ? std::string_view(*p.place.file) : std::string_view{},
                        p.place.line, p.place.column, std::string_view(p.key));
    };
    std::ranges::sort(sorted, {}, order);
    std::string text = std::to_string(sorted.size()) +
                       (sorted.size() == 1 ? " problem" : " problems") + " in the recipe";
    for (const Problem& problem : sorted) text += "\n  " + problem.text();
    throw RecipeError(text);
  }

 private:
  std::vector<Problem> problems_;
};

}  // namespace vlp
