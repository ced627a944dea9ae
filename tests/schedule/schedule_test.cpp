#include <boost/test/unit_test.hpp>

#include <array>
#include <cmath>
#include <numbers>

#include "plugins/schedule/constant.hpp"
#include "plugins/schedule/cosine.hpp"
#include "plugins/schedule/exponential.hpp"
#include "plugins/schedule/linear.hpp"

using namespace vlp;

namespace {

constexpr double kRounding = 1e-14;  // a few double operations on numbers of size 1

template <class S>
typename S::Options options() {
  return {};
}

SchedulePosition at(std::int64_t step, std::int64_t steps, std::int64_t steps_per_epoch = 1) { return {step, steps, steps_per_epoch}; }

void close(double value, double expected) { BOOST_TEST(std::abs(value - expected) <= kRounding, value << " instead of " << expected); }

/// Checks that no factor of a run leaves 0-1, nor rises after the warm-up.
void check_run(const AnySchedule& schedule, std::int64_t warmup) {
  double last = 1;
  for (std::int64_t step = 0; step <= 60; ++step) {
    const double factor = schedule(at(step, 57, 10));
    BOOST_TEST((factor >= 0 && factor <= 1));
    if (step >= warmup) {
      BOOST_TEST(factor <= last + kRounding);
      last = factor;
    }
  }
}

}  // namespace

BOOST_AUTO_TEST_SUITE(schedule)

BOOST_AUTO_TEST_CASE(constant_is_one) {
  const ConstantSchedule schedule(options<ConstantSchedule>());
  for (const std::int64_t step : {0, 5, 10}) BOOST_TEST(schedule(at(step, 10)) == 1.0);
}

BOOST_AUTO_TEST_CASE(linear_with_warm_up_equals_transformers_formula) {
  auto o = options<LinearSchedule>();
  o.warmup = 4;
  const LinearSchedule schedule(o);
  for (std::int64_t step = 0; step <= 20; ++step) {
    const double expected = step < 4 ? step / 4.0 : std::max(0.0, (20.0 - static_cast<double>(step)) / (20 - 4));
    close(schedule(at(step, 20, 7)), expected);
  }
}

BOOST_AUTO_TEST_CASE(linear_ends_at_min_factor_and_stays_there) {
  auto o = options<LinearSchedule>();
  o.min_factor = 0.25;
  const LinearSchedule schedule(o);
  close(schedule(at(0, 10)), 1);
  close(schedule(at(5, 10)), 0.625);
  close(schedule(at(10, 10)), 0.25);
  close(schedule(at(15, 10)), 0.25);
}

BOOST_AUTO_TEST_CASE(linear_by_epoch_moves_in_stairs) {
  auto o = options<LinearSchedule>();
  o.unit = ScheduleUnit::epoch;
  const LinearSchedule schedule(o);
  const std::array<double, 10> expected{1, 1, 1, 0.75, 0.75, 0.75, 0.5, 0.5, 0.5, 0.25};  // 12 updates, 3 an epoch
  for (std::int64_t step = 0; step < 10; ++step) close(schedule(at(step, 12, 3)), expected[static_cast<std::size_t>(step)]);
  close(schedule(at(3, 10, 3)), 0.75);  // a last epoch of one update counts as one
}

BOOST_AUTO_TEST_CASE(cosine_by_epoch_is_the_learning_rate_of_blip_fine_tuning) {
  constexpr double lr0 = 1e-5, min = 1e-6;
  constexpr int epochs = 5, per_epoch = 8;
  auto o = options<CosineSchedule>();
  o.unit = ScheduleUnit::epoch;
  o.min_factor = min / lr0;
  const CosineSchedule schedule(o);
  for (int e = 0; e < epochs; ++e)
    for (int i = 0; i < per_epoch; ++i)
      close(lr0 * schedule(at(e * per_epoch + i, epochs * per_epoch, per_epoch)),
            min + 0.5 * (lr0 - min) * (1 + std::cos(std::numbers::pi * e / epochs)));
}

BOOST_AUTO_TEST_CASE(cosine_by_step_passes_known_angles) {
  auto o = options<CosineSchedule>();
  o.warmup = 2;
  const CosineSchedule schedule(o);
  close(schedule(at(1, 14)), 0.5);
  close(schedule(at(2, 14)), 1);
  close(schedule(at(5, 14)), 0.5 * (1 + std::numbers::sqrt2 / 2));
  close(schedule(at(6, 14)), 0.75);
  close(schedule(at(8, 14)), 0.5);
  close(schedule(at(14, 14)), 0);
}

