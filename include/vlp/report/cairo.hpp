#pragma once
// Drawing with cairo. Includes no torch.

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <memory>
#include <string>

#include <cairo.h>

#include "vlp/core/error.hpp"
#include "vlp/image/read.hpp"

namespace vlp {

namespace detail {

struct CairoDelete {
  void operator()(cairo_t* cairo) const { cairo_destroy(cairo); }
  void operator()(cairo_surface_t* surface) const { cairo_surface_destroy(surface); }
};
using CairoSurface = std::unique_ptr<cairo_surface_t, CairoDelete>;
using Cairo = std::unique_ptr<cairo_t, CairoDelete>;

/// A place on a page, pixels.
struct Box {
  double x, y, width, height;
};

/// Draws an image in the middle of a box, as large as fits. @param name  for messages
inline void draw_pixels(cairo_t* cairo, const Pixels& pixels, const Box& box,
                        const std::string& name) {
  const CairoSurface surface(cairo_image_surface_create(
      CAIRO_FORMAT_RGB24, static_cast<int>(pixels.width), static_cast<int>(pixels.height)));
  if (cairo_surface_status(surface.get()) != CAIRO_STATUS_SUCCESS)
    fail_image(name, "too large to be drawn.");
  cairo_surface_flush(surface.get());
  unsigned char* const data = cairo_image_surface_get_data(surface.get());
  const std::int64_t stride = cairo_image_surface_get_stride(surface.get());
  for (std::int64_t row = 0; row < pixels.height; ++row)
    for (std::int64_t column = 0; column < pixels.width; ++column) {
      const std::uint8_t* rgb = pixels.row(row) + 3 * column;
      reinterpret_cast<std::uint32_t*>(data + row * stride)[column] =
          std::uint32_t{rgb[0]} << 16 | std::uint32_t{rgb[1]} << 8 | rgb[2];
    }
  cairo_surface_mark_dirty(surface.get());
  const double w = static_cast<double>(pixels.width), h = static_cast<double>(pixels.height),
               scale = std::min(box.width / w, box.height / h);
  cairo_save(cairo);
  cairo_translate(cairo, std::round(box.x + (box.width - w * scale) / 2),
                  std::round(box.y + (box.height - h * scale) / 2));
  cairo_scale(cairo, scale, scale);
  cairo_set_source_surface(cairo, surface.get(), 0, 0);
  cairo_pattern_set_filter(cairo_get_source(cairo), CAIRO_FILTER_GOOD);
  cairo_pattern_set_extend(cairo_get_source(cairo), CAIRO_EXTEND_PAD);
  cairo_rectangle(cairo, 0, 0, w, h);
  cairo_fill(cairo);
  cairo_restore(cairo);
}

inline CairoSurface new_page(double width, double height) {
  CairoSurface page(cairo_image_surface_create(CAIRO_FORMAT_RGB24, static_cast<int>(width),
                                               static_cast<int>(height)));
  if (cairo_surface_status(page.get()) != CAIRO_STATUS_SUCCESS)
    throw DataError("contact sheet: page of " + std::to_string(static_cast<int>(width)) + " x " +
                    std::to_string(static_cast<int>(height)) +
                    " pixels can't be made. Show fewer images.");
  return page;
}

}  // namespace detail

}  // namespace vlp
