#pragma once
// What a loss needs and what a model serves, compared when a recipe is read, before anything is built.

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

namespace vlp {

/// Parts of a model's forward pass; combine with `|`.
enum class Needs : std::uint32_t {
  nothing = 0,
  image_states = 1,
  embeddings = 2,
  momentum_embeddings = 4,
  grounded_states = 8,
  decoder_logits = 16,
};
/// Both.
constexpr Needs operator|(Needs a, Needs b) { return static_cast<Needs>(static_cast<std::uint32_t>(a) | static_cast<std::uint32_t>(b)); }
/// What is in both.
constexpr Needs operator&(Needs a, Needs b) { return static_cast<Needs>(static_cast<std::uint32_t>(a) & static_cast<std::uint32_t>(b)); }
/// What is in `wanted` and not in `served`.
constexpr Needs missing(Needs wanted, Needs served) {
  return static_cast<Needs>(static_cast<std::uint32_t>(wanted) & ~static_cast<std::uint32_t>(served));
}

/// Names in words, e.g. "a decoder and image states".
[[nodiscard]] inline std::string in_words(Needs needs) {
  constexpr std::array<std::pair<Needs, std::string_view>, 5> words{{{Needs::image_states, "image states"},
                                                                     {Needs::embeddings, "image and text embeddings"},
                                                                     {Needs::momentum_embeddings, "momentum embeddings"},
                                                                     {Needs::grounded_states, "an image-grounded text encoder"},
                                                                     {Needs::decoder_logits, "a decoder"}}};
  std::string text;
  for (const auto& [need, word] : words)
    if ((needs & need) != Needs::nothing) text += (text.empty() ? "" : " and ") + std::string(word);
  return text.empty() ? "nothing" : text;
}

}  // namespace vlp
