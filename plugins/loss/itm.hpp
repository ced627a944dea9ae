#pragma once
// Image-text matching loss: does this text belong to this image, told for true pairs and for hard
// negatives (Li et al. 2022, section 3.2; the negatives: Li et al. 2021, section 3.2).

#include <algorithm>
#include <cstdint>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

#include <ATen/ATen.h>

#include "vlp/concepts/context.hpp"
#include "vlp/concepts/full_precision.hpp"
#include "vlp/concepts/loss.hpp"
#include "vlp/core/error.hpp"
#include "vlp/core/random.hpp"
#include "vlp/nn/hard_negatives.hpp"
#include "vlp/nn/positives.hpp"
#include "vlp/recipe/field.hpp"
#include "vlp/registry/plugin.hpp"

namespace vlp {

/// Which similarities choose hard negatives: those of the contrastive loss (against the momentum
/// encoders where there are any), or the model's own on both sides.
enum class NegativesBy { contrastive, online };

/// Cross-entropy of the match logits of B true pairs, of each text with a wrong image, and of each
/// image with a wrong text: mean over all 3B.
class ImageTextMatching {
 public:
  static constexpr std::string_view name = "itm";

  struct Options {
    NegativesBy similarities = NegativesBy::contrastive;
    double floor = 1e-4;
    Positives positives = Positives::pair;

    static constexpr auto fields() {
      return std::tuple{
          field<&Options::similarities>(
              "What chooses hard negatives: `contrastive`, the similarities of itc (against the "
              "momentum encoders "
              "where there are any), or `online`, the model's own on both sides."),
          field<&Options::floor>("Added to the probability of every negative; 1e-4 in "
                                 "pre-training, 0 in retrieval fine-tuning.",
                                 at_least(0)),
          field<&Options::positives>(
              "What is never a negative: the text's own image, or all that show the same image."),
      };
    }
  };
  static constexpr Parts needs = parts::similarities | parts::matching;
  /// A pair alone has no negatives.
  [[nodiscard]] static constexpr std::int64_t smallest_batch(const Options&) { return 2; }

  ImageTextMatching(const Options& options, const Facts& facts)
      : options_(options), evaluation_(facts.seeds.derive("itm").derive("evaluation")) {}

  /// Computed in float32 at least. Pairs without any negative in their batch count as true pairs
  /// only. In evaluation a batch draws the same negatives every time.
  /// @throws ShapeError if the matching head doesn't give two logits, or positives = image and
  /// images aren't numbered
  LossValue operator()(Forward& pass) {
    at::Tensor logits = pass.match_logits(pass.grounded_states());  // [B, 2]
    if (logits.dim() != 2 || logits.size(1) != 2)
      throw ShapeError("loss 'itm': a matching head gives two logits a pair (got " +
                       std::to_string(logits.size(-1)) + ", expected 2: no match, match).");
    const std::int64_t pairs = logits.size(0);
    at::Tensor labels = at::ones({pairs}, pass.batch().texts.token_ids.options());
    if (pairs > 1) {
      const HardPairs hard = draw(pass);
      logits = at::cat({logits, pass.match_logits(hard.grounded)});  // [3B, 2]
      labels = at::cat({labels, hard.labels, hard.labels});
    }
    const FullPrecision full_precision;
    const at::Tensor full = precise(logits);
    const at::Tensor loss = at::cross_entropy_loss(full, labels, {}, at::Reduction::Mean, kIgnored);
    const at::Tensor right = full.detach().argmax(1).eq(labels);
    return {loss,
            {{"accuracy", right.sum() / labels.ge(0).sum()},
             {"recall", right.narrow(0, 0, pairs).to(at::kFloat).mean()}}};
  }

 private:
  static constexpr std::int64_t kIgnored = -100;

  /// 2B pairs that don't belong together.
  struct HardPairs {
    at::Tensor
        grounded;  // [2B, T, Dt]: each text with a wrong image, then each image with a wrong text
    at::Tensor labels;  // [B] int64: 0, or kIgnored for a pair that has no negative
  };

  HardPairs draw(Forward& pass) {
    const Batch& batch = pass.batch();
    const Similarities& similarities = options_.similarities == NegativesBy::contrastive
                                           ? pass.similarities()
                                           : pass.own_similarities();
    const at::Tensor allowed =
        positive_pairs(options_.positives, batch, {}, "loss 'itm'").logical_not();
    const at::Tensor uniforms = draw_uniforms(pass, allowed.size(0));
    const auto wrong = [&](const at::Tensor& by, std::int64_t side) {
      return draw_columns(negative_weights(by, allowed, options_.floor), allowed, uniforms[side]);
    };
    const at::Tensor image = wrong(similarities.text_to_image, 0),
                     text = wrong(similarities.image_to_text, 1);  // [B] each
    const at::Tensor own = at::arange(image.size(0), image.options());
    return {
        pass.ground(at::cat({batch.texts.token_ids, batch.texts.token_ids.index_select(0, text)}),
                    at::cat({batch.texts.token_mask, batch.texts.token_mask.index_select(0, text)}),
                    pass.image_memory().select(at::cat({image, own}))),
        allowed.any(1).logical_not().to(at::kLong).mul(kIgnored)};
  }

  /// @return  [2, B] float64 in [0, 1), drawn on the host so that every device sees the same
  at::Tensor draw_uniforms(const Forward& pass, std::int64_t pairs) {
    const std::vector<std::string>& ids = pass.batch().image_ids;
    RandomStream random = pass.training()
                              ? pass.training()->random.derive("itm")
                              : evaluation_.derive(ids.empty() ? std::string_view() : ids.front());
    const at::Tensor uniforms = at::empty({2, pairs}, at::kDouble);
    std::generate_n(uniforms.data_ptr<double>(), uniforms.numel(),
                    [&] { return random.uniform(); });
    return uniforms.to(pass.batch().texts.token_ids.device(), /*non_blocking=*/true);
  }

  Options options_;
  RandomStream evaluation_;
};
static_assert(Loss<ImageTextMatching>);

}  // namespace vlp

VLP_PLUGIN(itm, "1.0", vlp::ImageTextMatching);
