#pragma once
// What a trace collects: tensors by name, and gradients of losses with respect to a model's
// parameters.

#include <cstddef>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include <ATen/ATen.h>
#include <torch/nn/module.h>

#include "vlp/concepts/inspectable.hpp"
#include "vlp/concepts/model.hpp"
#include "vlp/concepts/parts.hpp"
#include "vlp/concepts/tensor_state.hpp"
#include "vlp/core/foreign_errors.hpp"
#include "vlp/weights/module_weights.hpp"
#include "vlp/weights/safetensors.hpp"

namespace vlp {

/// Tensors of one model in the making. They share memory with the model.
class TraceRecord {
 public:
  /// @param model  whose parameters gradients are taken of, each once, under its first name
  explicit TraceRecord(const AnyModel& model) : parameters_(distinct_parameters(*model.ptr())) {}

  /// The model's parameters by name.
  [[nodiscard]] const NamedTensorList& parameters() const { return parameters_; }

  /// Adds a tensor.
  void put(const std::string& name, const at::Tensor& tensor) {
    tensors_.emplace_back(name, tensor_bytes(tensor));
  }
  /// Adds NAME.0, NAME.1, ..., one a layer.
  void put(const std::string& name, const std::vector<at::Tensor>& layers) {
    for (std::size_t i = 0; i < layers.size(); ++i) put(name + "." + std::to_string(i), layers[i]);
  }

  /// Leaves the gradients in the parameters, undefined where the loss doesn't depend on one.
  /// @param loss  computes a scalar
  /// @return      the scalar, detached
  [[nodiscard]] at::Tensor backward(const std::function<at::Tensor()>& loss) {
    for (auto& [name, parameter] : parameters_) {
      parameter.requires_grad_(true);
      parameter.mutable_grad().reset();
    }
    const at::Tensor value = loss();
    value.backward();
    return value.detach();
  }
  /// Adds PREFIX and each parameter's name, where there is a gradient.
  /// @return  all gradients squared and summed, float64
  at::Tensor put_gradients(const std::string& prefix) {
    at::Tensor squares = at::zeros({}, at::kDouble);
    for (const auto& [name, parameter] : parameters_) {
      if (!parameter.grad().defined()) continue;
      put(prefix + name, parameter.grad());
      squares += parameter.grad().to(at::kCPU, at::kDouble).square().sum();
    }
    return squares;
  }

  /// Everything so far; leaves nothing.
  [[nodiscard]] NamedTensors take() { return std::exchange(tensors_, {}); }

 private:
  NamedTensorList parameters_;
  NamedTensors tensors_;
};

/// The parts of a model that read texts.
enum class TextPart { encoder, decoder };

/// The part of a model that shows how it reads texts: the one that the model names, else the first
/// such part of a model that has only one sort of them. Null if there is none.
/// @param model  lives as long as the result is used
/// @param part   which
[[nodiscard]] inline InspectableText* find_text_part(const AnyModel& model, TextPart part) {
  if (auto* shown = dynamic_cast<InspectableModel*>(model.ptr().get()))
    return named(model.shown(), [&] {
      return part == TextPart::encoder ? shown->shown_text_encoder() : shown->shown_decoder();
    });
  const bool both = model.serves().covers(Parts::of<TextStates, DecoderLogits>());
  return both ? nullptr : find_inspectable<InspectableText>(*model.ptr());
}

}  // namespace vlp
