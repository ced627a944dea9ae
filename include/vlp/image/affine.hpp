#pragma once
// Affine warps of 8-bit images with bilinear interpolation, equal to OpenCV 4's warpAffine:
// coordinates in steps of 1/32 pixel, weights in fixed point, a border of one colour. Includes no
// torch.

#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <numbers>
#include <vector>

#include "vlp/image/pixels.hpp"

namespace vlp {

/// From a point (x, y) of the source to (xx x + xy y + x0, yx x + yy y + y0) of the result; pixels,
/// from the centre of the upper left one.
struct AffineMap {
  double xx = 1;  ///< x of the result by x
  double xy = 0;  ///< x of the result by y
  double x0 = 0;  ///< x of the result at the origin, pixels
  double yx = 0;  ///< y of the result by x
  double yy = 1;  ///< y of the result by y
  double y0 = 0;  ///< y of the result at the origin, pixels

  /// The way back; zeros for a map that has none.
  [[nodiscard]] AffineMap inverse() const {
    const double determinant = xx * yy - xy * yx, scale = determinant != 0 ? 1 / determinant : 0;
    AffineMap back{yy * scale, -xy * scale, 0, -yx * scale, xx * scale, 0};
    back.x0 = -back.xx * x0 - back.xy * y0;
    back.y0 = -back.yx * x0 - back.yy * y0;
    return back;
  }
};

/// A turn about a point.
/// @param x        of the point, pixels
/// @param y        of the point, pixels
/// @param degrees  counter-clockwise as one sees it
[[nodiscard]] inline AffineMap rotation_about(double x, double y, double degrees) {
  const double angle = degrees * (std::numbers::pi / 180);
  const double cosine = std::cos(angle), sine = std::sin(angle);
  return {cosine, sine, (1 - cosine) * x - sine * y, -sine, cosine, sine * x + (1 - cosine) * y};
}

/// Moves an image's pixels by a map; the size stays.
/// @param image   RGB
/// @param map     from the source to the result
/// @param border  grey level of what lies outside of the source
[[nodiscard]] inline Pixels warp_affine(const Pixels& image, const AffineMap& map,
                                        std::uint8_t border) {
  constexpr int kSteps = 32;   // of a pixel, by which coordinates are rounded
  constexpr int kUnit = 1024;  // of a pixel, in which they are added up
  constexpr std::int64_t kHalfStep = kUnit / kSteps / 2;       // 1/64 pixel
  const auto fixed = [](double x) { return std::llrint(x); };  // half to even
  const AffineMap back = map.inverse();
  std::vector<std::int64_t> along_x, along_y;  // what a column adds to the coordinates, in units
  for (std::int64_t x = 0; x < image.width; ++x) {
    along_x.push_back(fixed(back.xx * static_cast<double>(x) * kUnit));
    along_y.push_back(fixed(back.yx * static_cast<double>(x) * kUnit));
  }
  const std::array<std::uint8_t, 3> outside{border, border, border};
  const auto pixel = [&](std::int64_t x, std::int64_t y) {
    const bool inside = x >= 0 && x < image.width && y >= 0 && y < image.height;
    return inside ? image.row(y) + 3 * x : outside.data();
  };
  Pixels out(image.height, image.width);
  for (std::int64_t y = 0; y < image.height; ++y) {
    const std::int64_t row_x =
        fixed((back.xy * static_cast<double>(y) + back.x0) * kUnit) + kHalfStep;
    const std::int64_t row_y =
        fixed((back.yy * static_cast<double>(y) + back.y0) * kUnit) + kHalfStep;
    std::uint8_t* target = out.row(y);
    for (std::size_t x = 0; x < along_x.size(); ++x, target += 3) {
      const std::int64_t source_x = (row_x + along_x[x]) >> 5,
                         source_y = (row_y + along_y[x]) >> 5;  // in steps
      const std::int64_t left = source_x >> 5, top = source_y >> 5;
      const int right_share = static_cast<int>(source_x & (kSteps - 1)),
                bottom_share = static_cast<int>(source_y & (kSteps - 1));
      const std::uint8_t *a = pixel(left, top), *b = pixel(left + 1, top),
                         *c = pixel(left, top + 1), *d = pixel(left + 1, top + 1);
      for (int channel = 0; channel < 3; ++channel) {
        const int upper = a[channel] * (kSteps - right_share) + b[channel] * right_share;
        const int lower = c[channel] * (kSteps - right_share) + d[channel] * right_share;
        const int sum = upper * (kSteps - bottom_share) + lower * bottom_share;
        target[channel] = static_cast<std::uint8_t>((sum + kUnit / 2) / kUnit);
      }
    }
  }
  return out;
}

}  // namespace vlp
