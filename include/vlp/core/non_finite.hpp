#pragma once
// Errors of results that aren't finite, put together from what each place knows: who computes knows
// the tensor and the row of the batch, who holds the batch the names of its images, who opened the
// weights what is wrong with them.

#include <concepts>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

#include "vlp/core/error.hpp"

namespace vlp {

/// One image's results aren't finite.
class NonFiniteRow : public NonFiniteError {
 public:
  /// @param row   of the image in its batch, from 0
  /// @param what  `the image states are not finite (got ..., expected ...). What to do.`
  NonFiniteRow(std::int64_t row, std::string what)
      : NonFiniteError("image " + std::to_string(row + 1) + " of the batch: " + what),
        row_(row),
        what_(std::move(what)) {}

  /// Which image of the batch, from 0.
  [[nodiscard]] std::int64_t row() const noexcept { return row_; }
  /// The message without the image.
  [[nodiscard]] const std::string& of_row() const noexcept { return what_; }

 private:
  std::int64_t row_;
  std::string what_;
};

/// Calls, and puts an image's name in place of its row.
/// @param name  (row, from 0) -> how messages call the image
/// @param call  what is done
/// @return      what `call` returns
/// @throws NonFiniteError in place of a NonFiniteRow
template <std::invocable<std::int64_t> Name, class Call>
decltype(auto) naming_rows(const Name& name, Call&& call) {
  try {
    return std::forward<Call>(call)();
  } catch (const NonFiniteRow& bad) {
    throw NonFiniteError(std::string(name(bad.row())) + ": " + bad.of_row());
  }
}

/// Calls, and adds to the message of a result that isn't finite what is known of the weights.
/// @param weights  `PATH: 3 of 210 tensors hold NaN or infinity: ...`; empty = nothing is wrong
/// @param call     what is done
/// @return         what `call` returns
/// @throws NonFiniteError with both
template <class Call>
decltype(auto) blaming_weights(std::string_view weights, Call&& call) {
  try {
    return std::forward<Call>(call)();
  } catch (const NonFiniteError& bad) {
    if (weights.empty()) throw;
    throw NonFiniteError(std::string(bad.what()) + "\n" + std::string(weights));
  }
}

}  // namespace vlp
