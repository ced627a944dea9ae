#pragma once
// Small random models as files, and a console that remembers what it was told.

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include "plugins/format/blip.hpp"
#include "tests/support/messages.hpp"
#include "tests/support/model_tensors.hpp"
#include "tests/support/scratch_folder.hpp"
#include "vlp/assemble/model_tables.hpp"
#include "vlp/assemble/open.hpp"
#include "vlp/assemble/open_model.hpp"
#include "vlp/assemble/write_model.hpp"
#include "vlp/blip/config.hpp"
#include "vlp/blip/hugging_face.hpp"
#include "vlp/blip/recipe.hpp"
#include "vlp/blip/temperature.hpp"
#include "vlp/blip/tensors.hpp"
#include "vlp/concepts/tensor_state.hpp"
#include "vlp/core/error.hpp"
#include "vlp/recipe/load.hpp"
#include "vlp/registry/builtin.hpp"
#include "vlp/registry/registry.hpp"
#include "vlp/weights/config_file.hpp"
#include "vlp/weights/module_weights.hpp"
#include "vlp/weights/read_weights.hpp"
#include "vlp/weights/safetensors.hpp"
#include "vlp/weights/tensor_map.hpp"

namespace vlp_test {

namespace fs = std::filesystem;
using nlohmann::json;

inline fs::path parity(const std::string& name) {
  return fs::path(VLP_TEST_DATA) / "parity" / name;
}

inline void write_text(const fs::path& file, const std::string& text) {
  fs::create_directories(file.parent_path());
  std::ofstream(file, std::ios::binary) << text;
}

inline json read_json(const fs::path& file) { return json::parse(std::ifstream(file)); }

/// What a console was told.
struct Heard {
  std::vector<std::string> notes, warnings;

  [[nodiscard]] vlp::Console console() {
    vlp::Console console;
    console.on_note = [this](std::string_view text) { notes.emplace_back(text); };
    console.on_warning = [this](std::string_view text) { warnings.emplace_back(text); };
    return console;
  }
};

/// Everything that opening needs, silent unless a test listens.
struct Opener {
  vlp::Registry registry;
  Heard heard;

  Opener() { vlp::add_builtin_plugins(registry); }

  [[nodiscard]] vlp::OpenedModel open(const fs::path& name, at::ScalarType dtype = at::kFloat,
                                      vlp::Parts needs = vlp::Parts()) {
    vlp::OpenModelArguments arguments;
    arguments.threads = 1;
    arguments.share_dir = fs::path(VLP_SOURCE_ROOT) / "share";
    arguments.console = heard.console();
    arguments.dtype = dtype;
    arguments.needs = needs;
    return vlp::open_model(name.string(), registry, arguments);
  }

