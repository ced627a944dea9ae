#include "vlp/nn/hard_negatives.hpp"

#include <cmath>
#include <cstdint>
#include <limits>
#include <vector>

#include <boost/test/unit_test.hpp>

#include <ATen/ATen.h>

#include "vlp/core/random.hpp"
#include "vlp/nn/positives.hpp"

BOOST_AUTO_TEST_SUITE(hard_negatives)

namespace {

constexpr double kRounding = 1e-12;                // float64, a handful of terms
constexpr double kLargestUniform = 1 - 0x1.0p-53;  // of 53 random bits

at::Tensor uniforms(std::int64_t rows, std::uint64_t seed) {
  vlp::RandomStream random(seed);
  at::Tensor values = at::empty({rows}, at::kDouble);
  for (std::int64_t i = 0; i < rows; ++i) values.data_ptr<double>()[i] = random.uniform();
  return values;
}

at::Tensor off_diagonal(std::int64_t size) { return at::eye(size, at::kBool).logical_not(); }

/// How often each column comes out in `draws` draws of one row.
std::vector<double> counts(const at::Tensor& weights, std::int64_t draws, std::uint64_t seed) {
  const at::Tensor many = weights.unsqueeze(0).expand({draws, weights.numel()});
  const at::Tensor drawn = vlp::draw_columns(many, many.gt(0), uniforms(draws, seed));
  const at::Tensor found = at::bincount(drawn, {}, weights.numel()).to(at::kDouble);
  return {found.data_ptr<double>(), found.data_ptr<double>() + found.numel()};
}

}  // namespace

BOOST_AUTO_TEST_CASE(weights_are_probabilities_plus_the_floor_where_allowed) {
  const at::Tensor similarities = at::tensor({1.0, 2.0, 4.0, 1.0, 1.0, 1.0}, at::kDouble)
                                      .view({2, 3})
                                      .log()
                                      .set_requires_grad(true);
  const at::Tensor allowed = at::tensor({0, 1, 1, 1, 0, 1}, at::kLong).view({2, 3}).to(at::kBool);
  const at::Tensor weights = vlp::negative_weights(similarities, allowed, 0.5);
  const at::Tensor expected =
      at::tensor({0.0, 2.0 / 7 + 0.5, 4.0 / 7 + 0.5, 1.0 / 3 + 0.5, 0.0, 1.0 / 3 + 0.5},
                 at::kDouble)
          .view({2, 3});
  BOOST_TEST((weights - expected).abs().max().item<double>() < kRounding);
  BOOST_TEST(!weights.requires_grad());
}

BOOST_AUTO_TEST_CASE(draws_follow_the_weights) {
  // Chi-square with 5 degrees of freedom stays below 25.7 with probability 0.9999.
  const at::Tensor weights = at::tensor({0.3, 0.0, 1e-4, 0.05, 0.4, 0.1, 0.0, 0.2}, at::kFloat);
  constexpr std::int64_t kDraws = 400'000;
  const std::vector<double> found = counts(weights, kDraws, 7);
  const double total = weights.sum().item<double>();
  double chi_square = 0;
  for (std::size_t i = 0; i < found.size(); ++i) {
    const double expected = kDraws * weights[static_cast<std::int64_t>(i)].item<double>() / total;
    if (expected == 0) {
      BOOST_TEST(found[i] == 0);
      continue;
    }
    chi_square += (found[i] - expected) * (found[i] - expected) / expected;
  }
  BOOST_TEST(chi_square < 25.7);
}

BOOST_AUTO_TEST_CASE(weight_zero_is_never_drawn_even_at_the_ends) {
  vlp::RandomStream random(3);
  for (int trial = 0; trial < 300; ++trial) {
    const std::int64_t size = 2 + static_cast<std::int64_t>(random.below(60));
    at::Tensor weights = at::zeros({3, size}, at::kFloat);
    for (float* w = weights.data_ptr<float>(); w != weights.data_ptr<float>() + weights.numel();
         ++w)
      *w = random.uniform() < 0.6 ? 0.0F : static_cast<float>(std::exp(-40 * random.uniform()));
    weights.select(1, static_cast<std::int64_t>(random.below(static_cast<std::uint64_t>(size))))
        .fill_(0.5);
    const at::Tensor ends = at::tensor({0.0, kLargestUniform, random.uniform()}, at::kDouble);
    const at::Tensor drawn = vlp::draw_columns(weights, weights.gt(0), ends);
    BOOST_TEST(weights.gather(1, drawn.unsqueeze(1)).gt(0).all().item<bool>());
  }
}

