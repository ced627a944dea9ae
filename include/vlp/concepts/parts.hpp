#pragma once
// The parts of a model's forward pass: what a loss or a metric needs of a model and what a model
// serves, compared when a recipe is read, before anything is built. Includes no torch.
//
// A part is a struct with a name, words for messages, a signature, and `call`, which says how a
// model that has it is asked. The core's own parts are below; a plugin that needs another one
// declares it in a header that model and loss both include, and the model lists it:
//   struct PatchScores {
//     static constexpr std::string_view name = "patch_scores", words = "scores of patches";
//     using Signature = at::Tensor(const at::Tensor& image_states);
//     static auto call(auto& model, const at::Tensor& image_states)
//         -> decltype(model->patch_scores(image_states)) {
//       return model->patch_scores(image_states);
//     }
//   };
//   class MyModel { using ExtraParts = vlp::PartList<PatchScores>; ... };
//   class MyLoss { static constexpr auto needs = vlp::Parts::of<PatchScores>(); ... };
// Letters: B pairs, N image tokens, T text tokens, D and Dt widths, E width of embeddings, V
// vocabulary; ids are [B, T] int64, masks [B, T] bool with true = token.

#include <algorithm>
#include <array>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "vlp/core/error.hpp"

namespace at {
class Tensor;
}

namespace vlp {

class ImageMemory;
class RandomStream;
struct Candidate;
struct GenerateOptions;

/// What is known of a part wherever its type isn't.
struct PartName {
  std::string_view name;   ///< of the model's function; lives as long as the program
  std::string_view words;  ///< for messages; parts that only serve together share theirs
};

/// A set of parts, told apart by their names; combine with `|`.
class Parts {
 public:
  constexpr Parts() = default;
  /// The set of these parts.
  template <class... P>
  [[nodiscard]] static constexpr Parts of() {
    Parts parts;
    (parts.add({P::name, P::words}), ...);
    return parts;
  }

  /// @throws ContractError if there are more than `kMost`
  constexpr void add(const PartName& part) {
    if (contains(part.name)) return;
    if (size_ == kMost)
      throw ContractError("parts: too many in one set (got more than 32). Ask for fewer.");
    parts_[size_++] = part;
  }
  [[nodiscard]] constexpr bool contains(std::string_view name) const {
    return std::ranges::any_of(*this, [&](const PartName& part) { return part.name == name; });
  }
  /// Whether all of `wanted` is here.
  [[nodiscard]] constexpr bool covers(const Parts& wanted) const {
    return wanted.without(*this).empty();
  }
  /// What is here and not in `other`.
  [[nodiscard]] constexpr Parts without(const Parts& other) const {
    Parts rest;
    for (const PartName& part : *this)
      if (!other.contains(part.name)) rest.add(part);
    return rest;
  }
  [[nodiscard]] constexpr bool empty() const { return size_ == 0; }
  [[nodiscard]] constexpr const PartName* begin() const { return parts_.data(); }
  [[nodiscard]] constexpr const PartName* end() const { return parts_.data() + size_; }

  /// What is in either.
  friend constexpr Parts operator|(Parts a, const Parts& b) {
    for (const PartName& part : b) a.add(part);
    return a;
  }
  /// Whether both hold the same parts, in any order.
  friend constexpr bool operator==(const Parts& a, const Parts& b) {
    return a.covers(b) && b.covers(a);
  }

  static constexpr std::size_t kMost = 32;  ///< parts that a set has room for

