#pragma once
// A model's numbers under evaluation mode: hidden states, attention, logits, losses, gradients, and weights after updates.
// Names are those of the tensors in transformers' outputs where there is one. Letters: B images, N image tokens, T text
// tokens, V vocabulary.

#include <algorithm>
#include <cstdint>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include <ATen/ATen.h>

#include "vlp/assemble/trace_inputs.hpp"
#include "vlp/concepts/inspectable.hpp"
#include "vlp/concepts/loss.hpp"
#include "vlp/concepts/model.hpp"
#include "vlp/concepts/optimizer.hpp"
#include "vlp/concepts/tensor_state.hpp"
#include "vlp/core/context.hpp"
#include "vlp/core/error.hpp"
#include "vlp/plan.hpp"
#include "vlp/recipe/read.hpp"
#include "vlp/registry/registry.hpp"
#include "vlp/registry/use.hpp"
#include "vlp/weights/safetensors.hpp"

namespace vlp {

/// Updates that a trace makes after everything else: AdamW with betas 0.9 and 0.999, eps 1e-8, decay on every parameter.
struct TraceUpdates {
  std::int64_t steps = 0;     ///< 0 = none
  double lr = 1e-3;           ///< learning rate
  double weight_decay = 0.1;  ///< share of a parameter that a step of lr 1 would remove
};

namespace detail {

/// Chooses a component by a table with `use`, as a recipe does, and builds it.
template <class AnyX>
[[nodiscard]] AnyX build_from(Table table, const Registry& registry, const Context& ctx) {
  Diagnostics problems;
  ReadContext read{problems, &registry};
  Use<AnyX> use;
  OptionType<Use<AnyX>>::read(Value(std::move(table)), std::string(AnyX::kind), use, Range{}, read);
  problems.throw_if_any();
  return use.build(ctx);
}

}  // namespace detail

/// Traces one model on one batch.
class Tracer {
 public:
  /// @param plan      of the model; its loss `lm` is the one that is traced
  /// @param model     as it is to be traced; put into evaluation mode
  /// @param registry  holds the loss `lm` and the optimizer `adamw`
  /// @param ctx       of the model
  Tracer(const Plan& plan, AnyModel model, const Registry& registry, const Context& ctx)
      : plan_(plan), model_(std::move(model)), registry_(registry), ctx_(ctx) {
    model_.ptr()->eval();
    std::set<const void*> seen;
    for (const auto& item : model_.ptr()->named_parameters())  // a tied parameter once, under its first name
      if (item.value().defined() && seen.insert(item.value().unsafeGetTensorImpl()).second)
        parameters_.emplace_back(item.key(), item.value());
  }

  /// What is not among the inputs is left out: with pixels alone only the image part is traced. Updates change the model.
  /// The result shares memory with the model: write it before the model changes again.
  /// @throws RecipeError if there are labels and the plan has no loss `lm`; ShapeError if the texts are too long
  [[nodiscard]] NamedTensors trace(const TraceInputs& inputs, const TraceUpdates& updates = {}) {
    if (updates.steps > 0 && !inputs.labels.defined())
      throw RecipeError("trace: updates need labels. Add labels to the inputs or leave --steps out.");
    trace_ = {};
    trace_states(inputs);
    if (inputs.labels.defined() || inputs.labels_prompt_masked.defined()) trace_losses(inputs);
    if (inputs.labels.defined()) trace_gradients(inputs);
    if (updates.steps > 0) trace_updates(inputs, updates);
    return std::move(trace_);
  }

 private:
  void put(const std::string& name, const at::Tensor& tensor) { trace_.emplace_back(name, tensor_bytes(tensor)); }
  void put(const std::string& name, const std::vector<at::Tensor>& layers) {
    for (std::size_t i = 0; i < layers.size(); ++i) put(name + "." + std::to_string(i), layers[i]);
  }

  void trace_states(const TraceInputs& inputs) {
    const at::NoGradGuard no_grad;
    const ModelParts& parts = model_.parts();
    auto* encoder = find_inspectable<InspectableEncoder>(*model_.ptr());
    auto* decoder = find_inspectable<InspectableDecoder>(*model_.ptr());
    const at::Tensor image = parts.image_states(inputs.pixel_values);
    put("vision_last_hidden_state", image);
    put("image_embeds", image);
    if (encoder) {
      put("vision_hidden", encoder->hidden_states(inputs.pixel_values));
      if (const at::Tensor pooled = encoder->pooled(image); pooled.defined()) put("vision_pooler_output", pooled);
    }
    if (inputs.interp_pixel_values.defined()) put("interp_vision_last_hidden_state", parts.image_states(inputs.interp_pixel_values));
    if (!inputs.input_ids.defined()) return;

    if (decoder) {
      put("decoder_hidden", decoder->hidden_states(inputs.input_ids, inputs.attention_mask, image));
      const DecoderAttention attention = decoder->attention_probabilities(inputs.input_ids, inputs.attention_mask, image);
      put("self_attention", attention.self);
      put("cross_attention", attention.cross);
    }
    const at::Tensor logits = parts.decoder_logits(parts.decoder_states(inputs.input_ids, inputs.attention_mask, image));
    put("logits", logits);
    put("logits_logsumexp", logits.logsumexp(-1));
  }

