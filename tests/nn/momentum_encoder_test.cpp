#include "vlp/nn/momentum_encoder.hpp"

#include <string>

#include <boost/test/unit_test.hpp>

#include "tests/support/gradient_check.hpp"
#include "tests/support/messages.hpp"
#include "vlp/nn/layers.hpp"

BOOST_AUTO_TEST_SUITE(momentum_encoder)

namespace {

using vlp_test::difference;
using vlp_test::says;
constexpr double kRounding = 1e-15;  // float64, two products of size one

struct Pair {
  vlp::Linear online{3, 2}, momentum_encoder{3, 2};
  vlp::MomentumEncoders momentum_encoders;
  Pair() {
    at::manual_seed(2);
    vlp::set_uniform_weights(online);
    online->to(at::kDouble);
    momentum_encoder->to(at::kDouble);
    online->register_buffer("seen", at::ones({1}));
    momentum_encoder->register_buffer("seen", at::zeros({1}));
    momentum_encoders.add(*online, *momentum_encoder);
  }
};

}  // namespace

BOOST_AUTO_TEST_CASE(a_momentum_encoder_begins_equal_and_has_no_gradients) {
  const Pair pair;
  BOOST_TEST(!pair.momentum_encoders.empty());
  BOOST_TEST(vlp::MomentumEncoders().empty());
  for (const auto& item : pair.momentum_encoder->named_parameters()) {
    BOOST_TEST(at::equal(item.value(), pair.online->named_parameters()[item.key()]), item.key());
    BOOST_TEST(!item.value().requires_grad(), item.key());
  }
  BOOST_TEST(pair.online->weight.requires_grad());
}

BOOST_AUTO_TEST_CASE(following_is_an_exponential_average) {
  Pair pair;
  at::Tensor expected = pair.momentum_encoder->weight.clone();
  for (int step = 0; step < 3; ++step) {
    pair.online->weight.detach().add_(step + 1);
    expected = 0.995 * expected + 0.005 * pair.online->weight.detach();
    pair.momentum_encoders.follow(0.995);
    BOOST_TEST(difference(pair.momentum_encoder->weight, expected) < kRounding);
  }
  BOOST_TEST(!pair.momentum_encoder->weight.requires_grad());
}

BOOST_AUTO_TEST_CASE(momentum_one_stays_and_momentum_zero_copies) {
  Pair pair;
  const at::Tensor before = pair.momentum_encoder->bias.clone();
  pair.online->bias.detach().add_(1);
  pair.momentum_encoders.follow(1);
  BOOST_TEST(at::equal(pair.momentum_encoder->bias, before));
  pair.momentum_encoders.follow(0);
  BOOST_TEST(at::equal(pair.momentum_encoder->bias, pair.online->bias));
}

BOOST_AUTO_TEST_CASE(buffers_are_left_alone) {
  Pair pair;
  pair.momentum_encoders.follow(0.5);
  pair.momentum_encoders.copy();
  BOOST_TEST(pair.momentum_encoder->named_buffers()["seen"].item<double>() == 0);
}

BOOST_AUTO_TEST_CASE(momentum_encoders_follow_after_a_change_of_dtype) {
  Pair pair;
  pair.online->to(at::kFloat);
  pair.momentum_encoder->to(at::kFloat);
  pair.online->weight.detach().fill_(2);
  pair.momentum_encoders.copy();
  BOOST_TEST(at::equal(pair.momentum_encoder->weight, at::full({2, 3}, 2.0F)));
}

BOOST_AUTO_TEST_CASE(another_module_is_no_momentum_encoder) {
  vlp::MomentumEncoders momentum_encoders;
  vlp::Linear online(3, 2), wider(4, 2);
  vlp::LayerNorm norm(3, 1e-5);
  vlp::Embedding table(3, 2);
  BOOST_CHECK_EXCEPTION(momentum_encoders.add(*online, *wider), vlp::ShapeError,
                        says("(got weight [2, 4], expected weight [2, 3])"));
  BOOST_CHECK_EXCEPTION(momentum_encoders.add(*online, *norm), vlp::ShapeError,
                        says("(got weight [3], expected weight [2, 3])"));
  BOOST_CHECK_EXCEPTION(momentum_encoders.add(*online, *table), vlp::ShapeError,
                        says("(got 1 parameters, expected 2)"));
  BOOST_TEST(momentum_encoders.empty());
}

BOOST_AUTO_TEST_SUITE_END()
