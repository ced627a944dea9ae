#pragma once
// What a trace shows of a decoder: hidden states, attention, logits, the language-model loss in
// several forms with its gradients, and weights after updates. Letters: B images, T text tokens, V
// vocabulary.

#include <algorithm>
#include <cstdint>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include <ATen/ATen.h>

#include "vlp/concepts/context.hpp"
#include "vlp/concepts/forward.hpp"
#include "vlp/concepts/loss.hpp"
#include "vlp/concepts/model.hpp"
#include "vlp/concepts/optimizer.hpp"
#include "vlp/concepts/parts.hpp"
#include "vlp/core/error.hpp"
#include "vlp/core/foreign_errors.hpp"
#include "vlp/core/message.hpp"
#include "vlp/plan/plan.hpp"
#include "vlp/recipe/read.hpp"
#include "vlp/recipe/recipe.hpp"
#include "vlp/registry/registry.hpp"
#include "vlp/registry/use.hpp"
#include "vlp/trace/inputs.hpp"
#include "vlp/trace/record.hpp"
#include "vlp/trace/updates.hpp"

namespace vlp {

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

/// Whether a loss is a language model's: it asks for a decoder's logits alone, and its targets can
/// be smoothed.
[[nodiscard]] inline bool is_language_model_loss(const Parts& needs, const Value& options) {
  return needs == parts::decoder && value_at(options, "label_smoothing");
}

/// The names of a registry's losses of that kind.
[[nodiscard]] inline std::vector<std::string> language_model_losses(const Registry& registry) {
  std::vector<std::string> names;
  for (const std::string& name : registry.names(AnyLoss::kind)) {
    Diagnostics problems;
    ReadContext read{problems, &registry};
    const auto prepared =
        registry.find<AnyLoss>(name)->prepare(Table(), {}, std::string(AnyLoss::kind), {}, read);
    if (is_language_model_loss(prepared->traits.needs, prepared->write())) names.push_back(name);
  }
  return names;
}

}  // namespace detail

/// Adds the numbers of a decoder to a record, for what the inputs hold.
class CaptionTrace {
 public:
  /// What a trace is made of; all of it outlives the trace.
  struct Parts {
    const Plan& plan;          ///< of the model; its loss of a language model is traced
    AnyModel& model;           ///< updates change it
    const Registry& registry;  ///< holds the plan's components, and the optimizer of updates
    const Context& ctx;        ///< of the model
  };

  /// @param given   what is traced
  /// @param inputs  of the model; must outlive the trace
  /// @param record  where the numbers go; must outlive the trace
  CaptionTrace(const Parts& given, const TraceInputs& inputs, TraceRecord& record)
      : given_(given), parts_(given.model.parts()), inputs_(inputs), record_(record) {}

  /// @param image    [B, N, D], the states of the images
  /// @param updates  made last
  /// @throws RecipeError if there are labels and the plan has no such loss; ShapeError if the texts
  /// are too long
  void trace(const at::Tensor& image, const TraceUpdates& updates) {
    if (!inputs_.input_ids.defined()) return;
    {
      const at::NoGradGuard no_grad;
      trace_states(image);
      trace_losses(image);
    }
    if (!inputs_.labels.defined()) return;
    trace_gradients();
    if (updates.steps > 0) trace_updates(updates);
  }

 private:
  void trace_states(const at::Tensor& image) {
    const at::Tensor &ids = inputs_.input_ids, &mask = inputs_.attention_mask;
    if (InspectableText* decoder = find_text_part(given_.model, TextPart::decoder)) {
      const std::string& shown = given_.model.shown();
      record_.put("decoder_hidden",
                  named(shown, [&] { return decoder->hidden_states(ids, mask, image); }));
      const TextAttention attention =
          named(shown, [&] { return decoder->attention_probabilities(ids, mask, image); });
      record_.put("self_attention", attention.self);
      record_.put("cross_attention", attention.cross);
    }
    const at::Tensor logits =
        parts_.call<DecoderLogits>(parts_.call<DecoderStates>(ids, mask, image));
    record_.put("logits", logits);
    record_.put("logits_logsumexp", logits.logsumexp(-1));
  }

  using LossUse = std::remove_cvref_t<decltype(Plan{}.loss.front())>;

