#pragma once
// Resize to a square by bicubic interpolation with antialiasing (a = -0.5), each step rounded to
// whole grey levels.

#include <cstdint>
#include <tuple>

#include <ATen/core/Tensor.h>

#include "vlp/concepts/transform.hpp"
#include "vlp/image/resample.hpp"
#include "vlp/recipe/field.hpp"
#include "vlp/registry/plugin.hpp"

namespace vlp {

/// Resizes an image to `size` x `size` pixels; the aspect ratio is not kept (Li et al. 2022, BLIP's
/// evaluation path).
class Resize {
 public:
  static constexpr std::string_view name = "resize";

  struct Options {
    std::int64_t size = 384;
    ResizeKernel kernel = ResizeKernel::torchvision;
    static constexpr auto fields() {
      return std::tuple{
          field<&Options::size>("Height and width that come out, pixels.", between(1, 4096)),
          field<&Options::kernel>(
              "torchvision: its rounding, fast; pillow: Pillow's rounding, to the bit.")};
    }
  };
  explicit Resize(Options options) : options_(options) {}

  /// @param image  uint8 [3, H, W]; interleaved memory is fastest
  /// @return uint8 [3, size, size]
  /// @throws ShapeError if `image` is of another dtype or shape
  at::Tensor operator()(const at::Tensor& image, RandomStream&) const {
    return resize_bicubic(image, {options_.size, options_.size}, options_.kernel);
  }
  /// Known before any image.
  [[nodiscard]] ImageSize output_size() const { return {options_.size, options_.size}; }

 private:
  Options options_;
};
static_assert(Transform<Resize>);

}  // namespace vlp

VLP_PLUGIN(resize, "1.0", vlp::Resize);
