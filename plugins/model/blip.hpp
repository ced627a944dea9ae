#pragma once
// BLIP (Li et al. 2022): an image encoder with a text encoder, a text decoder, or both. With both
// it is the paper's multimodal mixture of encoder-decoder (section 3.1), with the decoder a
// captioner, with the text encoder a model for retrieval, and with one that can't attend to images
// a dual encoder as in CLIP (Radford et al. 2021). Letters: B texts, N image tokens, T text tokens,
// D image width, Dt text width, E width of embeddings, V vocabulary.

#include <algorithm>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

#include <ATen/ATen.h>
#include <c10/core/InferenceMode.h>
#include <torch/nn/module.h>
#include <torch/nn/pimpl.h>

#include "vlp/concepts/context.hpp"
#include "vlp/concepts/decoder.hpp"
#include "vlp/concepts/encoder.hpp"
#include "vlp/concepts/image_memory.hpp"
#include "vlp/concepts/inspectable.hpp"
#include "vlp/concepts/model.hpp"
#include "vlp/concepts/parameter_role.hpp"
#include "vlp/concepts/text_encoder.hpp"
#include "vlp/core/error.hpp"
#include "vlp/core/random.hpp"
#include "vlp/generate/captions.hpp"
#include "vlp/nn/bert.hpp"
#include "vlp/nn/layers.hpp"
#include "vlp/nn/momentum_encoder.hpp"
#include "vlp/nn/transformer_options.hpp"
#include "vlp/nn/unit_rows.hpp"
#include "vlp/recipe/field.hpp"
#include "vlp/registry/plugin.hpp"
#include "vlp/registry/use.hpp"

namespace vlp {

/// What stands at position 0 of a text that is grounded in an image.
enum class MatchToken {
  enc,  ///< [ENC], as in BLIP's training and evaluation
  cls,  ///< the ids as they come, with the tokenizer's [CLS], as Hugging Face's
        ///< BlipForImageTextRetrieval does
};

/// Parameters are named as in Hugging Face's BlipForConditionalGeneration and
/// BlipForImageTextRetrieval if the parts are `vit`, `bert` and `bert_cross_attention`; the
/// temperature and the momentum encoders (`vision_model_m`, ...) as in the original.
class BlipImpl : public torch::nn::Module, public TellsRoles, public InspectableModel {
 public:
  static constexpr std::string_view name = "blip";

  struct Options {
    Use<AnyEncoder> encoder;
    std::optional<Use<AnyTextEncoder>> text_encoder = std::nullopt;
    std::optional<Use<AnyDecoder>> decoder = std::nullopt;
    Sharing sharing = Sharing::all_but_self_attention;
    std::int64_t embedding_width = 256;
    double temperature = 0.07;
    double momentum = 0.995;
    MatchToken match_token = MatchToken::enc;

    static constexpr auto fields() {
      return std::tuple{
          field<&Options::encoder>("Turns pixels into image states."),
          field<&Options::text_encoder>("Turns texts into states, for embeddings and, if it can "
                                        "attend to images, for matching."),
          field<&Options::decoder>("Writes text, attending to the image states."),
          field<&Options::sharing>(
              "Weights that text encoder and decoder have in common; the decoder's are taken."),
          field<&Options::embedding_width>(
              "Width of the space in which images and texts are compared.", at_least(1)),
          field<&Options::temperature>(
              "Initial value of the learned divisor of similarities, kept within 0.001-0.5.",
              between(kLowestTemperature, kHighestTemperature)),
          field<&Options::momentum>("Share of a momentum encoder that stays in each update, 0-1.",
                                    between(0, 1)),
          field<&Options::match_token>("Position 0 of texts grounded in images: [ENC] as in BLIP, "
                                       "or [CLS] as Hugging Face's model leaves it."),
      };
    }

