#pragma once

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <limits>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <tuple>
#include <utility>

#include "vlp/assemble/open.hpp"
#include "vlp/assemble/write_model.hpp"
#include "vlp/concepts/peers.hpp"
#include "vlp/concepts/tensor_state.hpp"
#include "vlp/core/digest.hpp"
#include "vlp/core/packed.hpp"
#include "vlp/core/state.hpp"
#include "vlp/data/loader.hpp"
#include "vlp/recipe/write.hpp"
#include "vlp/report/history.hpp"
#include "vlp/report/run_files.hpp"
#include "vlp/start/fill_model.hpp"
#include "vlp/start/formats.hpp"
#include "vlp/start/initial_weights.hpp"
#include "vlp/tasks/begin_run.hpp"
#include "vlp/tasks/fit.hpp"
#include "vlp/tasks/run_parts.hpp"
#include "vlp/trace/inputs.hpp"
#include "vlp/train/checkpoint_options.hpp"
#include "vlp/train/checkpoint_writer.hpp"
#include "vlp/train/checkpoints.hpp"
#include "vlp/train/ema.hpp"
#include "vlp/train/explain_nan.hpp"
#include "vlp/train/loop.hpp"
#include "vlp/train/trainer.hpp"
#include "vlp/weights/module_weights.hpp"
#include "vlp/weights/read_weights.hpp"
#include "vlp/weights/safetensors.hpp"

