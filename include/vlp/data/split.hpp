#pragma once
// Divides images into train, validation and test: by image, so that captions of one image never
// fall into two splits, and by seed and ids alone, so that the order of the file does not matter.

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <numeric>
#include <span>
#include <string>
#include <tuple>
#include <vector>

#include "vlp/core/error.hpp"
#include "vlp/core/random.hpp"
#include "vlp/recipe/field.hpp"

namespace vlp {

/// How much of the images each split gets; the shares sum to 1.
struct SplitShares {
  double train = 0.8;
  double validation = 0.1;
  double test = 0.1;

  static constexpr auto fields() {
    return std::tuple{
        field<&SplitShares::train>("Share of the images for training, 0-1.", between(0.0, 1.0)),
        field<&SplitShares::validation>("Share of the images for validation, 0-1.",
                                        between(0.0, 1.0)),
        field<&SplitShares::test>(
            "Share of the images for the final test, 0-1; it takes what rounding leaves.",
            between(0.0, 1.0))};
  }
};

/// Positions of the images of each split in the dataset, ascending.
struct SplitIndices {
  std::vector<std::size_t> train;
  std::vector<std::size_t> validation;
  std::vector<std::size_t> test;
};

/// floor(count * share), not misled by products like 100 * 0.29 = 28.999999999999996.
[[nodiscard]] inline std::size_t share_of(std::size_t count, double share) {
  constexpr double kRounding =
      1e-6;  // images; far above the error of one product, far below what a share can mean
  return std::min(
      count, static_cast<std::size_t>(std::floor(static_cast<double>(count) * share + kRounding)));
}

/// Draws floor(n * subset) images and divides them: floor for train and validation, the rest for
/// test; where `test` is 0 the rest goes to validation. A smaller subset is drawn from the larger
/// ones of the same seed.
/// @param ids     one a image, all different
/// @param subset  share of the images to use, above 0 up to 1
/// @param shares  of train, validation and test
/// @param random  a stream of its own, e.g. `ctx.facts.seeds.derive("split")`
/// @throws RecipeError if `subset` is out of range or the shares don't sum to 1 within 1e-6
[[nodiscard]] inline SplitIndices split_images(std::span<const std::string> ids, double subset,
                                               const SplitShares& shares, RandomStream random) {
  constexpr double kTolerance = 1e-6;
  const double sum = shares.train + shares.validation + shares.test;
  const bool in_range = std::min({shares.train, shares.validation, shares.test}) >= 0;
  if (!in_range || !(std::abs(sum - 1) <= kTolerance))
    throw RecipeError("split: the shares don't sum to 1 (got train " +
                      std::to_string(shares.train) + " + validation " +
                      std::to_string(shares.validation) + " + test " + std::to_string(shares.test) +
                      " = " + std::to_string(sum) + ", expected 1). Change one of them.");
  if (!(subset > 0 && subset <= 1))
    throw RecipeError("subset: out of range (got " + std::to_string(subset) +
                      ", expected above 0, at most 1). 1 uses all images.");

  std::vector<std::size_t> order(ids.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::ranges::sort(order, {}, [&](std::size_t i) -> const std::string& { return ids[i]; });
  random.shuffle(std::span<std::size_t>(order));

  const std::size_t kept = share_of(ids.size(), subset);
  const std::size_t train = share_of(kept, shares.train);
  const std::size_t validation =
      shares.test > 0 ? std::min(kept - train, share_of(kept, shares.validation)) : kept - train;
  const auto sorted = [&](std::size_t first, std::size_t count) {
    const auto begin = order.begin() + static_cast<std::ptrdiff_t>(first);
    std::vector<std::size_t> part(begin, begin + static_cast<std::ptrdiff_t>(count));
    std::ranges::sort(part);
    return part;
  };
  return {sorted(0, train), sorted(train, validation),
          sorted(train + validation, kept - train - validation)};
}

}  // namespace vlp