    [[nodiscard]] std::string problem() const {
      if (!text_encoder && !decoder)
        return "a text_encoder, a decoder or both are missing; add [model.text_encoder] or "
               "[model.decoder]";
      if (text_encoder && encoder.chosen() && !encoder.traits().summary)
        return "encoder '" + encoder.name() +
               "' has no vector for a whole image, of which embeddings could be made; give it " +
               "`summary(states)`, or leave [model.text_encoder] out";
      if (!text_encoder || !decoder || !text_encoder->chosen() || !decoder->chosen() ||
          sharing == Sharing::nothing)
        return {};
      const Value own = text_encoder->write(), owner = decoder->write();
      const std::string differs = differing_option(*own.as<Table>(), *owner.as<Table>());
      if (differs.empty()) return {};
      return "text_encoder and decoder can't share weights, their " + differs +
             "; make them equal, or set sharing = \"nothing\"";
    }
  };

  static constexpr double kLowestTemperature = 0.001;  ///< of the original's clamp
  static constexpr double kHighestTemperature = 0.5;   ///< of the original's clamp

  /// What a model of these options offers to losses.
  [[nodiscard]] static Parts serves(const Options& options) {
    Parts served = Parts::of<ImageStates>();
    if (options.text_encoder) {
      served = served | parts::similarities | parts::momentum_embeddings;
      if (sees_images(*options.text_encoder)) served = served | parts::matching;
    }
    return options.decoder ? served | parts::decoder | parts::captions : served;
  }

  /// Tokens of a text at most, for every part that reads some.
  [[nodiscard]] static std::int64_t longest_text(const Options& options) {
    const std::int64_t read = options.text_encoder && options.text_encoder->chosen()
                                  ? options.text_encoder->traits().longest_text
                                  : 0;
    const std::int64_t written = longest_caption(options);
    return read == 0 || written == 0 ? std::max(read, written) : std::min(read, written);
  }
  /// Tokens of a caption at most, [DEC] and prompt included.
  [[nodiscard]] static std::int64_t longest_caption(const Options& options) {
    return options.decoder && options.decoder->chosen() ? options.decoder->traits().longest_text
                                                        : 0;
  }
  /// @return  what is wrong with images of this size, pixels; else empty
  [[nodiscard]] static std::string image_problem(const Options& options, std::int64_t height,
                                                 std::int64_t width) {
    return options.encoder.chosen()
               ? problem_of(options.encoder.traits().image_problem, height, width)
               : "";
  }

  /// Random weights. Momentum encoders are made if the context needs momentum embeddings.
  /// @throws RecipeError if there is neither text encoder nor decoder, or they can't share what
  /// `sharing` says
  BlipImpl(const Options& options, const Context& ctx)
      : tokens_(ctx.facts.tokens),
        match_token_(options.match_token),
        momentum_(options.momentum),
        serves_(serves(options)),
        encoder_(options.encoder.build(ctx)) {
    if (const std::string problem = options.problem(); !problem.empty())
      throw RecipeError("model 'blip': " + problem + ".");
    const Context behind = behind_encoder(ctx);
    register_module("vision_model", encoder_.ptr());
    if (options.text_encoder)
      register_module("text_encoder",
                      text_encoder_.emplace(options.text_encoder->build(behind)).ptr());
    if (options.decoder)
      register_module("text_decoder", decoder_.emplace(options.decoder->build(behind)).ptr());
    if (text_encoder_ && decoder_) share(options.sharing);
    if (text_encoder_) add_embeddings(options);
    if (text_encoder_ && ctx.facts.needs.covers(parts::momentum_embeddings))
      add_momentum_encoders(options, ctx);
  }

  /// What this model offers to losses.
  [[nodiscard]] Parts serves() const {
    return has_momentum() ? serves_ : serves_.without(parts::momentum_embeddings);
  }

  /// @param pixels  [B, 3, H, W]
  /// @return        [B, N, D]
  [[nodiscard]] at::Tensor image_states(const at::Tensor& pixels) {
    return encoder_.forward(pixels);
  }