namespace vlp {

/// @return  captions of an image that the losses want at once, at least 1
[[nodiscard]] inline std::int64_t captions_per_image(const Plan& plan) {
  std::int64_t most = 1;
  for (const auto& loss : plan.loss) most = std::max(most, loss.traits().captions_per_image);
  return most;
}

/// Whether the score that chooses the best weights is better the smaller it is.
[[nodiscard]] inline bool less_is_better(const Plan& plan) {
  if (plan.evaluate.best == "loss") return true;
  for (const auto& metric : plan.metric)
    for (const ScoreName& score : metric.traits().scores)
      if (score.name == plan.evaluate.best) return score.less_is_better;
  return false;
}

/// @throws ContractError if scores were measured and the one that chooses the best weights isn't
/// among them
inline void require_chooser(const Measured& measured, const std::string& chooser) {
  if (measured.scores.empty() || chooser == "loss" || score_named(measured.scores, chooser)) return;
  std::string got;
  for (const auto& [name, value] : measured.scores) got += (got.empty() ? "" : ", ") + name;
  throw ContractError("evaluate.best: no metric gave its score '" + chooser + "' (got " + got +
                      "). Let score_names and scores of the metric agree.");
}

/// The batches of training, as the recipe says.
[[nodiscard]] inline LoaderOptions training_loader(const Plan& plan, const Data& data,
                                                   const Context& ctx) {
  LoaderOptions options;
  options.batch_size = plan.train.batch_size;
  options.shuffle = true;
  options.drop_last = true;
  options.workers = worker_count(plan, ctx);
  options.prefetch = 4;
  options.extra_captions = captions_per_image(plan) - 1;
  const Peers& peers = ctx.machine.peers;
  options.share = {peers.rank(), peers.size(), plan.train.accumulation};
  if (ctx.facts.bad.skips()) options.bad_row = BadRow::replace;
  options.decode = data.images;
  return options;
}

/// The images to train with. @throws DataError if there are none
[[nodiscard]] inline std::span<const ImageRecord> training_records(const Data& data) {
  const std::span<const ImageRecord> records = data.dataset.records(Split::train);
  if (records.empty())
    throw DataError("dataset: the training split is empty. Use more images or other shares.");
  return records;
}

namespace detail {

/// Keeps what is needed to look at an update that isn't finite: a model's folder with the weights
/// before it, and its micro-batch as inputs for a trace.
/// @return  the folder
[[nodiscard]] inline std::string keep_non_finite(const RunParts& run,
                                                 const NonFiniteUpdate& update) {
  if (!run.folder.writes()) return {};
  namespace fs = std::filesystem;
  const fs::path folder =
      run.folder.subfolder("non_finite/step-" + std::to_string(update.step + 1));
  for (const auto& file : fs::directory_iterator(run.folder.subfolder("model")))
    if (file.path().extension() != ".safetensors")
      fs::copy(file.path(), folder / file.path().filename(),
               fs::copy_options::recursive | fs::copy_options::overwrite_existing);
  write_model_weights(*run.model.ptr(), folder / "model.safetensors", run.format);
  if (run.losses.module()) save_module(*run.losses.module(), folder / kLossWeights);
  const NamedTensors inputs = trace_tensors(update.batch, run.ctx.facts.tokens, run.model.serves());
  write_safetensors(folder / "inputs.safetensors", inputs, {});
  return folder.string();
}

/// One fit: what happens after and between updates, and what of it a checkpoint keeps.
class Fit {
 public:
  explicit Fit(RunParts& run)
      : run_(run),
        loader_(training_records(run.data), run.data.dataset.captions_per_image(),
                {run.data.transforms.train, run.data.tokenizer, run.data.prompt},
                training_loader(run.plan, run.data, run.ctx), run.ctx),
        length_(loop_length(loader_.batches_per_epoch(), run.plan.train)),
        trainer_(
            run.model, run.losses, run.plan.optimizer->build(run.ctx),
            {.schedule =
                 run.plan.schedule ? run.plan.schedule->build(run.ctx) : constant_schedule(),
             .clip_norm = run.plan.train.clip_norm,
             .total_steps = length_.total_steps,
             .steps_per_epoch = length_.steps_per_epoch,
             .ema = run.plan.train.ema,
             .gradient_checkpointing = run.plan.train.gradient_checkpointing,
             .skipped_limit =
                 run.plan.train.precision == Precision::fp16 ? run.plan.train.skipped_limit : 1,
             .freeze = run.plan.train.freeze,
             .groups = run.plan.optimizer->extra.group},
            run.ctx),
        weights_(run.folder.subfolder("model") / "model.safetensors"),
        rhythm_(rhythm_of(run.plan.checkpoint.every).value_or(Rhythm{})),
        evaluation_(run.plan.evaluate.rhythm().value_or(Rhythm{})),
        writer_(Checkpoints(run.folder.path() / run_files::kCheckpoints, run.ctx.machine.console),
                run.plan.checkpoint.keep) {
    history_.by_steps = run.plan.evaluate.by_steps();
  }
  /// However it ends, the last checkpoint that was begun is whole then, or it was said why not.
  ~Fit() {
    try {
      end_write();
    } catch (...) {  // something else has ended the run already, and tells why
    }
  }
  Fit(const Fit&) = delete;
  Fit& operator=(const Fit&) = delete;

  [[nodiscard]] History result() {
    LoopPosition at;
    if (run_.from) load(*run_.from, at);
    run_.from.reset();
    const auto begin = Clock::now();
    train_epochs(trainer_, loader_, run_.plan.train,
                 {.on_log = [&](const LogLine& line) { run_.observers.log(line); },
                  .on_update = [&](const LoopPosition& now) { after_update(now); },
                  .between_updates = [&](const LoopPosition& now) { between_updates(now); },
                  .ends_early = [&] { return ends_early_; },
                  .on_non_finite =
                      [&](const NonFiniteUpdate& update) {
                        end_write();
                        return keep_non_finite(run_, update);
                      }},
                 std::move(at));
    together(run_.ctx.machine.peers, [&] { end_write(); });
    history_.train_seconds = std::chrono::duration<double>(Clock::now() - begin).count();
    history_.steps = trainer_.steps_done();
    if (history_.best_step != history_.records.back().step ||
        run_.plan.evaluate.weights == EvaluatedWeights::ema)
      take_best_weights();
    return std::move(history_);
  }

