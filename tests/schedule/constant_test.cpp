#include "plugins/schedule/constant.hpp"

#include <cstdint>

#include <boost/test/unit_test.hpp>

#include "tests/support/schedules.hpp"

BOOST_AUTO_TEST_SUITE(schedule_constant)

using namespace vlp;
using vlp_test::position, vlp_test::close, vlp_test::kScheduleRounding, vlp_test::options;

BOOST_AUTO_TEST_CASE(constant_is_one) {
  const ConstantSchedule schedule(options<ConstantSchedule>());
  for (const std::int64_t step : {0, 5, 10}) BOOST_TEST(schedule(position(step, 10)) == 1.0);
}

BOOST_AUTO_TEST_SUITE_END()
