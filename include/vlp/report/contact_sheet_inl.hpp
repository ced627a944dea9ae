#pragma once

#include <algorithm>
#include <cctype>
#include <cerrno>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <cairo.h>
#include <range/v3/view/chunk.hpp>
#include <range/v3/view/enumerate.hpp>

#include "vlp/core/atomic_file.hpp"
#include "vlp/core/error.hpp"
#include "vlp/report/cairo.hpp"
#include "vlp/report/contact_sheet.hpp"

namespace vlp {

namespace detail {

struct TextStyle {
  double size;  // pixels
  double grey;  // 0 = black
  bool bold = false;
  [[nodiscard]] double line_height() const {
    return std::round(size * 1.36);
  }  // whole pixels keep images sharp
};
inline constexpr TextStyle kTitleStyle{26, 0.10, true}, kSubtitleStyle{15, 0.42},
    kCaptionStyle{14, 0.13}, kSecondStyle{12, 0.45};
inline constexpr double kSheetMargin = 44, kSheetGutter = 26, kMarkWidth = 20;  // pixels

inline void use_style(cairo_t* cairo, const TextStyle& style) {
  cairo_select_font_face(cairo, "DejaVu Sans", CAIRO_FONT_SLANT_NORMAL,
                         style.bold ? CAIRO_FONT_WEIGHT_BOLD : CAIRO_FONT_WEIGHT_NORMAL);
  cairo_set_font_size(cairo, style.size);
  cairo_set_source_rgb(cairo, style.grey, style.grey, style.grey);
}

inline double text_width(cairo_t* cairo, const std::string& text) {
  cairo_text_extents_t extents;
  cairo_text_extents(cairo, text.c_str(), &extents);
  return extents.x_advance;
}

/// Breaks text at blanks, though not before a lone punctuation mark, and a word wider than a line
/// between characters.
inline std::vector<std::string> wrapped(cairo_t* cairo, const TextStyle& style,
                                        const std::string& text, double width) {
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
        while (cut > 1 && (static_cast<unsigned char>(word[cut]) & 0xc0) ==
                              0x80);  // UTF-8 characters stay whole
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
inline double draw_lines(cairo_t* cairo, const TextStyle& style,
                         const std::vector<std::string>& lines, double x, double y) {
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

/// Draws the whole page, or only measures it where `paint` is false.
/// @return the page's height, pixels
inline double lay_out_sheet(cairo_t* cairo, std::span<const ContactSheetCell> cells,
                            const ContactSheetOptions& options, bool paint) {
  const double page_width = options.columns * (options.cell_width + kSheetGutter) - kSheetGutter;
  double y = kSheetMargin;
  const auto heading = [&](const TextStyle& style, const std::string& text) {
    const auto lines = wrapped(cairo, style, text, page_width);
    y = paint ? draw_lines(cairo, style, lines, kSheetMargin, y)
              : y + static_cast<double>(lines.size()) * style.line_height();
  };
  heading(kTitleStyle, options.title);
  heading(kSubtitleStyle, options.subtitle);
  if (y > kSheetMargin) y += kSheetGutter;
  for (const auto row : ranges::views::chunk(cells, options.columns)) {
    double bottom = y;
    for (const auto& [column, cell] : ranges::views::enumerate(row)) {
      const double x =
          kSheetMargin + static_cast<double>(column) * (options.cell_width + kSheetGutter);
      const double indent = cell.mark == CellMark::none ? 0 : kMarkWidth;
      const auto caption = wrapped(cairo, kCaptionStyle, cell.caption, options.cell_width - indent);
      const auto second =
          wrapped(cairo, kSecondStyle, cell.second_line, options.cell_width - indent);
      const double text = y + options.image_height + 10;
      if (paint) {
        draw_pixels(cairo, read_pixels(cell.image),
                    {.x = x, .y = y, .width = options.cell_width, .height = options.image_height},
                    cell.image.string());
        draw_mark(cairo, cell.mark, x, text + 2);
        draw_lines(cairo, kSecondStyle, second, x + indent,
                   draw_lines(cairo, kCaptionStyle, caption, x + indent, text) + 2);
      }
      bottom = std::max(
          bottom, text + static_cast<double>(caption.size()) * kCaptionStyle.line_height() + 2 +
                      static_cast<double>(second.size()) * kSecondStyle.line_height());
    }
    y = bottom + kSheetGutter;
  }
  return y - kSheetGutter + kSheetMargin;
}

}  // namespace detail

VLP_INLINE void write_contact_sheet(const std::filesystem::path& png,
                                    std::span<const ContactSheetCell> cells,
                                    const ContactSheetOptions& options) {
  if (options.columns < 1 || !(options.cell_width >= 40) || !(options.image_height >= 1))
    throw DataError(
        "contact sheet: bad layout (expected a column or more, cells of 40 pixels or wider). "
        "Change the options.");
  const double width = 2 * detail::kSheetMargin +
                       options.columns * (options.cell_width + detail::kSheetGutter) -
                       detail::kSheetGutter;
  const detail::CairoSurface scratch = detail::new_page(1, 1);
  const double height = detail::lay_out_sheet(detail::Cairo(cairo_create(scratch.get())).get(),
                                              cells, options, false);
  const detail::CairoSurface page = detail::new_page(width, height);
  const detail::Cairo cairo(cairo_create(page.get()));
  cairo_set_source_rgb(cairo.get(), 1, 1, 1);
  cairo_paint(cairo.get());
  detail::lay_out_sheet(cairo.get(), cells, options, true);
  cairo_status_t status = cairo_status(cairo.get());
  errno = 0;
  if (status == CAIRO_STATUS_SUCCESS) status = cairo_surface_write_to_png(page.get(), png.c_str());
  if (status == CAIRO_STATUS_SUCCESS) return;
  const bool disk = status == CAIRO_STATUS_WRITE_ERROR && is_disk_problem(errno);
  const std::string message = png.string() + ": can't write (" + cairo_status_to_string(status) +
                              "). Check folder, rights and free space.";
  if (disk) throw DiskError(message);
  throw DataError(message);
}

}  // namespace vlp