 private:
  std::array<PartName, kMost> parts_;
  std::size_t size_ = 0;
};

/// E.g. "image states and a decoder"; "nothing" of none.
[[nodiscard]] inline std::string in_words(const Parts& parts) {
  std::vector<std::string_view> said;
  std::string text;
  for (const PartName& part : parts) {
    if (std::ranges::find(said, part.words) != said.end()) continue;
    said.push_back(part.words);
    text += (text.empty() ? "" : " and ") + std::string(part.words);
  }
  return text.empty() ? "nothing" : text;
}

/// A list of parts as a type.
template <class... P>
struct PartList {};

/// [B, N, D] of pixels [B, 3, H, W].
struct ImageStates {
  static constexpr std::string_view name = "image_states", words = "image states";
  using Signature = at::Tensor(const at::Tensor& pixels);
  static auto call(auto& model, const at::Tensor& pixels) -> decltype(model->image_states(pixels)) {
    return model->image_states(pixels);
  }
};

/// [B, T, Dt] of texts that see no image.
struct TextStates {
  static constexpr std::string_view name = "text_states", words = "a text encoder";
  using Signature = at::Tensor(const at::Tensor& ids, const at::Tensor& mask);
  static auto call(auto& model, const at::Tensor& ids, const at::Tensor& mask)
      -> decltype(model->text_states(ids, mask)) {
    return model->text_states(ids, mask);
  }
};

/// [B, E] unit rows of image states [B, N, D].
struct ImageEmbeddings {
  static constexpr std::string_view name = "image_embeddings", words = "image and text embeddings";
  using Signature = at::Tensor(const at::Tensor& image_states);
  static auto call(auto& model, const at::Tensor& image_states)
      -> decltype(model->image_embeddings(image_states)) {
    return model->image_embeddings(image_states);
  }
};

/// [B, E] unit rows of text states [B, T, Dt] and their mask.
struct TextEmbeddings {
  static constexpr std::string_view name = "text_embeddings", words = ImageEmbeddings::words;
  using Signature = at::Tensor(const at::Tensor& text_states, const at::Tensor& mask);
  static auto call(auto& model, const at::Tensor& text_states, const at::Tensor& mask)
      -> decltype(model->text_embeddings(text_states, mask)) {
    return model->text_embeddings(text_states, mask);
  }
};

/// Scalar by which similarities of embeddings are divided.
struct Temperature {
  static constexpr std::string_view name = "temperature", words = "a temperature";
  using Signature = at::Tensor();
  static auto call(auto& model) -> decltype(model->temperature()) { return model->temperature(); }
};

/// [B, E] unit rows of pixels [B, 3, H, W] by an encoder that follows the weights slowly; no
/// gradient.
struct MomentumImageEmbeddings {
  static constexpr std::string_view name = "momentum_image_embeddings",
                                    words = "momentum embeddings";
  using Signature = at::Tensor(const at::Tensor& pixels);
  static auto call(auto& model, const at::Tensor& pixels)
      -> decltype(model->momentum_image_embeddings(pixels)) {
    return model->momentum_image_embeddings(pixels);
  }
};

/// [B, E] unit rows of texts by an encoder that follows the weights slowly; no gradient.
struct MomentumTextEmbeddings {
  static constexpr std::string_view name = "momentum_text_embeddings",
                                    words = MomentumImageEmbeddings::words;
  using Signature = at::Tensor(const at::Tensor& ids, const at::Tensor& mask);
  static auto call(auto& model, const at::Tensor& ids, const at::Tensor& mask)
      -> decltype(model->momentum_text_embeddings(ids, mask)) {
    return model->momentum_text_embeddings(ids, mask);
  }
};

/// [B, T, Dt] of texts that cross-attend to images [B, N, D], or [1, N, D] for one image with all
/// texts. The model marks position 0 itself.
struct GroundedStates {
  static constexpr std::string_view name = "grounded_states",
                                    words = "an image-grounded text encoder";
  using Signature = at::Tensor(const at::Tensor& ids, const at::Tensor& mask,
                               const ImageMemory& images);
  static auto call(auto& model, const at::Tensor& ids, const at::Tensor& mask,
                   const ImageMemory& images)
      -> decltype(model->grounded_states(ids, mask, images)) {
    return model->grounded_states(ids, mask, images);
  }
};

/// [B, 2] of grounded states [B, T, Dt]: no match, match.
struct MatchLogits {
  static constexpr std::string_view name = "match_logits", words = "a matching head";
  using Signature = at::Tensor(const at::Tensor& grounded_states);
  static auto call(auto& model, const at::Tensor& grounded_states)
      -> decltype(model->match_logits(grounded_states)) {
    return model->match_logits(grounded_states);
  }
};

/// [B, T, Dt] of texts under teacher forcing over images [B, N, D]. The model sets position 0 to
/// its mark itself.
struct DecoderStates {
  static constexpr std::string_view name = "decoder_states", words = "a decoder";
  using Signature = at::Tensor(const at::Tensor& ids, const at::Tensor& mask,
                               const ImageMemory& images);
  static auto call(auto& model, const at::Tensor& ids, const at::Tensor& mask,
                   const ImageMemory& images)
      -> decltype(model->decoder_states(ids, mask, images)) {
    return model->decoder_states(ids, mask, images);
  }
};

/// [..., V] of decoder states [..., Dt].
struct DecoderLogits {
  static constexpr std::string_view name = "decoder_logits", words = DecoderStates::words;
  using Signature = at::Tensor(const at::Tensor& decoder_states);
  static auto call(auto& model, const at::Tensor& decoder_states)
      -> decltype(model->decoder_logits(decoder_states)) {
    return model->decoder_logits(decoder_states);
  }
};

/// Candidates of each image, best first.
using Captions = std::vector<std::vector<Candidate>>;

/// Captions of image states [B, N, D]: (states, prompt ids without special tokens, options, B
/// random streams, one an image, or none where nothing is sampled). A model that can't sample
/// leaves the streams out.
struct Generate {
  static constexpr std::string_view name = "generate", words = DecoderStates::words;
  using Signature = Captions(const at::Tensor& image_states,
                             const std::vector<std::int64_t>& prompt,
                             const GenerateOptions& options,
                             const std::vector<RandomStream>& random);
  template <class M>
  static Captions call(M& model, const at::Tensor& image_states,
                       const std::vector<std::int64_t>& prompt, const GenerateOptions& options,
                       const std::vector<RandomStream>& random)
    requires requires { model->generate(image_states, prompt, options, random); } ||
             requires { model->generate(image_states, prompt, options); }
  {
    if constexpr (requires { model->generate(image_states, prompt, options, random); }) {
      return model->generate(image_states, prompt, options, random);
    } else {
      refuse_sampling(options);
      return model->generate(image_states, prompt, options);
    }
  }

