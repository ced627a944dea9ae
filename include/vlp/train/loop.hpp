#pragma once
// The loop over epochs and batches: steps, log lines, and a call after each epoch. What happens
// there (evaluation, checkpoints, early stopping) is the caller's.

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdint>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "vlp/concepts/peers.hpp"
#include "vlp/core/error.hpp"
#include "vlp/core/packed.hpp"
#include "vlp/data/loader.hpp"
#include "vlp/data/to_device.hpp"
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
};

/// What happens between two log lines.
class LogWindow {
 public:
  /// Counts one update. Never waits for the device.
  void add(const StepRecord& record, std::int64_t samples) {
    meters_.add(record);
    samples_ += samples;
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

/// The next micro-batches of an update on the device, as many as there are.
[[nodiscard]] inline std::vector<Batch> next_micro_batches(Loader& loader, std::int64_t count,
                                                           at::Device device) {
  std::vector<Batch> batches;
  while (static_cast<std::int64_t>(batches.size()) < count) {
    auto loaded = loader.next();
    if (!loaded) break;
    batches.push_back(to_device(std::move(loaded->batch), device));
  }
  return batches;
}

/// Trains until as many updates are done as the options say.
/// @throws NonFiniteError when the loss of a log line is not a number or infinite, in all processes
/// @throws PeerError      if another process fails
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
      const std::vector<Batch> micro_batches = alone(peers, [&] {
        return next_micro_batches(loader, options.accumulation, trainer.device());
      });
      if (micro_batches.empty()) break;
      const StepRecord record = trainer.step(micro_batches);
      std::int64_t samples = 0;
      for (const Batch& batch : micro_batches) samples += batch.texts.token_ids.size(0);
      window.add(record, samples);

      const std::int64_t step = trainer.steps_done();
      if (window.steps() < options.log_every && step != length.total_steps && step != 1) continue;
      LogLine position;
      position.step = step;
      position.epoch = epoch;
      position.lr = record.lr;
      position.steps = length.total_steps;
      position.epochs = epochs;
      const LogLine line = over_all(peers, window.close(std::move(position)));
      if (!std::isfinite(line.loss))
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
