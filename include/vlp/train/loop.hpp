#pragma once
// The loop over epochs and batches: steps, log lines, and a call after each epoch. What happens
// there (evaluation, checkpoints, early stopping) is the caller's.

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "vlp/concepts/peers.hpp"
#include "vlp/core/error.hpp"
#include "vlp/core/packed.hpp"
#include "vlp/data/loader.hpp"
#include "vlp/report/observer.hpp"
#include "vlp/train/meter.hpp"
#include "vlp/train/options.hpp"
#include "vlp/train/trainer.hpp"

namespace vlp {

/// What the caller does while training goes on; each may be empty.
struct LoopHooks {
  std::function<void(const LogLine&)> on_log;  ///< every log_every updates
  /// After each epoch and after the last step: epoch from 1, updates done. Of several processes all
  /// have one, which comes `together`.
  std::function<void(std::int64_t epoch, std::int64_t step)> on_epoch;
  /// When an update wasn't finite and its cause was found, before the run ends. Returns where it
  /// keeps what is needed to look closer; empty = nowhere.
  std::function<std::string(const NonFiniteUpdate&)> on_non_finite = {};
};

/// What happens between two log lines.
class LogWindow {
 public:
  /// Counts one update. Never waits for the device.
  void add(const StepRecord& record) {
    meters_.add(record);
    samples_ += record.pairs;
    ++steps_;
  }
  /// Updates since the last line.
  [[nodiscard]] std::int64_t steps() const { return steps_; }

  /// The time until `resume` doesn't count.
  void pause() { seconds_ += since(watch_); }
  /// Time counts again.
  void resume() { watch_ = Clock::now(); }

  /// A line over the window, which then begins anew. Waits for the device.
  /// @param position  step, epoch and lr of the newest update, and the run's length
  [[nodiscard]] LogLine close(LogLine position) {
    LogLine line = std::move(position);
    meters_.read(line);
    const double seconds = seconds_ + since(watch_);
    line.samples_per_s = static_cast<double>(samples_) / seconds;
    line.seconds_left =
        seconds / static_cast<double>(steps_) * static_cast<double>(line.steps - line.step);
    *this = {};
    return line;
  }

 private:
  using Clock = std::chrono::steady_clock;
  static double since(Clock::time_point begin) {
    return std::chrono::duration<double>(Clock::now() - begin).count();
  }