BOOST_AUTO_TEST_CASE(exponential_by_epoch_is_the_learning_rate_of_blip_pre_training) {
  // Warm-up from 1e-6 to 3e-4 in the first 5 updates, then 3e-4 * 0.9^epoch, at least 1e-6.
  constexpr double lr0 = 3e-4, warm = 1e-6, min = 1e-6;
  auto o = options<ExponentialSchedule>();
  o.unit = ScheduleUnit::epoch;
  o.warmup = 5;
  o.warmup_start = warm / lr0;
  o.min_factor = min / lr0;
  const ExponentialSchedule schedule(o);
  for (std::int64_t step = 0; step < 1000; ++step) {
    const double s = static_cast<double>(step);
    const double expected = step < 5 ? warm + (lr0 - warm) * s / 5 : std::max(min, lr0 * std::pow(0.9, std::floor(s / 10)));
    close(lr0 * schedule(at(step, 1000, 10)), expected);
  }
  BOOST_TEST(lr0 * schedule(at(999, 1000, 10)) == min, boost::test_tools::tolerance(kRounding));
}

BOOST_AUTO_TEST_CASE(exponential_by_step_meets_the_stairs_at_whole_epochs) {
  auto stairs = options<ExponentialSchedule>(), smooth = stairs;
  stairs.unit = ScheduleUnit::epoch;
  for (std::int64_t epoch = 0; epoch < 6; ++epoch)
    close(ExponentialSchedule(smooth)(at(epoch * 4, 24, 4)), ExponentialSchedule(stairs)(at(epoch * 4, 24, 4)));
  close(ExponentialSchedule(smooth)(at(2, 24, 4)), std::sqrt(0.9));
}

BOOST_AUTO_TEST_CASE(warm_up_counts_updates_whatever_the_unit) {
  for (const ScheduleUnit unit : {ScheduleUnit::step, ScheduleUnit::epoch}) {
    auto o = options<CosineSchedule>();
    o.unit = unit;
    o.warmup = 4;
    o.warmup_start = 0.2;
    const CosineSchedule schedule(o);
    close(schedule(at(0, 40, 10)), 0.2);
    close(schedule(at(1, 40, 10)), 0.4);
    close(schedule(at(4, 40, 10)), 1);
  }
  auto o = options<ConstantSchedule>();
  o.warmup = 2;
  const ConstantSchedule schedule(o);
  close(schedule(at(0, 4)), 0);
  close(schedule(at(1, 4)), 0.5);
  close(schedule(at(2, 4)), 1);
}

BOOST_AUTO_TEST_CASE(factors_stay_between_zero_and_one_and_never_rise_after_the_warm_up) {
  for (const ScheduleUnit unit : {ScheduleUnit::step, ScheduleUnit::epoch}) {
    for (const std::int64_t warmup : {0, 7, 100}) {
      auto linear = options<LinearSchedule>();
      linear.unit = unit;
      linear.warmup = warmup;
      check_run(LinearSchedule(linear), warmup);
      auto cosine = options<CosineSchedule>();
      cosine.unit = unit;
      cosine.warmup = warmup;
      check_run(CosineSchedule(cosine), warmup);
      auto exponential = options<ExponentialSchedule>();
      exponential.unit = unit;
      exponential.warmup = warmup;
      check_run(ExponentialSchedule(exponential), warmup);
    }
  }
}

BOOST_AUTO_TEST_CASE(a_run_of_one_update_is_no_division_by_zero) {
  close(LinearSchedule(options<LinearSchedule>())(at(0, 1)), 1);
  close(LinearSchedule(options<LinearSchedule>())(at(0, 0, 0)), 1);
  close(CosineSchedule(options<CosineSchedule>())(at(1, 1)), 0);
  close(ExponentialSchedule(options<ExponentialSchedule>())(at(0, 1, 0)), 1);
}

BOOST_AUTO_TEST_CASE(options_are_described_and_bounded) {
  int fields = 0;
  for_each_field<ExponentialSchedule::Options>([&](const auto& f) {
    ++fields;
    if (f.name == "gamma") {
      BOOST_TEST((!f.range.contains(0) && f.range.contains(1) && !f.range.contains(1.1)));
    }
    if (f.name == "warmup") BOOST_TEST((f.range.contains(0) && !f.range.contains(-1)));
    if (f.name == "min_factor") BOOST_TEST((f.range.contains(0) && !f.range.contains(1.1)));
  });
  BOOST_TEST(fields == 5);
}

BOOST_AUTO_TEST_SUITE_END()
