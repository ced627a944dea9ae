#pragma once

#include <algorithm>
#include <filesystem>
#include <numeric>
#include <set>
#include <string>
#include <string_view>

#include <fmt/format.h>

#include "vlp/core/image_id_json.hpp"
#include "vlp/core/json.hpp"
#include "vlp/report/contact_sheet.hpp"
#include "vlp/report/run_environment.hpp"
#include "vlp/report/run_files.hpp"
#include "vlp/report/run_folder_writer.hpp"
#include "vlp/report/thumbnail.hpp"

namespace vlp {

VLP_INLINE void RunFolderWriter::begin(const RunStart& start) const {
  folder_->write(run_files::kRecipe, start.recipe);
  Json splits = Json::object();
  for (const Split split : {Split::train, Split::validation, Split::test}) {
    Json ids = Json::array();
    for (const ImageRecord& record : start.splits[static_cast<std::size_t>(split)])
      ids.push_back(record.image_id);
    splits[split_name(split)] = std::move(ids);
  }
  folder_->write(run_files::kSplit, splits);
  if (folder_->writes() && std::filesystem::exists(folder_->path() / run_files::kEnvironment))
    return;  // written with the folder, which knows the command line, too
  folder_->write(run_files::kEnvironment, environment_json({.built = start.built,
                                                            .plugins = start.plugins,
                                                            .device = start.device,
                                                            .precision = start.precision,
                                                            .threads = start.threads,
                                                            .data_dir = start.data_dir,
                                                            .recipe = {},
                                                            .sets = {}}));
}

VLP_INLINE void RunFolderWriter::log(const LogLine& line) const {
  folder_->append(run_files::kLog, log_json(line));
}

VLP_INLINE void RunFolderWriter::bad_sample(const BadSample& sample) const {
  folder_->append(run_files::kBad, bad_json(sample));
}

VLP_INLINE void RunFolderWriter::evaluation(const EvaluationRecord& record) const {
  const std::string name =
      record.name.empty() ? run_files::evaluation(record.split, record.epoch) : record.name;
  Json captions = Json::array();
  for (const CaptionedImage& image : record.captions)
    captions.push_back({{"image_id", image.record->image_id}, {"caption", image.caption}});
  if (!captions.empty()) folder_->write(run_files::captions(name), captions);

  std::vector<Json> rows;
  for (const ImageScores& row : record.measured.rows)
    rows.push_back({{"image_id", row.image_id}, {"scores", scores_json(row.scores)}});
  if (!rows.empty()) folder_->write_lines(run_files::rows(name), rows);

  if (!std::filesystem::exists(folder_->path() / run_files::references(record.split))) {
    Json images = Json::array(), annotations = Json::array();
    std::set<std::string_view> bad;
    for (const BadSample& sample : record.bad) bad.insert(sample.image_id.text());
    for (const ImageRecord& image : record.images) {
      if (bad.contains(image.image_id.text())) continue;
      images.push_back({{"id", image.image_id}});
      for (const std::string& caption : image.captions)
        annotations.push_back(
            {{"id", annotations.size()}, {"image_id", image.image_id}, {"caption", caption}});
    }
    folder_->write(run_files::references(record.split),
                   Json{{"images", std::move(images)}, {"annotations", std::move(annotations)}});
  }
  folder_->append(run_files::kMetrics, metrics_json(record));
}

VLP_INLINE void RunFolderWriter::end(const RunEnd& end) const {
  constexpr std::size_t kExtremes = 12;
  const Report& report = end.report;
  const auto spread = static_cast<std::size_t>(shown_);
  if (!report.contact_sheet.empty()) {
    std::vector<ContactSheetCell> cells;
    for (const std::size_t i : shown_images(end.captions, {}, spread, 0))
      cells.push_back({.image = end.captions[i].record->file,
                       .caption = end.captions[i].caption,
                       .second_line = end.captions[i].record->captions.front()});
    write_contact_sheet(
        report.contact_sheet, cells,
        {.title =
             fmt::format("{} images of the {} split: the generated caption, below it a reference",
                         cells.size(), report.split)});
  }
  for (const std::size_t i : shown_images(end.captions, report.measured.rows, spread, kExtremes)) {
    const ImageRecord& record = *end.captions[i].record;
    const std::filesystem::path file =
        folder_->path() / run_files::thumbnail(record.image_id.text());
    std::filesystem::create_directories(file.parent_path());
    write_thumbnail(record.file, file);
  }

  Json json{{"split", report.split},
            {"images", report.measured.images},
            {"epoch", report.history.best_epoch},
            {"step", report.history.best_step},
            {"scores", scores_json(report.measured.scores)}};
  if (report.measured.bad > 0) json["bad"] = report.measured.bad;
  if (report.measured.loss) json["loss"] = *report.measured.loss;
  if (!report.measured.losses.empty()) json["losses"] = scores_json(report.measured.losses);
  if (!report.baseline.empty())
    json["baseline"] = {{"caption", report.baseline_caption},
                        {"scores", scores_json(report.baseline)}};
  folder_->write(run_files::kScores, json);
  folder_->finish();
}

VLP_INLINE std::vector<std::size_t> shown_images(std::span<const CaptionedImage> captions,
                                                 std::span<const ImageScores> rows,
                                                 std::size_t spread, std::size_t extremes) {
  std::set<std::size_t> chosen;
  const std::size_t all = std::min(spread, captions.size());
  for (std::size_t i = 0; i < all; ++i) chosen.insert(i * captions.size() / all);
  if (rows.size() == captions.size() && !rows.empty() && !rows.front().scores.empty()) {
    std::vector<std::size_t> order(rows.size());
    std::iota(order.begin(), order.end(), 0U);
    std::ranges::sort(order, [&](std::size_t a, std::size_t b) {
      const double x = rows[a].scores.front().second, y = rows[b].scores.front().second;
      return x != y ? x > y : a < b;
    });
    const auto count = static_cast<std::ptrdiff_t>(std::min(extremes, order.size()));
    chosen.insert(order.begin(), order.begin() + count);
    chosen.insert(order.end() - count, order.end());
  }
  return {chosen.begin(), chosen.end()};
}

}  // namespace vlp