  /// No image is seen.
  /// @param ids   [B, T] int64
  /// @param mask  [B, T] bool, true = token
  /// @return      [B, T, Dt]
  /// @throws ShapeError if ids and mask don't fit together
  [[nodiscard]] at::Tensor text_states(const at::Tensor& ids, const at::Tensor& mask) {
    check_text(ids, mask);
    return part(text_encoder_, "text encoder").text_states(ids, mask);
  }

  /// @param states  [B, N, D] of images
  /// @return        [B, E] unit rows, float32 at least
  [[nodiscard]] at::Tensor image_embeddings(const at::Tensor& states) {
    return unit_rows(
        part(vision_proj_, "text encoder, and so no projections")(encoder_.summary(states)));
  }
  /// @param states  [B, T, Dt] of texts that see no image
  /// @param mask    [B, T] bool, true = token
  /// @return        [B, E] unit rows, float32 at least
  [[nodiscard]] at::Tensor text_embeddings(const at::Tensor& states, const at::Tensor& mask) {
    return unit_rows(part(
        text_proj_, "text encoder, and so no projections")(text_encoder_->summary(states, mask)));
  }

  /// By the momentum encoder.
  /// @param pixels  [B, 3, H, W]
  /// @return        [B, E] unit rows without gradient
  [[nodiscard]] at::Tensor momentum_image_embeddings(const at::Tensor& pixels) {
    const at::NoGradGuard no_grad;
    MomentumModel& momentum_model = part(momentum_model_, "momentum encoder");
    return unit_rows(momentum_model.vision_proj(
        momentum_model.encoder.summary(momentum_model.encoder.forward(pixels))));
  }
  /// By the momentum encoder.
  /// @param ids   [B, T] int64
  /// @param mask  [B, T] bool, true = token
  /// @return      [B, E] unit rows without gradient
  /// @throws ShapeError if ids and mask don't fit together
  [[nodiscard]] at::Tensor momentum_text_embeddings(const at::Tensor& ids, const at::Tensor& mask) {
    check_text(ids, mask);
    const at::NoGradGuard no_grad;
    MomentumModel& momentum_model = part(momentum_model_, "momentum encoder");
    return unit_rows(momentum_model.text_proj(momentum_model.text_encoder.summary(
        momentum_model.text_encoder.text_states(ids, mask), mask)));
  }

  /// Scalar by which similarities of embeddings are divided.
  [[nodiscard]] at::Tensor temperature() const { return temperature_; }

  /// Position 0 is read as [ENC] whatever stands there, unless match_token says otherwise.
  /// @param ids     [B, T] int64
  /// @param mask    [B, T] bool, true = token
  /// @param images  states [B, N, D], or [1, N, D] for one image with all texts
  /// @return        [B, T, Dt]
  /// @throws ShapeError if ids, mask and image states don't fit together
  [[nodiscard]] at::Tensor grounded_states(const at::Tensor& ids, const at::Tensor& mask,
                                           const ImageMemory& images) {
    check_pairs(ids, mask, images.sizes(), /*one_image_will_do=*/true);
    AnyTextEncoder& encoder = part(text_encoder_, "text encoder");
    return encoder.grounded_states(
        match_token_ == MatchToken::enc ? begun_with(tokens_.encode, ids) : ids, mask, images);
  }

  /// @param grounded  [B, T, Dt]
  /// @return          [B, 2]: no match, match
  [[nodiscard]] at::Tensor match_logits(const at::Tensor& grounded) {
    return part(itm_head_, "text encoder that attends to images, and so no matching head")(
        grounded.select(1, 0));  // the mark's state
  }

  /// Teacher forcing; position 0 is read as [DEC] whatever stands there.
  /// @param ids     [B, T] int64
  /// @param mask    [B, T] bool, true = token
  /// @param images  states [B, N, D]
  /// @return        [B, T, Dt]
  /// @throws ShapeError if ids, mask and image states don't fit together
  [[nodiscard]] at::Tensor decoder_states(const at::Tensor& ids, const at::Tensor& mask,
                                          const ImageMemory& images) {
    check_pairs(ids, mask, images.sizes(), /*one_image_will_do=*/false);
    return part(decoder_, "decoder").states(begun_with(tokens_.decode, ids), mask, images);
  }

