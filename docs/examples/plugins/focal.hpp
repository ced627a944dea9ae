#pragma once
// Focal language-model loss: next-token cross-entropy in which tokens that are already predicted
// well count less (Lin et al. 2017, equation 4, with one class for each token of the vocabulary).

#include <string_view>
#include <tuple>

#include <ATen/ATen.h>

#include "vlp/concepts/loss.hpp"
#include "vlp/core/error.hpp"
#include "vlp/recipe/field.hpp"
#include "vlp/registry/plugin.hpp"

/// Mean over the supervised positions of (1 - p)^gamma (-log p), p being the probability of the
/// right token.
class FocalLoss {
 public:
  static constexpr std::string_view name = "focal";

  struct Options {
    double gamma = 2.0;

    static constexpr auto fields() {
      return std::tuple{vlp::field<&Options::gamma>("How little easy tokens count; 2 in the paper.",
                                                    vlp::at_least(1))};
    }
  };
  static constexpr auto needs = vlp::parts::decoder;

  explicit FocalLoss(const Options& options) : gamma_(options.gamma) {}

  /// @throws vlp::ShapeError if the batch supervises no token
  vlp::LossValue operator()(vlp::Forward& pass) const {
    const at::Tensor& targets = pass.batch().texts.targets;  // [M]
    if (targets.numel() == 0)
      throw vlp::ShapeError(
          "loss 'focal': the batch supervises no token. Look for empty captions.");
    const at::Tensor log_p = pass.target_logits()
                                 .log_softmax(-1, at::kFloat)
                                 .gather(1, targets.unsqueeze(1))
                                 .squeeze(1);  // [M]
    return {-((1 - log_p.exp()).pow(gamma_) * log_p).mean(), {}};
  }

 private:
  double gamma_;
};
static_assert(vlp::Loss<FocalLoss>);

VLP_PLUGIN(focal, "1.0", FocalLoss);
