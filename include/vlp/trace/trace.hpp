#pragma once
// A model's numbers under evaluation mode: hidden states, attention, logits, embeddings,
// similarities, losses, gradients, and weights after updates. Names are those of the tensors in
// transformers' outputs where there is one.

#include <string>
#include <utility>

#include <ATen/ATen.h>
#include <torch/nn/module.h>

#include "vlp/concepts/context.hpp"
#include "vlp/concepts/model.hpp"
#include "vlp/core/header_only.hpp"
#include "vlp/plan/plan.hpp"
#include "vlp/trace/inputs.hpp"
#include "vlp/trace/updates.hpp"
#include "vlp/weights/safetensors.hpp"

namespace vlp {

class Registry;
class TraceRecord;

/// Traces one model on one batch.
class Tracer {
 public:
  /// @param plan      of the model
  /// @param model     as it is to be traced; put into evaluation mode
  /// @param registry  holds the components of the plan, and the optimizer of updates
  /// @param ctx       of the model
  Tracer(const Plan& plan, AnyModel model, const Registry& registry, const Context& ctx)
      : plan_(plan), model_(std::move(model)), registry_(registry), ctx_(ctx) {
    model_.ptr()->eval();
  }

  /// What is not among the inputs is left out: with pixels alone only the image part is traced.
  /// Updates change the model. The result shares memory with the model: write it before the model
  /// changes again.
  /// @throws RecipeError if there are labels and the plan has no loss of a language model, or
  /// updates without labels or decoder;
  ///         ShapeError if the texts are too long
  [[nodiscard]] NamedTensors trace(const TraceInputs& inputs, const TraceUpdates& updates = {});

 private:
  [[nodiscard]] at::Tensor trace_images(const TraceInputs& inputs, TraceRecord& record);

  const Plan& plan_;
  AnyModel model_;
  const Registry& registry_;
  const Context& ctx_;
};

}  // namespace vlp

#if VLP_HEADER_ONLY
#include "vlp/trace/trace_inl.hpp"
#endif
