#pragma once
// Momentum twins: copies of modules whose parameters follow the originals' as an exponential moving average (He et al.
// 2020, equation 2; Li et al. 2021, section 3.2).

#include <string>
#include <utility>
#include <vector>

#include <ATen/ATen.h>
#include <torch/nn/module.h>

#include "vlp/core/error.hpp"

namespace vlp {

/// Pairs of parameters, one of a module that is trained and one of its twin. Buffers are left alone.
class MomentumTwins {
 public:
  /// Adds a module and its twin, which gets equal values and no gradients.
  /// @param online  what is trained
  /// @param twin    another module of the same parameters
  /// @throws ShapeError if their parameters differ in name or shape
  void add(const torch::nn::Module& online, torch::nn::Module& twin) {
    const auto own = online.named_parameters(), others = twin.named_parameters();
    if (own.size() != others.size()) refuse(std::to_string(others.size()) + " parameters", std::to_string(own.size()));
    std::vector<at::Tensor> twins;
    for (const auto& item : own) {
      const at::Tensor* other = others.find(item.key());
      if (!other || other->sizes() != item.value().sizes())
        refuse(other ? item.key() + " " + c10::str(other->sizes()) : "no " + item.key(), item.key() + " " + c10::str(item.value().sizes()));
      twins.push_back(other->set_requires_grad(false));
    }
    for (std::size_t i = 0; i < twins.size(); ++i) {
      online_.push_back(own[i].value());
      twins_.push_back(std::move(twins[i]));
    }
    copy();
  }

  /// Makes every twin equal to its original.
  void copy() const {
    const at::NoGradGuard no_grad;
    for (std::size_t i = 0; i < twins_.size(); ++i) twins_[i].copy_(online_[i]);
  }

  /// twin <- momentum * twin + (1 - momentum) * original
  void follow(double momentum) {
    if (twins_.empty()) return;
    const at::NoGradGuard no_grad;
    at::_foreach_mul_(twins_, momentum);
    at::_foreach_add_(twins_, online_, 1 - momentum);
  }

  /// Whether nothing has been added.
  [[nodiscard]] bool empty() const { return twins_.empty(); }

 private:
  [[noreturn]] static void refuse(const std::string& got, const std::string& expected) {
    throw ShapeError("momentum twin: it differs from its original (got " + got + ", expected " + expected +
                     "). Build both from the same options.");
  }

  std::vector<at::Tensor> online_, twins_;
};

}  // namespace vlp