  /// The loss that the model was or is trained with.
  [[nodiscard]] AnyLoss model_loss() const {
    const auto lm = std::ranges::find(plan_.loss, "lm", [](const auto& use) { return use.name(); });
    if (lm == plan_.loss.end()) throw RecipeError("trace: the model's recipe has no loss 'lm', which labels need. Leave the labels out.");
    return lm->build(ctx_);
  }
  [[nodiscard]] AnyLoss smoothed_loss(double smoothing) const {
    Table table;
    table.set("use", Value("lm"));
    table.set("label_smoothing", Value(smoothing));
    return detail::build_from<AnyLoss>(std::move(table), registry_, ctx_);
  }
  /// @param image  [B, N, D] where they are known already
  [[nodiscard]] at::Tensor loss_of(AnyLoss loss, const Batch& batch, const at::Tensor& image = {}) const {
    Forward pass(model_.parts(), batch, {.states = image, .embeddings = {}, .momentum_embeddings = {}});
    return loss(pass).total;
  }

  void trace_losses(const TraceInputs& inputs) {
    const at::NoGradGuard no_grad;
    const at::Tensor image = model_.parts().image_states(inputs.pixel_values);
    const std::int64_t rows = inputs.pixel_values.size(0);
    if (inputs.labels_prompt_masked.defined())
      put("loss_prompt_masked_smoothing_0.1", loss_of(smoothed_loss(0.1), inputs.batch(inputs.labels_prompt_masked, 0, rows), image));
    if (!inputs.labels.defined()) return;
    const Batch batch = inputs.batch(inputs.labels, 0, rows);
    put("loss", loss_of(model_loss(), batch, image));
    put("loss_smoothing_0", loss_of(smoothed_loss(0), batch, image));
    put("loss_smoothing_0.1", loss_of(smoothed_loss(0.1), batch, image));
    const at::Tensor sums = at::zeros({rows}, image.options());
    for (std::int64_t row = 0; row < rows; ++row) {
      const Batch one = inputs.batch(inputs.labels, row, 1);
      if (const std::int64_t tokens = one.targets.numel(); tokens > 0)
        sums[row].copy_(loss_of(model_loss(), one, image.narrow(0, row, 1)) * tokens);
    }
    put("loss_per_sequence_sum", sums);
  }

  [[nodiscard]] at::Tensor backward(const TraceInputs& inputs) {
    for (auto& [name, parameter] : parameters_) {
      parameter.requires_grad_(true);
      parameter.mutable_grad().reset();
    }
    const at::Tensor loss = loss_of(model_loss(), inputs.batch(inputs.labels, 0, inputs.pixel_values.size(0)));
    loss.backward();
    return loss.detach();
  }

  void trace_gradients(const TraceInputs& inputs) {
    first_loss_ = backward(inputs);
    at::Tensor squares = at::zeros({}, first_loss_.options().dtype(at::kDouble));
    for (const auto& [name, parameter] : parameters_) {
      if (!parameter.grad().defined()) continue;
      put("grad." + name, parameter.grad());
      squares += parameter.grad().to(at::kDouble).square().sum();
    }
    put("grad_norm", squares.sqrt().to(first_loss_.scalar_type()));
  }

  /// The gradients at hand are those of the first update.
  void trace_updates(const TraceInputs& inputs, const TraceUpdates& updates) {
    Table table;
    table.set("use", Value("adamw"));
    table.set("lr", Value(updates.lr));
    table.set("weight_decay", Value(updates.weight_decay));
    table.set("decay_norms_and_biases", Value(true));
    AnyOptimizer optimizer = detail::build_from<AnyOptimizer>(std::move(table), registry_, ctx_);
    ParameterGroup group;
    for (const auto& [name, parameter] : parameters_) {
      group.names.push_back(name);
      group.parameters.push_back(parameter);
    }
    optimizer.manage({std::move(group)});

    std::vector<at::Tensor> losses{first_loss_};
    for (std::int64_t step = 1; step <= updates.steps; ++step) {
      if (step > 1) losses.push_back(backward(inputs));
      optimizer.step({});
      if (step == 1 && updates.steps > 1)
        for (const auto& [name, parameter] : parameters_) put("step1." + name, parameter.detach().clone());
    }
    put("losses", at::stack(losses));
    for (const auto& [name, parameter] : parameters_) put("step" + std::to_string(updates.steps) + "." + name, parameter);
    const at::NoGradGuard no_grad;
    put("loss_after_step" + std::to_string(updates.steps),
        loss_of(model_loss(), inputs.batch(inputs.labels, 0, inputs.pixel_values.size(0))));
  }

  const Plan& plan_;
  AnyModel model_;
  const Registry& registry_;
  const Context& ctx_;
  std::vector<std::pair<std::string, at::Tensor>> parameters_;
  at::Tensor first_loss_;
  NamedTensors trace_;
};

}  // namespace vlp
