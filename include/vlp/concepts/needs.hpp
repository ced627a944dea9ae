#pragma once
// What a loss or a metric needs and what a model serves, compared when a recipe is read, before
// anything is built.

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

namespace vlp {

/// Parts of a model's forward pass; combine with `|`.
enum class Needs : std::uint32_t {
  nothing = 0,
  image_states = 1,         ///< the image encoder's states
  embeddings = 2,           ///< unit vectors of images and texts in one space
  momentum_embeddings = 4,  ///< the same from momentum encoders that follow the weights slowly
  grounded_states = 8,      ///< a text encoder that attends to the image, marked by [ENC]
  decoder_logits = 16,      ///< a text decoder that attends to the image, marked by [DEC]
  text_states = 32,         ///< a text encoder that sees no image
  match_logits = 64,        ///< two logits of grounded states: no match, match
};
/// Both.
constexpr Needs operator|(Needs a, Needs b) {
  return static_cast<Needs>(static_cast<std::uint32_t>(a) | static_cast<std::uint32_t>(b));
}
/// What is in both.
constexpr Needs operator&(Needs a, Needs b) {
  return static_cast<Needs>(static_cast<std::uint32_t>(a) & static_cast<std::uint32_t>(b));
}
/// What is in `wanted` and not in `served`.
constexpr Needs missing(Needs wanted, Needs served) {
  return static_cast<Needs>(static_cast<std::uint32_t>(wanted) &
                            ~static_cast<std::uint32_t>(served));
}
/// Whether all of `wanted` is in `served`.
constexpr bool covers(Needs served, Needs wanted) {
  return missing(wanted, served) == Needs::nothing;
}

/// Names in words, e.g. "image states and a decoder".
[[nodiscard]] inline std::string in_words(Needs needs) {
  constexpr std::array<std::pair<Needs, std::string_view>, 7> words{
      {{Needs::image_states, "image states"},
       {Needs::text_states, "a text encoder"},
       {Needs::embeddings, "image and text embeddings"},
       {Needs::momentum_embeddings, "momentum embeddings"},
       {Needs::grounded_states, "an image-grounded text encoder"},
       {Needs::match_logits, "a matching head"},
       {Needs::decoder_logits, "a decoder"}}};
  std::string text;
  for (const auto& [need, word] : words)
    if ((needs & need) != Needs::nothing) text += (text.empty() ? "" : " and ") + std::string(word);
  return text.empty() ? "nothing" : text;
}

}  // namespace vlp