  /// @param states  [..., Dt]
  /// @return        [..., V]
  [[nodiscard]] at::Tensor decoder_logits(const at::Tensor& states) {
    return part(decoder_, "decoder").logits(states);
  }

  /// Captions; put the model into evaluation mode first.
  /// @param image_states  [B, N, D]
  /// @param prompt        ids between [DEC] and the caption, the same for all images
  /// @param options       lengths, beams, penalties, sampling
  /// @param random        B streams, one an image; needed for sampling only
  /// @return              for each image its candidates, best first
  [[nodiscard]] std::vector<std::vector<Candidate>> generate(
      const at::Tensor& image_states, const std::vector<std::int64_t>& prompt,
      const GenerateOptions& options, const std::vector<RandomStream>& random = {}) {
    const c10::InferenceMode inference;
    return generate_captions(part(decoder_, "decoder"), image_states,
                             {prompt, tokens_, options, random});
  }

  /// Whether there are momentum encoders.
  [[nodiscard]] bool has_momentum() const { return !momentum_encoders_.empty(); }
  /// Makes every momentum encoder equal to its original, as it begins: for whoever changes weights
  /// and not theirs.
  void copy_to_momentum_encoders() { momentum_encoders_.copy(); }

  /// Projections and the matching head; the text parts tell their own.
  [[nodiscard]] Roles parameter_roles() const override {
    Roles roles;
    for (const Linear* head : {&vision_proj_, &text_proj_, &itm_head_})
      if (!head->is_empty()) roles.emplace_back((*head)->weight, ParameterRole::head);
    return roles;
  }

  [[nodiscard]] InspectableText* shown_text_encoder() override {
    return text_encoder_ ? dynamic_cast<InspectableText*>(text_encoder_->ptr().get()) : nullptr;
  }
  [[nodiscard]] InspectableText* shown_decoder() override {
    return decoder_ ? dynamic_cast<InspectableText*>(decoder_->ptr().get()) : nullptr;
  }
  [[nodiscard]] std::optional<std::int64_t> grounded_mark() const override {
    return match_token_ == MatchToken::enc ? std::optional(tokens_.encode) : std::nullopt;
  }
  [[nodiscard]] at::Tensor projected_images(const at::Tensor& states) override {
    return vision_proj_.is_empty() ? at::Tensor() : vision_proj_(encoder_.summary(states));
  }
  [[nodiscard]] at::Tensor projected_texts(const at::Tensor& states,
                                           const at::Tensor& mask) override {
    return text_proj_.is_empty() ? at::Tensor() : text_proj_(text_encoder_->summary(states, mask));
  }

  /// Before the passes of an update: momentum encoders follow, and the temperature returns to its
  /// bounds (as in the original).
  void begin_step() {
    const at::NoGradGuard no_grad;
    momentum_encoders_.follow(momentum_);
    if (temperature_.defined()) temperature_.clamp_(kLowestTemperature, kHighestTemperature);
  }

 private:
  /// What embeddings are made by, a second time.
  struct MomentumModel {
    AnyEncoder encoder;
    AnyTextEncoder text_encoder;
    Linear vision_proj, text_proj;
  };

  /// A component that was named and couldn't be read is reported as such; nothing else is to be
  /// said of it.
  static bool sees_images(const Use<AnyTextEncoder>& use) {
    return !use.chosen() || use.traits().sees_images;
  }

  Context behind_encoder(Context ctx) const {
    ctx.facts.dimensions.encoder_width = encoder_.width();
    return ctx;
  }

  void share(Sharing sharing) {
    if (sharing == Sharing::nothing) return;
    BertImpl *own = find_bert(*text_encoder_->ptr()), *owner = find_bert(*decoder_->ptr());
    if (!own || !owner)
      throw RecipeError(
          std::string("model 'blip': text encoder and decoder can't share weights (got a ") +
          (own ? "decoder" : "text encoder") +
          " of another kind, expected `bert` and `bert_cross_attention`). Set sharing = "
          "\"nothing\".");
    own->share(*owner, sharing);
  }