BOOST_AUTO_TEST_CASE(the_ends_of_the_line_are_the_outermost_columns) {
  const at::Tensor weights = at::tensor({0.0F, 0.0F, 0.25F, 0.5F, 0.25F, 0.0F}).expand({4, 6});
  const at::Tensor drawn = vlp::draw_columns(
      weights, weights.gt(0), at::tensor({0.0, 0.25, 0.74, kLargestUniform}, at::kDouble));
  BOOST_TEST(drawn.equal(at::tensor({2, 3, 3, 4}, at::kLong)));
}

BOOST_AUTO_TEST_CASE(vanished_rows_draw_evenly_from_what_is_allowed) {
  constexpr std::int64_t kDraws = 30'000, kColumns = 4;
  const at::Tensor allowed =
      at::tensor({1, 0, 1, 1}, at::kLong).to(at::kBool).expand({kDraws, kColumns});
  for (const double weight : {0.0, std::numeric_limits<double>::quiet_NaN()}) {
    const at::Tensor drawn = vlp::draw_columns(at::full({kDraws, kColumns}, weight, at::kFloat),
                                               allowed, uniforms(kDraws, 11));
    const at::Tensor found = at::bincount(drawn, {}, kColumns);
    BOOST_TEST(found[1].item<std::int64_t>() == 0);
    for (const int column : {0, 2, 3})
      BOOST_TEST(std::abs(found[column].item<double>() - kDraws / 3.0) <
                 500);  // 6 deviations of 82
  }
}

BOOST_AUTO_TEST_CASE(the_smallest_numbers_are_weights_like_others) {
  const float tiny = std::numeric_limits<float>::denorm_min();
  const std::vector<double> found = counts(at::tensor({tiny, 0.0F, 3 * tiny}), 10'000, 13);
  BOOST_TEST(found[1] == 0);
  BOOST_TEST(std::abs(found[0] - 2500) < 260);  // 6 deviations of 43
}

BOOST_AUTO_TEST_CASE(a_row_in_which_nothing_is_allowed_stays_within_its_columns) {
  const at::Tensor drawn = vlp::draw_columns(at::zeros({3, 2}), at::zeros({3, 2}, at::kBool),
                                             at::tensor({0.0, 0.5, 0.9}, at::kDouble));
  BOOST_TEST(drawn.ge(0).logical_and(drawn.lt(2)).all().item<bool>());
}

BOOST_AUTO_TEST_CASE(the_partner_is_never_drawn_over_many_seeds) {
  at::manual_seed(5);
  for (std::uint64_t seed = 0; seed < 300; ++seed) {
    const std::int64_t pairs = 2 + static_cast<std::int64_t>(seed % 9);
    const at::Tensor similarities = at::randn({pairs, pairs}) * 40 +
                                    at::eye(pairs) * 100;  // everything but the partner underflows
    const at::Tensor allowed = off_diagonal(pairs);
    for (const double floor : {0.0, 1e-4}) {
      const at::Tensor drawn = vlp::draw_columns(
          vlp::negative_weights(similarities, allowed, floor), allowed, uniforms(pairs, seed));
      BOOST_TEST(drawn.ne(at::arange(pairs, at::kLong)).all().item<bool>());
    }
  }
}

BOOST_AUTO_TEST_CASE(pairs_belong_together_by_place_or_by_image) {
  vlp::Batch batch;
  batch.texts.token_ids = at::zeros({3, 2}, at::kLong);
  batch.image_index = at::tensor({4, 7, 4}, at::kLong);
  const at::Tensor queue = at::tensor({7, -100}, at::kLong);
  const auto table = [](std::initializer_list<std::int64_t> values, std::int64_t columns) {
    return at::tensor(at::ArrayRef<std::int64_t>(values), at::kLong)
        .view({-1, columns})
        .to(at::kBool);
  };
  BOOST_TEST(vlp::positive_pairs(vlp::Positives::pair, batch, queue, "x")
                 .equal(table({1, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 1, 0, 0}, 5)));
  BOOST_TEST(vlp::positive_pairs(vlp::Positives::image, batch, queue, "x")
                 .equal(table({1, 0, 1, 0, 0, 0, 1, 0, 1, 0, 1, 0, 1, 0, 0}, 5)));
  BOOST_TEST(vlp::positive_pairs(vlp::Positives::image, batch, {}, "x")
                 .equal(table({1, 0, 1, 0, 1, 0, 1, 0, 1}, 3)));
  batch.image_index.reset();
  BOOST_CHECK_EXCEPTION((void)vlp::positive_pairs(vlp::Positives::image, batch, {}, "loss 'x'"),
                        vlp::ShapeError, [](const auto& error) {
                          return std::string(error.what()) ==
                                 "loss 'x': positives = \"image\" needs the image number of each "
                                 "pair (got none, expected 3). Fill Batch::image_index, or set "
                                 "positives = \"pair\".";
                        });
}

BOOST_AUTO_TEST_SUITE_END()
