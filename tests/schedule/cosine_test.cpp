#include "plugins/schedule/cosine.hpp"

#include <cmath>
#include <numbers>

#include <boost/test/unit_test.hpp>

#include "tests/support/schedules.hpp"

BOOST_AUTO_TEST_SUITE(schedule_cosine)

using namespace vlp;
using vlp_test::position, vlp_test::close, vlp_test::kScheduleRounding, vlp_test::options;

BOOST_AUTO_TEST_CASE(cosine_by_epoch_is_the_learning_rate_of_blip_fine_tuning) {
  constexpr double lr0 = 1e-5, min = 1e-6;
  constexpr int epochs = 5, per_epoch = 8;
  auto o = options<CosineSchedule>();
  o.decay.unit = ScheduleUnit::epoch;
  o.min_factor = min / lr0;
  const CosineSchedule schedule(o);
  for (int e = 0; e < epochs; ++e)
    for (int i = 0; i < per_epoch; ++i)
      close(lr0 * schedule(position(e * per_epoch + i, epochs * per_epoch, per_epoch)),
            min + 0.5 * (lr0 - min) * (1 + std::cos(std::numbers::pi * e / epochs)));
}

BOOST_AUTO_TEST_CASE(cosine_by_step_passes_known_angles) {
  auto o = options<CosineSchedule>();
  o.decay.warmup = 2;
  const CosineSchedule schedule(o);
  close(schedule(position(1, 14)), 0.5);
  close(schedule(position(2, 14)), 1);
  close(schedule(position(5, 14)), 0.5 * (1 + std::numbers::sqrt2 / 2));
  close(schedule(position(6, 14)), 0.75);
  close(schedule(position(8, 14)), 0.5);
  close(schedule(position(14, 14)), 0);
}

BOOST_AUTO_TEST_SUITE_END()
