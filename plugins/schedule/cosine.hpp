#pragma once
// A learning rate that falls along half a cosine (Loshchilov and Hutter 2017, equation 5, without
// restarts).

#include <cmath>
#include <cstdint>
#include <numbers>
#include <string_view>
#include <tuple>

#include "vlp/concepts/schedule.hpp"
#include "vlp/recipe/field.hpp"
#include "vlp/registry/plugin.hpp"

namespace vlp {

/// min + (1 - min) / 2 * (1 + cos(pi * progress)). With unit = "epoch" it is the one BLIP
/// fine-tunes with, which holds the rate through an epoch and so never quite reaches min_factor;
/// with unit = "step", transformers' cosine.
class CosineSchedule {
 public:
  static constexpr std::string_view name = "cosine";

  struct Options {
    DecayOptions decay;
    double min_factor = 0;

    static constexpr auto fields() {
      return std::tuple{
          group<&Options::decay>(),
          field<&Options::min_factor>("Factor at the end of the run, 0-1.", between(0.0, 1.0))};
    }
  };

  explicit CosineSchedule(Options options) : options_(options) {}

  /// @return  factor of the update about to be done, 0-1
  [[nodiscard]] double operator()(const SchedulePosition& position) const {
    const Warmup warmup = options_.decay.ramp();
    if (warmup.covers(position)) return warmup.factor(position);
    const double turn = std::numbers::pi * decay_progress(position, options_.decay.unit, warmup);
    return options_.min_factor + 0.5 * (1 - options_.min_factor) * (1 + std::cos(turn));
  }

 private:
  Options options_;
};
static_assert(Schedule<CosineSchedule>);

}  // namespace vlp

VLP_PLUGIN(cosine, "1.0", vlp::CosineSchedule);
