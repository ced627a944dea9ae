#pragma once
// Momentum encoders: copies of modules whose parameters follow the originals' as an exponential
// moving average (He et al. 2020, equation 2; Li et al. 2021, section 3.2).

#include <string>
#include <utility>
#include <vector>

#include <ATen/ATen.h>
#include <torch/nn/module.h>

#include "vlp/core/error.hpp"

namespace vlp {

/// Pairs of parameters, one of a module that is trained and one of its momentum encoder. Buffers
/// are left alone.
class MomentumEncoders {
 public:
  /// Adds a module and its momentum encoder, which gets equal values and no gradients.
  /// @param online  what is trained
  /// @param momentum_encoder  another module of the same parameters
  /// @throws ShapeError if their parameters differ in name or shape
  void add(const torch::nn::Module& online, torch::nn::Module& momentum_encoder) {
    const auto own = online.named_parameters(), others = momentum_encoder.named_parameters();
    if (own.size() != others.size())
      refuse(std::to_string(others.size()) + " parameters", std::to_string(own.size()));
    std::vector<at::Tensor> momentum_encoders;
    for (const auto& item : own) {
      const at::Tensor* other = others.find(item.key());
      if (!other || other->sizes() != item.value().sizes())
        refuse(other ? item.key() + " " + c10::str(other->sizes()) : "no " + item.key(),
               item.key() + " " + c10::str(item.value().sizes()));
      momentum_encoders.push_back(other->set_requires_grad(false));
    }
    for (std::size_t i = 0; i < momentum_encoders.size(); ++i) {
      online_.push_back(own[i].value());
      momentum_encoders_.push_back(std::move(momentum_encoders[i]));
    }
    copy();
  }

  /// Makes every momentum encoder equal to its original.
  void copy() const {
    const at::NoGradGuard no_grad;
    for (std::size_t i = 0; i < momentum_encoders_.size(); ++i)
      momentum_encoders_[i].copy_(online_[i]);
  }

  /// follower <- momentum * follower + (1 - momentum) * original
  void follow(double momentum) {
    if (momentum_encoders_.empty()) return;
    const at::NoGradGuard no_grad;
    at::_foreach_mul_(momentum_encoders_, momentum);
    at::_foreach_add_(momentum_encoders_, online_, 1 - momentum);
  }

  /// Whether nothing has been added.
  [[nodiscard]] bool empty() const { return momentum_encoders_.empty(); }

 private:
  [[noreturn]] static void refuse(const std::string& got, const std::string& expected) {
    throw ShapeError("momentum encoder: it differs from its original (got " + got + ", expected " +
                     expected + "). Build both from the same options.");
  }

  std::vector<at::Tensor> online_, momentum_encoders_;
};

}  // namespace vlp
