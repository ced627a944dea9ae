#pragma once
// What names and shapes of a file's tensors say about a BLIP, under Hugging Face's names. Includes
// no torch.

#include <cmath>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "vlp/blip/config.hpp"
#include "vlp/core/error.hpp"
#include "vlp/core/printable.hpp"
#include "vlp/weights/tensor_map.hpp"
#include "vlp/weights/tensor_parts.hpp"

namespace vlp {

namespace detail {

inline constexpr const char* kPositions = "vision_model.embeddings.position_embedding";
inline constexpr const char* kWords = "text_decoder.bert.embeddings.word_embeddings.weight";
inline constexpr const char* kHead = "text_decoder.cls.predictions.decoder.weight";
inline constexpr const char* kHeadBias = "text_decoder.cls.predictions.bias";
inline constexpr const char* kHeadBiasCopy = "text_decoder.cls.predictions.decoder.bias";

/// Beginnings of the names of text parts.
inline constexpr const char *kTextEncoder = "text_encoder.", *kTextDecoder = "text_decoder.bert.";

/// Where the sizes of the text part are read: the decoder if there is one, since its values are
/// those of both.
[[nodiscard]] inline std::string text_prefix(BlipTask task) {
  return has_decoder(task) ? kTextDecoder : kTextEncoder;
}

/// Sizes of tensors, by name; each function throws a WeightsError that names the file and what it
/// lacks.
class TensorSizes {
 public:
  TensorSizes(const TensorMap& tensors, std::string source)
      : tensors_(tensors), source_(std::move(source)) {}

  [[nodiscard]] std::int64_t size(const std::string& name, std::size_t dimensions,
                                  std::size_t dimension) const {
    const auto found = tensors_.find(name);
    if (found == tensors_.end()) fail("tensor '" + name + "' is missing");
    const std::vector<std::int64_t>& shape = found->second.shape;
    if (shape.size() != dimensions || shape[dimension] < 1)
      fail("tensor '" + name + "' has another shape (got " + shape_text(shape) + ", expected " +
           std::to_string(dimensions) + " sizes above 0)");
    return shape[dimension];
  }

  /// How many of `prefix`0`suffix`, `prefix`1`suffix`, ... there are.
  [[nodiscard]] std::int64_t count(const std::string& prefix, const std::string& suffix) const {
    std::int64_t n = 0;
    while (tensors_.contains(prefix + std::to_string(n) + suffix)) ++n;
    if (n == 0) fail("tensor '" + prefix + "0" + suffix + "' is missing");
    return n;
  }

  /// Heads of 64, as in every published BLIP.
  [[nodiscard]] std::int64_t heads(std::int64_t width, const std::string& what) const {
    if (width % 64 != 0)
      fail(what + " of width " + std::to_string(width) + " can't have heads of 64");
    return width / 64;
  }

  [[noreturn]] void fail(const std::string& what) const {
    throw WeightsError(source_ + ": the architecture can't be told from the tensors: " + what +
                       ". Put the model's config.json beside it.");
  }

