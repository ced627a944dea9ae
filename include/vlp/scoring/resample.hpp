#pragma once
// Sums of images' rows under random weights, for the bootstrap and for permutation tests: many
// draws at once, each from a random stream of its own, so that neither threads nor the number of
// draws change one of them. Includes no torch.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "vlp/concepts/metric.hpp"
#include "vlp/core/parallel.hpp"
#include "vlp/core/random.hpp"

namespace vlp {

/// How many draws share one pass over the rows.
constexpr std::size_t kDrawsAtOnce = 4;

/// How often each image counts in one draw; all 0 at first.
class ImageWeights {
 public:
  /// @param weights  [images, kDrawsAtOnce], of several draws
  /// @param draw     which of them
  ImageWeights(std::span<std::uint16_t> weights, std::size_t draw)
      : weights_(weights), draw_(draw) {}

  /// How many images there are.
  [[nodiscard]] std::size_t images() const { return weights_.size() / kDrawsAtOnce; }
  /// The weight of an image.
  [[nodiscard]] std::uint16_t& operator[](std::size_t image) const {
    return weights_[image * kDrawsAtOnce + draw_];
  }

 private:
  std::span<std::uint16_t> weights_;
  std::size_t draw_;
};

/// As many images as there are, drawn with replacement (Efron 1979). A weight can't overflow:
/// 65,536 draws of one image among more than 65,535 have a probability below 10^-280,000.
inline void draw_with_replacement(RandomStream random, ImageWeights weights) {
  const std::size_t images = weights.images();
  for (std::size_t i = 0; i < images; ++i) {
    // The upper half of bits * images: a modulo's result in a tenth of its time, the bias is below
    // images / 2^64.
    const auto product = static_cast<unsigned __int128>(random.next()) * images;
    ++weights[static_cast<std::size_t>(product >> 64)];
  }
}

/// Each image with probability 1/2.
inline void draw_half(RandomStream random, ImageWeights weights) {
  constexpr std::size_t bits = 64;
  for (std::size_t first = 0; first < weights.images(); first += bits) {
    const std::uint64_t word = random.next();
    const std::size_t end = std::min(bits, weights.images() - first);
    for (std::size_t bit = 0; bit < end; ++bit)
      weights[first + bit] = static_cast<std::uint16_t>(word >> bit & 1);
  }
}

/// The columns' sums in each of many draws, every image's row times its weight.
/// @param rows     [images, columns]
/// @param draws    how many
/// @param random   draw k has the stream `random.derive(k)`
/// @param threads  0 = all cores; changes no digit
/// @param draw     called as `draw(RandomStream, ImageWeights)`, fills in the weights
/// @return         [draws, columns]
template <class Draw>
[[nodiscard]] std::vector<double> weighted_sums(const ImageStatistics& rows, std::size_t draws,
                                                const RandomStream& random, std::int64_t threads,
                                                const Draw& draw) {
  std::vector<double> sums(draws * rows.columns);
  parallel_for(
      threads, (draws + kDrawsAtOnce - 1) / kDrawsAtOnce, [&](std::size_t begin, std::size_t end) {
        std::vector<std::uint16_t> weights(rows.images() * kDrawsAtOnce);
        std::vector<double> totals(rows.columns * kDrawsAtOnce);
        for (std::size_t first = begin * kDrawsAtOnce; first < std::min(end * kDrawsAtOnce, draws);
             first += kDrawsAtOnce) {
          const std::size_t count = std::min(kDrawsAtOnce, draws - first);
          std::ranges::fill(weights, 0);
          std::ranges::fill(totals, 0);
          for (std::size_t k = 0; k < count; ++k)
            draw(random.derive(first + k), ImageWeights(weights, k));
          for (std::size_t image = 0; image < rows.images(); ++image) {
            const std::uint16_t* weight = &weights[image * kDrawsAtOnce];
            const double* row = &rows.values[image * rows.columns];
            for (std::size_t column = 0; column < rows.columns; ++column)
              for (std::size_t k = 0; k < kDrawsAtOnce; ++k)
                totals[column * kDrawsAtOnce + k] += weight[k] * row[column];
          }
          for (std::size_t k = 0; k < count; ++k)
            for (std::size_t column = 0; column < rows.columns; ++column)
              sums[(first + k) * rows.columns + column] = totals[column * kDrawsAtOnce + k];
        }
      });
  return sums;
}

}  // namespace vlp
