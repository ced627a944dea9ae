// The loss of docs/examples/plugins/alignment.hpp.

#include <cmath>
#include <cstdint>
#include <string>

#include <boost/test/unit_test.hpp>

#include <ATen/ATen.h>

#include "docs/examples/plugins/alignment.hpp"
#include "tests/support/gradient_check.hpp"

BOOST_AUTO_TEST_SUITE(alignment)

namespace {

constexpr double kRounding = 1e-12;  // float64, a few dozen terms

using Pooling = AlignmentLoss::Pooling;

/// The loss of given states [B, N, D] and [B, T, Dt].
at::Tensor loss(const at::Tensor& images, const at::Tensor& texts, Pooling pooling = Pooling::first,
                const at::Tensor& mask = {}) {
  vlp::ModelParts parts;
  parts.set<vlp::ImageStates>([&](const at::Tensor&) { return images; });
  parts.set<vlp::TextStates>([&](const at::Tensor&, const at::Tensor&) { return texts; });
  vlp::Batch batch;
  batch.texts.token_mask =
      mask.defined() ? mask : at::ones({texts.size(0), texts.size(1)}, at::kBool);
  vlp::Forward pass(parts, batch);
  return AlignmentLoss({pooling})(pass).total;
}
double value(const at::Tensor& images, const at::Tensor& texts, Pooling pooling = Pooling::first) {
  return loss(images, texts, pooling).item<double>();
}
at::Tensor column(std::initializer_list<double> values) {
  return at::tensor(at::ArrayRef<double>(values), at::kDouble).view({-1, 1, 1});
}

}  // namespace

BOOST_AUTO_TEST_CASE(of_single_numbers_it_is_what_their_correlation_leaves_over) {
  // Correlation of (0, 1, 2) and (0, 3, 0): 0; of (0, 1, 2) and (1, 1, 4): 3 / sqrt(2 * 6).
  BOOST_TEST(value(column({0, 1, 2}), column({0, 3, 0})) == 1,
             boost::test_tools::tolerance(kRounding));
  BOOST_TEST(value(column({0, 1, 2}), column({1, 1, 4})) == 0.25,
             boost::test_tools::tolerance(kRounding));
}

BOOST_AUTO_TEST_CASE(turned_moved_and_scaled_states_are_aligned) {
  at::manual_seed(1);
  const at::Tensor images = at::randn({5, 2, 4}, at::kDouble);
  const at::Tensor turned = std::get<0>(at::linalg_qr(at::randn({4, 4}, at::kDouble)));
  BOOST_TEST(std::abs(value(images, images.matmul(turned) * 3 + 2)) < kRounding);
  BOOST_TEST(std::abs(value(images, images.matmul(turned) * 3 + 2, Pooling::mean)) < kRounding);
  BOOST_TEST(value(images, at::randn({5, 3, 7}, at::kDouble)) > 0.1);
}

BOOST_AUTO_TEST_CASE(padding_does_not_count) {
  at::manual_seed(2);
  const at::Tensor images = at::randn({4, 3, 4}, at::kDouble),
                   texts = at::randn({4, 5, 6}, at::kDouble);
  const at::Tensor mask =
      at::arange(5).unsqueeze(0).lt(at::tensor({5, 2, 3, 4}, at::kLong).unsqueeze(1));
  at::Tensor other = texts.clone();
  other.masked_fill_(mask.logical_not().unsqueeze(2), 100);
  BOOST_TEST(loss(images, texts, Pooling::mean, mask).item<double>() ==
             loss(images, other, Pooling::mean, mask).item<double>());
}

BOOST_AUTO_TEST_CASE(gradients_agree_with_differences) {
  at::manual_seed(3);
  const at::Tensor images = at::randn({4, 2, 3}, at::kDouble).set_requires_grad(true);
  const at::Tensor texts = at::randn({4, 3, 5}, at::kDouble).set_requires_grad(true);
  for (const Pooling pooling : {Pooling::first, Pooling::mean})
    BOOST_TEST(vlp_test::gradient_difference([&] { return loss(images, texts, pooling); },
                                             {images, texts}) < vlp_test::kGradientTolerance);
}

BOOST_AUTO_TEST_CASE(equal_states_everywhere_give_a_number) {
  BOOST_TEST(value(at::ones({3, 2, 4}, at::kDouble), at::ones({3, 2, 4}, at::kDouble)) == 1);
}

BOOST_AUTO_TEST_CASE(images_and_texts_of_different_number_are_refused) {
  BOOST_CHECK_EXCEPTION((void)value(column({0, 1, 2}), column({0, 1})), vlp::ShapeError,
                        [](const auto& error) {
                          return std::string(error.what()) ==
                                 "loss 'alignment': got 3 images and 2 texts, expected as many of "
                                 "each. Give every image one text.";
                        });
}

BOOST_AUTO_TEST_SUITE_END()
