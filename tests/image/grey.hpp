#pragma once
// Small grey images.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "vlp/image/pixels.hpp"

namespace vlp_test {

/// A grey image of given levels, row by row.
inline vlp::Pixels grey(std::int64_t height, std::int64_t width, const std::vector<int>& levels) {
  vlp::Pixels image(height, width);
  for (std::size_t i = 0; i < levels.size(); ++i)
    std::fill_n(image.rgb.get() + 3 * i, 3, static_cast<std::uint8_t>(levels[i]));
  return image;
}

/// The levels of the green channel.
inline std::vector<int> levels(const vlp::Pixels& image) {
  std::vector<int> green;
  for (std::size_t i = 1; i < image.byte_count(); i += 3) green.push_back(image.rgb[i]);
  return green;
}

}  // namespace vlp_test
