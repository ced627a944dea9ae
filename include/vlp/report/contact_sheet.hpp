#pragma once
// A page of captioned images for reports: one PNG, drawn with cairo. Includes no torch.

#include <algorithm>
#include <cctype>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <cairo.h>

#include "vlp/core/error.hpp"
#include "vlp/image/read.hpp"

namespace vlp {

/// Shown beside a caption: nothing, a green tick, or a red cross.
enum class CellMark { none, good, bad };

/// One image of a contact sheet.
struct ContactSheetCell {
  std::filesystem::path image;     ///< JPEG or PNG
  std::string caption;             ///< UTF-8
  std::string second_line;         ///< e.g. a reference; smaller and grey; empty = none
  CellMark mark = CellMark::none;  ///< drawn before the caption
};

/// Titles and sizes of a sheet.
struct ContactSheetOptions {
  std::string title;          ///< UTF-8; empty = none
  std::string subtitle;       ///< smaller, below the title; empty = none
  int columns = 4;            ///< images side by side
  double cell_width = 260;    ///< pixels
  double image_height = 195;  ///< pixels; images keep their proportions inside
};

namespace detail {

struct CairoDelete {
  void operator()(cairo_t* cairo) const { cairo_destroy(cairo); }
  void operator()(cairo_surface_t* surface) const { cairo_surface_destroy(surface); }
};
using CairoSurface = std::unique_ptr<cairo_surface_t, CairoDelete>;
using Cairo = std::unique_ptr<cairo_t, CairoDelete>;

struct TextStyle {
  double size;  // pixels
  double grey;  // 0 = black
  bool bold = false;
  [[nodiscard]] double line_height() const { return std::round(size * 1.36); }  // whole pixels keep images sharp
};
inline constexpr TextStyle kTitleStyle{26, 0.10, true}, kSubtitleStyle{15, 0.42}, kCaptionStyle{14, 0.13}, kSecondStyle{12, 0.45};
inline constexpr double kSheetMargin = 44, kSheetGutter = 26, kMarkWidth = 20;  // pixels

inline void use_style(cairo_t* cairo, const TextStyle& style) {
  cairo_select_font_face(cairo, "DejaVu Sans", CAIRO_FONT_SLANT_NORMAL, style.bold ? CAIRO_FONT_WEIGHT_BOLD : CAIRO_FONT_WEIGHT_NORMAL);
  cairo_set_font_size(cairo, style.size);
  cairo_set_source_rgb(cairo, style.grey, style.grey, style.grey);
}

inline double text_width(cairo_t* cairo, const std::string& text) {
  cairo_text_extents_t extents;
  cairo_text_extents(cairo, text.c_str(), &extents);
  return extents.x_advance;
}

/// Breaks text at blanks, though not before a lone punctuation mark, and a word wider than a line between characters.
inline std::vector<std::string> wrapped(cairo_t* cairo, const TextStyle& style, const std::string& text, double width) {
  use_style(cairo, style);
  std::vector<std::string> lines;
  std::string line;
  const auto flush = [&] {
    if (!line.empty()) lines.push_back(std::exchange(line, {}));
  };
  for (std::size_t begin = 0; begin < text.size();) {
    const std::size_t end = std::min(text.find_first_of(" \n\t", begin), text.size());
    std::string word = text.substr(begin, end - begin);
    begin = end + 1;
    if (word.empty()) continue;
    const bool mark = word.size() == 1 && std::ispunct(static_cast<unsigned char>(word[0]));
    if (!line.empty() && !mark && text_width(cairo, line + " " + word) > width) flush();
    while (text_width(cairo, word) > width && word.size() > 1) {
      std::size_t cut = word.size();
      do do
          --cut;
        while (cut > 1 && (static_cast<unsigned char>(word[cut]) & 0xc0) == 0x80);  // UTF-8 characters stay whole
      while (cut > 1 && text_width(cairo, word.substr(0, cut)) > width);
      lines.push_back(word.substr(0, cut));
      word.erase(0, cut);
    }
    line += (line.empty() ? "" : " ") + word;
  }
  flush();
  return lines;
}

/// Draws lines downwards from `y` and returns where the next would begin.
inline double draw_lines(cairo_t* cairo, const TextStyle& style, const std::vector<std::string>& lines, double x, double y) {
  use_style(cairo, style);
  for (const std::string& line : lines) {
    cairo_move_to(cairo, x, y + style.size);
    cairo_show_text(cairo, line.c_str());
    y += style.line_height();
  }
  return y;
}

/// A tick or a cross in a box of 12 x 12 pixels.
inline void draw_mark(cairo_t* cairo, CellMark mark, double x, double y) {
  cairo_set_line_width(cairo, 2.6);
  cairo_set_line_cap(cairo, CAIRO_LINE_CAP_ROUND);
  cairo_set_line_join(cairo, CAIRO_LINE_JOIN_ROUND);
  if (mark == CellMark::good) {
    cairo_set_source_rgb(cairo, 0.10, 0.55, 0.25);
    cairo_move_to(cairo, x, y + 7);
    cairo_line_to(cairo, x + 4, y + 11);
    cairo_line_to(cairo, x + 12, y + 1);
  } else if (mark == CellMark::bad) {
    cairo_set_source_rgb(cairo, 0.80, 0.14, 0.14);
    cairo_move_to(cairo, x + 1, y + 1);
    cairo_line_to(cairo, x + 11, y + 11);
    cairo_move_to(cairo, x + 11, y + 1);
    cairo_line_to(cairo, x + 1, y + 11);
  }
  cairo_stroke(cairo);
}

/// Draws an image in the middle of a box, as large as fits.
inline void draw_image(cairo_t* cairo, const std::filesystem::path& path, double x, double y, double width, double height) {
  const Pixels pixels = read_pixels(path);
  const CairoSurface surface(
      cairo_image_surface_create(CAIRO_FORMAT_RGB24, static_cast<int>(pixels.width), static_cast<int>(pixels.height)));
  if (cairo_surface_status(surface.get()) != CAIRO_STATUS_SUCCESS) fail_image(path.string(), "too large for a contact sheet.");
  cairo_surface_flush(surface.get());
  unsigned char* const data = cairo_image_surface_get_data(surface.get());
  const std::int64_t stride = cairo_image_surface_get_stride(surface.get());
  for (std::int64_t row = 0; row < pixels.height; ++row)
    for (std::int64_t column = 0; column < pixels.width; ++column) {
      const std::uint8_t* rgb = pixels.row(row) + 3 * column;
      reinterpret_cast<std::uint32_t*>(data + row * stride)[column] = std::uint32_t{rgb[0]} << 16 | std::uint32_t{rgb[1]} << 8 | rgb[2];
    }
  cairo_surface_mark_dirty(surface.get());
  const double w = static_cast<double>(pixels.width), h = static_cast<double>(pixels.height), scale = std::min(width / w, height / h);
  cairo_save(cairo);
  cairo_translate(cairo, std::round(x + (width - w * scale) / 2), std::round(y + (height - h * scale) / 2));
  cairo_scale(cairo, scale, scale);
  cairo_set_source_surface(cairo, surface.get(), 0, 0);
  cairo_pattern_set_filter(cairo_get_source(cairo), CAIRO_FILTER_GOOD);
  cairo_pattern_set_extend(cairo_get_source(cairo), CAIRO_EXTEND_PAD);
  cairo_rectangle(cairo, 0, 0, w, h);
  cairo_fill(cairo);
  cairo_restore(cairo);
}

/// Draws the whole page, or only measures it where `paint` is false.
/// @return the page's height, pixels
inline double lay_out_sheet(cairo_t* cairo, std::span<const ContactSheetCell> cells, const ContactSheetOptions& options, bool paint) {
  const double page_width = options.columns * (options.cell_width + kSheetGutter) - kSheetGutter;
  double y = kSheetMargin;
  const auto heading = [&](const TextStyle& style, const std::string& text) {
    const auto lines = wrapped(cairo, style, text, page_width);
    y = paint ? draw_lines(cairo, style, lines, kSheetMargin, y) : y + static_cast<double>(lines.size()) * style.line_height();
  };
  heading(kTitleStyle, options.title);
  heading(kSubtitleStyle, options.subtitle);
  if (y > kSheetMargin) y += kSheetGutter;
  const auto columns = static_cast<std::size_t>(options.columns);
  for (std::size_t first = 0; first < cells.size(); first += columns) {
    double bottom = y;
    for (std::size_t i = first; i < std::min(first + columns, cells.size()); ++i) {
      const ContactSheetCell& cell = cells[i];
      const double x = kSheetMargin + static_cast<double>(i - first) * (options.cell_width + kSheetGutter);
      const double indent = cell.mark == CellMark::none ? 0 : kMarkWidth;
      const auto caption = wrapped(cairo, kCaptionStyle, cell.caption, options.cell_width - indent);
      const auto second = wrapped(cairo, kSecondStyle, cell.second_line, options.cell_width - indent);
      const double text = y + options.image_height + 10;
      if (paint) {
        draw_image(cairo, cell.image, x, y, options.cell_width, options.image_height);
        draw_mark(cairo, cell.mark, x, text + 2);
        draw_lines(cairo, kSecondStyle, second, x + indent, draw_lines(cairo, kCaptionStyle, caption, x + indent, text) + 2);
      }
      bottom = std::max(bottom, text + static_cast<double>(caption.size()) * kCaptionStyle.line_height() + 2 +
                                    static_cast<double>(second.size()) * kSecondStyle.line_height());
    }
    y = bottom + kSheetGutter;
  }
  return y - kSheetGutter + kSheetMargin;
}

inline CairoSurface new_page(double width, double height) {
  CairoSurface page(cairo_image_surface_create(CAIRO_FORMAT_RGB24, static_cast<int>(width), static_cast<int>(height)));
  if (cairo_surface_status(page.get()) != CAIRO_STATUS_SUCCESS)
    throw DataError("contact sheet: page of " + std::to_string(static_cast<int>(width)) + " x " + std::to_string(static_cast<int>(height)) +
                    " pixels can't be made. Show fewer images.");
  return page;
}

}  // namespace detail

/// Writes a page of images, each with its caption below, row by row in the order given.
/// @throws DataError that names the file if an image can't be read or the page can't be written
inline void write_contact_sheet(const std::filesystem::path& png, std::span<const ContactSheetCell> cells,
                                const ContactSheetOptions& options = {}) {
  if (options.columns < 1 || !(options.cell_width >= 40) || !(options.image_height >= 1))
    throw DataError("contact sheet: bad layout (expected a column or more, cells of 40 pixels or wider). Change the options.");
  const double width = 2 * detail::kSheetMargin + options.columns * (options.cell_width + detail::kSheetGutter) - detail::kSheetGutter;
  const detail::CairoSurface scratch = detail::new_page(1, 1);
  const double height = detail::lay_out_sheet(detail::Cairo(cairo_create(scratch.get())).get(), cells, options, false);
  const detail::CairoSurface page = detail::new_page(width, height);
  const detail::Cairo cairo(cairo_create(page.get()));
  cairo_set_source_rgb(cairo.get(), 1, 1, 1);
  cairo_paint(cairo.get());
  detail::lay_out_sheet(cairo.get(), cells, options, true);
  cairo_status_t status = cairo_status(cairo.get());
  if (status == CAIRO_STATUS_SUCCESS) status = cairo_surface_write_to_png(page.get(), png.c_str());
  if (status != CAIRO_STATUS_SUCCESS)
    throw DataError(png.string() + ": can't write (" + cairo_status_to_string(status) + "). Check folder, rights and free space.");
}

}  // namespace vlp
