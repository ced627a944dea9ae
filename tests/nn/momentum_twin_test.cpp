#include <string>

#include <boost/test/unit_test.hpp>

#include "tests/nn/gradient_check.hpp"
#include "vlp/nn/layers.hpp"
#include "vlp/nn/momentum_twin.hpp"

namespace {

using vlp_test::difference;
constexpr double kRounding = 1e-15;  // float64, two products of size one

struct Pair {
  vlp::Linear online{3, 2}, twin{3, 2};
  vlp::MomentumTwins twins;
  Pair() {
    at::manual_seed(2);
    vlp::set_uniform_weights(online);
    online->to(at::kDouble);
    twin->to(at::kDouble);
    online->register_buffer("seen", at::ones({1}));
    twin->register_buffer("seen", at::zeros({1}));
    twins.add(*online, *twin);
  }
};

}  // namespace

BOOST_AUTO_TEST_SUITE(momentum_twin)

BOOST_AUTO_TEST_CASE(a_twin_begins_equal_and_has_no_gradients) {
  const Pair pair;
  BOOST_TEST(!pair.twins.empty());
  BOOST_TEST(vlp::MomentumTwins().empty());
  for (const auto& item : pair.twin->named_parameters()) {
    BOOST_TEST(at::equal(item.value(), pair.online->named_parameters()[item.key()]), item.key());
    BOOST_TEST(!item.value().requires_grad(), item.key());
  }
  BOOST_TEST(pair.online->weight.requires_grad());
}

BOOST_AUTO_TEST_CASE(following_is_an_exponential_average) {
  Pair pair;
  at::Tensor expected = pair.twin->weight.clone();
  for (int step = 0; step < 3; ++step) {
    pair.online->weight.detach().add_(step + 1);
    expected = 0.995 * expected + 0.005 * pair.online->weight.detach();
    pair.twins.follow(0.995);
    BOOST_TEST(difference(pair.twin->weight, expected) < kRounding);
  }
  BOOST_TEST(!pair.twin->weight.requires_grad());
}

BOOST_AUTO_TEST_CASE(momentum_one_stays_and_momentum_zero_copies) {
  Pair pair;
  const at::Tensor before = pair.twin->bias.clone();
  pair.online->bias.detach().add_(1);
  pair.twins.follow(1);
  BOOST_TEST(at::equal(pair.twin->bias, before));
  pair.twins.follow(0);
  BOOST_TEST(at::equal(pair.twin->bias, pair.online->bias));
}

BOOST_AUTO_TEST_CASE(buffers_are_left_alone) {
  Pair pair;
  pair.twins.follow(0.5);
  pair.twins.copy();
  BOOST_TEST(pair.twin->named_buffers()["seen"].item<double>() == 0);
}

BOOST_AUTO_TEST_CASE(twins_follow_after_a_change_of_dtype) {
  Pair pair;
  pair.online->to(at::kFloat);
  pair.twin->to(at::kFloat);
  pair.online->weight.detach().fill_(2);
  pair.twins.copy();
  BOOST_TEST(at::equal(pair.twin->weight, at::full({2, 3}, 2.0F)));
}

BOOST_AUTO_TEST_CASE(another_module_is_no_twin) {
  const auto says = [](const std::string& words) {
    return [words](const vlp::ShapeError& error) { return std::string(error.what()).find(words) != std::string::npos; };
  };
  vlp::MomentumTwins twins;
  vlp::Linear online(3, 2), wider(4, 2);
  vlp::LayerNorm norm(3, 1e-5);
  vlp::Embedding table(3, 2);
  BOOST_CHECK_EXCEPTION(twins.add(*online, *wider), vlp::ShapeError, says("(got weight [2, 4], expected weight [2, 3])"));
  BOOST_CHECK_EXCEPTION(twins.add(*online, *norm), vlp::ShapeError, says("(got weight [3], expected weight [2, 3])"));
  BOOST_CHECK_EXCEPTION(twins.add(*online, *table), vlp::ShapeError, says("(got 1 parameters, expected 2)"));
  BOOST_TEST(twins.empty());
}

BOOST_AUTO_TEST_SUITE_END()
