#pragma once
// Looks for the first tensor of a pass that isn't finite: every operator's results are read back,
// so this is for a pass that is done a second time.

#include <algorithm>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>
#include <ATen/record_function.h>
#include <c10/util/ThreadLocalDebugInfo.h>
#include <fmt/format.h>

#include "vlp/concepts/batch.hpp"
#include "vlp/concepts/finite_tensor.hpp"
#include "vlp/core/message.hpp"
#include "vlp/weights/module_weights.hpp"

namespace vlp {

/// The first result that isn't finite.
struct NonFiniteResult {
  std::string module;               ///< whose parameter was used last; empty = none yet
  std::string operation;            ///< e.g. "aten::linear > aten::addmm"
  std::string result;               ///< shape and range
  std::vector<std::string> inputs;  ///< shapes and ranges
  std::vector<std::int64_t> rows;   ///< which rows of the result, if it has as many as the batch
};

namespace detail {

/// What a watch knows; every thread that takes part in the pass finds it.
struct WatchState : c10::DebugInfoBase {
  std::map<const void*, std::string> names;  // of parameters
  std::int64_t batch = 0;                    // rows
  std::string module;
  std::vector<std::string> running;  // operators, the outermost first
  bool found = false;
  NonFiniteResult first;
};

inline constexpr auto kWatchInfo = c10::DebugInfoKind::TEST_INFO_2;  // one that nobody else uses

/// Calls `f` on every tensor of an operator's arguments or results.
template <class Values, class F>
void for_each_tensor_in(const Values& values, const F& f) {
  for (const c10::IValue& value : values) {
    if (value.isTensor()) {
      if (value.toTensor().defined()) f(value.toTensor());
    } else if (value.isTensorList()) {
      for (const at::Tensor& tensor : value.toTensorVector())
        if (tensor.defined()) f(tensor);
    }
  }
}

/// Results of these aren't computed: memory as it was found, or what somebody wanted.
[[nodiscard]] inline bool sets_values(std::string_view operation) {
  for (const std::string_view part : {"empty", "resize", "masked_fill", "fill_", "full",
                                      "scalar_tensor", "set_", "where", "lift"})
    if (operation.find(part) != operation.npos) return true;
  return false;
}

/// Minus infinity is how masks hide; it is a fault only where none came in.
[[nodiscard]] inline bool is_faulty(const at::Tensor& result, bool masked) {
  if (!result.is_floating_point() || result.numel() == 0 || result.is_meta()) return false;
  const at::Tensor bad = result.isnan().logical_or(masked ? result.isposinf() : result.isinf());
  return bad.any().item<bool>();
}

/// What went into an operator.
struct OperatorInputs : at::ObserverContext {
  std::vector<at::Tensor> tensors;
  bool watched = false;
};

[[nodiscard]] inline WatchState* watch_of_thread() {
  return static_cast<WatchState*>(c10::ThreadLocalDebugInfo::get(kWatchInfo));
}

inline std::unique_ptr<at::ObserverContext> before_operation(const at::RecordFunction& operation) {
  WatchState* watch = watch_of_thread();
  auto inputs = std::make_unique<OperatorInputs>();
  if (!watch || watch->found) return inputs;
  const at::DisableRecordFunctionGuard unwatched;
  const at::NoGradGuard no_grad;
  inputs->watched = true;
  watch->running.emplace_back(operation.name());
  const bool in_place = std::string_view(operation.name()).ends_with('_');
  for_each_tensor_in(operation.inputs(), [&](const at::Tensor& input) {
    const auto known = watch->names.find(input.unsafeGetTensorImpl());
    if (known != watch->names.end()) watch->module = known->second;
    inputs->tensors.push_back(in_place && inputs->tensors.empty() ? input.detach().clone() : input);
  });
  return inputs;
}

/// Which samples of the batch a result that isn't finite belongs to, if it has a row for each.
inline void find_rows(WatchState& watch, const at::Tensor& result) {
  if (!watch.first.rows.empty() || result.dim() == 0 || result.size(0) != watch.batch) return;
  const at::Tensor rows = result.isfinite().reshape({watch.batch, -1}).all(1).cpu();
  for (std::int64_t i = 0; i < watch.batch; ++i)
    if (!rows[i].item<bool>()) watch.first.rows.push_back(i);
}

/// Says of the first result that isn't finite what is known of it.
inline void describe(WatchState& watch, const at::Tensor& result,
                     const std::vector<at::Tensor>& inputs) {
  watch.found = true;
  NonFiniteResult& first = watch.first;
  first.module = watch.module;
  first.operation = joined(watch.running, " > ");
  first.result = range_of(result);
  for (const at::Tensor& input : inputs) first.inputs.push_back(range_of(input));
}

/// Whether a result is the memory of something that went in: a view of it, which computes nothing,
/// or memory that is being filled, whose outer operator gives it back when it is done.
[[nodiscard]] inline bool is_given(const at::Tensor& result,
                                   const std::vector<at::Tensor>& inputs) {
  return result.has_storage() && std::ranges::any_of(inputs, [&](const at::Tensor& input) {
           return input.has_storage() && input.is_alias_of(result);
         });
}

inline void after_operation(const at::RecordFunction& operation, at::ObserverContext* context) {
  WatchState* watch = watch_of_thread();
  const auto* before = static_cast<const OperatorInputs*>(context);
  if (!watch || !before || !before->watched) return;
  const at::DisableRecordFunctionGuard unwatched;
  const at::NoGradGuard no_grad;
  const bool masked = std::ranges::any_of(before->tensors, [](const at::Tensor& input) {
    return input.is_floating_point() && !input.is_meta() && input.isneginf().any().item<bool>();
  });
  const bool in_place = std::string_view(operation.name()).ends_with('_');
  if (!sets_values(operation.name()))
    for_each_tensor_in(operation.outputs(), [&](const at::Tensor& result) {
      if (!in_place && is_given(result, before->tensors)) return;
      if (!is_faulty(result, masked)) return;
      if (!watch->found) describe(*watch, result, before->tensors);
      find_rows(*watch, result);  // an outer operator may have the rows that an inner one hasn't
    });
  watch->running.pop_back();
}

}  // namespace detail

/// While it lives, the results of every operator of this thread, and of the backward passes that it
/// begins, are looked at.
class FiniteWatch {
 public:
  /// @param parameters  by name, to say where in a model an operator is
  /// @param batch       rows of a batch, to say which of its samples; 0 = not known
  FiniteWatch(const NamedTensorList& parameters, std::int64_t batch)
      : state_(std::make_shared<detail::WatchState>()),
        shared_(detail::kWatchInfo, state_),
        handle_(at::addThreadLocalCallback(
            at::RecordFunctionCallback(&detail::before_operation, &detail::after_operation)
                .needsInputs(true)
                .needsOutputs(true)
                .scopes({at::RecordScope::FUNCTION, at::RecordScope::BACKWARD_FUNCTION}))) {
    for (const auto& [name, parameter] : parameters)
      state_->names.emplace(parameter.unsafeGetTensorImpl(),
                            name.substr(0, std::min(name.rfind('.'), name.size())));
    state_->batch = batch;
  }
  ~FiniteWatch() { at::removeCallback(handle_); }
  FiniteWatch(const FiniteWatch&) = delete;
  FiniteWatch& operator=(const FiniteWatch&) = delete;

