#pragma once
// Learned positions of an image's patches for another grid than their own.

#include <cstdint>

#include <ATen/ATen.h>

namespace vlp {

/// Height and width of a grid of patches.
struct PatchGrid {
  std::int64_t rows = 0;     ///< along the height
  std::int64_t columns = 0;  ///< along the width
};

/// A table resized by torch's bicubic kernel (a = -0.75, no antialiasing, corners not aligned), as
/// BLIP and transformers do; the class token keeps its own position.
/// @param table    [1, L + from.rows * from.columns, D], patches row by row at its end
/// @param from     the table's grid
/// @param to       the grid that is wanted
/// @param leading  L, positions before the patches': the class token's
/// @return         [1, L + to.rows * to.columns, D]
[[nodiscard]] inline at::Tensor resized_positions(const at::Tensor& table, PatchGrid from,
                                                  PatchGrid to, std::int64_t leading = 1) {
  const at::Tensor grid =
      table.slice(1, leading).reshape({1, from.rows, from.columns, -1}).permute({0, 3, 1, 2});
  const at::Tensor resized =
      at::upsample_bicubic2d(grid, {to.rows, to.columns}, /*align_corners=*/false);
  return at::cat({table.slice(1, 0, leading), resized.flatten(2).transpose(1, 2)}, 1);
}

}  // namespace vlp
