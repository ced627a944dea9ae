#pragma once

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <limits>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <utility>

#include "vlp/assemble/open.hpp"
#include "vlp/assemble/write_model.hpp"
#include "vlp/concepts/peers.hpp"
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

/// Whether the score that chooses the best epoch is better the smaller it is.
[[nodiscard]] inline bool less_is_better(const Plan& plan) {
  if (plan.evaluate.best == "loss") return true;
  for (const auto& metric : plan.metric)
    for (const ScoreName& score : metric.traits().scores)
      if (score.name == plan.evaluate.best) return score.less_is_better;
  return false;
}

/// @throws ContractError if scores were measured and the one that chooses the best epoch isn't
/// among them
inline void require_chooser(const Measured& measured, const std::string& chooser) {
  if (measured.scores.empty() || chooser == "loss" || score_named(measured.scores, chooser)) return;
  std::string got;
  for (const auto& [name, value] : measured.scores) got += (got.empty() ? "" : ", ") + name;
  throw ContractError("evaluate.best: no metric gave its score '" + chooser + "' (got " + got +
                      "). Let score_names and scores of the metric agree.");
}

/// The batches of training, as the recipe says.
[[nodiscard]] inline LoaderOptions training_loader(const Plan& plan, const Context& ctx) {
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

/// One fit: what happens after updates and epochs, and what of it a checkpoint keeps.
class Fit {
 public:
  explicit Fit(RunParts& run)
      : run_(run),
        loader_(training_records(run.data), run.data.dataset.captions_per_image(),
                {run.data.transforms.train, run.data.tokenizer, run.data.prompt},
                training_loader(run.plan, run.ctx), run.ctx),
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
        checkpoints_(run.folder.path() / run_files::kCheckpoints, run.ctx.machine.console),
        rhythm_(rhythm_of(run.plan.checkpoint.every).value_or(Rhythm{})) {}

  [[nodiscard]] History result() {
    LoopPosition at;
    if (run_.from) load(*run_.from, at);
    run_.from.reset();
    end_of_epoch_ = at;
    const auto begin = Clock::now();
    train_epochs(
        trainer_, loader_, run_.plan.train,
        {.on_log = [&](const LogLine& line) { run_.observers.log(line); },
         .on_update = [&](const LoopPosition& now) { after_update(now); },
         .on_epoch = [&](std::int64_t epoch, std::int64_t step) { after_epoch(epoch, step); },
         .ends_early = [&] { return out_of_patience(); },
         .on_non_finite =
             [&](const NonFiniteUpdate& update) { return keep_non_finite(run_, update); }},
        std::move(at));
    history_.train_seconds = std::chrono::duration<double>(Clock::now() - begin).count();
    history_.steps = trainer_.steps_done();
    if (history_.best_epoch != history_.epochs.back().epoch ||
        run_.plan.evaluate.weights == EvaluatedWeights::ema)
      take_best_weights();
    return std::move(history_);
  }

 private:
  using Clock = std::chrono::steady_clock;

  void after_update(const LoopPosition& at) {
    const bool last = at.epoch_done && (trainer_.steps_done() == length_.total_steps ||
                                        at.epoch >= run_.plan.train.epochs);
    if (at.epoch_done) end_of_epoch_ = at;
    list_bad_of_training(run_, loader_.take_bad());  // before a checkpoint counts the lines
    if (last || due(at)) alone(run_.ctx.machine.peers, [&] { save(at, /*regular=*/true); });
    if (const std::string why = why_stop(); !why.empty()) interrupt(at, why);
  }

  [[nodiscard]] bool due(const LoopPosition& at) const {
    switch (rhythm_.unit) {
      case Rhythm::Unit::epoch:  return at.epoch_done;
      case Rhythm::Unit::step:   return trainer_.steps_done() % rhythm_.count == 0;
      case Rhythm::Unit::minute: break;
    }
    return Clock::now() - last_save_ >= std::chrono::minutes(rhythm_.count);
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
    if (saved_ != trainer_.steps_done()) save(at, /*regular=*/false);
    if (saved_ != trainer_.steps_done())
      throw DiskError(why + ", and the state of update " + std::to_string(trainer_.steps_done()) +
                      " is lost: no checkpoint could be written. Make room and go on with "
                      "--resume, from the one before it.");
    throw InterruptedError(why);
  }

  /// Writes a checkpoint. If that fails, it is said, and the run goes on.
  /// @param regular  false for one that a run which isn't interrupted wouldn't have: it goes when
  ///                 the next regular one is there
  void save(const LoopPosition& at, bool regular) {
    const std::int64_t step = trainer_.steps_done();
    last_save_ = Clock::now();
    if (!run_.folder.writes()) {
      saved_ = step;
      return;
    }
    try {
      if (!run_.folder.flush()) throw DiskError("files of the run wait to be written.");
      run_.folder.sync_lines();
      checkpoints_.write({{}, step, at.epoch}, state(at, regular), write_toml(run_.plan.resolved));
    } catch (const Error& error) {
      const std::string what =
          "the checkpoint of update " + std::to_string(step) + " can't be written: " + error.what();
      run_.folder.remember_loss(what);
      run_.ctx.machine.console.warning(what +
                                       " The run goes on; older checkpoints are as they were.");
      return;
    }
    saved_ = step;
    run_.folder.remember_loss({});
    written_.insert(step);
    if (!regular) return;
    if (irregular_) checkpoints_.remove(*irregular_);
    irregular_.reset();
    for (const std::int64_t other : checkpoints_.steps())  // damaged ones that were passed over
      if (other > from_ && other < step && !written_.contains(other)) checkpoints_.remove(other);
    checkpoints_.keep(run_.plan.checkpoint.keep, step);
  }

  /// Nothing in it depends on the clock or on the loader's threads.
  [[nodiscard]] State state(const LoopPosition& at, bool regular) const {
    State all;
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
    return all;
  }

  void load(const State& all, LoopPosition& at) {
    trainer_.load(all);
    if (run_.exact)
      loader_.load(all.prefixed("loader"));
    else
      loader_.load_changed(all.prefixed("loader"));
    at.load(all.prefixed("loop"), trainer_.device());
    history_.load(all.prefixed("history"));
    best_ = all.number("best");
    best_weights_ = all.text("best_weights");
    saved_ = from_ = trainer_.steps_done();
    if (all.integer("regular") == 0) irregular_ = saved_;
    if (run_.exact || history_.best_epoch == 0 || sha256_of_file(weights_) == best_weights_) return;
    run_.ctx.machine.console.warning(
        weights_.string() + ": these are no longer the weights of epoch " +
        std::to_string(history_.best_epoch) +
        ", the best when the checkpoint was written; the best is chosen anew from here on");
    history_.best_epoch = 0;
    best_ = -std::numeric_limits<double>::infinity();
  }

  void after_epoch(std::int64_t epoch, std::int64_t step) {
    EpochRecord record{epoch, step, {}};
    std::optional<AveragedWeights> averaged;
    if (run_.plan.evaluate.weights == EvaluatedWeights::ema) averaged.emplace(trainer_.average());
    if (run_.plan.evaluate.every == EvaluateEvery::epoch &&
        !run_.data.dataset.records(Split::validation).empty()) {
      try {
        record.measured = evaluate_split(run_, Split::validation, epoch, step).measured;
      } catch (const InterruptedError& interrupted) {
        averaged.reset();                              // checkpoints hold the weights themselves
        interrupt(end_of_epoch_, interrupted.what());  // the evaluation is done again then
      }
    }
    choose(record);
    together(run_.ctx.machine.peers, [&] {
      if (history_.best_epoch == epoch && run_.folder.writes()) write_best_weights();
      run_.observers.checkpoint({.epoch = epoch,
                                 .step = step,
                                 .measured = record.measured,
                                 .chooser = run_.plan.evaluate.best,
                                 .best = history_.best_epoch == epoch});
    });
    averaged.reset();
    record.measured.rows.clear();  // the observers have them
    history_.epochs.push_back(std::move(record));
  }

  /// Whether as many evaluations in a row as the recipe allows brought nothing better.
  [[nodiscard]] bool out_of_patience() const {
    const std::int64_t patience = run_.plan.evaluate.patience;
    const std::int64_t epoch = history_.epochs.back().epoch;
    if (patience == 0 || epoch - history_.best_epoch < patience) return false;
    if (trainer_.steps_done() < length_.total_steps)
      run_.ctx.machine.console.note("training ends after epoch " + std::to_string(epoch) + ": no " +
                                    run_.plan.evaluate.best + " better than that of epoch " +
                                    std::to_string(history_.best_epoch) +
                                    " (evaluate.patience = " + std::to_string(patience) + ")");
    return true;
  }

  /// Whether the weights are the best so far.
  void choose(const EpochRecord& record) {
    const std::string& chooser = run_.plan.evaluate.best;
    const bool less = less_is_better(run_.plan);
    require_chooser(record.measured, chooser);
    const double value =
        selection_score(record.measured, chooser, less)
            .value_or(static_cast<double>(record.epoch));  // without one the last is best
    if (!std::isfinite(value))
      run_.ctx.machine.console.warning(
          "epoch " + std::to_string(record.epoch) + ": " + chooser + " is not a number (got " +
          std::to_string(less ? -value : value) + "), so these weights can't be the best");
    if (history_.best_epoch != 0 &&
        !(std::isfinite(value) && (value > best_ || !std::isfinite(best_))))
      return;
    best_ = value;
    history_.best_epoch = record.epoch;
  }

  void write_best_weights() {
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
  std::filesystem::path weights_;  // of the best epoch
  Checkpoints checkpoints_;
  Rhythm rhythm_;
  History history_;
  double best_ = -std::numeric_limits<double>::infinity();
  std::string best_weights_;               // SHA-256 of what was written last; empty = nothing
  LoopPosition end_of_epoch_;              // behind its last update
  std::int64_t from_ = 0;                  // the update that this run went on from
  std::int64_t saved_ = 0;                 // the update whose checkpoint was written last
  std::set<std::int64_t> written_;         // by this process
  std::optional<std::int64_t> irregular_;  // a checkpoint that goes with the next one
  Clock::time_point last_save_ = Clock::now();
};

}  // namespace detail

VLP_INLINE History fit(RunParts& run) { return detail::Fit(run).result(); }

}  // namespace vlp
