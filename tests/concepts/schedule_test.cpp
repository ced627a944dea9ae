// What all schedules have in common.

#include "vlp/concepts/schedule.hpp"

#include <cstdint>
#include <limits>
#include <string_view>

#include <boost/test/unit_test.hpp>

#include "plugins/schedule/constant.hpp"
#include "plugins/schedule/cosine.hpp"
#include "plugins/schedule/exponential.hpp"
#include "plugins/schedule/linear.hpp"
#include "tests/support/messages.hpp"
#include "tests/support/schedules.hpp"

BOOST_AUTO_TEST_SUITE(schedule)

using namespace vlp;
using vlp_test::contains, vlp_test::message_of;
using vlp_test::position, vlp_test::close, vlp_test::kScheduleRounding, vlp_test::options;

namespace {

/// Checks that no factor of a run leaves 0-1, nor rises after the warm-up.
void check_run(const AnySchedule& schedule, std::int64_t warmup) {
  double last = 1;
  for (std::int64_t step = 0; step <= 60; ++step) {
    const double factor = schedule(position(step, 57, 10));
    BOOST_TEST((factor >= 0 && factor <= 1));
    if (step >= warmup) {
      BOOST_TEST(factor <= last + kScheduleRounding);
      last = factor;
    }
  }
}

/// Gives what it is told to.
struct Odd {
  static constexpr std::string_view name = "odd";
  double factor;
  double operator()(const SchedulePosition&) const { return factor; }
};

}  // namespace

BOOST_AUTO_TEST_CASE(warm_up_counts_updates_whatever_the_unit) {
  for (const ScheduleUnit unit : {ScheduleUnit::step, ScheduleUnit::epoch}) {
    auto o = options<CosineSchedule>();
    o.decay.unit = unit;
    o.decay.warmup = 4;
    o.decay.warmup_start = 0.2;
    const CosineSchedule schedule(o);
    close(schedule(position(0, 40, 10)), 0.2);
    close(schedule(position(1, 40, 10)), 0.4);
    close(schedule(position(4, 40, 10)), 1);
  }
  auto o = options<ConstantSchedule>();
  o.warmup = 2;
  const ConstantSchedule schedule(o);
  close(schedule(position(0, 4)), 0);
  close(schedule(position(1, 4)), 0.5);
  close(schedule(position(2, 4)), 1);
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
  close(LinearSchedule(options<LinearSchedule>())(position(0, 1)), 1);
  close(LinearSchedule(options<LinearSchedule>())(position(0, 0, 0)), 1);
  close(CosineSchedule(options<CosineSchedule>())(position(1, 1)), 0);
  close(ExponentialSchedule(options<ExponentialSchedule>())(position(0, 1, 0)), 1);
}

BOOST_AUTO_TEST_CASE(a_factor_that_is_no_learning_rates_is_refused_with_its_place) {
  const auto told = [](double factor) {
    return message_of<ContractError>(
        [&] { (void)AnySchedule(Odd{factor})(SchedulePosition{.step = 3, .steps = 9}); });
  };
  BOOST_TEST(told(-1) ==
             "schedule 'odd': a learning rate's factor is finite and not negative (got -1.000000 "
             "for update 3 of 9, expected at least 0). Bound what it returns.");
  BOOST_TEST(contains(told(std::numeric_limits<double>::quiet_NaN()), "nan for update 3 of 9"));
  BOOST_TEST(contains(told(std::numeric_limits<double>::infinity()), "(got inf for"));
  BOOST_TEST(told(0) == "");
  BOOST_TEST(told(2.5) == "");
}

BOOST_AUTO_TEST_CASE(a_schedule_without_a_name_is_called_by_its_kind) {
  const AnySchedule schedule([](const SchedulePosition&) { return -0.5; });
  BOOST_CHECK_EXCEPTION((void)schedule({}), ContractError,
                        vlp_test::says("a schedule: a learning rate's factor"));
}

BOOST_AUTO_TEST_SUITE_END()
