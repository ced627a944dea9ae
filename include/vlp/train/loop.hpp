#pragma once
// The loop over epochs and batches: steps, log lines, and calls after each update and between two.
// What happens there (checkpoints, evaluation, early stopping) is the caller's. It can begin in the
// middle, and then does what it would have done.

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "vlp/concepts/peers.hpp"
#include "vlp/core/error.hpp"
#include "vlp/core/packed.hpp"
#include "vlp/core/packed_state.hpp"
#include "vlp/core/state.hpp"
#include "vlp/data/loader.hpp"
#include "vlp/report/observer.hpp"
#include "vlp/train/memory.hpp"
#include "vlp/train/meter.hpp"
#include "vlp/train/options.hpp"
#include "vlp/train/trainer.hpp"

namespace vlp {

/// The time since it was made.
class Stopwatch {
 public:
  [[nodiscard]] double seconds() const {
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin_).count();
  }

 private:
  std::chrono::steady_clock::time_point begin_ = std::chrono::steady_clock::now();
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
  /// Seconds of the window in which nothing but data was waited for.
  void add_wait(double seconds) { wait_ += seconds; }
  /// Seconds of the window in which a checkpoint was waited for.
  void add_checkpoint(double seconds) { checkpoint_ += seconds; }
  /// Updates since the last line.
  [[nodiscard]] std::int64_t steps() const { return steps_; }

  /// The time until `resume` doesn't count.
  void pause() { seconds_ += watch_.seconds(); }
  /// Time counts again.
  void resume() { watch_ = {}; }

  /// A line over the window, which then begins anew. Waits for the device.
  /// @param position  step, epoch and lr of the newest update, and the run's length
  [[nodiscard]] LogLine close(LogLine position) {
    LogLine line = std::move(position);
    meters_.read(line);
    const double seconds = seconds_ + watch_.seconds();
    line.samples_per_s = static_cast<double>(samples_) / seconds;
    line.wait = wait_ / seconds;
    line.checkpoint = checkpoint_ / seconds;
    line.seconds_left =
        seconds / static_cast<double>(steps_) * static_cast<double>(line.steps - line.step);
    *this = {};
    return line;
  }

  /// Everything but the time.
  void save(State& state) const {
    state.put("steps", steps_);
    state.put("samples", samples_);
    State meters = state.prefixed("meters");
    meters_.save(meters);
  }
  /// @param device  where the model is
  /// @throws WeightsError if an entry is missing
  void load(const State& state, at::Device device) {
    steps_ = state.integer("steps");
    samples_ = state.integer("samples");
    meters_.load(state.prefixed("meters"), device);
  }

 private:
  StepMeters meters_;
  std::int64_t steps_ = 0, samples_ = 0;
  double seconds_ = 0, wait_ = 0, checkpoint_ = 0;
  Stopwatch watch_;
};

