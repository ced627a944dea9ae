#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <map>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <ATen/Context.h>
#include <torch/nn/module.h>
#include <torch/version.h>

#include "vlp/assemble/open.hpp"
#include "vlp/concepts/context.hpp"
#include "vlp/concepts/peers.hpp"
#include "vlp/core/error.hpp"
#include "vlp/core/message.hpp"
#include "vlp/core/packed.hpp"
#include "vlp/core/printable.hpp"
#include "vlp/data/data.hpp"
#include "vlp/data/text_room.hpp"
#include "vlp/evaluate/evaluate.hpp"
#include "vlp/plan/plan.hpp"
#include "vlp/recipe/write.hpp"
#include "vlp/report/console_writer.hpp"
#include "vlp/report/observer.hpp"
#include "vlp/report/run_files.hpp"
#include "vlp/report/run_folder_writer.hpp"
#include "vlp/tasks/run_parts.hpp"
#include "vlp/train/objective.hpp"

#ifndef VLP_VERSION  // the build defines it; an installed vlp has it in a header
#include "vlp_fingerprint.hpp"
#endif

namespace vlp {

VLP_INLINE Observers observers_of(const Plan& plan, const Context& ctx, const RunFolder& folder) {
  Observers observers;
  if (!folder.writes()) return observers;
  observers.add(RunFolderWriter(folder, plan.report.contact_sheet));
  observers.add(ConsoleWriter(ctx.machine.console));
  return observers;
}

VLP_INLINE std::vector<std::pair<std::string, std::string>> versions_built_with() {
  return {{"vlp", VLP_VERSION}, {"torch", TORCH_VERSION}, {"compiler", __VERSION__}};
}

VLP_INLINE RunStart start_of(const RunParts& run) {
  const WeightSources& weights = run.plan.model.extra.weights;
  RunStart start;
  start.recipe = write_toml(run.plan.resolved);
  start.dataset = run.plan.dataset.name();
  start.model = run.plan.model.name();
  start.weights = weights.empty() ? "random weights" : "weights of " + weights.in_words();
  for (const at::Tensor& parameter : run.model.ptr()->parameters())
    start.parameters += parameter.numel();
  for (const Split split : {Split::train, Split::validation, Split::test})
    start.splits[static_cast<std::size_t>(split)] = run.data.dataset.records(split);
  start.device = run.ctx.machine.device;
  start.precision = run.ctx.machine.precision;
  start.threads = run.ctx.machine.threads;
  start.data_dir = run.ctx.folders.data;
  start.plugins = run.plugins;
  start.built = versions_built_with();
  return start;
}

VLP_INLINE void require_usable_prompts(const Plan& plan, const AnyTokenizer& tokenizer,
                                       const AnyDataset& dataset) {
  std::map<std::string_view, const ImageRecord*> first_with;  // by prompt
  for (const Split split : {Split::train, Split::validation, Split::test})
    for (const ImageRecord& record : dataset.records(split))
      if (!record.prompt.empty()) first_with.try_emplace(record.prompt, &record);
  if (first_with.empty()) return;
  bool writes = false;
  for (const auto& metric : plan.metric) {
    if (!metric.traits().reads_captions)
      throw RecipeError("metric '" + std::string(metric.name()) +
                        "': retrieval can't be measured where images have prompts of their own "
                        "(got '" +
                        printable(first_with.begin()->first) +
                        "', expected none). Leave the metric or the prompts out.");
    writes = true;
  }
  for (const auto& [prompt, record] : first_with) {
    const std::string whose =
        "prompt '" + printable(prompt) + "' of image '" + printable(record->image_id.text()) + "'";
    const std::int64_t begin = whole_prompt_length(tokenizer, prompt);
    std::vector<std::string> problems;
    if (std::string problem = text_room_problem(begin, plan.tokenizer.traits().longest_text);
        !problem.empty())
      problems.push_back(whose + ": " + std::move(problem));
    if (writes)
      for (const std::string& problem :
           caption_room_problems(plan.generate, begin, plan.model.traits().longest_caption))
        problems.push_back("generate." + problem + "; shorten " + whose + ", or change it");
    if (!problems.empty()) throw RecipeError(joined(problems, "\n") + ".");
  }
}

VLP_INLINE std::size_t list_bad(RunParts& run, std::span<const BadSample> found) {
  if (!run.folder.writes()) return 0;
  const std::vector<BadSample> fresh = run.bad.add(found);
  for (const BadSample& sample : fresh) run.observers.bad_sample(sample);
  return fresh.size();
}

VLP_INLINE void list_bad_of_training(RunParts& run, const std::vector<BadSample>& found) {
  if (!run.ctx.facts.bad.skips()) return;
  const Peers& peers = run.ctx.machine.peers;
  std::vector<BadSample> all = found;
  if (peers.size() > 1) {
    all.clear();
    for (const Bytes& bytes : together(peers, [&] { return pack(found); })) {
      const auto [theirs] = unpack<std::vector<BadSample>>(bytes);
      all.insert(all.end(), theirs.begin(), theirs.end());
    }
  }
  if (all.empty() || !run.folder.writes()) return;
  alone(peers, [&] {
    if (list_bad(run, all) == 0) return;
    const auto records = run.data.dataset.records(Split::train);
    run.bad.require_few(Split::train, records.size(), run.bad.among(records));
  });
}

VLP_INLINE Evaluation evaluate_split(RunParts& run, Split split, const EvaluatedUpdate& weights,
                                     std::int64_t steps) {
  const Plan& plan = run.plan;
  const Evaluator evaluator(run.data, plan.generate, plan.evaluate.batch_size,
                            worker_count(plan, run.ctx), run.ctx);
  const auto records = first_images(run.data.dataset.records(split), plan.evaluate.max_images);
  if (records.empty())
    throw DataError("dataset: the " + split_name(split) +
                    " split is empty. Use more images or other shares.");
  // What a component draws from LibTorch's generators must not depend on what was drawn before.
  at::manual_seed(run.ctx.facts.seeds.derive("evaluation").next());
  Objective* losses = plan.loss.empty() ? nullptr : &run.losses;
  Evaluation found = evaluator(run.model, losses, records, build_metrics(plan, run.ctx),
                               "evaluating " + split_name(split));
  together(run.ctx.machine.peers, [&] {
    list_bad(run, found.bad);
    std::vector<std::string> bad;
    for (const BadSample& sample : found.bad) bad.push_back(sample.image_id.text());
    run.bad.require_few(split, records.size(), bad);
    run.observers.evaluation({.split = split,
                              .epoch = weights.epoch,
                              .step = steps,
                              .measured = found.measured,
                              .images = records,
                              .captions = found.captions,
                              .bad = found.bad,
                              .name = plan.evaluate.by_steps() && weights.step > 0
                                          ? run_files::evaluation_at_step(split, weights.step)
                                          : std::string()});
  });
  return found;
}

VLP_INLINE Report score(RunParts& run, History history) {
  const Plan& plan = run.plan;
  const Peers& peers = run.ctx.machine.peers;
  const Split split = plan.evaluate.split;
  Evaluation found = evaluate_split(
      run, split, {.epoch = history.best_epoch, .step = history.best_step}, history.steps);
  note_orientation(run);

  Report report{.folder = run.folder.path(),
                .split = split_name(split),
                .measured = std::move(found.measured),
                .baseline = {},
                .baseline_caption = {},
                .history = std::move(history),
                .bad = run.bad.count(),
                .contact_sheet = {}};
  const auto training = run.data.dataset.records(Split::train);
  if (plan.report.baseline && !found.captions.empty() && !training.empty()) {
    const auto images = first_images(run.data.dataset.records(split), plan.evaluate.max_images);
    const std::int64_t threads = run.ctx.machine.threads;
    std::vector<CaptionedImage> captions;
    report.baseline = scored_by_first(peers, [&] {
                        captions = commonest_caption(training, images, threads);
                        std::set<const ImageRecord*> bad;
                        for (const BadSample& sample : found.bad)
                          bad.insert(&images[static_cast<std::size_t>(sample.record)]);
                        std::erase_if(captions, [&](const CaptionedImage& image) {
                          return bad.contains(image.record);
                        });
                        return score_captions(captions, build_metrics(plan, run.ctx), threads);
                      }).scores;
    if (!report.baseline.empty() && peers.first())
      report.baseline_caption = captions.front().caption;
  }
  if (plan.report.contact_sheet > 0 && !found.captions.empty())
    report.contact_sheet = run.folder.path() / run_files::kContactSheet;
  together(peers, [&] { run.observers.end({.report = report, .captions = found.captions}); });
  return report;
}

}  // namespace vlp
