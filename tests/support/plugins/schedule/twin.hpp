#pragma once
// A schedule in a file that has the name of a loss's.

#include <string_view>

#include "vlp/concepts/schedule.hpp"
#include "vlp/registry/plugin.hpp"

namespace outside {

/// Factor 1/4 throughout.
struct TwinSchedule {
  static constexpr std::string_view name = "twin";
  double operator()(const vlp::SchedulePosition&) const { return 0.25; }
};

}  // namespace outside

VLP_PLUGIN(twin, "1.0", outside::TwinSchedule);
