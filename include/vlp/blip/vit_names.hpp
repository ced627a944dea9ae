#pragma once
// A vision transformer's tensors (Dosovitskiy et al. 2021), as transformers saves ViT and DeiT and
// as timm saves them, under the names of BLIP's image encoder. Includes no torch.

#include <algorithm>
#include <array>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "vlp/weights/renamed_tensors.hpp"
#include "vlp/weights/tensor_map.hpp"

namespace vlp {

namespace detail {

/// A way of naming a vision transformer; pairs are beginnings of names there and here, below
/// `vision_model.`.
struct VitNames {
  using Pair = std::pair<std::string_view, std::string_view>;
  std::string_view sign;        ///< a tensor by which the way is known
  std::string_view layers;      ///< what stands before a layer's number
  std::array<Pair, 5> outside;  ///< of the layers
  std::array<Pair, 8> inside;   ///< a layer, behind its number; unused ones are empty
  std::array<std::string_view, 3>
      of;  ///< beginnings of what belongs to the transformer itself, not to a head
};

inline constexpr VitNames kTransformersVit{
    .sign = "embeddings.patch_embeddings.projection.weight",
    .layers = "encoder.layer.",
    .outside = {{{"embeddings.cls_token", "embeddings.class_embedding"},
                 {"embeddings.position_embeddings", "embeddings.position_embedding"},
                 {"embeddings.patch_embeddings.projection.", "embeddings.patch_embedding."},
                 {"embeddings.distillation_token", "embeddings.distillation_token"},
                 {"layernorm.", "post_layernorm."}}},
    .inside = {{{"layernorm_before.", "layer_norm1."},
                {"layernorm_after.", "layer_norm2."},
                {"attention.attention.query.", "self_attn.query."},
                {"attention.attention.key.", "self_attn.key."},
                {"attention.attention.value.", "self_attn.value."},
                {"attention.output.dense.", "self_attn.projection."},
                {"intermediate.dense.", "mlp.fc1."},
                {"output.dense.", "mlp.fc2."}}},
    .of = {"embeddings.", "encoder.", "layernorm."}};

inline constexpr VitNames kTimmVit{
    .sign = "patch_embed.proj.weight",
    .layers = "blocks.",
    .outside = {{{"cls_token", "embeddings.class_embedding"},
                 {"pos_embed", "embeddings.position_embedding"},
                 {"patch_embed.proj.", "embeddings.patch_embedding."},
                 {"dist_token", "embeddings.distillation_token"},
                 {"norm.", "post_layernorm."}}},
    .inside = {{{"norm1.", "layer_norm1."},
                {"norm2.", "layer_norm2."},
                {"attn.qkv.", "self_attn.qkv."},
                {"attn.proj.", "self_attn.projection."},
                {"mlp.", "mlp."}}},
    .of = {"blocks.", "norm_pre.", "fc_norm."}};

template <std::size_t N>
[[nodiscard]] std::optional<std::string> with_other_beginning(
    std::string_view name, const std::array<VitNames::Pair, N>& pairs) {
  for (const auto& [from, to] : pairs)
    if (!from.empty() && name.starts_with(from))
      return std::string(to) + std::string(name.substr(from.size()));
  return std::nullopt;
}

/// The name below `vision_model.`; nothing for what belongs to a head. What belongs to the
/// transformer and isn't known keeps its name, so that a model of other arithmetic is noticed when
/// its tensors find no place.
[[nodiscard]] inline std::optional<std::string> vit_name(std::string_view name,
                                                         const VitNames& way) {
  if (name == "embeddings.mask_token")
    return std::nullopt;  // stands for hidden patches in pre-training
  if (auto outside = with_other_beginning(name, way.outside)) return outside;
  if (name.starts_with(way.layers)) {
    const std::string_view behind = name.substr(way.layers.size());
    const std::size_t dot = behind.find('.');
    const auto inside = dot == behind.npos
                            ? std::nullopt
                            : with_other_beginning(behind.substr(dot + 1), way.inside);
    if (inside) return "encoder.layers." + std::string(behind.substr(0, dot + 1)) + *inside;
  }
  const bool own = std::ranges::any_of(
      way.of, [&](std::string_view beginning) { return name.starts_with(beginning); });
  return own ? std::optional(std::string(name)) : std::nullopt;
}

/// What transformers puts before the names where the transformer is a part of a model.
inline constexpr std::array<std::string_view, 3> kVitPrefixes{"", "vit.", "deit."};

/// The prefix and the way of these names; none if they are no vision transformer's.
[[nodiscard]] inline std::optional<std::pair<std::string_view, const VitNames*>> vit_naming(
    const TensorMap& tensors) {
  for (const VitNames* way : {&kTransformersVit, &kTimmVit})
    for (const std::string_view prefix : kVitPrefixes)
      if (tensors.contains(std::string(prefix) + std::string(way->sign)))
        return std::pair(prefix, way);
  return std::nullopt;
}

}  // namespace detail

/// Whether the tensors are those of a vision transformer as transformers or timm name them.
[[nodiscard]] inline bool has_vit_names(const TensorMap& tensors) {
  return detail::vit_naming(tensors).has_value();
}

/// Whether the tensors are named as in timm, which DeiT's own files are, too.
[[nodiscard]] inline bool has_timm_names(const TensorMap& tensors) {
  const auto naming = detail::vit_naming(tensors);
  return naming && naming->second == &detail::kTimmVit;
}

/// @param tensors  of a vision transformer, with or without a head; `has_vit_names`
/// @return  the same below `vision_model.`; poolers and heads are left out. Of transformers' files
///          query, key and value stay apart, as self_attn.query, .key and .value; DeiT's token of
///          distillation is vision_model.embeddings.distillation_token, and its position the
///          second.
/// @throws WeightsError if two tensors get one name
[[nodiscard]] inline RenamedTensors vit_names(TensorMap tensors) {
  const auto naming = detail::vit_naming(tensors);
  if (!naming)
    throw WeightsError("weights: no vision transformer's names. Give a file of a ViT or DeiT.");
  const auto& [prefix, way] = *naming;
  RenamedTensors renamed;
  for (auto& [original, tensor] : tensors) {
    const bool inside = std::string_view(original).starts_with(prefix);
    const auto name = inside
                          ? detail::vit_name(std::string_view(original).substr(prefix.size()), *way)
                          : std::nullopt;
    if (name)
      renamed.add("vision_model." + *name, std::move(tensor));
    else
      ++renamed.left_out[original.substr(0, original.find('.', inside ? prefix.size() : 0))
                             .substr(inside ? prefix.size() : 0)];
  }
  return renamed;
}

}  // namespace vlp