  StepMeters meters_;
  std::int64_t steps_ = 0, samples_ = 0;
  double seconds_ = 0;
  Clock::time_point watch_ = Clock::now();
};

/// A line over all processes: means of their losses, the sum of their speeds. All make this call at
/// the same time and get the same losses.
[[nodiscard]] inline LogLine over_all(const Peers& peers, LogLine line) {
  if (peers.size() == 1) return line;
  struct Sum {
    double value = 0, count = 0;
    void add(double more) { value += more, ++count; }
    [[nodiscard]] double mean() const { return value / count; }
  };
  Sum loss, speed;
  std::vector<std::pair<std::string, Sum>> parts;
  const std::vector<Bytes> told =
      together(peers, [&] { return pack(line.loss, line.losses, line.samples_per_s); });
  for (const Bytes& bytes : told) {
    const auto [of_one, losses, samples_per_s] = unpack<double, Scores, double>(bytes);
    loss.add(of_one);
    speed.add(samples_per_s);
    for (const auto& [name, value] : losses) {
      auto found = std::ranges::find(parts, name, [](const auto& part) { return part.first; });
      if (found == parts.end()) found = parts.insert(parts.end(), {name, {}});
      found->second.add(value);
    }
  }
  line.loss = loss.mean();
  line.samples_per_s = speed.value;
  line.losses.clear();
  for (const auto& [name, part] : parts) line.losses.emplace_back(name, part.mean());
  return line;
}

/// The micro-batches of the next update, on the CPU.
[[nodiscard]] inline MicroBatches next_micro_batches(Loader& loader, std::int64_t count) {
  return {count, [&loader]() -> std::optional<Batch> {
            auto loaded = loader.next();
            return loaded ? std::optional(std::move(loaded->batch)) : std::nullopt;
          }};
}

/// Does an update that wasn't finite once more, says why it isn't, and ends the run, in all
/// processes with what one of them has found.
/// @param step  its number, from 0
/// @throws NonFiniteError or PeerError always
template <Model M, Loss L>
[[noreturn]] void end_non_finite(Trainer<M, L>& trainer, Loader& loader, std::int64_t step,
                                 const TrainOptions& options, const LoopHooks& hooks) {
  std::string text = "step " + std::to_string(step + 1) + ": ";
  text += options.precision == Precision::fp16
              ? "no gradient has been finite for train.skipped_limit = " +
                    std::to_string(options.skipped_limit) + " updates. "
              : "the loss or its gradient is not finite. ";
  const std::string advice =
      " Lower the learning rate, clip gradients (train.clip_norm), or " +
      std::string(options.precision == Precision::fp32 ? "look at the data." : "train in fp32.");
  together(trainer.peers(), [&] {
    const LoopLength length = loop_length(loader.batches_per_epoch(), options);
    loader.start_epoch(step / length.steps_per_epoch,
                       step % length.steps_per_epoch * options.accumulation);
    const std::optional<NonFiniteUpdate> found =
        trainer.explain(next_micro_batches(loader, options.accumulation), step);
    if (!found) return;
    text += "Done again, " + found->explanation + ".";
    const std::string kept = hooks.on_non_finite ? hooks.on_non_finite(*found) : std::string();
    if (!kept.empty()) text += " Batch and weights are in " + kept + ".";
    throw NonFiniteError(text + advice);
  });
  throw NonFiniteError(text + "Done again, every tensor is finite." + advice);
}

/// Trains until as many updates are done as the options say.
/// @throws NonFiniteError at a log line, when an update before it wasn't finite: in fp16 when
/// `skipped_limit` of them in a row weren't; in all processes
/// @throws PeerError if another process fails
template <Model M, Loss L>
void train_epochs(Trainer<M, L>& trainer, Loader& loader, const TrainOptions& options,
                  const LoopHooks& hooks) {
  const LoopLength length = loop_length(loader.batches_per_epoch(), options);
  const std::int64_t epochs =
      (length.total_steps + length.steps_per_epoch - 1) / length.steps_per_epoch;
  const Peers& peers = trainer.peers();
  LogWindow window;
  for (std::int64_t epoch = 1; trainer.steps_done() < length.total_steps; ++epoch) {
    loader.start_epoch(epoch - 1);
    while (trainer.steps_done() < length.total_steps) {
      const std::optional<StepRecord> record =
          trainer.step(next_micro_batches(loader, options.accumulation));
      if (!record) break;
      window.add(*record);

      const std::int64_t step = trainer.steps_done();
      if (window.steps() < options.log_every && step != length.total_steps && step != 1) continue;
      LogLine position;
      position.step = step;
      position.epoch = epoch;
      position.lr = record->lr;
      position.steps = length.total_steps;
      position.epochs = epochs;
      const Skips skips = trainer.read_skips();
      if (skips.stopped_at >= 0) end_non_finite(trainer, loader, skips.stopped_at, options, hooks);
      position.skipped = skips.skipped;
      position.scale = trainer.read_scale();
      const LogLine line = over_all(peers, window.close(std::move(position)));
      if (!std::isfinite(line.loss) && skips.in_row == 0)
        throw NonFiniteError(
            "step " + std::to_string(step) + ": the loss is not finite (got " +
            std::to_string(line.loss) +
            "). Lower the learning rate, clip gradients (train.clip_norm), or train in fp32.");
      if (hooks.on_log) alone(peers, [&] { hooks.on_log(line); });
    }
    window.pause();
    if (hooks.on_epoch) hooks.on_epoch(epoch, trainer.steps_done());
    window.resume();
  }
}

}  // namespace vlp
