#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include <torch/nn/module.h>

#include "vlp/assemble/write_model.hpp"
#include "vlp/concepts/context.hpp"
#include "vlp/concepts/format.hpp"
#include "vlp/concepts/tensor_state.hpp"
#include "vlp/concepts/tokenizer.hpp"
#include "vlp/core/message.hpp"
#include "vlp/plan/plan.hpp"
#include "vlp/recipe/write.hpp"
#include "vlp/report/run_folder.hpp"
#include "vlp/start/formats.hpp"
#include "vlp/weights/module_weights.hpp"
#include "vlp/weights/safetensors.hpp"

namespace vlp {

namespace detail {

/// A model as formats see it.
[[nodiscard]] inline ExportedModel exported(const Plan& plan, const Context& ctx) {
  ExportedModel model{.resolved = plan.resolved,
                      .ctx = ctx,
                      .image_transforms = {},
                      .text_transforms = {},
                      .generate = plan.generate};
  for (const TransformUse& use : plan.transform) {
    if (use.extra.when == When::train) continue;
    if (use.traits().is_text)
      model.text_transforms.push_back(use.name());
    else
      model.image_transforms.push_back(use.write());
  }
  return model;
}

/// The format in which a model is written; null if none can express it.
[[nodiscard]] inline const NamedFormat* writer_of(const ExportedModel& model,
                                                  const Formats& formats, std::string_view reader) {
  std::vector<const NamedFormat*> able;
  std::vector<std::string> obstacles;
  for (const NamedFormat& candidate : formats.all()) {
    const std::string obstacle = candidate.format.obstacle(model);
    if (obstacle.empty())
      able.push_back(&candidate);
    else
      obstacles.push_back(candidate.format.title() + " can't have " + obstacle);
  }
  const Console& console = model.ctx.machine.console;
  if (able.empty()) {
    if (!obstacles.empty())
      console.note("model/ holds safetensors with the recipe: " + joined(obstacles, "; "));
    return nullptr;
  }
  const NamedFormat* chosen = able.front();
  for (const NamedFormat* candidate : able)
    if (candidate->name == reader) chosen = candidate;
  if (able.size() > 1)
    console.note("model/ is written as " + chosen->format.title() + " has it, format '" +
                 chosen->name + "'" +
                 (chosen->name == reader ? ", which has read the first weights" : ""));
  return chosen;
}

}  // namespace detail

VLP_INLINE void write_model_recipe(const RunFolder& folder, const Plan& plan,
                                   const AnyTokenizer& tokenizer) {
  folder.write("model/recipe.toml", write_toml(plan.resolved));
  if (folder.writes()) tokenizer.write(folder.subfolder("model"));
}

VLP_INLINE std::optional<AnyFormat> write_format_settings(const RunFolder& folder, const Plan& plan,
                                                          const Context& ctx,
                                                          std::string_view reader) {
  const ExportedModel model = detail::exported(plan, ctx);
  const NamedFormat* format = detail::writer_of(model, plan.formats, reader);
  if (!format) {
    const NamedFormat* family = plan.formats.of_model(plan.resolved);
    return family ? std::optional(family->format) : std::nullopt;
  }
  for (const FolderFile& file : format->format.files(model))
    std::visit([&](const auto& content) { folder.write("model/" + file.name, content); },
               file.content);
  return format->format;
}

VLP_INLINE void write_model_weights(const torch::nn::Module& module,
                                    const std::filesystem::path& path,
                                    const std::optional<AnyFormat>& format) {
  NamedTensors tensors;
  for (const auto& [name, tensor] : detail::all_tensors(module))
    tensors.emplace_back(name, tensor_bytes(tensor));
  Metadata metadata{{"format", "pt"}};
  if (format) format->pack(tensors, metadata);
  write_safetensors(path, tensors, metadata);
}

}  // namespace vlp
