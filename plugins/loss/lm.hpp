#pragma once
// Language-model loss: cross-entropy of the next token under teacher forcing (Li et al. 2022, section 3.2), with label
// smoothing (Szegedy et al. 2016, section 7).

#include <cstdint>
#include <string>
#include <string_view>
#include <tuple>

#include <ATen/ATen.h>

#include "vlp/concepts/loss.hpp"
#include "vlp/core/error.hpp"
#include "vlp/recipe/field.hpp"
#include "vlp/registry/plugin.hpp"

namespace vlp {

/// Mean over the supervised positions of (1 - s) (-log p(target)) + s mean over the vocabulary of (-log p).
class LanguageModelLoss {
 public:
  static constexpr std::string_view name = "lm";

  struct Options {
    double label_smoothing = 0.0;

    static constexpr auto fields() {
      return std::tuple{
          field<&Options::label_smoothing>(
              "Share of the target spread over the vocabulary, 0-1; 0 in Hugging Face's BLIP, 0.1 in the original.", between(0, 1)),
      };
    }
  };
  static constexpr auto needs = Needs::decoder_logits;

  explicit LanguageModelLoss(const Options& options) : label_smoothing_(options.label_smoothing) {}

  /// Computed in float32 at least, whatever the logits are.
  /// @throws ShapeError if the batch supervises no token, or logits and targets differ in number
  LossValue operator()(Forward& pass) const {
    const at::Tensor& targets = pass.batch().targets;
    if (targets.numel() == 0)
      throw ShapeError("loss 'lm': the batch supervises no token (got 0 targets, expected at least 1). Look for empty captions.");
    const at::Tensor& logits = pass.target_logits();
    if (logits.dim() != 2 || logits.size(0) != targets.numel())
      throw ShapeError("loss 'lm': logits and targets don't fit (got " + std::to_string(logits.size(0)) + " rows, expected " +
                       std::to_string(targets.numel()) + "). Make target_index and targets of one length.");
    const at::Tensor precise = logits.scalar_type() == at::kDouble ? logits : logits.to(at::kFloat);
    const at::Tensor each = at::cross_entropy_loss(precise, targets, {}, at::Reduction::None, /*ignore_index=*/-100, label_smoothing_);
    // Summed in float64: a float32 sum of some dozen losses is itself wrong by a millionth.
    const at::Tensor loss = (each.sum(at::kDouble) / targets.ne(-100).sum()).to(each.scalar_type());
    return {loss, {{"lm", loss.detach()}}};
  }

 private:
  double label_smoothing_;
};
static_assert(Loss<LanguageModelLoss>);

}  // namespace vlp

VLP_PLUGIN(lm, "1.0", vlp::LanguageModelLoss);
