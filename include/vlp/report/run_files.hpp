#pragma once
// What the files of a run folder are called and how values look in them, for who writes and who
// reads them. Includes no torch.

#include <cctype>
#include <cmath>
#include <cstdint>
#include <limits>
#include <string>
#include <string_view>
#include <vector>

#include <fmt/format.h>

#include "vlp/concepts/bad_sample.hpp"
#include "vlp/concepts/dataset.hpp"
#include "vlp/core/image_id_json.hpp"
#include "vlp/core/json.hpp"
#include "vlp/core/message.hpp"
#include "vlp/core/plugin_info.hpp"
#include "vlp/report/measured.hpp"
#include "vlp/report/observer.hpp"
#include "vlp/report/run_folder.hpp"

namespace vlp {

/// Names within a run folder.
namespace run_files {

inline constexpr const char* kRecipe = "recipe.toml";
inline constexpr const char* kSplit = "split.json";
inline constexpr const char* kEnvironment = "environment.json";
inline constexpr const char* kLog = "log.jsonl";
inline constexpr const char* kMetrics = "metrics.jsonl";
inline constexpr const char* kBad = "bad.jsonl";
inline constexpr const char* kScores = "scores.json";
inline constexpr const char* kContactSheet = "contact_sheet.png";
inline constexpr const char* kCheckpoints = "checkpoints";

/// What the files of an evaluation are called unless its line says something else:
/// `validation-2`.
/// @param epoch  of the weights, 0 = given ones
[[nodiscard]] inline std::string evaluation(Split split, std::int64_t epoch) {
  return split_name(split) + "-" + std::to_string(epoch);
}
/// The same where a run evaluates every so many updates: `validation-step-00000500`. The line has
/// this name.
/// @param step  updates behind which the weights were
[[nodiscard]] inline std::string evaluation_at_step(Split split, std::int64_t step) {
  return fmt::format("{}-step-{:08}", split_name(split), step);
}
/// Captions that were generated, COCO results.
/// @param evaluation  its name
[[nodiscard]] inline std::string captions(const std::string& evaluation) {
  return "captions/" + evaluation + ".json";
}
/// Scores image by image.
/// @param evaluation  its name
[[nodiscard]] inline std::string rows(const std::string& evaluation) {
  return "rows/" + evaluation + ".jsonl";
}
/// What people wrote of the evaluated images, COCO captions.
[[nodiscard]] inline std::string references(Split split) {
  return "references/" + split_name(split) + ".json";
}
/// A small picture of an image; what no file name can hold is written %XX.
[[nodiscard]] inline std::string thumbnail(std::string_view image_id) {
  std::string name;
  for (const char c : image_id) {
    const auto byte = static_cast<unsigned char>(c);
    const bool mark = c == '_' || c == '-' || (c == '.' && !name.empty());
    name += std::isalnum(byte) != 0 || mark ? std::string(1, c) : "%" + hex_byte(byte);
  }
  return "thumbnails/" + name + ".jpg";
}

}  // namespace run_files

/// Plugins as environment.json holds them.
[[nodiscard]] inline Json plugins_json(const std::vector<PluginInfo>& plugins) {
  Json all = Json::array();
  for (const PluginInfo& plugin : plugins)
    all.push_back({{"file", plugin.file}, {"name", plugin.name}, {"version", plugin.version}});
  return all;
}

/// A number; null if it isn't finite, for which JSON has no word.
[[nodiscard]] inline Json number_json(double x) {
  return std::isfinite(x) ? Json(x) : Json(nullptr);
}
/// The same read back. @throws nlohmann's type_error if it is neither a number nor null
[[nodiscard]] inline double number_of(const Json& json) {
  return json.is_null() ? std::numeric_limits<double>::quiet_NaN() : json.get<double>();
}

/// Scores or losses as an object.
[[nodiscard]] inline Json scores_json(const Scores& scores) {
  Json json = Json::object();
  for (const auto& [name, value] : scores) json[name] = number_json(value);
  return json;
}
/// The same read back.
[[nodiscard]] inline Scores scores_of_json(const Json& json) {
  Scores scores;
  for (const auto& [name, value] : json.items()) scores.emplace_back(name, number_of(value));
  return scores;
}

/// A line of log.jsonl.
[[nodiscard]] inline Json log_json(const LogLine& line) {
  Json json{{"step", line.step},
            {"epoch", line.epoch},
            {"loss", number_json(line.loss)},
            {"losses", scores_json(line.losses)},
            {"lr", line.lr},
            {"grad_norm", number_json(line.grad_norm)}};
  if (line.scale) json["scale"] = *line.scale;
  json["skipped"] = line.skipped;
  json["samples_per_s"] = line.samples_per_s;
  json["wait"] = line.wait;
  json["checkpoint"] = line.checkpoint;
  json["memory_mb"] = line.memory_mb;
  return json;
}

/// A line of metrics.jsonl.
[[nodiscard]] inline Json metrics_json(const EvaluationRecord& record) {
  const Measured& measured = record.measured;
  Json metrics = scores_json(measured.scores);
  if (measured.loss) metrics["loss"] = *measured.loss;
  Json line{{"epoch", record.epoch},
            {"step", record.step},
            {"split", split_name(record.split)},
            {"metrics", metrics}};
  if (!measured.losses.empty()) line["losses"] = scores_json(measured.losses);
  if (!record.name.empty()) line["name"] = record.name;
  if (measured.bad > 0) line["bad"] = measured.bad;
  return line;
}

/// A line of bad.jsonl.
[[nodiscard]] inline Json bad_json(const BadSample& sample) {
  return {{"image", sample.image_id}, {"reason", sample.reason}, {"error", sample.error}};
}

}  // namespace vlp
