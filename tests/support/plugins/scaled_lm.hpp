#pragma once
// A plugin as somebody outside writes one: the language-model loss times a factor.

#include <string_view>
#include <tuple>

#include <ATen/ATen.h>

#include "vlp/concepts/loss.hpp"
#include "vlp/recipe/field.hpp"
#include "vlp/registry/plugin.hpp"

namespace outside {

/// Mean cross-entropy of the supervised tokens times `factor`.
class ScaledLanguageModelLoss {
 public:
  static constexpr std::string_view name = "scaled_lm";

  struct Options {
    double factor = 2.0;

    static constexpr auto fields() {
      return std::tuple{
          vlp::field<&Options::factor>("What the loss is multiplied by.", vlp::above(0))};
    }
  };
  static constexpr auto needs = vlp::parts::decoder;

  explicit ScaledLanguageModelLoss(const Options& options) : factor_(options.factor) {}

  vlp::LossValue operator()(vlp::Forward& pass) const {
    return {at::cross_entropy_loss(pass.target_logits(), pass.batch().texts.targets) * factor_, {}};
  }

 private:
  double factor_;
};
static_assert(vlp::Loss<ScaledLanguageModelLoss>);

}  // namespace outside

VLP_PLUGIN(scaled_lm, "0.3", outside::ScaledLanguageModelLoss);
