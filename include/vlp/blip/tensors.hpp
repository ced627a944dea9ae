#pragma once
// What names and shapes of a file's tensors say about a BLIP, under Hugging Face's names. Includes
// no torch.

#include <cmath>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "vlp/blip/config.hpp"
#include "vlp/blip/fields.hpp"
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

/// Beginnings of the names of parts.
inline constexpr const char* kVisionModel = "vision_model.";
inline constexpr const char *kTextEncoder = "text_encoder.", *kTextDecoder = "text_decoder.bert.";

/// Where the sizes of the text part are read: the decoder if there is one, since its values are
/// those of both.
[[nodiscard]] inline std::string text_prefix(BlipTask task) {
  return has_decoder(task) ? kTextDecoder : kTextEncoder;
}

/// Where a layer's number stands in the name of a tensor whose layers are counted; npos = it shows
/// its size itself.
[[nodiscard]] inline std::size_t counted_at(const std::string& tensor) { return tensor.find('*'); }

/// How many layers there are.
/// @param tensor  a name with * for a layer's number
[[nodiscard]] inline std::int64_t count_layers(const TensorMap& tensors,
                                               const std::string& tensor) {
  const std::size_t star = counted_at(tensor);
  std::int64_t n = 0;
  while (tensors.contains(tensor.substr(0, star) + std::to_string(n) + tensor.substr(star + 1)))
    ++n;
  return n;
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

  /// How many layers there are, at least one.
  [[nodiscard]] std::int64_t count(const std::string& tensor) const {
    const std::int64_t n = count_layers(tensors_, tensor);
    if (n == 0)
      fail("tensor '" + std::string(tensor).replace(counted_at(tensor), 1, "0") + "' is missing");
    return n;
  }

  /// The fields of one side that tensors show.
  /// @param prefix  of the names of its part
  void derive(BlipSide side, const std::string& prefix, BlipConfig& config) const {
    for_each_field_of(side, config, [&](const BlipField& field, auto& member) {
      if constexpr (std::is_same_v<std::remove_cvref_t<decltype(member)>, std::int64_t>) {
        if (!field.shown.tensor) return;
        const std::string tensor = prefix + field.shown.tensor;
        member = counted_at(tensor) != tensor.npos
                     ? count(tensor)
                     : size(tensor, field.shown.dimensions, field.shown.axis);
      }
    });
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

/// What a file is that holds no whole BLIP, and what to do.
[[nodiscard]] inline std::string why_no_task(const TensorMap& tensors, const PartCounts& parts) {
  if (tensors.empty()) return "Give a file with weights.";
  std::int64_t known = 0;
  for (const char* part :
       {"vision_model", "text_encoder", "text_decoder", "vision_proj", "text_proj", "itm_head"})
    if (const auto found = parts.find(part); found != parts.end()) known += found->second;
  const auto all = static_cast<std::int64_t>(tensors.size());
  if (known == 0)
    return "None of its names (" + std::to_string(all) + ") begins as a BLIP's (got " +
           first_names(tensors) + ", expected such as '" + kPositions + "' or '" + kWords +
           "'). Give a file with the names of transformers or of the original repository.";
  if (known == all)
    return "All names are a BLIP's, but parts are missing. Begin a training with it (`weights` in "
           "a "
           "recipe), or choose a whole model.";
  return std::to_string(known) + " of its " + std::to_string(all) +
         " names begin as a BLIP's; with the others it may be for another task. Choose a model for "
         "this one.";
}

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
  const PartCounts parts = count_parts(tensors);
  std::string found;
  for (const auto& [part, count] : parts)
    found += (found.empty() ? "" : ", ") + printable(part) + " (" + std::to_string(count) +
             (count == 1 ? " tensor)" : " tensors)");
  throw WeightsError(source + ": no BLIP for captioning or image-text retrieval (got " +
                     (found.empty() ? "no tensor" : found) +
                     ", expected vision_model with text_decoder, or with text_encoder, vision_proj "
                     "and text_proj). " +
                     detail::why_no_task(tensors, parts));
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
  sizes.derive(BlipSide::vision, detail::kVisionModel, config);
  const std::int64_t tokens = sizes.size(detail::kPositions, 3, 1) - 1;
  const auto side = static_cast<std::int64_t>(std::llround(std::sqrt(static_cast<double>(tokens))));
  if (side < 1 || side * side != tokens)
    sizes.fail("a table of " + std::to_string(tokens) + " positions is no square");
  vision.patches.image_size = side * vision.patches.patch;
  vision.sizes.heads = sizes.heads(vision.sizes.width, "an image encoder");
  vision.layer_norm_eps = eps;
  sizes.derive(BlipSide::text, detail::text_prefix(task), config);
  config.text.sizes.heads = sizes.heads(config.text.sizes.width, "a text part");
  if (has_text_encoder(task)) sizes.derive(BlipSide::whole, "", config);
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
  const auto check = [&](BlipSide side, const std::string& object, const std::string& prefix) {
    for_each_field_of(side, config, [&](const BlipField& field, const auto& configured) {
      if constexpr (std::is_same_v<std::remove_cvref_t<decltype(configured)>, std::int64_t>) {
        if (!field.shown.tensor) return;
        std::string tensor = prefix + field.shown.tensor;
        std::optional<std::int64_t> shown;
        if (detail::counted_at(tensor) != tensor.npos) {
          if (const std::int64_t n = detail::count_layers(tensors, tensor); n > 0) shown = n;
        } else if (const auto found = tensors.find(tensor);
                   found != tensors.end() && field.shown.axis < found->second.shape.size()) {
          shown = found->second.shape[field.shown.axis];
          tensor += " " + shape_text(found->second.shape);
        }
        if (!shown || *shown == configured) return;
        problems += (problems.empty() ? "" : "\n") + where + ": " + object + field.key +
                    ": doesn't fit the weights (got " + std::to_string(configured) + ", expected " +
                    std::to_string(*shown) + " as in " + tensor + " of " + source + ").";
      }
    });
  };
  check(BlipSide::vision, "vision_config.", detail::kVisionModel);
  if (has_decoder(config.task)) check(BlipSide::text, "text_config.", detail::kTextDecoder);
  if (has_text_encoder(config.task)) {
    check(BlipSide::text, "text_config.", detail::kTextEncoder);
    check(BlipSide::whole, "", "");
  }
  if (!problems.empty())
    throw WeightsError(problems + " Put the config.json of these weights beside them.");
}

}  // namespace vlp
