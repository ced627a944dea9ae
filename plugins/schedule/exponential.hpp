#pragma once
// A learning rate that loses the same share in every epoch.

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <string_view>
#include <tuple>

#include "vlp/concepts/schedule.hpp"
#include "vlp/recipe/field.hpp"
#include "vlp/registry/plugin.hpp"

namespace vlp {

/// gamma^epochs, never below min_factor. With unit = "epoch" it is the one BLIP pre-trains with
/// (gamma 0.9); with unit = "step" the same curve without stairs, starting after the warm-up.
class ExponentialSchedule {
 public:
  static constexpr std::string_view name = "exponential";

  struct Options {
    DecayOptions decay;
    double gamma = 0.9;
    double min_factor = 0;

    static constexpr auto fields() {
      return std::tuple{
          group<&Options::decay>(),
          field<&Options::gamma>("Factor of one epoch, above 0, at most 1.", above_up_to(0.0, 1.0)),
          field<&Options::min_factor>("Factor below which it never falls, 0-1.",
                                      between(0.0, 1.0))};
    }
  };

  explicit ExponentialSchedule(Options options) : options_(options) {}

  /// @return  factor of the update about to be done, 0-1
  [[nodiscard]] double operator()(const SchedulePosition& position) const {
    const Warmup warmup = options_.decay.ramp();
    if (warmup.covers(position)) return warmup.factor(position);
    const double length = static_cast<double>(std::max<std::int64_t>(1, position.steps_per_epoch));
    const double epochs = options_.decay.unit == ScheduleUnit::epoch
                              ? static_cast<double>(epochs_done(position))
                              : static_cast<double>(position.step - warmup.steps) / length;
    return std::max(options_.min_factor, std::pow(options_.gamma, epochs));
  }

 private:
  Options options_;
};
static_assert(Schedule<ExponentialSchedule>);

}  // namespace vlp

VLP_PLUGIN(exponential, "1.0", vlp::ExponentialSchedule);
