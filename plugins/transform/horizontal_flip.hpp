#pragma once
// Mirrors an image now and then.

#include <tuple>

#include <ATen/core/Tensor.h>

#include "vlp/concepts/transform.hpp"
#include "vlp/recipe/field.hpp"
#include "vlp/registry/plugin.hpp"

namespace vlp {

/// Swaps left and right with a given probability (Li et al. 2022 use one half). Draws one number an
/// image.
class HorizontalFlip {
 public:
  static constexpr std::string_view name = "horizontal_flip";

  struct Options {
    double probability = 0.5;
    static constexpr auto fields() {
      return std::tuple{
          field<&Options::probability>("Share of images that are mirrored, 0-1.", between(0, 1))};
    }
  };
  explicit HorizontalFlip(Options options) : options_(options) {}

  /// @param image   [3, H, W] of any dtype
  /// @param random  draws whether
  /// @return        of the same shape and dtype
  at::Tensor operator()(const at::Tensor& image, RandomStream& random) const {
    return random.uniform() < options_.probability ? image.flip({-1}) : image;
  }

 private:
  Options options_;
};
static_assert(Transform<HorizontalFlip>);

}  // namespace vlp

VLP_PLUGIN(horizontal_flip, "1.0", vlp::HorizontalFlip);
