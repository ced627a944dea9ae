#include "plugins/schedule/exponential.hpp"

#include <algorithm>
#include <cmath>
#include <cstdint>

#include <boost/test/unit_test.hpp>

#include "tests/support/schedules.hpp"

BOOST_AUTO_TEST_SUITE(schedule_exponential)

using namespace vlp;
using vlp_test::position, vlp_test::close, vlp_test::kScheduleRounding, vlp_test::options;

BOOST_AUTO_TEST_CASE(exponential_by_epoch_is_the_learning_rate_of_blip_pre_training) {
  // Warm-up from 1e-6 to 3e-4 in the first 5 updates, then 3e-4 * 0.9^epoch, at least 1e-6.
  constexpr double lr0 = 3e-4, warm = 1e-6, min = 1e-6;
  auto o = options<ExponentialSchedule>();
  o.decay.unit = ScheduleUnit::epoch;
  o.decay.warmup = 5;
  o.decay.warmup_start = warm / lr0;
  o.min_factor = min / lr0;
  const ExponentialSchedule schedule(o);
  for (std::int64_t step = 0; step < 1000; ++step) {
    const double s = static_cast<double>(step);
    const double expected = step < 5 ? warm + (lr0 - warm) * s / 5
                                     : std::max(min, lr0 * std::pow(0.9, std::floor(s / 10)));
    close(lr0 * schedule(position(step, 1000, 10)), expected);
  }
  BOOST_TEST(lr0 * schedule(position(999, 1000, 10)) == min,
             boost::test_tools::tolerance(kScheduleRounding));
}

BOOST_AUTO_TEST_CASE(exponential_by_step_meets_the_stairs_at_whole_epochs) {
  auto stairs = options<ExponentialSchedule>(), smooth = stairs;
  stairs.decay.unit = ScheduleUnit::epoch;
  for (std::int64_t epoch = 0; epoch < 6; ++epoch)
    close(ExponentialSchedule(smooth)(position(epoch * 4, 24, 4)),
          ExponentialSchedule(stairs)(position(epoch * 4, 24, 4)));
  close(ExponentialSchedule(smooth)(position(2, 24, 4)), std::sqrt(0.9));
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
