#pragma once
// Options that transformers of images and of texts have in common. Includes no torch.

#include <cstdint>
#include <string>
#include <string_view>
#include <tuple>

#include "vlp/recipe/field.hpp"
#include "vlp/recipe/value.hpp"
#include "vlp/recipe/write.hpp"

namespace vlp {

/// @return  what is wrong if the heads don't divide the width; else empty
[[nodiscard]] inline std::string heads_problem(std::int64_t heads, std::int64_t width) {
  if (heads > 0 && width % heads == 0) return {};
  return "heads don't divide width (got heads " + std::to_string(heads) + ", width " +
         std::to_string(width) + ")";
}

/// Sizes of a transformer, as recipes name them.
struct TransformerSizes {
  std::int64_t width = 768;
  std::int64_t depth = 12;
  std::int64_t heads = 12;
  std::int64_t mlp = 0;

  static constexpr auto fields() {
    using O = TransformerSizes;
    return std::tuple{
        field<&O::width>("Width of the states.", at_least(1)),
        field<&O::depth>("Layers.", at_least(1)),
        field<&O::heads>("Attention heads; they divide the width.", at_least(1)),
        field<&O::mlp>("Hidden width of the feed-forward part; 0 is four times the width.",
                       at_least(0)),
    };
  }

  [[nodiscard]] std::string problem() const { return heads_problem(heads, width); }
  /// Hidden width of the feed-forward part.
  [[nodiscard]] std::int64_t hidden() const { return mlp > 0 ? mlp : 4 * width; }
};

/// The squares into which a transformer of images cuts them.
struct PatchOptions {
  std::int64_t image_size = 0;
  std::int64_t patch = 16;

  static constexpr auto fields() {
    using O = PatchOptions;
    return std::tuple{
        field<&O::image_size>("Side of the square image that the position table is made "
                              "for, pixels; 0 takes the transforms' size.",
                              at_least(0)),
        field<&O::patch>("Side of a square patch, pixels.", at_least(1)),
    };
  }
};

/// What a transformer of texts needs beside its sizes.
struct TextTransformerOptions {
  std::int64_t max_positions = 512;
  std::int64_t vocabulary_size = 0;
  double dropout = 0.0;
  double layer_norm_eps = 1e-12;

  static constexpr auto fields() {
    using O = TextTransformerOptions;
    return std::tuple{
        field<&O::max_positions>("Longest text, tokens, special ones and prompt included.",
                                 at_least(1)),
        field<&O::vocabulary_size>("Tokens in the vocabulary; 0 takes the tokenizer's.",
                                   at_least(0)),
        field<&O::dropout>(
            "Dropout of attention and branches; 0 in Hugging Face's BLIP, 0.1 in the original.",
            between(0, 0.99)),
        field<&O::layer_norm_eps>("Added to the variance in layer norms.", above(0)),
    };
  }
};

/// What keeps two transformers of texts from having weights in common.
/// @param own     the options of one, as recipes write them
/// @param theirs  those of the other
/// @return        the first one of the above that differs, with both values; else empty
[[nodiscard]] inline std::string differing_option(const Table& own, const Table& theirs) {
  const auto used = [](const Table& table, std::string_view key) -> std::string {
    const Entry* entry = table.find(key);
    const std::int64_t* number = entry ? entry->value.as<std::int64_t>() : nullptr;
    const bool stands_for_another = number && *number == 0;
    if (stands_for_another && key == "vocabulary_size") return {};  // the tokenizer's
    if (stands_for_another && key == "mlp")
      if (const Entry* width = table.find("width"))
        if (const std::int64_t* wide = width->value.as<std::int64_t>())
          return std::to_string(TransformerSizes{.width = *wide, .mlp = 0}.hidden());
    return entry ? entry->value.brief() : "";
  };
  std::string problem;
  const auto compare = [&](const auto& field) {
    const std::string one = used(own, field.name), other = used(theirs, field.name);
    if (problem.empty() && !one.empty() && !other.empty() && one != other)
      problem = std::string(field.name) + " differs (got " + one + " and " + other + ")";
  };
  for_each_field<TransformerSizes>(compare);
  for_each_field<TextTransformerOptions>(compare);
  return problem;
}

/// What recipes say of `initializer_range`.
inline constexpr std::string_view kInitializerRangeDoc =
    "Standard deviation of initial weights; narrow models learn sooner with about 1 / sqrt(width).";

}  // namespace vlp
