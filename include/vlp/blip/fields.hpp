#pragma once
// The one table of a BLIP's sizes and settings: for each of them its key in config.json, its member
// of BlipConfig, its key in a recipe, the range of its values, and the axis of a tensor that shows
// it. The default for a missing key is the member's own. Reading, writing, deriving and checking
// walk over this table. Includes no torch.

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <type_traits>
#include <variant>

#include "vlp/blip/sizes.hpp"
#include "vlp/recipe/field.hpp"

namespace vlp {

/// Of what a field is.
enum class BlipSide { vision, text, whole };

/// How the tensors of a file show a size.
struct BlipShown {
  const char* tensor = nullptr;  ///< its name below the part's; * stands for a layer's number, and
                                 ///< then the size is how many there are; null = they don't show it
  std::size_t dimensions = 0;    ///< of the tensor
  std::size_t axis = 0;          ///< whose length it is
};

/// A size or setting in all the places where it is said.
struct BlipField {
  /// Finds the member.
  using Size = std::int64_t& (*)(BlipConfig&);
  /// Finds the member.
  using Number = double& (*)(BlipConfig&);

  BlipSide side;       ///< of what
  const char* key;     ///< in config.json, in the object of its side
  const char* option;  ///< in the recipe, in the table of its part; null = it isn't the part's
  std::variant<Size, Number> member;  ///< of BlipConfig
  Range range;                        ///< of values that a file may have
  BlipShown shown = {};               ///< by the tensors
  bool square = false;                ///< whether config.json may give it as two equal numbers
  bool fresh = false;  ///< whether it matters to new weights only: then it goes from recipes to
                       ///< config.json and never the other way
};

namespace detail {

inline constexpr double kWidest = 65536;  // of anything that a config can ask for, so that a
                                          // damaged one doesn't exhaust the memory

inline constexpr std::array<BlipField, 18> kBlipFields = [] {
  using enum BlipSide;
  using C = BlipConfig;
  using Size = BlipField::Size;
  using Number = BlipField::Number;
  const Range width = between(1, kWidest), depth = between(1, 1024),
              hidden = between(1, 16 * kWidest), many = between(1, 1 << 24);
  return std::array<BlipField, 18>{{
      {vision,
       "image_size",
       "image_size",
       Size([](C& c) -> auto& { return c.vision.patches.image_size; }),
       width,
       {},
       true},
      {vision,
       "patch_size",
       "patch",
       Size([](C& c) -> auto& { return c.vision.patches.patch; }),
       width,
       {"embeddings.patch_embedding.weight", 4, 2},
       true},
      {vision,
       "hidden_size",
       "width",
       Size([](C& c) -> auto& { return c.vision.sizes.width; }),
       width,
       {"embeddings.patch_embedding.weight", 4, 0}},
      {vision,
       "num_hidden_layers",
       "depth",
       Size([](C& c) -> auto& { return c.vision.sizes.depth; }),
       depth,
       {"encoder.layers.*.mlp.fc1.weight"}},
      {vision, "num_attention_heads", "heads",
       Size([](C& c) -> auto& { return c.vision.sizes.heads; }), width},
      {vision,
       "intermediate_size",
       "mlp",
       Size([](C& c) -> auto& { return c.vision.sizes.mlp; }),
       hidden,
       {"encoder.layers.0.mlp.fc1.weight", 2, 0}},
      {vision, "layer_norm_eps", "layer_norm_eps",
       Number([](C& c) -> auto& { return c.vision.layer_norm_eps; }), above(0)},
      {.side = vision,
       .key = "initializer_range",
       .option = "initializer_range",
       .member = Number([](C& c) -> auto& { return c.vision.initializer_range; }),
       .range = above(0),
       .fresh = true},

      {text,
       "vocab_size",
       "vocabulary_size",
       Size([](C& c) -> auto& { return c.text.options.vocabulary_size; }),
       many,
       {"embeddings.word_embeddings.weight", 2, 0}},
      {text,
       "hidden_size",
       "width",
       Size([](C& c) -> auto& { return c.text.sizes.width; }),
       width,
       {"embeddings.word_embeddings.weight", 2, 1}},
      {text,
       "num_hidden_layers",
       "depth",
       Size([](C& c) -> auto& { return c.text.sizes.depth; }),
       depth,
       {"encoder.layer.*.intermediate.dense.weight"}},
      {text, "num_attention_heads", "heads", Size([](C& c) -> auto& { return c.text.sizes.heads; }),
       width},
      {text,
       "intermediate_size",
       "mlp",
       Size([](C& c) -> auto& { return c.text.sizes.mlp; }),
       hidden,
       {"encoder.layer.0.intermediate.dense.weight", 2, 0}},
      {text,
       "max_position_embeddings",
       "max_positions",
       Size([](C& c) -> auto& { return c.text.options.max_positions; }),
       many,
       {"embeddings.position_embeddings.weight", 2, 0}},
      {text, "layer_norm_eps", "layer_norm_eps",
       Number([](C& c) -> auto& { return c.text.options.layer_norm_eps; }), above(0)},
      {text, "hidden_dropout_prob", "dropout",
       Number([](C& c) -> auto& { return c.text.options.dropout; }), between(0, 0.99)},
      {.side = text,
       .key = "initializer_range",
       .option = "initializer_range",
       .member = Number([](C& c) -> auto& { return c.text.initializer_range; }),
       .range = above(0),
       .fresh = true},

      {whole,
       "image_text_hidden_size",
       "embedding_width",
       Size([](C& c) -> auto& { return c.embedding_width; }),
       width,
       {"text_proj.weight", 2, 0}},
  }};
}();

}  // namespace detail

/// Calls `visit(field, member)` for each field of a side, in the order of the table.
/// @param config  const or not, and so the member
template <class Config, class Visit>
  requires std::is_same_v<std::remove_const_t<Config>, BlipConfig>
void for_each_field_of(BlipSide side, Config& config, Visit&& visit) {
  auto& whole = const_cast<BlipConfig&>(config);  // a const config gives const members
  for (const BlipField& field : detail::kBlipFields) {
    if (field.side != side) continue;
    std::visit(
        [&](const auto& member) {
          auto& found = member(whole);
          using T = std::remove_reference_t<decltype(found)>;
          visit(field,
                static_cast<std::conditional_t<std::is_const_v<Config>, const T&, T&>>(found));
        },
        field.member);
  }
}

}  // namespace vlp
