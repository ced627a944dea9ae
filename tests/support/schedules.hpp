#pragma once
// What tests of schedules have in common.

#include <cmath>
#include <cstdint>

#include <boost/test/unit_test.hpp>

#include "vlp/concepts/schedule.hpp"

namespace vlp_test {

constexpr double kScheduleRounding = 1e-14;  // a few double operations on numbers of size 1

template <class S>
typename S::Options options() {
  return {};
}

inline vlp::SchedulePosition position(std::int64_t step, std::int64_t steps,
                                      std::int64_t steps_per_epoch = 1) {
  return {step, steps, steps_per_epoch};
}

inline void close(double value, double expected) {
  BOOST_TEST(std::abs(value - expected) <= kScheduleRounding, value << " instead of " << expected);
}

}  // namespace vlp_test
