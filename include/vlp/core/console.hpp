#pragma once
// Where notes, warnings and progress go. Headers never print: the program gives sinks, tests and
// libraries stay silent.

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace vlp {

/// One look at something that takes a while.
struct Progress {
  std::string_view task;     ///< what is going on, e.g. "epoch 2/5"
  std::int64_t done = 0;     ///< units finished
  std::int64_t total = 0;    ///< units in all; 0 = unknown
  double per_second = 0;     ///< `unit`s a second over the last moments; 0 = unknown
  std::string_view unit;     ///< what per_second counts, e.g. "samples"
  double loss = -1;          ///< newest known loss; negative = none
  double seconds_left = -1;  ///< estimate; negative = unknown
};

/// Sinks for what a person should see; each may be empty.
struct Console {
  std::function<void(std::string_view)> on_note;     ///< a line worth reading
  std::function<void(std::string_view)> on_warning;  ///< a line that something may be wrong
  std::function<void(const Progress&)>
      on_progress;  ///< called often; the sink decides what it shows

  /// Passes a note on, if anyone listens.
  void note(std::string_view text) const {
    if (on_note) on_note(text);
  }
  /// Passes a warning on, if anyone listens.
  void warning(std::string_view text) const {
    if (on_warning) on_warning(text);
  }
  /// Passes progress on, if anyone listens.
  void progress(const Progress& now) const {
    if (on_progress) on_progress(now);
  }
};

}  // namespace vlp
