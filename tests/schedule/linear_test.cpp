#include "plugins/schedule/linear.hpp"

#include <algorithm>
#include <array>
#include <cstdint>

#include <boost/test/unit_test.hpp>

#include "tests/support/schedules.hpp"

BOOST_AUTO_TEST_SUITE(schedule_linear)

using namespace vlp;
using vlp_test::position, vlp_test::close, vlp_test::kScheduleRounding, vlp_test::options;

BOOST_AUTO_TEST_CASE(linear_with_warm_up_equals_transformers_formula) {
  auto o = options<LinearSchedule>();
  o.decay.warmup = 4;
  const LinearSchedule schedule(o);
  for (std::int64_t step = 0; step <= 20; ++step) {
    const double expected =
        step < 4 ? step / 4.0 : std::max(0.0, (20.0 - static_cast<double>(step)) / (20 - 4));
    close(schedule(position(step, 20, 7)), expected);
  }
}

BOOST_AUTO_TEST_CASE(linear_ends_at_min_factor_and_stays_there) {
  auto o = options<LinearSchedule>();
  o.min_factor = 0.25;
  const LinearSchedule schedule(o);
  close(schedule(position(0, 10)), 1);
  close(schedule(position(5, 10)), 0.625);
  close(schedule(position(10, 10)), 0.25);
  close(schedule(position(15, 10)), 0.25);
}

BOOST_AUTO_TEST_CASE(linear_by_epoch_moves_in_stairs) {
  auto o = options<LinearSchedule>();
  o.decay.unit = ScheduleUnit::epoch;
  const LinearSchedule schedule(o);
  const std::array<double, 10> expected{1,    1,   1,   0.75, 0.75,
                                        0.75, 0.5, 0.5, 0.5,  0.25};  // 12 updates, 3 an epoch
  for (std::int64_t step = 0; step < 10; ++step)
    close(schedule(position(step, 12, 3)), expected[static_cast<std::size_t>(step)]);
  close(schedule(position(3, 10, 3)), 0.75);  // a last epoch of one update counts as one
}

BOOST_AUTO_TEST_SUITE_END()
