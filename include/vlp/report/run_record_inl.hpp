#pragma once

#include <algorithm>
#include <cstddef>
#include <exception>
#include <string_view>
#include <unordered_map>

#include "vlp/core/error.hpp"
#include "vlp/core/image_id_json.hpp"
#include "vlp/core/message.hpp"
#include "vlp/core/read_file.hpp"
#include "vlp/recipe/field.hpp"
#include "vlp/recipe/load.hpp"
#include "vlp/report/run_files.hpp"
#include "vlp/report/run_record.hpp"

namespace vlp {

namespace detail {

/// Reads the files of one run folder; every message names the file, and the line where there is
/// one.
class RunReader {
 public:
  explicit RunReader(std::filesystem::path folder) { run_.folder = std::move(folder); }

  [[nodiscard]] RunRecord read() {
    namespace fs = std::filesystem;
    if (!fs::is_regular_file(run_.folder / run_files::kRecipe))
      throw DataError(run_.folder.string() + ": no run folder (it has no " + run_files::kRecipe +
                      "). Name the folder that `vlp run` wrote.");
    run_.recipe = parse_toml_file(run_.folder / run_files::kRecipe);
    document(run_files::kEnvironment, [&](const Json& json) { run_.environment = json; });
    document(run_files::kSplit, [&](const Json& json) {
      for (const auto& [name, ids] : json.items())
        run_.splits.emplace_back(split_of(name), ids.get<std::vector<ImageId>>());
    });
    lines(run_files::kLog, [&](const Json& json) { run_.log.push_back(log_line(json)); });
    lines(run_files::kMetrics,
          [&](const Json& json) { run_.evaluations.push_back(evaluation(json)); });
    for (RecordedEvaluation& evaluation : run_.evaluations) read_images(evaluation);
    lines(run_files::kBad, [&](const Json& json) {
      run_.bad.push_back({json.at("image").get<ImageId>(), json.at("reason"), json.at("error")});
    });
    document(run_files::kScores, [&](const Json& json) { run_.scores = scores(json); });
    return std::move(run_);
  }

  /// Calls `take(json)` with a whole file, if it is there.
  template <class Take>
  void document(const std::string& name, const Take& take) const {
    const std::filesystem::path file = run_.folder / name;
    if (std::filesystem::exists(file)) understood(file.string(), bytes_of(file), take);
  }

  /// Calls `take(json)` with each line of a file, if it is there.
  template <class Take>
  void lines(const std::string& name, const Take& take) {
    const std::filesystem::path file = run_.folder / name;
    if (!std::filesystem::exists(file)) return;
    const std::string text = bytes_of(file);
    std::size_t number = 0;
    for (std::size_t begin = 0; begin < text.size();) {
      const std::size_t end = text.find('\n', begin);
      const std::string where = file.string() + ":" + std::to_string(++number);
      if (end == text.npos) {
        run_.notes.push_back(where + ": the last line was cut off and is left out");
        return;
      }
      understood(where, text.substr(begin, end - begin), take);
      begin = end + 1;
    }
  }

 private:
  static std::string bytes_of(const std::filesystem::path& file) {
    std::optional<std::string> bytes = read_file(file);
    if (!bytes) throw DataError(file.string() + ": can't be read. Check its rights.");
    return *std::move(bytes);
  }
  template <class Take>
  static void understood(const std::string& where, const std::string& text, const Take& take) {
    try {
      take(Json::parse(text));
    } catch (const std::exception& error) {
      throw DataError(where + ": can't be understood (" + error.what() +
                      "). Did another program change it?");
    }
  }

  static Split split_of(const std::string& name) {
    for (const Split split : {Split::train, Split::validation, Split::test})
      if (split_name(split) == name) return split;
    throw DataError("got split '" + name + "', expected train, validation or test");
  }

  static LogLine log_line(const Json& json) {
    LogLine line;
    line.step = json.at("step");
    line.epoch = json.at("epoch");
    line.loss = number_of(json.at("loss"));
    line.losses = scores_of_json(json.at("losses"));
    line.lr = json.at("lr");
    line.grad_norm = number_of(json.at("grad_norm"));
    if (json.contains("scale")) line.scale = json.at("scale").get<double>();
    line.skipped = json.value("skipped", std::int64_t{0});
    line.samples_per_s = number_of(json.at("samples_per_s"));
    line.wait = json.value("wait", 0.0);
    line.checkpoint = json.value("checkpoint", 0.0);
    line.memory_mb = json.value("memory_mb", 0.0);
    return line;
  }