  /// The loss of a language model that the model was or is trained with; null if there is none.
  [[nodiscard]] const LossUse* loss_use() const {
    const auto& all = given_.plan.loss;
    const auto found = std::ranges::find_if(all, [](const LossUse& use) {
      return detail::is_language_model_loss(use.traits().needs, use.write());
    });
    return found == all.end() ? nullptr : &*found;
  }
  [[nodiscard]] AnyLoss model_loss() const {
    if (const LossUse* use = loss_use()) return use->build(given_.ctx);
    lacks_loss();
  }
  [[noreturn]] void lacks_loss() const {
    throw RecipeError("trace: the model's recipe has no loss '" +
                      joined(detail::language_model_losses(given_.registry), "' or '") +
                      "', which labels need. Leave the labels out.");
  }
  /// The same with another smoothing, or what else of its kind there is.
  [[nodiscard]] AnyLoss smoothed_loss(double smoothing) const {
    const LossUse* use = loss_use();
    std::vector<std::string> names = detail::language_model_losses(given_.registry);
    if (use) names.insert(names.begin(), use->name());
    if (names.empty()) lacks_loss();
    Table table;
    table.set("use", Value(names.front()));
    table.set("label_smoothing", Value(smoothing));
    return detail::build_from<AnyLoss>(std::move(table), given_.registry, given_.ctx);
  }
  /// @param image  [B, N, D] where they are known already
  [[nodiscard]] at::Tensor loss_of(AnyLoss loss, const Batch& batch,
                                   const at::Tensor& image = {}) const {
    Forward pass(parts_, batch, {.memory = image, .embeddings = {}, .momentum_embeddings = {}});
    return loss(pass).total;
  }
  [[nodiscard]] std::int64_t rows() const { return inputs_.pixel_values.size(0); }
  [[nodiscard]] Batch whole_batch() const { return inputs_.batch(inputs_.labels, 0, rows()); }

  void trace_losses(const at::Tensor& image) {
    if (inputs_.labels_prompt_masked.defined())
      record_.put("loss_prompt_masked_smoothing_0.1",
                  loss_of(smoothed_loss(0.1),
                          inputs_.batch(inputs_.labels_prompt_masked, 0, rows()), image));
    if (!inputs_.labels.defined()) return;
    const Batch batch = whole_batch();
    record_.put("loss", loss_of(model_loss(), batch, image));
    record_.put("loss_smoothing_0", loss_of(smoothed_loss(0), batch, image));
    record_.put("loss_smoothing_0.1", loss_of(smoothed_loss(0.1), batch, image));
    const at::Tensor sums = at::zeros({rows()}, image.options());
    for (std::int64_t row = 0; row < rows(); ++row) {
      const Batch one = inputs_.batch(inputs_.labels, row, 1);
      if (const std::int64_t tokens = one.texts.targets.numel(); tokens > 0)
        sums[row].copy_(loss_of(model_loss(), one, image.narrow(0, row, 1)) * tokens);
    }
    record_.put("loss_per_sequence_sum", sums);
  }

  [[nodiscard]] at::Tensor backward() {
    return record_.backward([this] { return loss_of(model_loss(), whole_batch()); });
  }

  void trace_gradients() {
    first_loss_ = backward();
    record_.put("grad_norm", record_.put_gradients("grad.").sqrt().to(first_loss_.scalar_type()));
  }

  /// The gradients at hand are those of the first update.
  void trace_updates(const TraceUpdates& updates) {
    AnyOptimizer optimizer =
        detail::build_from<AnyOptimizer>(updates.optimizer, given_.registry, given_.ctx);
    ParameterGroup group;
    for (const auto& [name, parameter] : record_.parameters()) {
      group.names.push_back(name);
      group.parameters.push_back(parameter);
    }
    optimizer.manage({std::move(group)});

    std::vector<at::Tensor> losses{first_loss_};
    for (std::int64_t step = 1; step <= updates.steps; ++step) {
      if (step > 1) losses.push_back(backward());
      optimizer.step({});
      if (step == 1 && updates.steps > 1)
        for (const auto& [name, parameter] : record_.parameters())
          record_.put("step1." + name, parameter.detach().clone());
    }
    record_.put("losses", at::stack(losses));
    const std::string last = "step" + std::to_string(updates.steps);
    for (const auto& [name, parameter] : record_.parameters())
      record_.put(last + "." + name, parameter);
    const at::NoGradGuard no_grad;
    record_.put("loss_after_" + last, loss_of(model_loss(), whole_batch()));
  }

  Parts given_;
  const ModelParts& parts_;
  const TraceInputs& inputs_;
  TraceRecord& record_;
  at::Tensor first_loss_;
};

}  // namespace vlp