 private:
  using Clock = std::chrono::steady_clock;

  void after_update(const LoopPosition& at) {
    list_bad_of_training(run_, loader_.take_bad());  // before a checkpoint counts the lines
    alone(run_.ctx.machine.peers, [&] {
      if (writer_.done()) end_write();
    });
    if (is_last(at) || is_checkpoint_due(at)) save_regular(at);
    if (const std::string why = why_stop(); !why.empty()) interrupt(at, why);
  }

  /// Whether the newest update is the last of the run, unless it ends early.
  [[nodiscard]] bool is_last(const LoopPosition& at) const {
    return at.epoch_done &&
           (trainer_.steps_done() >= length_.total_steps || at.epoch >= run_.plan.train.epochs);
  }

  /// Whether something falls on the newest update. @param rhythm  not in minutes
  [[nodiscard]] bool falls(const Rhythm& rhythm, const LoopPosition& at) const {
    return rhythm.unit == Rhythm::Unit::epoch ? at.epoch_done
                                              : trainer_.steps_done() % rhythm.count == 0;
  }

  /// The same answer in all processes; of minutes the first one's clock counts.
  [[nodiscard]] bool is_checkpoint_due(const LoopPosition& at) const {
    if (rhythm_.unit != Rhythm::Unit::minute) return falls(rhythm_, at);
    const bool over = Clock::now() - last_save_ >= std::chrono::minutes(rhythm_.count);
    const Peers& peers = run_.ctx.machine.peers;
    if (peers.size() == 1) return over;
    return std::get<0>(unpack<bool>(together(peers, [&] { return pack(over); }).front()));
  }

  void save_regular(const LoopPosition& at) {
    regular_ = trainer_.steps_done();
    const Peers& peers = run_.ctx.machine.peers;
    const LoopPosition all = at.with_others(peers);
    alone(peers, [&] { save(all, /*regular=*/true); });
  }

  /// Why to end early: all processes stop behind the same update. Empty = go on.
  [[nodiscard]] std::string why_stop() const {
    std::string why = run_.ctx.machine.stop.why();
    const Peers& peers = run_.ctx.machine.peers;
    if (peers.size() == 1) return why;
    for (const Bytes& theirs : together(peers, [&] { return pack(!why.empty()); })) {
      const auto [stops] = unpack<bool>(theirs);
      if (stops && why.empty()) why = "another process was interrupted";
    }
    return why;
  }

  [[noreturn]] void interrupt(const LoopPosition& at, const std::string& why) {
    const LoopPosition all = at.with_others(run_.ctx.machine.peers);
    end_write();
    if (saved_ != trainer_.steps_done()) {
      save(all, /*regular=*/false);
      end_write();
    }
    if (saved_ != trainer_.steps_done())
      throw DiskError(why + ", and the state of update " + std::to_string(trainer_.steps_done()) +
                      " is lost: no checkpoint could be written. Make room and go on with "
                      "--resume, from the one before it.");
    throw InterruptedError(why);
  }

  /// Copies the state, and begins to write it as a checkpoint, once the one before it is written.
  /// If that fails, it is said, here or in `end_write`, and the run goes on.
  /// @param regular  false for one that a run which isn't interrupted wouldn't have
  void save(const LoopPosition& at, bool regular) {
    const std::int64_t step = trainer_.steps_done();
    last_save_ = Clock::now();
    end_write();  // so that there is one copy at a time
    if (!run_.folder.writes()) {
      saved_ = step;
      return;
    }
    try {
      if (!run_.folder.flush()) throw DiskError("files of the run wait to be written.");
      writer_.start({.step = step,
                     .epoch = at.epoch,
                     .regular = regular,
                     .state = state(at, regular),
                     .recipe = write_toml(run_.plan.resolved),
                     .before = [&folder = run_.folder, lines = run_.folder.line_counts()] {
                       folder.sync_lines(lines);
                     }});
    } catch (const Error& error) {
      tell_loss(step, error);
    }
  }