  static RecordedEvaluation evaluation(const Json& json) {
    RecordedEvaluation found;
    found.split = split_of(json.at("split"));
    found.epoch = json.at("epoch");
    found.step = json.at("step");
    found.name = json.value("name", run_files::evaluation(found.split, found.epoch));
    found.measured.scores = scores_of_json(json.at("metrics"));
    take_loss(found.measured.scores, found.measured.loss);
    if (json.contains("losses")) found.measured.losses = scores_of_json(json.at("losses"));
    found.measured.bad = json.value("bad", std::int64_t{0});
    return found;
  }

  /// The loss stands among the metrics of a line.
  static void take_loss(Scores& scores, std::optional<double>& loss) {
    const auto found =
        std::ranges::find(scores, std::string_view("loss"), [](const auto& s) { return s.first; });
    if (found == scores.end()) return;
    loss = found->second;
    scores.erase(found);
  }

  void read_images(RecordedEvaluation& evaluation) {
    Measured& measured = evaluation.measured;
    lines(run_files::rows(evaluation.name), [&](const Json& json) {
      measured.rows.push_back(
          {json.at("image_id").get<ImageId>(), scores_of_json(json.at("scores"))});
    });
    document(run_files::captions(evaluation.name), [&](const Json& json) {
      for (const Json& row : json)
        evaluation.captions.push_back({row.at("image_id").get<ImageId>(), row.at("caption")});
    });
    measured.images =
        static_cast<std::int64_t>(std::max(measured.rows.size(), evaluation.captions.size()));
  }

  static RecordedScores scores(const Json& json) {
    RecordedScores found;
    found.split = split_of(json.at("split"));
    found.best_epoch = json.at("epoch");
    found.best_step = json.value("step", std::int64_t{0});
    found.measured.images = json.at("images");
    found.measured.bad = json.value("bad", std::int64_t{0});
    found.measured.scores = scores_of_json(json.at("scores"));
    if (json.contains("loss")) found.measured.loss = number_of(json.at("loss"));
    if (json.contains("losses")) found.measured.losses = scores_of_json(json.at("losses"));
    if (json.contains("baseline")) {
      found.baseline = scores_of_json(json.at("baseline").at("scores"));
      found.baseline_caption = json.at("baseline").at("caption");
    }
    return found;
  }

  RunRecord run_;
};

}  // namespace detail

VLP_INLINE const RecordedEvaluation* RunRecord::evaluation(Split split, std::int64_t epoch) const {
  const RecordedEvaluation* last = nullptr;
  for (const RecordedEvaluation& evaluation : evaluations)
    if (evaluation.split == split && evaluation.epoch == epoch) last = &evaluation;
  return last;
}

VLP_INLINE const RecordedEvaluation* RunRecord::final_evaluation() const {
  return scores ? evaluation(scores->split, scores->best_epoch) : nullptr;
}

VLP_INLINE std::filesystem::path RunRecord::thumbnail(const ImageId& image_id) const {
  std::filesystem::path file = folder / run_files::thumbnail(image_id.text());
  return std::filesystem::exists(file) ? file : std::filesystem::path();
}

VLP_INLINE RunRecord read_run(const std::filesystem::path& folder) {
  return detail::RunReader(folder).read();
}

VLP_INLINE std::vector<std::pair<ImageId, std::vector<std::string>>> read_references(
    const RunRecord& run, Split split) {
  std::vector<std::pair<ImageId, std::vector<std::string>>> images;
  detail::RunReader(run.folder).document(run_files::references(split), [&](const Json& json) {
    std::unordered_map<std::string, std::size_t> places;
    for (const Json& image : json.at("images")) {
      images.emplace_back(image.at("id").get<ImageId>(), std::vector<std::string>{});
      places.emplace(images.back().first.text(), images.size() - 1);
    }
    for (const Json& row : json.at("annotations"))
      images.at(places.at(row.at("image_id").get<ImageId>().text()))
          .second.push_back(row.at("caption"));
  });
  return images;
}

}  // namespace vlp
