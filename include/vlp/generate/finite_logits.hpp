#pragma once
// Whether a decoder's logits are numbers. A sum of each row is read back along with what a search
// reads back anyway, so that nothing more waits for the device; only where a sum isn't finite are
// the logits looked at themselves.

#include <cmath>
#include <cstdint>
#include <string>

#include <ATen/ATen.h>

#include "vlp/concepts/finite_tensor.hpp"
#include "vlp/core/non_finite.hpp"

namespace vlp {

/// The logits of one step, before any rule changes them: minus infinity, too, is no number that a
/// model may give.
class FiniteLogits {
 public:
  /// @param logits        [rows, V] as the decoder gives them; must outlive this
  /// @param image_states  [B, N, De], what the texts look at; must outlive this
  /// @param token         which of a caption's tokens they are of, from 1, behind the prompt
  FiniteLogits(const at::Tensor& logits, const at::Tensor& image_states, std::int64_t token)
      : logits_(logits), image_states_(image_states), token_(token) {}

  /// [rows, 1] float64, to be read back: finite where a row's logits are, unless they are so large
  /// that their sum isn't.
  [[nodiscard]] at::Tensor sums() const {
    const at::ScalarType dtype = logits_.scalar_type() == at::kDouble ? at::kDouble : at::kFloat;
    return at::sum(logits_, {1}, /*keepdim=*/true, dtype).to(at::kDouble);
  }
  /// @param sum    of the row, as it was read back
  /// @param row    of the logits
  /// @param image  that the row belongs to, from 0
  /// @throws NonFiniteRow if the row isn't finite, naming the image states if those aren't
  void require(double sum, std::int64_t row, std::int64_t image) const {
    if (std::isfinite(sum) || is_finite(logits_[row])) return;
    if (const at::Tensor states = image_states_[image]; !is_finite(states))
      throw NonFiniteRow(image, not_finite_text("the image states", states));
    throw NonFiniteRow(image, not_finite_text("the decoder's logits of token " +
                                                  std::to_string(token_) + " of the caption",
                                              logits_[row]));
  }

 private:
  const at::Tensor& logits_;
  const at::Tensor& image_states_;
  std::int64_t token_;
};

}  // namespace vlp
