#pragma once
// Grey levels to the numbers that an image encoder was trained with.

#include <array>
#include <cstddef>
#include <cstdint>
#include <sstream>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

#include <ATen/core/Tensor.h>
#include <ATen/ops/empty.h>

#include "vlp/concepts/transform.hpp"
#include "vlp/core/error.hpp"
#include "vlp/recipe/field.hpp"
#include "vlp/registry/plugin.hpp"

namespace vlp {

/// (x / 255 - mean) / std per channel; the defaults are CLIP's (Radford et al. 2021), which BLIP
/// uses.
class Normalize {
 public:
  static constexpr std::string_view name = "normalize";

  struct Options {
    std::vector<double> mean{0.48145466, 0.4578275, 0.40821073};
    std::vector<double> std{0.26862954, 0.26130258, 0.27577711};
    static constexpr auto fields() {
      return std::tuple{
          field<&Options::mean>(
              "Subtracted from red, green and blue, which range over 0-1; three numbers.",
              between(3, 3)),
          field<&Options::std>("Divides red, green and blue after that; three numbers above 0.",
                               between(3, 3))};
    }
  };

  /// @throws RecipeError if there are not three numbers each, or a divisor is not above 0
  explicit Normalize(const Options& options) {
    if (options.mean.size() != 3 || options.std.size() != 3)
      throw RecipeError("transform 'normalize': bad mean or std (got " +
                        std::to_string(options.mean.size()) + " and " +
                        std::to_string(options.std.size()) +
                        " numbers, expected 3 and 3). Mend the recipe.");
    for (std::size_t channel = 0; channel < 3; ++channel) {
      if (!(options.std[channel] > 0))
        throw RecipeError("transform 'normalize': bad std (got " +
                          std::to_string(options.std[channel]) +
                          ", expected numbers above 0). Mend the recipe.");
      const auto mean = static_cast<float>(options.mean[channel]),
                 std = static_cast<float>(options.std[channel]);
      for (int level = 0; level < 256; ++level)
        table_[channel][static_cast<std::size_t>(level)] =
            (static_cast<float>(level) / 255.0F - mean) / std;
    }
  }

  /// @param image  uint8 [3, H, W]
  /// @return float32 [3, H, W], contiguous
  /// @throws ShapeError if `image` is of another dtype or shape
  at::Tensor operator()(const at::Tensor& image, RandomStream&) const {
    if (image.scalar_type() != at::kByte || image.dim() != 3 || image.size(0) != 3) {
      std::ostringstream got;
      got << image.scalar_type() << " " << image.sizes();
      throw ShapeError("normalize: bad image (got " + got.str() +
                       ", expected uint8 [3, H, W]). Name it once, after resize.");
    }
    const at::Tensor out = at::empty(image.sizes(), at::TensorOptions(at::kFloat));
    const std::int64_t height = image.size(1), width = image.size(2);
    const std::int64_t channel_step = image.stride(0), step = image.stride(2);
    float* red = out.mutable_data_ptr<float>();
    float *green = red + height * width, *blue = green + height * width;
    for (std::int64_t y = 0; y < height;
         ++y) {  // each pixel once: its channels are neighbours in an interleaved image
      const std::uint8_t* pixel =
          static_cast<const std::uint8_t*>(image.const_data_ptr()) + y * image.stride(1);
      for (std::int64_t x = 0; x < width; ++x, pixel += step) {
        *red++ = table_[0][pixel[0]];
        *green++ = table_[1][pixel[channel_step]];
        *blue++ = table_[2][pixel[2 * channel_step]];
      }
    }
    return out;
  }

 private:
  std::array<std::array<float, 256>, 3> table_;  // every value that a grey level can become
};
static_assert(Transform<Normalize>);

}  // namespace vlp

VLP_PLUGIN(normalize, "1.0", vlp::Normalize);
