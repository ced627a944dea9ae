#pragma once
// What a run writes: the resolved recipe, the split, the environment, log lines, scores and captions.

#include <cmath>
#include <cstdint>
#include <string>
#include <thread>
#include <vector>

#include <fmt/format.h>
#include <torch/version.h>

#include "vlp/assemble/history.hpp"
#include "vlp/assemble/write_model.hpp"
#include "vlp/core/context.hpp"
#include "vlp/evaluate/evaluate.hpp"
#include "vlp/plan.hpp"
#include "vlp/recipe/write.hpp"
#include "vlp/report/run_folder.hpp"
#include "vlp/train/fit.hpp"

namespace vlp {

/// Scores or losses as a JSON object; a value that is not finite becomes null.
[[nodiscard]] inline Json scores_json(const Scores& scores) {
  Json json = Json::object();
  for (const auto& [name, value] : scores) json[name] = std::isfinite(value) ? Json(value) : Json(nullptr);
  return json;
}

/// A line of log.jsonl; a gradient norm that is not finite becomes null.
[[nodiscard]] inline Json log_json(const LogLine& line) {
  Json losses = Json::object();
  for (const auto& [name, value] : line.losses) losses[name] = value;
  return {{"step", line.step},
          {"epoch", line.epoch},
          {"loss", line.loss},
          {"losses", losses},
          {"lr", line.lr},
          {"grad_norm", std::isfinite(line.grad_norm) ? Json(line.grad_norm) : Json(nullptr)},
          {"samples_per_s", line.samples_per_s}};
}

/// The losses of which a sum is made, without what they in turn are made of: `itc` and `lm.0`, but not `itc.i2t`.
[[nodiscard]] inline Scores summands(const Scores& losses) {
  Scores kept;
  for (const auto& [name, value] : losses) {
    const std::size_t dot = name.find('.');
    if (dot == name.npos || name.find_first_not_of("0123456789", dot + 1) == name.npos) kept.emplace_back(name, value);
  }
  return kept;
}

/// `epoch 2: step 90, validation loss 5.678 (itc 1.234, lm 4.444), CIDEr 0.567, best so far`
/// @param record  the epoch; of more scores than fit a line only the first are shown, and the one that chooses
/// @param chooser the score that chooses the best weights
/// @param best    whether these are the best weights so far
[[nodiscard]] inline std::string epoch_text(const EpochRecord& record, const std::string& chooser, bool best) {
  constexpr std::size_t kShown = 9;
  std::string text = fmt::format("epoch {}: step {}", record.epoch, record.step);
  if (record.loss) text += fmt::format(", validation loss {:.4f}", *record.loss);
  std::string parts;
  for (const auto& [name, value] : summands(record.losses)) parts += fmt::format("{}{} {:.4f}", parts.empty() ? "" : ", ", name, value);
  if (summands(record.losses).size() > 1) text += " (" + parts + ")";
  for (std::size_t i = 0; i < record.scores.size(); ++i) {
    const auto& [name, value] = record.scores[i];
    if (i < kShown || name == chooser) text += fmt::format(", {} {:.4f}", name, value);
  }
  return text + (best ? ", best so far" : "");
}

/// Captions as COCO results JSON (`captions/SPLIT-EPOCH.json`), if the model writes any, and a line of metrics.jsonl.
inline void write_evaluation(const RunFolder& folder, const Evaluation& found, Split split, std::int64_t epoch, std::int64_t step) {
  Json captions = Json::array();
  for (const CaptionedImage& image : found.captions) captions.push_back({{"image_id", image.record->image_id}, {"caption", image.caption}});
  if (!captions.empty()) folder.write("captions/" + split_name(split) + "-" + std::to_string(epoch) + ".json", captions);
  Json metrics = scores_json(found.scores);
  if (found.loss) metrics["loss"] = *found.loss;
  Json line{{"epoch", epoch}, {"step", step}, {"split", split_name(split)}, {"metrics", metrics}};
  if (!found.losses.empty()) line["losses"] = scores_json(found.losses);
  folder.append("metrics.jsonl", line);
}

/// What a run was asked to do, before it starts: recipe.toml, split.json, environment.json, and model/ but for its weights.
inline void write_beginning(const RunFolder& folder, const Plan& plan, const Data& data, const Context& ctx) {
  folder.write("recipe.toml", write_toml(plan.resolved));
  write_model_settings(folder, plan, data.tokenizer, ctx);
  Json splits = Json::object();
  for (const Split split : {Split::train, Split::validation, Split::test}) {
    Json ids = Json::array();
    for (const ImageRecord& record : data.dataset.records(split)) ids.push_back(record.image_id);
    splits[split_name(split)] = std::move(ids);
  }
  folder.write("split.json", splits);
  folder.write("environment.json", Json{{"torch", TORCH_VERSION},
                                        {"compiler", __VERSION__},
                                        {"device", ctx.device.text()},
                                        {"precision", EnumNames<Precision>::of(ctx.precision)},
                                        {"threads", ctx.threads},
                                        {"cores", std::thread::hardware_concurrency()},
                                        {"data_dir", std::filesystem::absolute(ctx.data_dir).lexically_normal().string()},
                                        {"started", timed_name("").substr(1)}});
}

}  // namespace vlp
