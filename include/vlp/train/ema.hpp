#pragma once
// The average of weights over updates, beside the model (Polyak and Juditsky 1992, with weights
// that fall off exponentially).

#include <cstddef>
#include <string>
#include <utility>
#include <vector>

#include <ATen/ATen.h>

#include "vlp/concepts/tensor_state.hpp"
#include "vlp/core/state.hpp"
#include "vlp/weights/module_weights.hpp"

namespace vlp {

/// average <- share * average + (1 - share) * weights, after each update that wasn't skipped, of
/// every parameter that is trained. Other parameters and buffers are the model's own.
class WeightAverage {
 public:
  /// Begins with the weights as they are.
  /// @param share       kept in each update, 0-1
  /// @param parameters  of the model, trained
  WeightAverage(double share, NamedTensorList parameters) : share_(share) {
    for (auto& [name, parameter] : parameters) {
      names_.push_back(name);
      averages_.push_back(parameter.detach().clone());
      weights_.push_back(parameter.detach());
    }
  }

  /// Never waits for the device.
  /// @param skipped  [1] float32, 1 = the update changed nothing; undefined = that is never so
  void follow(const at::Tensor& skipped) {
    const at::NoGradGuard no_grad;
    if (!skipped.defined()) {
      at::_foreach_lerp_(averages_, weights_, 1 - share_);
      return;
    }
    std::vector<at::Tensor> ways = at::_foreach_sub(weights_, averages_);
    const at::Tensor part =
        (1 - skipped).mul_(1 - share_).squeeze(0).to(ways.front().scalar_type());
    at::_foreach_mul_(ways, part);
    at::_foreach_add_(averages_, ways);
  }

  /// Exchanges weights and averages in place; a second time puts them back.
  void exchange() {
    const at::NoGradGuard no_grad;
    for (std::size_t i = 0; i < weights_.size(); ++i) {
      const at::Tensor weight = weights_[i].clone();
      weights_[i].copy_(averages_[i]);
      averages_[i].copy_(weight);
    }
  }

  void save(State& state) const {
    for (std::size_t i = 0; i < names_.size(); ++i) put_tensor(state, names_[i], averages_[i]);
  }
  /// @throws WeightsError if one is missing or has another shape
  void load(const State& state) {
    for (std::size_t i = 0; i < names_.size(); ++i) load_tensor(state, names_[i], averages_[i]);
  }

 private:
  double share_;
  std::vector<std::string> names_;
  std::vector<at::Tensor> weights_;   // share memory with the model's parameters
  std::vector<at::Tensor> averages_;  // like them
};

/// While it lives, the model has the averaged weights.
class AveragedWeights {
 public:
  /// @param average  null = nothing happens
  explicit AveragedWeights(WeightAverage* average) : average_(average) {
    if (average_) average_->exchange();
  }
  ~AveragedWeights() {
    if (average_) average_->exchange();
  }
  AveragedWeights(const AveragedWeights&) = delete;
  AveragedWeights& operator=(const AveragedWeights&) = delete;

 private:
  WeightAverage* average_;
};

}  // namespace vlp
