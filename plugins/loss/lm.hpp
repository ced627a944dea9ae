#pragma once
// Language-model loss: cross-entropy of the next token under teacher forcing (Li et al. 2022,
// section 3.2), with label smoothing (Szegedy et al. 2016, section 7).

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <tuple>

#include <ATen/ATen.h>

#include "vlp/concepts/full_precision.hpp"
#include "vlp/concepts/loss.hpp"
#include "vlp/core/error.hpp"
#include "vlp/recipe/field.hpp"
#include "vlp/registry/plugin.hpp"

namespace vlp {

/// Mean over the supervised positions of (1 - s) (-log p(target)) + s mean over the vocabulary of
/// (-log p), all captions of the images together. So micro-batches of an update weigh by tokens:
/// together they are one large batch, where BLIP's own training and transformers before 4.46 take
/// the mean of their means.
class LanguageModelLoss {
 public:
  static constexpr std::string_view name = "lm";

  struct Options {
    double label_smoothing = 0.0;
    std::int64_t captions = 1;

    static constexpr auto fields() {
      return std::tuple{
          field<&Options::label_smoothing>("Share of the target spread over the vocabulary, 0-1; 0 "
                                           "in Hugging Face's BLIP, 0.1 in the original.",
                                           between(0, 1)),
          field<&Options::captions>("Captions of an image to learn from at once, in training: the "
                                    "pair's own, and others drawn anew each time.",
                                    between(1, 64)),
      };
    }
  };
  static constexpr Parts needs = parts::decoder;

  /// The pair's own and the extra ones.
  [[nodiscard]] static constexpr std::int64_t captions_per_image(const Options& options) {
    return options.captions;
  }

  explicit LanguageModelLoss(const Options& options) : options_(options) {}

  /// Supervised tokens, those of the extra captions included.
  [[nodiscard]] std::int64_t weight(const Batch& batch) const {
    std::int64_t tokens = batch.texts.targets.numel();
    for (std::size_t k = 0; k < captions_beside(batch); ++k)
      tokens += batch.extra_captions[k].targets.numel();
    return tokens;
  }

  /// Computed in float32 at least, whatever the logits are.
  /// @throws ShapeError if the batch supervises no token, or logits and targets differ in number
  LossValue operator()(Forward& pass) const {
    const Batch& batch = pass.batch();
    if (batch.texts.targets.numel() == 0)
      throw ShapeError(
          "loss 'lm': the batch supervises no token (got 0 targets, expected at least 1). Look for "
          "empty captions.");
    TokenLoss all = sum(pass.target_logits(), batch.texts.targets);
    for (std::size_t k = 0; k < captions_beside(batch); ++k) {
      const TokenLoss more = sum(pass.extra_logits(k), batch.extra_captions[k].targets);
      all = {all.loss + more.loss, all.positions + more.positions, all.dtype};
    }
    const at::Tensor loss = (all.loss / all.positions).to(all.dtype);
    return {loss, {{"lm", loss.detach()}}};
  }

 private:
  struct TokenLoss {
    at::Tensor loss;  // scalar, in float64: a float32 sum of some dozen losses is itself wrong by a
                      // millionth
    at::Tensor positions;  // scalar
    at::ScalarType dtype;
  };

  /// How many of the batch's extra captions it learns from.
  [[nodiscard]] std::size_t captions_beside(const Batch& batch) const {
    return std::min(batch.extra_captions.size(), static_cast<std::size_t>(options_.captions - 1));
  }

  [[nodiscard]] TokenLoss sum(const at::Tensor& logits, const at::Tensor& targets) const {
    if (logits.dim() != 2 || logits.size(0) != targets.numel())
      throw ShapeError("loss 'lm': logits and targets don't fit (got " +
                       std::to_string(logits.size(0)) + " rows, expected " +
                       std::to_string(targets.numel()) +
                       "). Make target_index and targets of one length.");
    const at::Tensor full = precise(logits);
    const at::Tensor each = at::cross_entropy_loss(full, targets, {}, at::Reduction::None,
                                                   /*ignore_index=*/-100, options_.label_smoothing);
    return {each.sum(at::kDouble), targets.ne(-100).sum(), each.scalar_type()};
  }

  Options options_;
};
static_assert(Loss<LanguageModelLoss>);

}  // namespace vlp

VLP_PLUGIN(lm, "1.0", vlp::LanguageModelLoss);
