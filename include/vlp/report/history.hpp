#pragma once
// What a fit leaves behind besides weights: a row an epoch, and which one was best. Includes no
// torch.

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "vlp/core/state.hpp"
#include "vlp/report/measured.hpp"

namespace vlp {

/// The state of a run after one epoch.
struct EpochRecord {
  std::int64_t epoch = 0;  ///< from 1
  std::int64_t step = 0;   ///< updates done
  Measured measured;       ///< on the validation split, without rows

  /// Everything but the rows.
  void save(State& state) const {
    state.put("epoch", epoch);
    state.put("step", step);
    state.put("images", measured.images);
    if (measured.bad > 0) state.put("bad", measured.bad);
    if (measured.loss) state.put("loss", *measured.loss);
    State losses = state.prefixed("losses"), scores = state.prefixed("scores");
    save_scores(measured.losses, losses);
    save_scores(measured.scores, scores);
  }
  /// @throws WeightsError if an entry is missing
  void load(const State& state) {
    epoch = state.integer("epoch");
    step = state.integer("step");
    measured = {};
    measured.images = state.integer("images");
    if (state.has("bad")) measured.bad = state.integer("bad");
    if (state.has("loss")) measured.loss = state.number("loss");
    measured.losses = loaded_scores(state.prefixed("losses"));
    measured.scores = loaded_scores(state.prefixed("scores"));
  }

 private:
  static void save_scores(const Scores& scores, State& state) {
    state.put("count", static_cast<std::int64_t>(scores.size()));
    for (std::size_t i = 0; i < scores.size(); ++i) {
      State score = state.prefixed(std::to_string(i));
      score.put("name", scores[i].first);
      score.put("value", scores[i].second);
    }
  }
  static Scores loaded_scores(const State& state) {
    Scores scores;
    for (std::int64_t i = 0; i < state.integer("count"); ++i) {
      const State score = state.prefixed(std::to_string(i));
      scores.emplace_back(score.text("name"), score.number("value"));
    }
    return scores;
  }
};

/// All epochs of a fit.
struct History {
  std::vector<EpochRecord> epochs;  ///< in order
  std::int64_t best_epoch = 0;      ///< whose weights lie in model/; 0 = nothing was trained
  double train_seconds = 0;  ///< wall time, evaluation included, since the run began or went on
  std::int64_t steps = 0;    ///< updates done

  /// The epochs, and which is the best: nothing that depends on the clock.
  void save(State& state) const {
    state.put("epochs", static_cast<std::int64_t>(epochs.size()));
    for (std::size_t i = 0; i < epochs.size(); ++i) {
      State epoch = state.prefixed("epoch." + std::to_string(i));
      epochs[i].save(epoch);
    }
    state.put("best_epoch", best_epoch);
  }
  /// @throws WeightsError if an entry is missing
  void load(const State& state) {
    epochs.resize(static_cast<std::size_t>(state.integer("epochs")));
    for (std::size_t i = 0; i < epochs.size(); ++i)
      epochs[i].load(state.prefixed("epoch." + std::to_string(i)));
    best_epoch = state.integer("best_epoch");
  }
};
static_assert(Stateful<EpochRecord> && Stateful<History>);

}  // namespace vlp
