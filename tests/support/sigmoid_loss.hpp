#pragma once
// A loss with parameters of its own: the sigmoid loss of image-text pairs with a learned scale and
// bias (Zhai et al. 2023, algorithm 1, with the scale itself learned and not its logarithm).

#include <memory>
#include <string_view>
#include <tuple>

#include <ATen/ATen.h>
#include <torch/nn/module.h>

#include "vlp/concepts/loss.hpp"
#include "vlp/recipe/field.hpp"

namespace vlp_test {

/// Mean over all B x B pairs; 1 for those that belong together, -1 for the others.
class SigmoidLoss {
 public:
  static constexpr std::string_view name = "sigmoid";
  static constexpr vlp::Parts needs = vlp::parts::embeddings;

  struct Options {
    double scale = 10;
    double bias = -10;

    static constexpr auto fields() {
      return std::tuple{vlp::field<&Options::scale>("Initial factor of similarities."),
                        vlp::field<&Options::bias>("Initially added to them.")};
    }
  };

  SigmoidLoss() : SigmoidLoss(Options()) {}
  explicit SigmoidLoss(const Options& options)
      : scale(own_->register_parameter("scale", at::full({}, options.scale))),
        bias(own_->register_parameter("bias", at::full({}, options.bias))) {}

  [[nodiscard]] std::shared_ptr<torch::nn::Module> module() const { return own_; }

  vlp::LossValue operator()(vlp::Forward& pass) const {
    const at::Tensor similarities = pass.image_embeddings().matmul(pass.text_embeddings().t());
    const at::Tensor labels =
        2 * at::eye(similarities.size(0), similarities.options().requires_grad(false)) - 1;
    return {-at::log_sigmoid(labels * (similarities * scale + bias)).mean(), {}};
  }

 private:
  std::shared_ptr<torch::nn::Module> own_ = std::make_shared<torch::nn::Module>("sigmoid");

 public:
  at::Tensor scale, bias;  ///< learned
};
static_assert(vlp::Loss<SigmoidLoss>);

}  // namespace vlp_test
