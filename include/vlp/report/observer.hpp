#pragma once
// Observers: what listens to a run, such as the run folder and the console. A run calls each of
// them in the order of the list. Contract: an observer has any of the six functions below; it sees
// values only while it is called, and what it throws ends the run. Includes no torch.

#include <array>
#include <concepts>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "vlp/concepts/bad_sample.hpp"
#include "vlp/concepts/dataset.hpp"
#include "vlp/core/device.hpp"
#include "vlp/core/plugin_info.hpp"
#include "vlp/report/measured.hpp"
#include "vlp/report/report.hpp"

namespace vlp {

/// What is known before the first update.
struct RunStart {
  std::string recipe;                                      ///< with every default, TOML
  std::string dataset, model;                              ///< names of the components
  std::string weights;                                     ///< where the first ones come from
  std::int64_t parameters = 0;                             ///< of the model
  std::array<std::span<const ImageRecord>, 3> splits;      ///< by `Split`
  DeviceName device;                                       ///< where the model is
  Precision precision = Precision::fp32;                   ///< of forward passes
  int threads = 1;                                         ///< of the loader and within operators
  std::filesystem::path data_dir = ".";                    ///< where relative paths start
  std::vector<std::pair<std::string, std::string>> built;  ///< versions of what the program is of
  std::vector<PluginInfo> plugins;                         ///< opened from files
};

/// What happened in the updates since the last line; a line of log.jsonl.
struct LogLine {
  std::int64_t step = 0;   ///< updates done, from 1
  std::int64_t epoch = 0;  ///< from 1
  double loss = 0;         ///< mean over these updates but skipped ones; NaN if all were skipped
  Scores losses;           ///< the parts of it, means over these updates
  double lr = 0;           ///< of the newest update
  double grad_norm = 0;    ///< before clipping, mean over these updates
  std::optional<double> scale = {};  ///< of fp16's loss, after the newest update
  std::int64_t skipped = 0;  ///< updates of the run so far that changed nothing, since a gradient
                             ///< wasn't finite
  double samples_per_s = 0;  ///< of these updates
  double wait = 0;           ///< share of these updates' time that waited for data
  double checkpoint = 0;     ///< share of it that waited for checkpoints
  double memory_mb = 0;      ///< most memory so far, MiB: the GPU's for tensors, else the process's
  std::int64_t steps = 0;    ///< updates of the whole run; 0 = not known
  std::int64_t epochs = 0;   ///< of the whole run; 0 = not known
  double seconds_left = -1;  ///< until the last update; negative = not known
};

/// One image with the caption that the model wrote.
struct CaptionedImage {
  const ImageRecord* record;  ///< belongs to the dataset
  std::string caption;        ///< as generated
  double score = 0;           ///< see Candidate::score
};

/// A split was evaluated.
struct EvaluationRecord {
  Split split;                               ///< which images
  std::int64_t epoch = 0;                    ///< of the weights, 0 = given ones
  std::int64_t step = 0;                     ///< updates done
  const Measured& measured;                  ///< with rows
  std::span<const ImageRecord> images;       ///< of the split, or its beginning
  std::span<const CaptionedImage> captions;  ///< empty for a model that doesn't generate
  std::span<const BadSample> bad = {};       ///< those of the images that were left out
  std::string name = {};                     ///< of its files; empty = SPLIT-EPOCH
};

/// An evaluation on the validation split is over, or where a run has none, an epoch, and the
/// weights are in model/ if they are the best.
struct CheckpointRecord {
  std::int64_t epoch = 0;      ///< under way, or done; from 1
  std::int64_t step = 0;       ///< updates done
  const Measured& measured;    ///< on the validation split
  const std::string& chooser;  ///< the score that chooses the best weights
  bool best = false;           ///< whether these are the best weights so far
};

/// A run is over.
struct RunEnd {
  const Report& report;                      ///< what it returns
  std::span<const CaptionedImage> captions;  ///< of the last evaluation
};

template <class O>
concept Observer =
    std::move_constructible<O> &&
    (requires(O& o, const RunStart& start) { o.begin(start); } ||
     requires(O& o, const LogLine& line) { o.log(line); } ||
     requires(O& o, const BadSample& sample) { o.bad_sample(sample); } ||
     requires(O& o, const EvaluationRecord& record) { o.evaluation(record); } ||
     requires(O& o, const CheckpointRecord& record) { o.checkpoint(record); } ||
     requires(O& o, const RunEnd& end) { o.end(end); });

/// Any observer as a value that is moved, not copied; what it doesn't listen to does nothing.
class AnyObserver {
 public:
  template <class O>
    requires(!std::same_as<O, AnyObserver>) && Observer<O>
  AnyObserver(O observer) : self_(std::make_unique<Holder<O>>(std::move(observer))) {}

  void begin(const RunStart& start) { self_->begin(start); }
  void log(const LogLine& line) { self_->log(line); }
  /// An image was skipped, for the first time in this run.
  void bad_sample(const BadSample& sample) { self_->bad_sample(sample); }
  void evaluation(const EvaluationRecord& record) { self_->evaluation(record); }
  void checkpoint(const CheckpointRecord& record) { self_->checkpoint(record); }
  void end(const RunEnd& end) { self_->end(end); }

 private:
  struct Base {
    virtual ~Base() = default;
    virtual void begin(const RunStart&) = 0;
    virtual void log(const LogLine&) = 0;
    virtual void bad_sample(const BadSample&) = 0;
    virtual void evaluation(const EvaluationRecord&) = 0;
    virtual void checkpoint(const CheckpointRecord&) = 0;
    virtual void end(const RunEnd&) = 0;
  };
  template <class O>
  struct Holder final : Base {
    explicit Holder(O o) : observer(std::move(o)) {}
    void begin(const RunStart& start) override {
      if constexpr (requires { observer.begin(start); }) observer.begin(start);
    }
    void log(const LogLine& line) override {
      if constexpr (requires { observer.log(line); }) observer.log(line);
    }
    void bad_sample(const BadSample& sample) override {
      if constexpr (requires { observer.bad_sample(sample); }) observer.bad_sample(sample);
    }
    void evaluation(const EvaluationRecord& record) override {
      if constexpr (requires { observer.evaluation(record); }) observer.evaluation(record);
    }
    void checkpoint(const CheckpointRecord& record) override {
      if constexpr (requires { observer.checkpoint(record); }) observer.checkpoint(record);
    }
    void end(const RunEnd& end) override {
      if constexpr (requires { observer.end(end); }) observer.end(end);
    }
    O observer;
  };
  std::unique_ptr<Base> self_;
};
static_assert(Observer<AnyObserver>);

/// All that listen to a run; itself one that does.
class Observers {
 public:
  /// Each is called in the order in which it was added.
  void add(AnyObserver observer) { all_.push_back(std::move(observer)); }

  void begin(const RunStart& start) {
    for (AnyObserver& observer : all_) observer.begin(start);
  }
  void log(const LogLine& line) {
    for (AnyObserver& observer : all_) observer.log(line);
  }
  void bad_sample(const BadSample& sample) {
    for (AnyObserver& observer : all_) observer.bad_sample(sample);
  }
  void evaluation(const EvaluationRecord& record) {
    for (AnyObserver& observer : all_) observer.evaluation(record);
  }
  void checkpoint(const CheckpointRecord& record) {
    for (AnyObserver& observer : all_) observer.checkpoint(record);
  }
  void end(const RunEnd& end) {
    for (AnyObserver& observer : all_) observer.end(end);
  }

 private:
  std::vector<AnyObserver> all_;
};
static_assert(Observer<Observers>);

}  // namespace vlp
