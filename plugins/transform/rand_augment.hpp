#pragma once
// RandAugment (Cubuk et al. 2020) with the ten operations that BLIP trains with (Li et al. 2022).

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include <ATen/core/Tensor.h>

#include "vlp/concepts/transform.hpp"
#include "vlp/image/affine.hpp"
#include "vlp/image/augment.hpp"
#include "vlp/image/pixel_tensor.hpp"
#include "vlp/recipe/field.hpp"
#include "vlp/registry/plugin.hpp"

namespace vlp {

/// What RandAugment can do to an image.
enum class Augmentation {
  identity,
  autocontrast,
  brightness,
  sharpness,
  equalize,
  shear_x,
  shear_y,
  translate_x,
  translate_y,
  rotate
};

/// Does one thing to an image. With magnitude M of 10: brightness and sharpness by the factor 0.18
/// M + 0.1, which is 1 and so no change at M = 5; shears by 0.03 M; translations by M pixels,
/// whatever the image's size; rotations by 3 M degrees. What comes in from outside is grey, level
/// 128. The others have no magnitude. Differs from BLIP's code in two slips of 8-bit arithmetic:
/// there autocontrast makes a channel white if its darkest level isn't 0, and sharpness beyond
/// 0-255 begins anew at the other end; here both are as in Pillow, after which they are named.
/// @param image      RGB
/// @param operation  what is done
/// @param magnitude  from 0
/// @param opposite   shear, shift or turn the other way
[[nodiscard]] inline Pixels augmented(Pixels image, Augmentation operation, double magnitude,
                                      bool opposite) {
  constexpr std::uint8_t kBorder = 128;
  const double level = magnitude / 10, sign = opposite ? -1 : 1;
  const double factor = level * 1.8 + 0.1;
  const auto single = [](double x) {
    return static_cast<double>(static_cast<float>(x));
  };  // the reference's matrices are float32
  const auto warped = [&](const AffineMap& map) { return warp_affine(image, map, kBorder); };
  switch (operation) {
    case Augmentation::identity:     return image;
    case Augmentation::autocontrast: return autocontrast(std::move(image));
    case Augmentation::brightness:   return brighten(std::move(image), factor);
    case Augmentation::sharpness:    return factor == 1 ? std::move(image) : sharpen(image, factor);
    case Augmentation::equalize:     return equalize(std::move(image));
    case Augmentation::shear_x:      return warped({.xy = single(sign * level * 0.3)});
    case Augmentation::shear_y:      return warped({.yx = single(sign * level * 0.3)});
    case Augmentation::translate_x:  return warped({.x0 = -single(sign * level * 10)});
    case Augmentation::translate_y:  return warped({.y0 = -single(sign * level * 10)});
    case Augmentation::rotate:
      return warped(rotation_about(static_cast<double>(image.width) / 2,
                                   static_cast<double>(image.height) / 2, sign * level * 30));
  }
  return image;
}

/// Draws operations uniformly with replacement; each one drawn is then applied with probability one
/// half. Draws first all operations, then for each whether it is applied, then, for those of the
/// geometric ones that are, the direction.
class RandAugment {
 public:
  static constexpr std::string_view name = "rand_augment";

  struct Options {
    std::int64_t operations = 2;
    double magnitude = 5;
    static constexpr auto fields() {
      return std::tuple{
          field<&Options::operations>("Operations drawn for each image; half of them are applied.",
                                      between(0, 100)),
          field<&Options::magnitude>(
              "Strength of the operations, 0-10; at 5 brightness and sharpness change nothing.",
              between(0, 10))};
    }
  };
  explicit RandAugment(Options options) : options_(options) {}

  /// @param image   uint8 [3, H, W]; interleaved memory is fastest
  /// @param random  draws what is done
  /// @return        uint8 [3, H, W]
  /// @throws ShapeError if `image` is of another dtype or shape
  at::Tensor operator()(const at::Tensor& image, RandomStream& random) const {
    require_image(image, std::string(name));
    constexpr std::uint64_t kKinds = EnumNames<Augmentation>::count();
    std::vector<Augmentation> drawn;
    for (std::int64_t i = 0; i < options_.operations; ++i)
      drawn.push_back(static_cast<Augmentation>(random.below(kKinds)));
    std::vector<std::pair<Augmentation, bool>> applied;
    for (const Augmentation operation : drawn) {
      if (random.uniform() > 0.5) continue;
      const bool opposite = operation >= Augmentation::shear_x && random.uniform() > 0.5;
      if (operation != Augmentation::identity) applied.emplace_back(operation, opposite);
    }
    if (applied.empty()) return image;
    Pixels pixels = to_pixels(image, std::string(name));
    for (const auto& [operation, opposite] : applied)
      pixels = augmented(std::move(pixels), operation, options_.magnitude, opposite);
    return to_tensor(std::move(pixels));
  }

 private:
  Options options_;
};
static_assert(Transform<RandAugment>);

}  // namespace vlp

VLP_PLUGIN(rand_augment, "1.0", vlp::RandAugment);
