#pragma once

#include "vlp/concepts/inspectable.hpp"
#include "vlp/core/error.hpp"
#include "vlp/core/foreign_errors.hpp"
#include "vlp/registry/registry.hpp"
#include "vlp/trace/caption.hpp"
#include "vlp/trace/record.hpp"
#include "vlp/trace/retrieval.hpp"
#include "vlp/trace/trace.hpp"

namespace vlp {

VLP_INLINE NamedTensors Tracer::trace(const TraceInputs& inputs, const TraceUpdates& updates) {
  const ModelParts& parts = model_.parts();
  if (updates.steps > 0 && !parts.has<DecoderLogits>())
    throw RecipeError("trace: updates minimise the language-model loss, and model '" +
                      plan_.model.name() + "' has no decoder. Leave --steps out.");
  if (updates.steps > 0 && !inputs.labels.defined())
    throw RecipeError("trace: updates need labels. Add labels to the inputs or leave --steps out.");
  TraceRecord record(model_);
  const at::Tensor image = trace_images(inputs, record);
  if (parts.has<TextStates>()) RetrievalTrace(model_, inputs, record).trace(image);
  if (parts.has<DecoderLogits>())
    CaptionTrace({plan_, model_, registry_, ctx_}, inputs, record).trace(image, updates);
  return record.take();
}

/// @return  [B, N, D], without gradient
VLP_INLINE at::Tensor Tracer::trace_images(const TraceInputs& inputs, TraceRecord& record) {
  const at::NoGradGuard no_grad;
  const ModelParts& parts = model_.parts();
  const at::Tensor image = parts.call<ImageStates>(inputs.pixel_values);
  record.put("vision_last_hidden_state", image);
  const bool compares =
      parts.has<TextStates>() &&
      !parts.has<DecoderLogits>();  // transformers' retrieval model shows no more of its images
  if (!compares) record.put("image_embeds", image);
  if (auto* encoder = find_inspectable<InspectableEncoder>(*model_.ptr()); encoder && !compares) {
    const std::string& shown = model_.shown();
    record.put("vision_hidden",
               named(shown, [&] { return encoder->hidden_states(inputs.pixel_values); }));
    if (const at::Tensor pooled = named(shown, [&] { return encoder->pooled(image); });
        pooled.defined())
      record.put("vision_pooler_output", pooled);
  }
  if (inputs.interp_pixel_values.defined())
    record.put("interp_vision_last_hidden_state",
               parts.call<ImageStates>(inputs.interp_pixel_values));
  return image;
}

}  // namespace vlp
