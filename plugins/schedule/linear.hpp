#pragma once
// A learning rate that falls in a straight line.

#include <cstdint>
#include <string_view>
#include <tuple>

#include "vlp/concepts/schedule.hpp"
#include "vlp/recipe/field.hpp"
#include "vlp/registry/plugin.hpp"

namespace vlp {

/// From 1 after the warm-up to min_factor at the end. With unit = "step" and min_factor = 0 it is
/// transformers' get_linear_schedule_with_warmup.
class LinearSchedule {
 public:
  static constexpr std::string_view name = "linear";

  struct Options {
    DecayOptions decay;
    double min_factor = 0;

    static constexpr auto fields() {
      return std::tuple{
          group<&Options::decay>(),
          field<&Options::min_factor>("Factor at the end of the run, 0-1.", between(0.0, 1.0))};
    }
  };

  explicit LinearSchedule(Options options) : options_(options) {}

  /// @return  factor of the update about to be done, 0-1
  [[nodiscard]] double operator()(const SchedulePosition& position) const {
    const Warmup warmup = options_.decay.ramp();
    if (warmup.covers(position)) return warmup.factor(position);
    return 1 - (1 - options_.min_factor) * decay_progress(position, options_.decay.unit, warmup);
  }

 private:
  Options options_;
};
static_assert(Schedule<LinearSchedule>);

}  // namespace vlp

VLP_PLUGIN(linear, "1.0", vlp::LinearSchedule);