  /// Whether there was a result that isn't finite.
  [[nodiscard]] bool found() const { return state_->found; }
  /// The first of them.
  [[nodiscard]] const NonFiniteResult& first() const { return state_->first; }

 private:
  std::shared_ptr<detail::WatchState> state_;
  c10::DebugInfoGuard shared_;
  at::CallbackHandle handle_;
};

/// Why an update isn't finite.
struct NonFiniteUpdate {
  std::int64_t step = 0;         ///< from 0
  std::int64_t micro_batch = 0;  ///< of the update, from 0
  Batch batch;                   ///< its samples
  std::string explanation;       ///< the first tensor that isn't finite, and what went in
};

/// A sentence or two. @param image_ids  of the batch; may be empty
/// @param pass  "forward" or "backward"
[[nodiscard]] inline std::string in_words(const NonFiniteResult& first, std::string_view pass,
                                          const std::vector<std::string>& image_ids) {
  std::string text =
      fmt::format("the first tensor of the {} pass that isn't finite comes from {} ({}): {}", pass,
                  first.module.empty() ? "before the first parameter" : first.module,
                  first.operation, first.result);
  if (!first.inputs.empty()) text += "; its inputs: " + joined(first.inputs, "; ");
  std::vector<std::string> images;
  for (const std::int64_t row : first.rows)
    if (static_cast<std::size_t>(row) < image_ids.size())
      images.push_back(image_ids[static_cast<std::size_t>(row)]);
  if (!images.empty() && images.size() < image_ids.size())
    text += "; images: " + joined(images);
  else if (!image_ids.empty())
    text += "; images of the batch: " + joined(image_ids);
  return text;
}

}  // namespace vlp
