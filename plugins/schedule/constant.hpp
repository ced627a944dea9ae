#pragma once
// A learning rate that stays where the warm-up leaves it.

#include <cstdint>
#include <string_view>
#include <tuple>

#include "vlp/concepts/schedule.hpp"
#include "vlp/recipe/field.hpp"
#include "vlp/registry/plugin.hpp"

namespace vlp {

/// Factor 1 after the warm-up.
class ConstantSchedule {
 public:
  static constexpr std::string_view name = "constant";

  struct Options {
    std::int64_t warmup = 0;
    double warmup_start = 0;

    static constexpr auto fields() {
      return std::tuple{
          field<&Options::warmup>(
              "Length of the linear warm-up, updates whatever the unit; 0 = none.", at_least(0)),
          field<&Options::warmup_start>("Factor of the first update of the warm-up, 0-1.",
                                        between(0.0, 1.0))};
    }
  };

  explicit ConstantSchedule(Options options) : options_(options) {}

  /// @return  factor of the update about to be done, from warmup_start to 1
  [[nodiscard]] double operator()(const SchedulePosition& position) const {
    const Warmup warmup{options_.warmup, options_.warmup_start};
    return warmup.covers(position) ? warmup.factor(position) : 1.0;
  }

 private:
  Options options_;
};
static_assert(Schedule<ConstantSchedule>);

}  // namespace vlp

VLP_PLUGIN(constant, "1.0", vlp::ConstantSchedule);
