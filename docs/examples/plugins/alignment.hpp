#pragma once
// Alignment loss: how differently an image encoder and a text encoder arrange the same pairs, as 1
// - linear centered kernel alignment (Kornblith et al. 2019, section 3). The two may have different
// widths. An example of a loss that asks the model for two parts and needs a batch to compare.

#include <cstdint>
#include <string>
#include <string_view>
#include <tuple>

#include <ATen/ATen.h>

#include "vlp/concepts/full_precision.hpp"
#include "vlp/concepts/loss.hpp"
#include "vlp/core/error.hpp"
#include "vlp/recipe/field.hpp"
#include "vlp/registry/plugin.hpp"

/// 1 - |X^T Y|^2 / (|X^T X| |Y^T Y|) with a centred row of X for each image and of Y for each text;
/// 0 to 1.
class AlignmentLoss {
 public:
  static constexpr std::string_view name = "alignment";

  /// What stands for an image or a text: its first state, or the mean of all but padding.
  enum class Pooling { first, mean };

  struct Options {
    Pooling pooling = Pooling::first;

    static constexpr auto fields() {
      return std::tuple{vlp::field<&Options::pooling>(
          "What stands for an image or a text: its first state, or the mean of all.")};
    }
  };
  static constexpr auto needs =
      vlp::Parts::of<vlp::ImageStates>() | vlp::Parts::of<vlp::TextStates>();
  /// Two pairs are aligned whatever their states.
  [[nodiscard]] static constexpr std::int64_t smallest_batch(const Options&) { return 3; }

  explicit AlignmentLoss(const Options& options) : pooling_(options.pooling) {}

  /// Computed in float32 at least, whatever the number format of the pass.
  /// @throws vlp::ShapeError if there are not as many texts as images
  vlp::LossValue operator()(vlp::Forward& pass) const {
    const at::Tensor images = vlp::precise(pass.image_states()),
                     texts = vlp::precise(pass.text_states());  // [B, N, D], [B, T, Dt]
    if (images.size(0) != texts.size(0))
      throw vlp::ShapeError("loss 'alignment': got " + std::to_string(images.size(0)) +
                            " images and " + std::to_string(texts.size(0)) +
                            " texts, expected as many of each. Give every image one text.");
    const vlp::FullPrecision full_precision;
    const at::Tensor x =
        similarities(pooled(images, at::ones({1, images.size(1)}, images.options())));
    const at::Tensor y =
        similarities(pooled(texts, pass.batch().texts.token_mask.to(texts.scalar_type())));
    return {1 - (x * y).sum() / (x.norm() * y.norm()).clamp_min(kSmallest), {}};
  }

 private:
  static constexpr double kSmallest =
      1e-12;  // where all images or all texts are equal, nothing is aligned

  /// @param states  [B, T, D]
  /// @param counts  [B or 1, T], 1 = counts, 0 = padding
  /// @return        [B, D]
  at::Tensor pooled(const at::Tensor& states, const at::Tensor& counts) const {
    if (pooling_ == Pooling::first) return states.select(1, 0);
    return (states * counts.unsqueeze(2)).sum(1) / counts.sum(1, /*keepdim=*/true);
  }
  /// @return  [B, B] inner products of the centred rows
  static at::Tensor similarities(const at::Tensor& rows) {
    const at::Tensor centred = rows - rows.mean(0, /*keepdim=*/true);
    return centred.matmul(centred.t());
  }

  Pooling pooling_;
};
static_assert(vlp::Loss<AlignmentLoss>);

VLP_PLUGIN(alignment, "1.0", AlignmentLoss);