  /// Returns once the checkpoint that is being written is whole, or says why it isn't.
  void end_write() {
    const std::optional<std::int64_t> step = writer_.step();
    if (!step) return;
    try {
      writer_.wait();
    } catch (const Error& error) {
      tell_loss(*step, error);
      return;
    }
    saved_ = *step;
    run_.folder.remember_loss({});
  }

  void tell_loss(std::int64_t step, const Error& error) {
    const std::string what =
        "the checkpoint of update " + std::to_string(step) + " can't be written: " + error.what();
    run_.folder.remember_loss(what);
    run_.ctx.machine.console.warning(what +
                                     " The run goes on; older checkpoints are as they were.");
  }

  /// A copy, on the CPU. Nothing in it depends on the clock or on the loader's threads.
  [[nodiscard]] State state(const LoopPosition& at, bool regular) const {
    const auto copies = std::make_shared<HostCopies>();
    State all(copies);
    trainer_.save(all);
    State loader = all.prefixed("loader"), loop = all.prefixed("loop"),
          history = all.prefixed("history");
    loader_.save(loader);
    at.save(loop);
    history_.save(history);
    all.put("best", best_);
    all.put("best_weights", best_weights_);
    all.put("reader", run_.reader);
    all.put("regular", static_cast<std::int64_t>(regular));
    save_line_counts(run_.folder.line_counts(), all);
    copies->wait();
    return all;
  }

  void load(const State& all, LoopPosition& at) {
    trainer_.load(all);
    if (run_.exact)
      loader_.load(all.prefixed("loader"));
    else
      loader_.load_changed(all.prefixed("loader"));
    at.load(all.prefixed("loop"), trainer_.device(), run_.ctx.machine.peers.rank());
    history_.load(all.prefixed("history"));
    best_ = all.number("best");
    best_weights_ = all.text("best_weights");
    saved_ = trainer_.steps_done();
    const bool regular = all.integer("regular") != 0;
    if (regular) regular_ = saved_;
    writer_.go_on_from(saved_, regular);
    if (run_.exact || history_.best_step == 0 || sha256_of_file(weights_) == best_weights_) return;
    run_.ctx.machine.console.warning(
        weights_.string() + ": these are no longer the weights of " + history_.best_in_words() +
        ", the best when the checkpoint was written; the best is chosen anew from here on");
    history_.forget_best();
    best_ = -std::numeric_limits<double>::infinity();
  }

  /// Evaluates where that falls on the newest update; the last is always one.
  void between_updates(const LoopPosition& at) {
    if (!is_recorded() && (falls(evaluation_, at) || is_last(at))) evaluate(at);
    ends_early_ = is_recorded() && out_of_patience();
    if (ends_early_) save_early_end(at);
  }

  /// The end of training is always a checkpoint; what was evaluated is in this one.
  void save_early_end(const LoopPosition& at) {
    if (regular_ == trainer_.steps_done()) return;
    save_regular(at);
  }

  /// Whether the history has the newest update.
  [[nodiscard]] bool is_recorded() const {
    return !history_.records.empty() && history_.records.back().step == trainer_.steps_done();
  }

