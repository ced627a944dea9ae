#pragma once
// Checkpoints of a run that are written while it goes on, one at a time, and what makes way for
// them. Includes no torch.

#include <cstdint>
#include <functional>
#include <optional>
#include <set>
#include <string>
#include <utility>

#include "vlp/core/background.hpp"
#include "vlp/core/state.hpp"
#include "vlp/train/checkpoints.hpp"

namespace vlp {

/// A checkpoint that is to be written.
struct NewCheckpoint {
  std::int64_t step = 0;    ///< updates done
  std::int64_t epoch = 0;   ///< that is under way, or has just ended; from 1
  bool regular = true;      ///< false for one that a run which isn't interrupted wouldn't have: it
                            ///< goes when the next regular one is there
  State state = {};         ///< a copy: neither entries nor bytes change any more
  std::string recipe = {};  ///< TOML, with every default
  std::function<void()> before = {};  ///< done first, by the thread that writes, e.g. to bring to
                                      ///< the disk what the state counts on; may throw
};

/// Writes the checkpoints of one run on a thread of its own. All calls come from one thread. The
/// destructor waits for a write that goes on.
class CheckpointWriter {
 public:
  /// @param keep  how many stay, at least 1
  CheckpointWriter(Checkpoints checkpoints, std::int64_t keep)
      : checkpoints_(std::move(checkpoints)), keep_(keep) {}

  /// Tells which checkpoint the run goes on from; before the first is written.
  void go_on_from(std::int64_t step, bool regular) {
    from_ = step;
    irregular_ = regular ? std::nullopt : std::optional(step);
  }

  /// Begins to write, and returns at once.
  /// @throws ContractError if nobody has waited for the one before
  void start(NewCheckpoint checkpoint) {
    const UnderWay next{checkpoint.step, checkpoint.regular};
    background_.start([this, checkpoint = std::move(checkpoint)] { write(checkpoint); });
    under_way_ = next;
  }
  /// The step of the checkpoint that `wait` tells of; none if nothing was started since.
  [[nodiscard]] std::optional<std::int64_t> step() const {
    return under_way_ ? std::optional(under_way_->step) : std::nullopt;
  }
  /// Whether `wait` would return at once.
  [[nodiscard]] bool done() const { return background_.done(); }
  /// Returns once the checkpoint is whole and others have made way, or there is none to wait for.
  /// @throws DiskError, WeightsError if it couldn't be written, once: nothing is left of it then,
  ///         and none has made way
  void wait() {
    const std::optional<UnderWay> ended = std::exchange(under_way_, std::nullopt);
    background_.wait();
    if (!ended) return;
    written_.insert(ended->step);
    if (ended->regular) irregular_.reset();
  }

 private:
  struct UnderWay {
    std::int64_t step = 0;
    bool regular = true;
  };

  /// In the writing thread; what it reads changes in `wait` only, and before the first `start`.
  void write(const NewCheckpoint& now) const {
    if (now.before) now.before();
    checkpoints_.write({{}, now.step, now.epoch}, now.state, now.recipe);
    if (!now.regular) return;
    if (irregular_ && *irregular_ != now.step) checkpoints_.remove(*irregular_);
    for (const std::int64_t other : checkpoints_.steps())  // damaged ones that were passed over
      if (other > from_ && other < now.step && !written_.contains(other))
        checkpoints_.remove(other);
    checkpoints_.keep(keep_, now.step);
  }

  Checkpoints checkpoints_;
  std::int64_t keep_;
  std::int64_t from_ = 0;                  // the update that the run went on from
  std::set<std::int64_t> written_;         // since then
  std::optional<std::int64_t> irregular_;  // goes with the next regular one
  std::optional<UnderWay> under_way_;
  Background background_;  // last, so that it ends before what it uses
};

}  // namespace vlp
