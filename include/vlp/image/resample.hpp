#pragma once
// Bicubic resizing of 8-bit images with antialiasing (Keys 1981, a = -0.5), in the two roundings
// that checkpoints were trained with: torchvision's and Pillow's. They differ by at most two grey
// levels.

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <vector>

#include <ATen/core/Tensor.h>
#include <ATen/ops/_upsample_bicubic2d_aa.h>
#include <ATen/ops/empty.h>

#include "vlp/concepts/transform.hpp"
#include "vlp/image/pixel_tensor.hpp"

namespace vlp {

/// Whose rounding a resize reproduces.
enum class ResizeKernel { torchvision, pillow };

namespace detail {

/// For each output position the inputs that it averages and their weights in fixed point.
struct ResampleTable {
  static constexpr int kBits =
      22;  // 32 bits less 8 of the sample and 2 for overshoot, as in Pillow
  std::vector<std::int64_t> first;   ///< index of the first input
  std::vector<std::int64_t> count;   ///< number of inputs
  std::vector<std::int32_t> weight;  ///< [outputs, widest]
  std::int64_t widest = 0;
};

inline double bicubic_weight(double x) {
  constexpr double a = -0.5;
  x = std::abs(x);
  if (x < 1) return ((a + 2) * x - (a + 3)) * x * x + 1;
  return x < 2 ? (((x - 5) * x + 8) * x - 4) * a : 0;
}

inline ResampleTable resample_table(std::int64_t in, std::int64_t out) {
  const double scale = static_cast<double>(in) / static_cast<double>(out);
  const double stretch =
      std::max(scale, 1.0);  // antialiasing: the kernel grows when the image shrinks
  const double support = 2 * stretch;
  ResampleTable table;
  table.widest = static_cast<std::int64_t>(std::ceil(support)) * 2 + 1;
  table.weight.assign(static_cast<std::size_t>(out * table.widest), 0);
  std::vector<double> real(static_cast<std::size_t>(table.widest));
  for (std::int64_t position = 0; position < out; ++position) {
    const double centre = (static_cast<double>(position) + 0.5) * scale;
    const std::int64_t first =
        std::max<std::int64_t>(0, static_cast<std::int64_t>(centre - support + 0.5));
    const std::int64_t count =
        std::min(in, static_cast<std::int64_t>(centre + support + 0.5)) - first;
    double sum = 0;
    for (std::int64_t i = 0; i < count; ++i)
      sum += real[i] =
          bicubic_weight((static_cast<double>(i + first) - centre + 0.5) * (1.0 / stretch));
    for (std::int64_t i = 0; i < count; ++i) {
      const double fixed = real[i] / sum * (1 << ResampleTable::kBits);
      table.weight[position * table.widest + i] =
          static_cast<std::int32_t>(fixed < 0 ? fixed - 0.5 : fixed + 0.5);
    }
    table.first.push_back(first);
    table.count.push_back(count);
  }
  return table;
}

/// Samples along the axis that is resampled, as they lie in memory.
template <class Byte>
struct ResampleLines {
  Byte* data;
  std::int64_t step;  ///< bytes from one sample to the next on a line
  std::int64_t next;  ///< bytes from one line to the next
};

/// Resamples along one axis, three interleaved channels, rounding to 8 bits.
/// @param lines  how many lines run along that axis
inline void resample_axis(const ResampleLines<const std::uint8_t>& in,
                          const ResampleLines<std::uint8_t>& out, std::int64_t lines,
                          const ResampleTable& table) {
  for (std::int64_t line = 0; line < lines; ++line)
    for (std::size_t position = 0; position < table.first.size(); ++position) {
      const std::int32_t* weight =
          table.weight.data() + static_cast<std::int64_t>(position) * table.widest;
      const std::uint8_t* sample = in.data + line * in.next + table.first[position] * in.step;
      std::int32_t sum[3];
      std::fill(sum, sum + 3, 1 << (ResampleTable::kBits - 1));
      for (std::int64_t i = 0; i < table.count[position]; ++i, sample += in.step)
        for (int channel = 0; channel < 3; ++channel) sum[channel] += sample[channel] * weight[i];
      std::uint8_t* const target =
          out.data + line * out.next + static_cast<std::int64_t>(position) * out.step;
      for (int channel = 0; channel < 3; ++channel)
        target[channel] =
            static_cast<std::uint8_t>(std::clamp(sum[channel] >> ResampleTable::kBits, 0, 255));
    }
}

/// First along rows, then along columns; an axis that keeps its size is not touched.
/// @param image  uint8 [H, W, 3]; each row without gaps, which there may be between rows
inline at::Tensor resize_as_pillow(const at::Tensor& image, ImageSize size) {
  at::Tensor now = image;
  if (size.width != now.size(1)) {
    const std::int64_t height = now.size(0), width = now.size(1);
    at::Tensor wide = at::empty({height, size.width, 3}, image.options());
    resample_axis({static_cast<const std::uint8_t*>(now.const_data_ptr()), 3, now.stride(0)},
                  {wide.mutable_data_ptr<std::uint8_t>(), 3, 3 * size.width}, height,
                  resample_table(width, size.width));
    now = wide;
  }
  if (size.height != now.size(0)) {
    at::Tensor tall = at::empty({size.height, size.width, 3}, image.options());
    resample_axis({static_cast<const std::uint8_t*>(now.const_data_ptr()), now.stride(0), 3},
                  {tall.mutable_data_ptr<std::uint8_t>(), 3 * size.width, 3}, size.width,
                  resample_table(now.size(0), size.height));
    now = tall;
  }
  return now;
}

}  // namespace detail

/// Resizes an image; the aspect ratio is not kept.
/// @param image   uint8 [3, H, W] on the CPU; interleaved memory is fastest, also where it is a
///                part of a wider image
/// @param size    that comes out, pixels
/// @param kernel  whose rounding to follow
/// @return        uint8 [3, size.height, size.width]; Pillow's interleaved in memory, torchvision's
///                not
/// @throws ShapeError if `image` is of another dtype or shape
[[nodiscard]] inline at::Tensor resize_bicubic(const at::Tensor& image, ImageSize size,
                                               ResizeKernel kernel) {
  require_image(image, "resize");
  if (kernel == ResizeKernel::pillow) {
    const at::Tensor rows = image.permute({1, 2, 0});
    return detail::resize_as_pillow(
               rows.stride(2) == 1 && rows.stride(1) == 3 ? rows : rows.contiguous(), size)
        .permute({2, 0, 1});
  }
  const at::Tensor interleaved = image.unsqueeze(0).contiguous(at::MemoryFormat::ChannelsLast);
  return at::_upsample_bicubic2d_aa(interleaved, {size.height, size.width}, /*align_corners=*/false)
      .squeeze(0);
}

}  // namespace vlp
