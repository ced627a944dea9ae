#pragma once
// What a fit leaves behind besides weights: a row for each time at which its weights could become
// the best, and which one did. Includes no torch.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "vlp/core/state.hpp"
#include "vlp/report/measured.hpp"

namespace vlp {

/// The state of a run at an evaluation, or where it has none, after an epoch.
struct HistoryRecord {
  std::int64_t epoch = 0;  ///< under way, or done; from 1
  std::int64_t step = 0;   ///< updates done; each record has more than the one before it
  Measured measured;       ///< on the validation split, without rows; empty without an evaluation

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

/// All that a fit has recorded.
struct History {
  std::vector<HistoryRecord> records;  ///< in order
  std::int64_t best_epoch = 0;         ///< whose weights lie in model/; 0 = nothing was trained
  std::int64_t best_step = 0;          ///< updates done then
  double train_seconds = 0;  ///< wall time, evaluation included, since the run began or went on
  std::int64_t steps = 0;    ///< updates done
  bool by_steps = false;     ///< whether weights are evaluated every so many updates

  /// Makes the last record the best.
  void last_is_best() {
    best_epoch = records.back().epoch;
    best_step = records.back().step;
  }
  /// No record is the best any more.
  void forget_best() { best_epoch = best_step = 0; }
  /// How many records there are behind the best.
  [[nodiscard]] std::int64_t records_since_best() const {
    return std::ranges::count_if(records, [&](const auto& one) { return one.step > best_step; });
  }
  /// How a person hears of the weights of a record: `epoch 2`, or of evaluations every so many
  /// updates `update 500, epoch 2`.
  [[nodiscard]] std::string in_words(std::int64_t epoch, std::int64_t step) const {
    const std::string words = "epoch " + std::to_string(epoch);
    return by_steps ? "update " + std::to_string(step) + ", " + words : words;
  }
  /// The same of the best.
  [[nodiscard]] std::string best_in_words() const { return in_words(best_epoch, best_step); }

  /// The records, and which is the best: nothing that depends on the clock or on the recipe.
  void save(State& state) const {
    state.put("records", static_cast<std::int64_t>(records.size()));
    for (std::size_t i = 0; i < records.size(); ++i) {
      State record = state.prefixed("record." + std::to_string(i));
      records[i].save(record);
    }
    state.put("best_epoch", best_epoch);
    state.put("best_step", best_step);
  }
  /// Reads states of before evaluations could come within an epoch, too.
  /// @throws WeightsError if an entry is missing
  void load(const State& state) {
    const bool of_epochs = !state.has("records") && state.has("epochs");
    const std::string record = of_epochs ? "epoch." : "record.";
    records.resize(static_cast<std::size_t>(state.integer(of_epochs ? "epochs" : "records")));
    for (std::size_t i = 0; i < records.size(); ++i)
      records[i].load(state.prefixed(record + std::to_string(i)));
    best_epoch = state.integer("best_epoch");
    best_step = of_epochs ? 0 : state.integer("best_step");
    if (!of_epochs) return;
    for (const HistoryRecord& of_epoch : records)
      if (of_epoch.epoch == best_epoch) best_step = of_epoch.step;
  }
};
static_assert(Stateful<HistoryRecord> && Stateful<History>);

}  // namespace vlp
