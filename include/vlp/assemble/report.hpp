#pragma once
// The end of a run: its scores beside the baseline's, and the contact sheet.

#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <torch/nn/module.h>

#include "vlp/assemble/history.hpp"
#include "vlp/assemble/open.hpp"
#include "vlp/assemble/write.hpp"
#include "vlp/data/data.hpp"
#include "vlp/evaluate/evaluate.hpp"
#include "vlp/plan.hpp"
#include "vlp/report/contact_sheet.hpp"
#include "vlp/report/run_folder.hpp"

namespace vlp {

/// What a run found.
struct Report {
  std::filesystem::path folder;         ///< of the run
  std::string split;                    ///< that was scored at the end
  std::int64_t images = 0;              ///< scored
  Scores scores;                        ///< of the best weights
  std::optional<double> loss;           ///< of the best weights; none without losses
  Scores losses;                        ///< the parts of it
  Scores baseline;                      ///< of the commonest training caption; empty if not asked for, or without captions
  std::string baseline_caption;         ///< said of every image
  History history;                      ///< of the training; empty if there was none
  std::filesystem::path contact_sheet;  ///< empty if not asked for, or without captions
};

/// Says what is about to happen: device, sizes, lengths.
inline void note_beginning(const Plan& plan, const Data& data, const AnyModel& model, const Context& ctx) {
  std::int64_t parameters = 0;
  for (const at::Tensor& parameter : model.ptr()->parameters()) parameters += parameter.numel();
  const auto count = [&](Split split) { return data.dataset.records(split).size(); };
  ctx.console.note(fmt::format("device {}, {} thread{}", ctx.device.text(), ctx.threads, ctx.threads == 1 ? "" : "s"));
  ctx.console.note(fmt::format("dataset {}: {} / {} / {} images for training / validation / test", plan.dataset.name(), count(Split::train),
                               count(Split::validation), count(Split::test)));
  ctx.console.note(fmt::format("model {}: {:.1f} M parameters, {}", plan.model.name(), static_cast<double>(parameters) / 1e6,
                               plan.model.extra.weights.empty() ? "random weights" : "weights of " + plan.model.extra.weights.in_words()));
}

/// Writes scores.json and the contact sheet.
[[nodiscard]] inline Report write_report(const Plan& plan, History history, const Evaluation& found, const Data& data, const Context& ctx,
                                         const RunFolder& folder) {
  Report report;
  report.folder = folder.path();
  report.split = split_name(plan.evaluate.split);
  report.images = found.images;
  report.scores = found.scores;
  report.loss = found.loss;
  report.losses = found.losses;
  report.history = std::move(history);

  const auto images = first_images(data.dataset.records(plan.evaluate.split), plan.evaluate.max_images);
  if (plan.report.baseline && !found.captions.empty() && !data.dataset.records(Split::train).empty()) {
    const auto captions = commonest_caption(data.dataset.records(Split::train), images, ctx.threads);
    report.baseline = score_captions(captions, build_metrics(plan, ctx), ctx.threads);
    report.baseline_caption = captions.front().caption;
  }

  const std::size_t shown = std::min(found.captions.size(), static_cast<std::size_t>(plan.report.contact_sheet));
  if (shown > 0) {
    std::vector<ContactSheetCell> cells;
    for (std::size_t i = 0; i < shown; ++i) {
      const CaptionedImage& image = found.captions[i * found.captions.size() / shown];
      cells.push_back({.image = image.record->file, .caption = image.caption, .second_line = image.record->captions.front()});
    }
    report.contact_sheet = folder.path() / "contact_sheet.png";
    write_contact_sheet(
        report.contact_sheet, cells,
        {.title = fmt::format("{} images of the {} split: the generated caption, below it a reference", shown, report.split)});
  }

  Json json{
      {"split", report.split}, {"images", report.images}, {"epoch", report.history.best_epoch}, {"scores", scores_json(report.scores)}};
  if (report.loss) json["loss"] = *report.loss;
  if (!report.losses.empty()) json["losses"] = scores_json(report.losses);
  if (!report.baseline.empty()) json["baseline"] = {{"caption", report.baseline_caption}, {"scores", scores_json(report.baseline)}};
  folder.write("scores.json", json);
  return report;
}

}  // namespace vlp
