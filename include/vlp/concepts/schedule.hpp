#pragma once
// Schedule: the learning rate as a factor of the optimizer's own, a pure function of the position
// in the run, so that it needs no state and resumes exactly. Includes no torch.

#include <algorithm>
#include <cmath>
#include <concepts>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>

#include "vlp/concepts/component.hpp"
#include "vlp/core/error.hpp"
#include "vlp/core/foreign_errors.hpp"
#include "vlp/recipe/field.hpp"

namespace vlp {

/// Where a run stands. A step is one update of the parameters.
struct SchedulePosition {
  std::int64_t step = 0;             ///< updates done so far
  std::int64_t steps = 1;            ///< updates of the whole run
  std::int64_t steps_per_epoch = 1;  ///< updates of one epoch
};

/// What a decay counts: it changes with every update, or once an epoch.
enum class ScheduleUnit { step, epoch };

/// The ramp at the start of a run, common to all schedules; always counted in updates.
struct Warmup {
  std::int64_t steps = 0;  ///< updates; 0 = none
  double start = 0;        ///< factor of the first update

  /// Whether the update about to be done belongs to the ramp.
  [[nodiscard]] bool covers(const SchedulePosition& position) const {
    return position.step < steps;
  }
  /// @return  from `start` at update 0 linearly to 1 at update `steps`
  [[nodiscard]] double factor(const SchedulePosition& position) const {
    return start + (1 - start) * static_cast<double>(position.step) / static_cast<double>(steps);
  }
};

/// Options of schedules that warm up and then decay.
struct DecayOptions {
  ScheduleUnit unit = ScheduleUnit::step;
  std::int64_t warmup = 0;
  double warmup_start = 0;

  static constexpr auto fields() {
    using O = DecayOptions;
    return std::tuple{
        field<&O::unit>("What the decay counts: every update, or whole epochs."),
        field<&O::warmup>("Length of the linear warm-up, updates whatever the unit; 0 = none.",
                          at_least(0)),
        field<&O::warmup_start>("Factor of the first update of the warm-up, 0-1.",
                                between(0.0, 1.0))};
  }

  /// The ramp that these options describe.
  [[nodiscard]] Warmup ramp() const { return {warmup, warmup_start}; }
};

/// Epochs completed, whole.
[[nodiscard]] inline std::int64_t epochs_done(const SchedulePosition& position) {
  return position.step / std::max<std::int64_t>(1, position.steps_per_epoch);
}

/// How far the decay has come, 0-1. By step: over the updates after the warm-up. By epoch:
/// completed epochs over all epochs of the run (a last one that is cut short counts as one),
/// wherever the warm-up ended.
[[nodiscard]] inline double decay_progress(const SchedulePosition& position, ScheduleUnit unit,
                                           const Warmup& warmup) {
  std::int64_t done = position.step - warmup.steps;
  std::int64_t all = position.steps - warmup.steps;
  if (unit == ScheduleUnit::epoch) {
    const std::int64_t length = std::max<std::int64_t>(1, position.steps_per_epoch);
    done = epochs_done(position);
    all = (position.steps + length - 1) / length;
  }
  return std::clamp(static_cast<double>(done) / static_cast<double>(std::max<std::int64_t>(1, all)),
                    0.0, 1.0);
}

template <class S>
concept Schedule =
    std::move_constructible<S> && requires(const S& schedule, const SchedulePosition& position) {
      { schedule(position) } -> std::convertible_to<double>;  // factor, >= 0
    };

/// Any schedule as a value.
class AnySchedule {
 public:
  static constexpr std::string_view kind = "schedule";

  template <class S>
    requires(!std::same_as<S, AnySchedule>) && Schedule<S>
  AnySchedule(S schedule)
      : call_([s = std::make_shared<const S>(std::move(schedule))](
                  const SchedulePosition& position) -> double { return (*s)(position); }),
        shown_(shown_component<S>(kind)) {}

  /// @return  finite, at least 0
  /// @throws ContractError if the schedule gives anything else
  [[nodiscard]] double operator()(const SchedulePosition& position) const {
    const double factor = named(shown_, [&] { return call_(position); });
    if (!std::isfinite(factor) || factor < 0)
      throw ContractError(shown_ + ": a learning rate's factor is finite and not negative (got " +
                          std::to_string(factor) + " for update " + std::to_string(position.step) +
                          " of " + std::to_string(position.steps) +
                          ", expected at least 0). Bound what it returns.");
    return factor;
  }

 private:
  std::function<double(const SchedulePosition&)> call_;
  std::string shown_;  // in messages
};
static_assert(Schedule<AnySchedule>);

/// The learning rate as the optimizer has it, throughout.
[[nodiscard]] inline AnySchedule constant_schedule() {
  return AnySchedule([](const SchedulePosition&) { return 1.0; });
}

template <Schedule T>
AnySchedule kind_of(ComponentTag<T>);

}  // namespace vlp