  void evaluate(const LoopPosition& at) {
    const EvaluatedUpdate weights{.epoch = at.epoch, .step = trainer_.steps_done()};
    HistoryRecord record{weights.epoch, weights.step, {}};
    std::optional<AveragedWeights> averaged;
    if (run_.plan.evaluate.weights == EvaluatedWeights::ema) averaged.emplace(trainer_.average());
    if (run_.plan.evaluate.rhythm() && !run_.data.dataset.records(Split::validation).empty()) {
      try {
        record.measured = evaluate_split(run_, Split::validation, weights, weights.step).measured;
      } catch (const InterruptedError& interrupted) {
        averaged.reset();                   // checkpoints hold the weights themselves
        interrupt(at, interrupted.what());  // the evaluation is done again then
      }
    }
    const bool best = is_best(record);
    history_.records.push_back(record);
    history_.records.back().measured.rows.clear();  // the observers have them
    if (best) history_.last_is_best();
    together(run_.ctx.machine.peers, [&] {
      if (best && run_.folder.writes()) write_best_weights();
      run_.observers.checkpoint({.epoch = record.epoch,
                                 .step = record.step,
                                 .measured = record.measured,
                                 .chooser = run_.plan.evaluate.best,
                                 .best = best});
    });
    note_orientation(run_);
  }

  /// Whether as many evaluations in a row as the recipe allows brought nothing better.
  [[nodiscard]] bool out_of_patience() const {
    const std::int64_t patience = run_.plan.evaluate.patience;
    if (patience == 0 || history_.records_since_best() < patience) return false;
    const HistoryRecord& last = history_.records.back();
    if (trainer_.steps_done() < length_.total_steps)
      run_.ctx.machine.console.note(
          "training ends after " + history_.in_words(last.epoch, last.step) + ": no " +
          run_.plan.evaluate.best + " better than that of " + history_.best_in_words() +
          " (evaluate.patience = " + std::to_string(patience) + ")");
    return true;
  }

  /// Whether the weights are the best so far; what chooses is then `best_`.
  [[nodiscard]] bool is_best(const HistoryRecord& record) {
    const std::string& chooser = run_.plan.evaluate.best;
    const bool less = less_is_better(run_.plan);
    require_chooser(record.measured, chooser);
    const double value =
        selection_score(record.measured, chooser, less)
            .value_or(static_cast<double>(record.step));  // without one the last is best
    if (!std::isfinite(value))
      run_.ctx.machine.console.warning(
          history_.in_words(record.epoch, record.step) + ": " + chooser + " is not a number (got " +
          std::to_string(less ? -value : value) + "), so these weights can't be the best");
    if (history_.best_step != 0 &&
        !(std::isfinite(value) && (value > best_ || !std::isfinite(best_))))
      return false;
    best_ = value;
    return true;
  }

  /// They are never newer than the checkpoints.
  void write_best_weights() {
    end_write();
    write_model_weights(*run_.model.ptr(), weights_, run_.format);
    if (run_.losses.module())
      save_module(*run_.losses.module(), weights_.parent_path() / kLossWeights);
    best_weights_ = sha256_of_file(weights_).value_or("");
  }

  void take_best_weights() {
    const Console& console = run_.ctx.machine.console;
    const Plan& plan = run_.plan;
    fill_model(*run_.model.ptr(),
               {plan.formats.translate({read_weight_file(weights_), weights_.parent_path(), {}},
                                       plan.resolved, console),
                plan.formats.layout(plan.resolved)},
               FillPolicy::exact, plan.resolved, console);
    if (run_.losses.module())
      load_module(*run_.losses.module(), weights_.parent_path() / kLossWeights);
  }

  RunParts& run_;
  Loader loader_;
  LoopLength length_;
  Trainer<AnyModel, Objective> trainer_;
  std::filesystem::path weights_;  // the best
  Rhythm rhythm_;                  // of checkpoints
  Rhythm evaluation_;  // of evaluations, or where there are none, of what the history records
  History history_;
  bool ends_early_ = false;
  double best_ = -std::numeric_limits<double>::infinity();
  std::string best_weights_;  // SHA-256 of what was written last; empty = nothing
  std::int64_t saved_ = 0;    // the update whose checkpoint was written last
  std::int64_t regular_ = 0;  // the update at which a regular one was due last
  Clock::time_point last_save_ = Clock::now();
  CheckpointWriter writer_;
};

}  // namespace detail

VLP_INLINE History fit(RunParts& run) { return detail::Fit(run).result(); }

}  // namespace vlp
