// What all schedules have in common.

#include "vlp/concepts/schedule.hpp"

#include <cstdint>

#include <boost/test/unit_test.hpp>

#include "plugins/schedule/constant.hpp"
#include "plugins/schedule/cosine.hpp"
#include "plugins/schedule/exponential.hpp"
#include "plugins/schedule/linear.hpp"
#include "tests/support/schedules.hpp"

using namespace vlp;
using vlp_test::at, vlp_test::close, vlp_test::kScheduleRounding, vlp_test::options;

namespace {

/// Checks that no factor of a run leaves 0-1, nor rises after the warm-up.
void check_run(const AnySchedule& schedule, std::int64_t warmup) {
  double last = 1;
  for (std::int64_t step = 0; step <= 60; ++step) {
    const double factor = schedule(at(step, 57, 10));
    BOOST_TEST((factor >= 0 && factor <= 1));
    if (step >= warmup) {
      BOOST_TEST(factor <= last + kScheduleRounding);
      last = factor;
    }
  }
}

}  // namespace

BOOST_AUTO_TEST_SUITE(schedule)

BOOST_AUTO_TEST_CASE(warm_up_counts_updates_whatever_the_unit) {
  for (const ScheduleUnit unit : {ScheduleUnit::step, ScheduleUnit::epoch}) {
    auto o = options<CosineSchedule>();
    o.decay.unit = unit;
    o.decay.warmup = 4;
    o.decay.warmup_start = 0.2;
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
      linear.decay.unit = unit;
      linear.decay.warmup = warmup;
      check_run(LinearSchedule(linear), warmup);
      auto cosine = options<CosineSchedule>();
      cosine.decay.unit = unit;
      cosine.decay.warmup = warmup;
      check_run(CosineSchedule(cosine), warmup);
      auto exponential = options<ExponentialSchedule>();
      exponential.decay.unit = unit;
      exponential.decay.warmup = warmup;
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

BOOST_AUTO_TEST_SUITE_END()