  void add_embeddings(const Options& options) {
    const auto head = [this](const char* called, std::int64_t in, std::int64_t out) {
      Linear layer = register_module(called, Linear(in, out));
      set_uniform_weights(layer);
      return layer;
    };
    vision_proj_ = head("vision_proj", encoder_.width(), options.embedding_width);
    text_proj_ = head("text_proj", text_encoder_->width(), options.embedding_width);
    if (serves_.contains(MatchLogits::name))
      itm_head_ = head("itm_head", text_encoder_->width(), 2);
    temperature_ = register_parameter("temp", at::scalar_tensor(options.temperature));
  }

  void add_momentum_encoders(const Options& options, const Context& ctx) {
    MomentumModel& momentum_model = momentum_model_.emplace(
        MomentumModel{options.encoder.build(ctx), options.text_encoder->build(behind_encoder(ctx)),
                      Linear(encoder_.width(), options.embedding_width),
                      Linear(text_encoder_->width(), options.embedding_width)});
    momentum_encoders_.add(*encoder_.ptr(),
                           *register_module("vision_model_m", momentum_model.encoder.ptr()));
    momentum_encoders_.add(*text_encoder_->ptr(),
                           *register_module("text_encoder_m", momentum_model.text_encoder.ptr()));
    momentum_encoders_.add(*vision_proj_,
                           *register_module("vision_proj_m", momentum_model.vision_proj.ptr()));
    momentum_encoders_.add(*text_proj_,
                           *register_module("text_proj_m", momentum_model.text_proj.ptr()));
  }

  template <class Part>
  static Part& part(std::optional<Part>& held, const char* what) {
    if (!held) lacks(what);
    return *held;
  }
  static Linear& part(Linear& held, const char* what) {
    if (held.is_empty()) lacks(what);
    return held;
  }
  [[noreturn]] static void lacks(const std::string& what) {
    throw ContractError("model 'blip': it has no " + what + ". Build it with one.");
  }

  static void check_text(const at::Tensor& ids, const at::Tensor& mask) {
    if (ids.dim() == 2 && ids.size(1) > 0 && mask.defined() && mask.sizes() == ids.sizes()) return;
    throw ShapeError("model 'blip': ids and mask don't fit (got ids " + c10::str(ids.sizes()) +
                     ", mask " +
                     (mask.defined() ? c10::str(mask.sizes()) : std::string("undefined")) +
                     ", expected [B, T] both, T at least 1). Pass one batch's tensors.");
  }
  static void check_pairs(const at::Tensor& ids, const at::Tensor& mask, at::IntArrayRef images,
                          bool one_image_will_do) {
    check_text(ids, mask);
    if (images.size() == 3 && (images[0] == ids.size(0) || (one_image_will_do && images[0] == 1)))
      return;
    throw ShapeError("model 'blip': texts and images don't fit (got ids " + c10::str(ids.sizes()) +
                     ", image states " + c10::str(images) + ", expected [B, T] and [B, N, D]" +
                     (one_image_will_do ? " or [1, N, D]" : "") + "). Pass one batch's tensors.");
  }

  static at::Tensor begun_with(std::int64_t token, const at::Tensor& ids) {
    at::Tensor begun = ids.clone();
    begun.select(1, 0).fill_(token);
    return begun;
  }

  SpecialTokens tokens_;
  MatchToken match_token_;
  double momentum_;
  Parts serves_;
  AnyEncoder encoder_;
  std::optional<AnyTextEncoder> text_encoder_;
  std::optional<AnyDecoder> decoder_;
  Linear vision_proj_{nullptr}, text_proj_{nullptr}, itm_head_{nullptr};
  at::Tensor temperature_;
  std::optional<MomentumModel> momentum_model_;
  MomentumEncoders momentum_encoders_;
};
TORCH_MODULE(Blip);
static_assert(Model<Blip>);

}  // namespace vlp

VLP_PLUGIN(blip, "1.0", vlp::Blip);
