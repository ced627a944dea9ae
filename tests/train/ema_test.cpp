// The average of weights over updates.

#include "vlp/train/ema.hpp"

#include <cmath>
#include <utility>
#include <vector>

#include <ATen/ATen.h>
#include <boost/test/unit_test.hpp>

#include "vlp/core/state.hpp"

BOOST_AUTO_TEST_SUITE(ema)

namespace {

constexpr double kShare = 0.9;
constexpr double kRounding = 1e-15;  // float64, numbers of size one

struct Averaged {
  at::Tensor weight = at::full({2}, 1.0, at::kDouble).set_requires_grad(true);
  vlp::WeightAverage average{kShare, {{"w", weight}}};

  void set(double value) {
    const at::NoGradGuard no_grad;
    weight.fill_(value);
  }
  [[nodiscard]] double now() const { return weight[0].item<double>(); }
  [[nodiscard]] double averaged() {
    const vlp::AveragedWeights there(&average);
    return now();
  }
};

at::Tensor flag(float value) { return at::full({1}, value); }

}  // namespace

BOOST_AUTO_TEST_CASE(it_follows_the_weights_by_hand) {
  Averaged one;
  BOOST_TEST(one.averaged() == 1.0);
  double expected = 1;
  for (const double value : {2.0, -1.0, 4.0}) {
    one.set(value);
    one.average.follow({});
    expected = kShare * expected + (1 - kShare) * value;
    BOOST_TEST(std::abs(one.averaged() - expected) < kRounding);
    BOOST_TEST(one.now() == value);  // the model has its own again
  }
  BOOST_TEST(one.weight.requires_grad());
}

BOOST_AUTO_TEST_CASE(a_skipped_update_does_not_count) {
  Averaged one, other;
  for (Averaged* each : {&one, &other}) each->set(3);
  one.average.follow(flag(0));
  one.average.follow(flag(1));
  other.average.follow({});
  BOOST_TEST(std::abs(one.averaged() - other.averaged()) < 1e-7);  // the flag is float32
  BOOST_TEST(std::abs(one.averaged() - 1.2) < 1e-7);
}

BOOST_AUTO_TEST_CASE(it_comes_back_from_a_state) {
  Averaged one, restored;
  one.set(5);
  one.average.follow({});
  vlp::State state;
  one.average.save(state);
  restored.average.load(state);
  BOOST_TEST(restored.averaged() == one.averaged());
  BOOST_TEST(restored.now() == 1.0);
}

BOOST_AUTO_TEST_CASE(without_an_average_nothing_is_exchanged) {
  const vlp::AveragedWeights nothing(nullptr);
}

BOOST_AUTO_TEST_SUITE_END()
