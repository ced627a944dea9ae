#pragma once
// A module's weights laid out for inference while a guard lives.

#include <memory>
#include <set>
#include <utility>

#include <torch/nn/module.h>

#include "vlp/core/error.hpp"
#include "vlp/nn/packed_linear.hpp"

namespace vlp {

/// Lays out the weights of every layer that knows how; layers of other kinds stay as they are.
/// Costs a second copy of the weights (a quarter of one for int8).
class InferenceWeights {
 public:
  /// @param module  float32 on the CPU; its weights must not change while this lives
  /// @param form    of the copies
  /// @throws ShapeError if a parameter is of another dtype or on another device
  InferenceWeights(std::shared_ptr<torch::nn::Module> module, WeightForm form)
      : module_(std::move(module)) {
    for (const at::Tensor& parameter : module_->parameters())
      if (parameter.scalar_type() != at::kFloat || !parameter.is_cpu())
        throw ShapeError(
            "inference weights: can't be laid out (got " + parameter.toString() +
            ", expected float32 parameters on the CPU). Move the model there, or use it as it is.");
    for_each([form](Packable& layer) { layer.pack(form); });
  }
  ~InferenceWeights() {
    if (module_) for_each([](Packable& layer) { layer.unpack(); });
  }
  /// The other one then lays out nothing any more.
  InferenceWeights(InferenceWeights&&) = default;
  InferenceWeights& operator=(InferenceWeights&&) = delete;

 private:
  template <class F>
  void for_each(F&& visit) {
    std::set<const void*> seen;  // a layer that two parts share stands under two names
    for (const auto& child : module_->modules())
      if (auto* layer = dynamic_cast<Packable*>(child.get()); layer && seen.insert(layer).second)
        visit(*layer);
  }

  std::shared_ptr<torch::nn::Module> module_;
};

}  // namespace vlp