 private:
  static void refuse_sampling(const auto& options) {
    if (options.sample) throw RecipeError("generate: this model can't sample. Set sample = false.");
  }
};

/// The parts that the core knows; a model that declares `ExtraParts` has those too.
using CoreParts = PartList<ImageStates, TextStates, ImageEmbeddings, TextEmbeddings, Temperature,
                           MomentumImageEmbeddings, MomentumTextEmbeddings, GroundedStates,
                           MatchLogits, DecoderStates, DecoderLogits, Generate>;

/// Parts that are needed together.
namespace parts {

/// Unit vectors of images and texts in one space.
inline constexpr Parts embeddings =
    Parts::of<ImageStates, TextStates, ImageEmbeddings, TextEmbeddings>();
/// The same with the temperature that divides their similarities.
inline constexpr Parts similarities = embeddings | Parts::of<Temperature>();
/// The same vectors from encoders that follow the weights slowly.
inline constexpr Parts momentum_embeddings =
    Parts::of<MomentumImageEmbeddings, MomentumTextEmbeddings>();
/// Whether texts belong to images, from a text encoder that cross-attends to them.
inline constexpr Parts matching = Parts::of<ImageStates, GroundedStates, MatchLogits>();
/// Next-token logits of texts over images.
inline constexpr Parts decoder = Parts::of<ImageStates, DecoderStates, DecoderLogits>();
/// Captions.
inline constexpr Parts captions = Parts::of<ImageStates, Generate>();

}  // namespace parts

}  // namespace vlp