 private:
  const TensorMap& tensors_;
  std::string source_;
};

}  // namespace detail

/// The parts that the tensors belong to. A text encoder counts with its projections only: that of a
/// model for question answering has none.
/// @param tensors  under Hugging Face's names
/// @param source   how messages call the file
/// @throws WeightsError if they belong to no BLIP for captioning, retrieval or both
[[nodiscard]] inline BlipTask task_of(const TensorMap& tensors, const std::string& source) {
  const bool decoder = has_beginning(tensors, detail::kTextDecoder);
  const bool encoder =
      has_beginning(tensors, detail::kTextEncoder) && has_beginning(tensors, "text_proj.");
  if (has_beginning(tensors, "vision_model.") && (decoder || encoder))
    return !encoder ? BlipTask::captioning : decoder ? BlipTask::pretraining : BlipTask::retrieval;
  std::map<std::string, std::int64_t> parts;
  for (const auto& [name, tensor] : tensors) ++parts[name.substr(0, name.find('.'))];
  std::string found;
  for (const auto& [part, count] : parts)
    found += (found.empty() ? "" : ", ") + printable(part) + " (" + std::to_string(count) +
             (count == 1 ? " tensor)" : " tensors)");
  throw WeightsError(source + ": no BLIP for captioning or image-text retrieval (got " +
                     (found.empty() ? "no tensor" : found) +
                     ", expected vision_model with text_decoder, or with text_encoder, vision_proj "
                     "and text_proj). It is for another " +
                     "task or architecture; choose another model.");
}

/// What the shapes of the tensors say; heads, which they don't show, are taken to be 64 wide.
/// @param tensors  under Hugging Face's names
/// @param task     which parts of them are meant
/// @param eps      of the image encoder's layer norms, which no tensor shows either
/// @param source   how messages call the file
/// @throws WeightsError if a tensor is missing or the sizes are those of no BLIP
[[nodiscard]] inline BlipConfig derive_blip_config(const TensorMap& tensors, BlipTask task,
                                                   double eps, const std::string& source) {
  const detail::TensorSizes sizes(tensors, source);
  BlipConfig config;
  config.task = task;
  BlipConfig::Vision& vision = config.vision;
  const std::string patches = "vision_model.embeddings.patch_embedding.weight",
                    blocks = "vision_model.encoder.layers.";
  vision.hidden_size = sizes.size(patches, 4, 0);
  vision.patch_size = sizes.size(patches, 4, 2);
  const std::int64_t tokens = sizes.size(detail::kPositions, 3, 1) - 1;
  const auto side = static_cast<std::int64_t>(std::llround(std::sqrt(static_cast<double>(tokens))));
  if (side < 1 || side * side != tokens)
    sizes.fail("a table of " + std::to_string(tokens) + " positions is no square");
  vision.image_size = side * vision.patch_size;
  vision.layers = sizes.count(blocks, ".mlp.fc1.weight");
  vision.intermediate = sizes.size(blocks + "0.mlp.fc1.weight", 2, 0);
  vision.heads = sizes.heads(vision.hidden_size, "an image encoder");
  vision.layer_norm_eps = eps;

  BlipConfig::Text& text = config.text;
  const std::string prefix = detail::text_prefix(task),
                    words = prefix + "embeddings.word_embeddings.weight";
  const std::string layers = prefix + "encoder.layer.";
  text.vocabulary_size = sizes.size(words, 2, 0);
  text.hidden_size = sizes.size(words, 2, 1);
  text.max_positions = sizes.size(prefix + "embeddings.position_embeddings.weight", 2, 0);
  text.layers = sizes.count(layers, ".intermediate.dense.weight");
  text.intermediate = sizes.size(layers + "0.intermediate.dense.weight", 2, 0);
  text.heads = sizes.heads(text.hidden_size, "a text part");
  if (has_text_encoder(task)) config.embedding_width = sizes.size("text_proj.weight", 2, 0);
  return config;
}

/// Compares a config with the shapes of the tensors, so that a wrong one is found before a model of
/// its sizes is made. The image size may differ: positions can be interpolated.
/// @param config  as read
/// @param where   how messages call its file
/// @param tensors under Hugging Face's names
/// @param source  how messages call theirs
/// @throws WeightsError listing every key that differs
inline void check_sizes(const BlipConfig& config, const std::string& where,
                        const TensorMap& tensors, const std::string& source) {
  std::string problems;
  const auto differs = [&](const char* key, std::int64_t configured, std::int64_t found,
                           const std::string& tensor) {
    if (configured == found) return;
    problems += (problems.empty() ? "" : "\n") + where + ": " + key +
                ": doesn't fit the weights (got " + std::to_string(configured) + ", expected " +
                std::to_string(found) + " as in " + tensor + " of " + source + ").";
  };
  const auto size = [&](const char* key, std::int64_t configured, const std::string& tensor,
                        std::size_t dimension) {
    const auto found = tensors.find(tensor);
    if (found != tensors.end() && dimension < found->second.shape.size())
      differs(key, configured, found->second.shape[dimension],
              tensor + " " + shape_text(found->second.shape));
  };
  const auto layers = [&](const char* key, std::int64_t configured, const std::string& prefix,
                          const std::string& suffix) {
    std::int64_t n = 0;
    while (tensors.contains(prefix + std::to_string(n) + suffix)) ++n;
    if (n > 0) differs(key, configured, n, prefix + "*" + suffix);
  };
  const BlipConfig::Vision& vision = config.vision;
  const BlipConfig::Text& text = config.text;
  const std::string patches = "vision_model.embeddings.patch_embedding.weight",
                    blocks = "vision_model.encoder.layers.";
  size("vision_config.hidden_size", vision.hidden_size, patches, 0);
  size("vision_config.patch_size", vision.patch_size, patches, 2);
  size("vision_config.intermediate_size", vision.intermediate, blocks + "0.mlp.fc1.weight", 0);
  layers("vision_config.num_hidden_layers", vision.layers, blocks, ".mlp.fc1.weight");
  for (const char* prefix : {detail::kTextDecoder, detail::kTextEncoder}) {
    if (prefix == detail::kTextDecoder ? !has_decoder(config.task) : !has_text_encoder(config.task))
      continue;
    const std::string part = prefix, layer = part + "encoder.layer.";
    size("text_config.vocab_size", text.vocabulary_size, part + "embeddings.word_embeddings.weight",
         0);
    size("text_config.hidden_size", text.hidden_size, part + "embeddings.word_embeddings.weight",
         1);
    size("text_config.max_position_embeddings", text.max_positions,
         part + "embeddings.position_embeddings.weight", 0);
    size("text_config.intermediate_size", text.intermediate, layer + "0.intermediate.dense.weight",
         0);
    layers("text_config.num_hidden_layers", text.layers, layer, ".intermediate.dense.weight");
  }
  if (has_text_encoder(config.task))
    size("image_text_hidden_size", config.embedding_width, "text_proj.weight", 0);
  if (!problems.empty())
    throw WeightsError(problems + " Put the config.json of these weights beside them.");
}

}  // namespace vlp
