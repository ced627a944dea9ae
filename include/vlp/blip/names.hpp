#pragma once
// BLIP's tensors under the names that Hugging Face's transformers gives them. The original
// repository (Li et al. 2022) names the vision transformer as timm does, and saves beside the model
// what only its pre-training needs: momentum encoders, whose first word ends in _m, queues, and the
// temperature. Includes no torch.

#include <algorithm>
#include <array>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "vlp/core/error.hpp"
#include "vlp/core/printable.hpp"
#include "vlp/weights/tensor_map.hpp"

namespace vlp {

namespace detail {

using NamePair = std::pair<std::string_view, std::string_view>;  // original, Hugging Face

/// Beginnings of names outside the blocks.
inline constexpr std::array<NamePair, 4> kVisionNames{
    {{"visual_encoder.patch_embed.proj.", "vision_model.embeddings.patch_embedding."},
     {"visual_encoder.cls_token", "vision_model.embeddings.class_embedding"},
     {"visual_encoder.pos_embed", "vision_model.embeddings.position_embedding"},
     {"visual_encoder.norm.", "vision_model.post_layernorm."}}};
/// Beginnings of names within a block.
inline constexpr std::array<NamePair, 5> kVisionBlockNames{{{"norm1.", "layer_norm1."},
                                                            {"norm2.", "layer_norm2."},
                                                            {"attn.qkv.", "self_attn.qkv."},
                                                            {"attn.proj.", "self_attn.projection."},
                                                            {"mlp.", "mlp."}}};
inline constexpr std::string_view kVisionBlocks = "visual_encoder.blocks.";

inline constexpr std::string_view kVision = "visual_encoder.",
                                  kMomentumVision = "visual_encoder_m.";

/// `name` with its beginning replaced, or nothing if none of `pairs` fits.
template <std::size_t N>
[[nodiscard]] std::optional<std::string> renamed(std::string_view name,
                                                 const std::array<NamePair, N>& pairs) {
  for (const auto& [from, to] : pairs) {
    if (name.starts_with(from)) return std::string(to) + std::string(name.substr(from.size()));
  }
  return std::nullopt;
}

/// Hugging Face's name of one tensor; unchanged where both agree or the name is unknown.
[[nodiscard]] inline std::string hugging_face_name(std::string_view name) {
  if (name.starts_with(kMomentumVision)) {
    const std::string online =
        hugging_face_name(std::string(kVision) + std::string(name.substr(kMomentumVision.size())));
    constexpr std::string_view part = "vision_model.";
    return online.starts_with(part) ? "vision_model_m." + online.substr(part.size())
                                    : std::string(name);
  }
  if (auto found = renamed(name, kVisionNames)) return *found;
  if (!name.starts_with(kVisionBlocks)) return std::string(name);
  const std::string_view rest = name.substr(kVisionBlocks.size());
  const std::size_t digits = std::min(rest.find_first_not_of("0123456789"), rest.size());
  if (digits == 0 || digits == rest.size() || rest[digits] != '.') return std::string(name);
  const auto within = renamed(rest.substr(digits + 1), kVisionBlockNames);
  if (!within) return std::string(name);
  return "vision_model.encoder.layers." + std::string(rest.substr(0, digits)) + "." + *within;
}

}  // namespace detail

/// Whether the tensors are named as in the original repository.
[[nodiscard]] inline bool has_original_names(const TensorMap& tensors) {
  const auto first = tensors.lower_bound("visual_encoder.");
  return first != tensors.end() && first->first.starts_with("visual_encoder.");
}

/// What the names of momentum encoders' parts have behind those of the parts that they follow.
inline constexpr std::string_view kMomentumEnding = "_m";

/// The parts of momentum encoders, in Hugging Face's spelling.
inline constexpr std::array<std::string_view, 5> kMomentumParts{
    "vision_model_m", "text_encoder_m", "text_decoder_m", "vision_proj_m", "text_proj_m"};

/// Whether a name belongs to a momentum encoder, an average of earlier weights that only training
/// uses.
/// @param name  in Hugging Face's spelling
[[nodiscard]] inline bool is_momentum_name(std::string_view name) {
  return std::ranges::any_of(kMomentumParts, [&](std::string_view part) {
    return name.starts_with(part) && name.substr(part.size()).starts_with('.');
  });
}

/// @param tensors  under the original repository's names; names that transformers uses too stay as
///                 they are
/// @return  the same under Hugging Face's names; momentum encoders are called vision_model_m,
///          text_encoder_m, vision_proj_m and text_proj_m, queues and `temp` as they were. Only
///          `position_ids`, which count 0, 1, 2, ..., are left out
/// @throws WeightsError if two tensors get one name
[[nodiscard]] inline TensorMap hugging_face_names(TensorMap tensors) {
  TensorMap result;
  for (auto& [name, tensor] : tensors) {
    if (name == "position_ids" || name.ends_with(".position_ids")) continue;
    const std::string target = detail::hugging_face_name(name);
    if (!result.emplace(target, std::move(tensor)).second)
      throw WeightsError("weights: '" + printable(name) + "' and another tensor are both '" +
                         printable(target) +
                         "' in Hugging Face's names. Give a file with names of one kind.");
  }
  return result;
}

}  // namespace vlp