  /// The message with which opening fails; empty if it doesn't.
  template <class Error = vlp::WeightsError>
  [[nodiscard]] std::string refusal(const fs::path& name, vlp::Parts needs = vlp::Parts()) {
    return message_of<Error>([&] { (void)open(name, at::kFloat, needs); });
  }
};

/// A model of a few thousand numbers; the text part's heads are not 64 wide.
inline vlp::BlipConfig tiny_config(vlp::BlipTask task = vlp::BlipTask::captioning) {
  vlp::BlipConfig config;
  config.task = task;
  config.embedding_width = 10;
  config.vision = {.patches = {.image_size = 32, .patch = 8},
                   .sizes = {.width = 16, .depth = 2, .heads = 2, .mlp = 24}};
  config.text.sizes = {.width = 12, .depth = 1, .heads = 3, .mlp = 20};
  config.text.options.vocabulary_size = 50;
  config.text.options.max_positions = 24;
  config.text.bos = 48;
  config.text.sep = 3;
  config.text.pad = 1;
  return config;
}

/// A plan for such a model.
inline vlp::Plan plan_for(const vlp::BlipConfig& config, const vlp::Registry& registry) {
  vlp::Table generate =
      vlp::generate_table(vlp::ConfigObject("none"), config.text.options.max_positions);
  const vlp::Value recipe = vlp::blip_recipe(
      config, std::nullopt, vlp::transform_tables(config.vision.patches.image_size, "torchvision"),
      std::move(generate));
  return vlp::read_model_tables({recipe, "test", {}}, registry);
}

/// Its model with random weights.
inline vlp::AnyModel random_model(const vlp::BlipConfig& config, const vlp::Registry& registry,
                                  std::uint64_t seed = 1) {
  at::manual_seed(seed);
  vlp::Context ctx;
  ctx.facts.tokens.decode = config.text.bos;
  ctx.facts.tokens.sep = config.text.sep;
  ctx.facts.tokens.pad = config.text.pad;
  ctx.facts.tokens.encode = config.text.bos + 1;
  vlp::AnyModel model = plan_for(config, registry).model.build(ctx);
  const at::NoGradGuard no_grad;
  for (auto& item : model.ptr()->named_parameters())
    if (item.key() != vlp::kTemperatureName) item.value().normal_(0.0, 0.2);
  return model;
}

/// The format of all of these models.
inline std::optional<vlp::AnyFormat> blip_format() { return vlp::AnyFormat(vlp::BlipFormat{}); }

/// The tensors of a file, owned, so that they can be changed and written again.
inline vlp::TensorMap tensors_of(const torch::nn::Module& module) {
  const ScratchFolder scratch;
  vlp::write_model_weights(module, scratch.path / "model.safetensors", blip_format());
  return vlp::read_safetensors(scratch.path / "model.safetensors").tensors;
}

inline void write_tensors(const fs::path& file, const vlp::TensorMap& tensors) {
  fs::create_directories(file.parent_path());
  vlp::write_safetensors(file, {tensors.begin(), tensors.end()});
}

/// A Hugging Face folder with config.json and weights.
inline void write_folder(const fs::path& folder, const vlp::BlipConfig& config,
                         const vlp::TensorMap& tensors) {
  write_text(folder / "config.json", vlp::config_json(config).dump());
  write_tensors(folder / "model.safetensors", tensors);
}

/// A tensor's name in the original repository.
inline std::string original_name(std::string name) {
  const std::vector<std::pair<std::string, std::string>> names{
      {"vision_model.embeddings.patch_embedding.", "visual_encoder.patch_embed.proj."},
      {"vision_model.embeddings.class_embedding", "visual_encoder.cls_token"},
      {"vision_model.embeddings.position_embedding", "visual_encoder.pos_embed"},
      {"vision_model.post_layernorm.", "visual_encoder.norm."},
      {"vision_model.encoder.layers.", "visual_encoder.blocks."},
      {".layer_norm1.", ".norm1."},
      {".layer_norm2.", ".norm2."},
      {".self_attn.qkv.", ".attn.qkv."},
      {".self_attn.projection.", ".attn.proj."}};
  for (const auto& [from, to] : names)
    if (const auto at = name.find(from); at != name.npos) name.replace(at, from.size(), to);
  return name;
}

inline vlp::TensorMap with_original_names(const vlp::TensorMap& tensors) {
  vlp::TensorMap renamed;
  for (const auto& [name, tensor] : tensors) renamed.emplace(original_name(name), tensor);
  return renamed;
}

/// Matching logits of a model for images and a text of ids 4, 5, 6, ...
inline at::Tensor match_logits(const vlp::AnyModel& model, const at::Tensor& pixels,
                               std::int64_t length = 5) {
  const at::NoGradGuard no_grad;
  const vlp::ModelParts& parts = model.parts();
  const at::Tensor ids = at::arange(4, 4 + length).repeat({pixels.size(0), 1});
  return parts.call<vlp::MatchLogits>(parts.call<vlp::GroundedStates>(
      ids, at::ones(ids.sizes(), at::kBool), parts.call<vlp::ImageStates>(pixels)));
}

/// Logits of a model for images and a text of ids 4, 5, 6, ...
inline at::Tensor logits(const vlp::AnyModel& model, const at::Tensor& pixels,
                         std::int64_t length = 5) {
  const at::NoGradGuard no_grad;
  const vlp::ModelParts& parts = model.parts();
  const at::Tensor ids = at::arange(4, 4 + length).repeat({pixels.size(0), 1});
  return parts.call<vlp::DecoderLogits>(parts.call<vlp::DecoderStates>(
      ids, at::ones(ids.sizes(), at::kBool), parts.call<vlp::ImageStates>(pixels)));
}

}  // namespace vlp_test
