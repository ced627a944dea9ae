#include "vlp/nn/vision_layer.hpp"

#include <cmath>
#include <cstddef>
#include <vector>

#include <boost/test/unit_test.hpp>

#include "tests/support/gradient_check.hpp"

BOOST_AUTO_TEST_SUITE(vision_layer)

namespace {

const vlp::VisionLayerSizes kVision{.width = 6, .heads = 2, .hidden = 10};

}  // namespace

BOOST_AUTO_TEST_CASE(one_seed_gives_the_same_values_twice) {
  at::manual_seed(9);
  const vlp::VisionLayer first(kVision, 0);
  at::manual_seed(9);
  const vlp::VisionLayer second(kVision, 0);
  const auto a = first->parameters(), b = second->parameters();
  for (std::size_t i = 0; i < a.size(); ++i) BOOST_TEST(at::equal(a[i], b[i]));
}

BOOST_AUTO_TEST_CASE(vision_layer_gradients_agree_with_differences) {
  at::manual_seed(6);
  vlp::VisionLayer layer(kVision, 0);
  layer->to(at::kDouble);
  std::vector<at::Tensor> leaves = layer->parameters();
  leaves.push_back(at::randn({2, 4, 6}, at::kDouble).set_requires_grad(true));
  const at::Tensor weights = at::randn({2, 4, 6}, at::kDouble);
  BOOST_TEST(vlp_test::gradient_difference([&] { return (layer(leaves.back()) * weights).sum(); },
                                           leaves) < vlp_test::kGradientTolerance);
}

BOOST_AUTO_TEST_CASE(dropped_paths_leave_the_residual_and_keep_the_expectation) {
  at::manual_seed(7);
  vlp::VisionLayer layer(kVision, 0.5);
  const at::Tensor x = at::randn({1, 4, 6}).expand({400, 4, 6}).contiguous();
  layer->eval();
  const at::Tensor plain = layer(x);
  layer->train();
  const at::Tensor dropped = layer(x);
  const at::Tensor untouched = (dropped == x).flatten(1).all(1);
  const double share = untouched.to(at::kDouble).mean().item<double>();
  BOOST_TEST(std::abs(share - 0.25) < 0.1);  // both branches dropped; standard error 0.02
  BOOST_TEST(vlp_test::difference(dropped.mean(0), plain.mean(0)) < 0.02);
}

BOOST_AUTO_TEST_SUITE_END()
