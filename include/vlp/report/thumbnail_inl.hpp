#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <vector>

#include "vlp/image/encode.hpp"
#include "vlp/report/cairo.hpp"
#include "vlp/report/thumbnail.hpp"

namespace vlp {

VLP_INLINE void write_thumbnail(const std::filesystem::path& image,
                                const std::filesystem::path& jpeg, int side) {
  const Pixels pixels = read_pixels(image);
  const auto longest = static_cast<double>(std::max(pixels.width, pixels.height));
  const double scale = std::min(1.0, side / longest);
  const auto scaled = [scale](std::int64_t length) {
    return std::max(1.0, std::round(static_cast<double>(length) * scale));
  };
  const double width = scaled(pixels.width), height = scaled(pixels.height);
  const detail::CairoSurface page = detail::new_page(width, height);
  detail::draw_pixels(detail::Cairo(cairo_create(page.get())).get(), pixels,
                      {.x = 0, .y = 0, .width = width, .height = height}, image.string());
  cairo_surface_flush(page.get());
  const unsigned char* const data = cairo_image_surface_get_data(page.get());
  const std::int64_t stride = cairo_image_surface_get_stride(page.get());
  std::vector<std::uint8_t> rgb;
  for (std::int64_t row = 0; row < static_cast<std::int64_t>(height); ++row)
    for (std::int64_t column = 0; column < static_cast<std::int64_t>(width); ++column) {
      const std::uint32_t pixel =
          reinterpret_cast<const std::uint32_t*>(data + row * stride)[column];
      for (const int shift : {16, 8, 0}) rgb.push_back(static_cast<std::uint8_t>(pixel >> shift));
    }
  write_jpeg(jpeg, {.rgb = rgb,
                    .height = static_cast<std::int64_t>(height),
                    .width = static_cast<std::int64_t>(width)});
}

}  // namespace vlp
