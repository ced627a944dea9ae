#pragma once
// A part that the core has never heard of: what a model from outside serves and a loss from outside
// asks for, each in a shared library of its own.

#include <string_view>

#include <ATen/core/Tensor.h>

namespace outside {

/// [B, N] of image states [B, N, D].
struct EdgeScores {
  static constexpr std::string_view name = "edge_scores", words = "scores of edges";
  using Signature = at::Tensor(const at::Tensor& image_states);
  static auto call(auto& model, const at::Tensor& image_states)
      -> decltype(model->edge_scores(image_states)) {
    return model->edge_scores(image_states);
  }
};

}  // namespace outside
