#pragma once
// A model's numbers under evaluation mode: hidden states, attention, logits, embeddings, similarities, losses, gradients,
// and weights after updates. Names are those of the tensors in transformers' outputs where there is one.

#include <cstdint>
#include <string>
#include <utility>

#include <ATen/ATen.h>

#include "vlp/assemble/trace_caption.hpp"
#include "vlp/assemble/trace_inputs.hpp"
#include "vlp/assemble/trace_record.hpp"
#include "vlp/assemble/trace_retrieval.hpp"
#include "vlp/concepts/inspectable.hpp"
#include "vlp/concepts/model.hpp"
#include "vlp/core/context.hpp"
#include "vlp/core/error.hpp"
#include "vlp/plan.hpp"
#include "vlp/recipe/value.hpp"
#include "vlp/registry/registry.hpp"
#include "vlp/weights/safetensors.hpp"

namespace vlp {

/// Traces one model on one batch.
class Tracer {
 public:
  /// @param plan      of the model
  /// @param model     as it is to be traced; put into evaluation mode
  /// @param registry  holds the loss `lm` and the optimizer `adamw`
  /// @param ctx       of the model
  Tracer(const Plan& plan, AnyModel model, const Registry& registry, const Context& ctx)
      : plan_(plan), model_(std::move(model)), registry_(registry), ctx_(ctx) {
    model_.ptr()->eval();
  }

  /// What is not among the inputs is left out: with pixels alone only the image part is traced. Updates change the model.
  /// The result shares memory with the model: write it before the model changes again.
  /// @throws RecipeError if there are labels and the plan has no loss `lm`, or updates without labels or decoder;
  ///         ShapeError if the texts are too long
  [[nodiscard]] NamedTensors trace(const TraceInputs& inputs, const TraceUpdates& updates = {}) {
    const ModelParts& parts = model_.parts();
    if (updates.steps > 0 && !parts.decoder_logits)
      throw RecipeError("trace: updates minimise the language-model loss, and model '" + plan_.model.name() +
                        "' has no decoder. Leave --steps out.");
    if (updates.steps > 0 && !inputs.labels.defined())
      throw RecipeError("trace: updates need labels. Add labels to the inputs or leave --steps out.");
    TraceRecord record(model_);
    const at::Tensor image = trace_images(inputs, record);
    if (parts.text_states) RetrievalTrace(model_, inputs, match_mark(), record).trace(image);
    if (parts.decoder_logits) CaptionTrace({plan_, model_, registry_, ctx_}, inputs, record).trace(image, updates);
    return record.take();
  }

 private:
  /// @return  [B, N, D], without gradient
  [[nodiscard]] at::Tensor trace_images(const TraceInputs& inputs, TraceRecord& record) {
    const at::NoGradGuard no_grad;
    const ModelParts& parts = model_.parts();
    const at::Tensor image = parts.image_states(inputs.pixel_values);
    record.put("vision_last_hidden_state", image);
    const bool compares = parts.text_states && !parts.decoder_logits;  // transformers' retrieval model shows no more of its images
    if (!compares) record.put("image_embeds", image);
    if (auto* encoder = find_inspectable<InspectableEncoder>(*model_.ptr()); encoder && !compares) {
      record.put("vision_hidden", encoder->hidden_states(inputs.pixel_values));
      if (const at::Tensor pooled = encoder->pooled(image); pooled.defined()) record.put("vision_pooler_output", pooled);
    }
    if (inputs.interp_pixel_values.defined()) record.put("interp_vision_last_hidden_state", parts.image_states(inputs.interp_pixel_values));
    return image;
  }

  /// What the model puts at position 0 of texts that see an image; -1 = nothing.
  [[nodiscard]] std::int64_t match_mark() const {
    const Value* token = value_at(plan_.resolved, "model.match_token");
    const std::string* name = token ? token->as<std::string>() : nullptr;
    return name && *name == "enc" ? ctx_.tokens.encode : -1;
  }

  const Plan& plan_;
  AnyModel model_;
  const Registry& registry_;
  const Context& ctx_;
};

}  // namespace vlp
