#pragma once
// Changes of grey levels with which images are augmented: autocontrast, equalization, brightness,
// sharpness. Each equals Pillow's operation of that name but for what its comment says. Includes no
// torch.

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>

#include "vlp/image/pixels.hpp"

namespace vlp {

/// What each grey level becomes.
using LevelTable = std::array<std::uint8_t, 256>;
/// How many pixels of a channel have each grey level.
using Histogram = std::array<std::int64_t, 256>;

/// Histograms of red, green and blue.
[[nodiscard]] inline std::array<Histogram, 3> histograms(const Pixels& image) {
  std::array<Histogram, 3> counts{};
  const std::uint8_t* level = image.rgb.get();
  for (std::int64_t i = 0; i < image.height * image.width; ++i)
    for (Histogram& channel : counts) ++channel[*level++];
  return counts;
}

/// Replaces the grey levels of red, green and blue.
inline void apply_tables(Pixels& image, const std::array<LevelTable, 3>& tables) {
  std::uint8_t* level = image.rgb.get();
  for (std::int64_t i = 0; i < image.height * image.width; ++i)
    for (const LevelTable& table : tables) *level = table[*level], ++level;
}

/// Every grey level as it is.
[[nodiscard]] inline LevelTable identity_table() {
  LevelTable table;
  for (std::size_t level = 0; level < table.size(); ++level)
    table[level] = static_cast<std::uint8_t>(level);
  return table;
}

/// From the darkest level that occurs to 0 and from the brightest to 255, truncated to whole
/// levels; no change where only one occurs.
[[nodiscard]] inline LevelTable autocontrast_table(const Histogram& histogram) {
  const auto occurs = [](std::int64_t count) { return count > 0; };
  const auto low = std::ranges::find_if(histogram, occurs) - histogram.begin();
  const auto high =
      255 - (std::find_if(histogram.rbegin(), histogram.rend(), occurs) - histogram.rbegin());
  LevelTable table = identity_table();
  if (high <= low) return table;
  const double scale = 255.0 / static_cast<double>(high - low),
               offset = static_cast<double>(-low) * scale;
  for (std::size_t level = 0; level < table.size(); ++level)
    table[level] = static_cast<std::uint8_t>(
        std::clamp(static_cast<double>(level) * scale + offset, 0.0, 255.0));
  return table;
}

/// Makes all levels about equally frequent; no change where only one occurs, or few pixels.
[[nodiscard]] inline LevelTable equalize_table(const Histogram& histogram) {
  std::int64_t total = 0, brightest = 0;
  for (const std::int64_t count : histogram)
    total += count, brightest = count > 0 ? count : brightest;
  const std::int64_t step = (total - brightest) / 255;
  LevelTable table = identity_table();
  if (step == 0) return table;
  std::int64_t sum = step / 2;
  for (std::size_t level = 0; level < table.size(); sum += histogram[level++])
    table[level] = static_cast<std::uint8_t>(std::min<std::int64_t>(sum / step, 255));
  return table;
}

/// Grey levels times `factor`, truncated to whole ones and cut off at 255.
[[nodiscard]] inline LevelTable brightness_table(double factor) {
  LevelTable table;
  for (std::size_t level = 0; level < table.size(); ++level)
    table[level] = static_cast<std::uint8_t>(
        std::clamp(static_cast<float>(level) * static_cast<float>(factor), 0.0F, 255.0F));
  return table;
}

/// See `autocontrast_table`; each channel by itself.
[[nodiscard]] inline Pixels autocontrast(Pixels image) {
  const auto counts = histograms(image);
  apply_tables(image, {autocontrast_table(counts[0]), autocontrast_table(counts[1]),
                       autocontrast_table(counts[2])});
  return image;
}

/// See `equalize_table`; each channel by itself.
[[nodiscard]] inline Pixels equalize(Pixels image) {
  const auto counts = histograms(image);
  apply_tables(image,
               {equalize_table(counts[0]), equalize_table(counts[1]), equalize_table(counts[2])});
  return image;
}

/// See `brightness_table`.
[[nodiscard]] inline Pixels brighten(Pixels image, double factor) {
  const LevelTable table = brightness_table(factor);
  apply_tables(image, {table, table, table});
  return image;
}

/// Moves each pixel away from the smooth image (3 x 3, the pixel itself counted five times;
/// `factor` above 1), or towards it (below 1), truncated to whole levels. The outermost pixels
/// stay.
/// @param factor  1 = no change
[[nodiscard]] inline Pixels sharpen(const Pixels& image, double factor) {
  std::array<float, 511> scaled;  // factor * (level - smooth) by that difference
  for (int i = 0; i < 511; ++i)
    scaled[static_cast<std::size_t>(i)] = static_cast<float>(factor) * static_cast<float>(i - 255);
  Pixels out(image.height, image.width);
  std::copy_n(image.rgb.get(), image.byte_count(), out.rgb.get());
  const std::int64_t row = 3 * image.width;
  for (std::int64_t y = 1; y + 1 < image.height; ++y)
    for (std::int64_t i = 3; i + 3 < row; ++i) {
      const std::uint8_t* level = image.row(y) + i;
      int sum = 4 * *level;
      for (const std::uint8_t* line : {level - row, level, level + row})
        sum += line[-3] + line[0] + line[3];
      const int smooth = (2 * sum + 13) / 26;  // sum / 13, rounded; no sum lies half-way
      const float sharp =
          static_cast<float>(smooth) + scaled[static_cast<std::size_t>(*level - smooth + 255)];
      out.row(y)[i] = static_cast<std::uint8_t>(std::clamp(sharp, 0.0F, 255.0F));
    }
  return out;
}

}  // namespace vlp
