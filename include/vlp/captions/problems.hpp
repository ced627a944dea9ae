#pragma once
// What is wrong with a file, gathered so that one error lists it all. Includes no torch.

#include <cstddef>
#include <string>
#include <string_view>

#include "vlp/core/error.hpp"

namespace vlp {

/// Mistakes found in one file; the first 20 are listed, all are counted.
class Problems {
 public:
  /// How many are listed.
  static constexpr std::size_t kShown = 20;

  /// Notes one mistake.
  /// @param line  called for the mistakes that are listed, so that the others cost nothing; gives
  ///              one line
  template <class Line>
  void add(Line&& line) {
    if (++count_ <= kShown) lines_ += (count_ > 1 ? "\n" : "") + line();
  }

  /// @param name  how messages call the file
  /// @throws DataError listing what was added, if anything was
  void raise_if_any(std::string_view name) const {
    if (count_ == 0) return;
    if (count_ <= kShown) throw DataError(lines_);
    throw DataError(lines_ + "\n" + std::string(name) + ": " + std::to_string(count_) +
                    " mistakes in all, the first " + std::to_string(kShown) + " are listed.");
  }

 private:
  std::string lines_;
  std::size_t count_ = 0;
};

}  // namespace vlp
