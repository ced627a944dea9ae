#pragma once
// The table [checkpoint] of a recipe, and lengths of time as recipes write them. Includes no torch.

#include <chrono>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>

#include "vlp/recipe/field.hpp"

namespace vlp {

/// How often something happens.
struct Rhythm {
  enum class Unit { epoch, step, minute };
  Unit unit = Unit::epoch;
  std::int64_t count = 1;  ///< units from one time to the next

  friend bool operator==(const Rhythm&, const Rhythm&) = default;
};

namespace detail {

/// Takes a whole number from the front. @return  none if there is none, or a very large one
[[nodiscard]] inline std::optional<std::int64_t> take_number(std::string_view& text) {
  std::int64_t number = 0;
  std::size_t digits = 0;
  for (; digits < text.size() && text[digits] >= '0' && text[digits] <= '9'; ++digits) {
    if (digits == 9) return std::nullopt;
    number = number * 10 + (text[digits] - '0');
  }
  text.remove_prefix(digits);
  return digits > 0 ? std::optional(number) : std::nullopt;
}

}  // namespace detail

/// @param text  `epoch`, `500 steps`, `1 step`, `10 minutes` or `1 minute`
/// @return      none for anything else
[[nodiscard]] inline std::optional<Rhythm> rhythm_of(std::string_view text) {
  if (text == "epoch") return Rhythm{};
  const std::optional<std::int64_t> count = detail::take_number(text);
  if (!count || *count == 0) return std::nullopt;
  if (text == " steps" || text == " step") return Rhythm{Rhythm::Unit::step, *count};
  if (text == " minutes" || text == " minute") return Rhythm{Rhythm::Unit::minute, *count};
  return std::nullopt;
}

/// @param text  days, hours, minutes and seconds, in this order, e.g. `3h50m`, `1d`, `90s`
/// @return      none for anything else
[[nodiscard]] inline std::optional<std::chrono::seconds> duration_of(std::string_view text) {
  if (text.empty()) return std::nullopt;
  std::int64_t seconds = 0, smaller_than = std::numeric_limits<std::int64_t>::max();
  while (!text.empty()) {
    const std::optional<std::int64_t> number = detail::take_number(text);
    if (!number || text.empty()) return std::nullopt;
    const std::int64_t unit = text.front() == 'd'   ? 86400
                              : text.front() == 'h' ? 3600
                              : text.front() == 'm' ? 60
                              : text.front() == 's' ? 1
                                                    : 0;
    if (unit == 0 || unit >= smaller_than) return std::nullopt;
    smaller_than = unit;
    seconds += *number * unit;
    text.remove_prefix(1);
  }
  return std::chrono::seconds(seconds);
}

/// From where a run can go on.
struct CheckpointOptions {
  std::string every = "epoch";
  std::int64_t keep = 2;

  static constexpr auto fields() {
    return std::tuple{
        field<&CheckpointOptions::every>(
            "When the state of training is written, besides its end: \"epoch\", \"500 steps\" or "
            "\"10 minutes\". Of an epoch it is written before the evaluation.",
            not_empty()),
        field<&CheckpointOptions::keep>(
            "Checkpoints that stay; older ones are removed once a newer one is whole.",
            at_least(1)),
    };
  }
  /// Empty = nothing is wrong.
  [[nodiscard]] std::string problem() const {
    return rhythm_of(every)
               ? std::string()
               : "every is \"" + every + "\", expected \"epoch\", \"N steps\" or \"N minutes\"";
  }
};

}  // namespace vlp