/// A line over all processes: means of their losses and shares, the sum of their speeds, the most
/// memory. All make this call at the same time and get the same line but for its position.
[[nodiscard]] inline LogLine over_all(const Peers& peers, LogLine line) {
  if (peers.size() == 1) return line;
  struct Sum {
    double value = 0, count = 0;
    void add(double more) { value += more, ++count; }
    [[nodiscard]] double mean() const { return value / count; }
  };
  Sum loss, speed, wait, checkpoint;
  std::vector<std::pair<std::string, Sum>> parts;
  const std::vector<Bytes> told = together(peers, [&] {
    return pack(line.loss, line.losses, line.samples_per_s, line.wait, line.checkpoint,
                line.memory_mb);
  });
  for (const Bytes& bytes : told) {
    const auto [of_one, losses, samples_per_s, waited, saved, memory_mb] =
        unpack<double, Scores, double, double, double, double>(bytes);
    wait.add(waited);
    checkpoint.add(saved);
    line.memory_mb = std::max(line.memory_mb, memory_mb);
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
  line.wait = wait.mean();
  line.checkpoint = checkpoint.mean();
  line.losses.clear();
  for (const auto& [name, part] : parts) line.losses.emplace_back(name, part.mean());
  return line;
}

/// Where a loop stands between two updates, besides what trainer and loader know.
struct LoopPosition {
  std::int64_t epoch = 1;          ///< under way, from 1
  bool epoch_done = false;         ///< all its updates are done, and what follows them is not
  bool begun = false;              ///< the loader stands in this epoch already
  LogWindow window;                ///< since the last log line
  std::vector<State> others = {};  ///< the windows of processes 1, 2, ...: see `with_others`

  /// The position with the windows of the other processes, for the one that writes checkpoints.
  /// Waits for the device. Comes `together`: all make this call at the same time.
  [[nodiscard]] LoopPosition with_others(const Peers& peers) const {
    LoopPosition all = *this;
    if (peers.size() == 1) return all;
    const std::vector<Bytes> told = together(peers, [&] {
      if (peers.first()) return Bytes();
      State own;
      window.save(own);
      return pack_state(own);
    });
    all.others.clear();
    if (peers.first())
      for (std::size_t rank = 1; rank < told.size(); ++rank)
        all.others.push_back(unpack_state(told[rank]));
    return all;
  }

  void save(State& state) const {
    state.put("epoch", epoch);
    state.put("epoch_done", static_cast<std::int64_t>(epoch_done));
    State since_line = state.prefixed("window");
    window.save(since_line);
    for (std::size_t i = 0; i < others.size(); ++i) {
      State other = state.prefixed(window_of(static_cast<std::int64_t>(i) + 1));
      for (const auto& [name, entry] : others[i].entries())
        std::visit([&, &key = name](const auto& value) { other.put(key, value); }, entry);
    }
  }
  /// The loader has to be brought to its place as well.
  /// @param device  where the model is
  /// @param rank    of this process; it goes on with its own window, or with the first one's if the
  ///                state is of fewer processes
  /// @throws WeightsError if an entry is missing
  void load(const State& state, at::Device device, std::int64_t rank = 0) {
    epoch = state.integer("epoch");
    epoch_done = state.integer("epoch_done") != 0;
    begun = true;
    others.clear();
    const bool own = rank > 0 && state.has(window_of(rank) + ".steps");
    window.load(state.prefixed(own ? window_of(rank) : "window"), device);
  }

 private:
  static std::string window_of(std::int64_t rank) { return "windows." + std::to_string(rank); }
};

/// What the caller does while training goes on; each may be empty.
struct LoopHooks {
  std::function<void(const LogLine&)> on_log = {};  ///< every log_every updates
  /// After each update and its log line; what it throws ends the loop. Of several processes all
  /// have one, which comes `together`.
  std::function<void(const LoopPosition&)> on_update = {};
  /// Between two updates, behind on_update, and behind the last: what isn't training, such as an
  /// evaluation. No log line counts its time. Once more where an epoch turns out to have no further
  /// update. A loop that begins with a position that was loaded begins with this call: what
  /// followed the update is not in it. Of several processes all have one; where it does anything,
  /// it comes `together`.
  std::function<void(const LoopPosition&)> between_updates = {};
  /// Whether training ends here, asked behind between_updates; all processes give the same answer.
  std::function<bool()> ends_early = {};
  /// When an update wasn't finite and its cause was found, before the run ends. Returns where it
  /// keeps what is needed to look closer; empty = nowhere.
  std::function<std::string(const NonFiniteUpdate&)> on_non_finite = {};
};

/// The micro-batches of the next update, on the CPU.
/// @param window  is told how long they were waited for; null = nobody is
[[nodiscard]] inline MicroBatches next_micro_batches(Loader& loader, std::int64_t count,
                                                     LogWindow* window = nullptr) {
  return {count, [&loader, window]() -> std::optional<Batch> {
            const Stopwatch waiting;
            auto loaded = loader.next();
            if (window) window->add_wait(waiting.seconds());
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

namespace detail {

/// The line of the updates since the last one, over all processes. Waits for the device.
/// @param skipped  whether the newest updates were skipped, so that a window without others is
///                 no mistake
/// @throws NonFiniteError when the loss is not a number or infinite, in all processes
inline LogLine finished_line(const Peers& peers, LogWindow& window, LogLine position,
                             bool skipped) {
  LogLine line = over_all(peers, window.close(std::move(position)));
  if (!std::isfinite(line.loss) && !skipped)
    throw NonFiniteError(
        "step " + std::to_string(line.step) + ": the loss is not finite (got " +
        std::to_string(line.loss) +
        "). Lower the learning rate, clip gradients (train.clip_norm), or train in fp32.");
  return line;
}

}  // namespace detail

/// Trains until as many updates are done as the options say.
/// @param at  where it begins: the start, or a position that was loaded, with the trainer's and the
///            loader's
/// @throws NonFiniteError at a log line, when an update before it wasn't finite: in fp16 when
///                        `skipped_limit` of them in a row weren't; in all processes
/// @throws PeerError      if another process fails
template <Model M, Loss L>
void train_epochs(Trainer<M, L>& trainer, Loader& loader, const TrainOptions& options,
                  const LoopHooks& hooks, LoopPosition at = {}) {
  const LoopLength length = loop_length(loader.batches_per_epoch(), options);
  const std::int64_t epochs =
      (length.total_steps + length.steps_per_epoch - 1) / length.steps_per_epoch;
  const Peers& peers = trainer.peers();
  const auto goes_on = [&] {  // does what lies between two updates
    at.window.pause();
    if (hooks.between_updates) hooks.between_updates(at);
    if (hooks.ends_early && hooks.ends_early()) return false;
    at.window.resume();
    return true;
  };
  at.window.resume();
  if (at.begun && !at.epoch_done && trainer.steps_done() < length.total_steps && !goes_on()) return;
  while (true) {
    if (!at.begun) loader.start_epoch(at.epoch - 1);
    at.begun = true;
    at.epoch_done = at.epoch_done || trainer.steps_done() >= length.total_steps;
    while (!at.epoch_done) {
      const std::optional<StepRecord> record =
          trainer.step(next_micro_batches(loader, options.accumulation, &at.window));
      if (!record) {
        at.epoch_done = true;
        break;
      }
      at.window.add(*record);

      const std::int64_t step = trainer.steps_done();
      at.epoch_done = loader.exhausted() || step == length.total_steps;
      if (at.window.steps() >= options.log_every || step == length.total_steps || step == 1) {
        LogLine position;
        position.step = step;
        position.epoch = at.epoch;
        position.lr = record->lr;
        position.steps = length.total_steps;
        position.epochs = epochs;
        const Skips skips = trainer.read_skips();
        if (skips.stopped_at >= 0)
          end_non_finite(trainer, loader, skips.stopped_at, options, hooks);
        position.skipped = skips.skipped;
        position.scale = trainer.read_scale();
        position.memory_mb = peak_memory_mb(trainer.device_name());
        const LogLine line = detail::finished_line(peers, at.window, std::move(position),
                                                   /*skipped=*/skips.in_row > 0);
        if (hooks.on_log) alone(peers, [&] { hooks.on_log(line); });
      }
      if (hooks.on_update) {
        const Stopwatch saving;
        hooks.on_update(at);
        at.window.add_checkpoint(saving.seconds());
      }
      if (!at.epoch_done && !goes_on()) return;
    }
    if (!goes_on()) return;
    // A run that goes on with other batches has as many epochs as it says, of other lengths.
    if (trainer.steps_done() >= length.total_steps || at.epoch >= options.epochs) return;
    ++at.epoch;
    at.epoch_done = at.begun = false;
  }
}

}  // namespace vlp
