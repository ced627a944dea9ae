#pragma once
// Muon: momentum whose matrices are orthogonalised before each step (Jordan et al. 2024), with the
// step size and the decoupled weight decay of Liu et al. 2025 ("Muon is scalable for LLM training",
// equation 4), so that AdamW's settings carry over.

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

#include "vlp/concepts/context.hpp"
#include "vlp/concepts/optimizer.hpp"
#include "vlp/concepts/tensor_state.hpp"
#include "vlp/core/state.hpp"
#include "vlp/nn/parameter.hpp"
#include "vlp/recipe/field.hpp"
#include "vlp/registry/plugin.hpp"
#include "vlp/registry/use.hpp"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>

namespace vlp {

/// U S V^T -> U f(S) V^T, where f takes singular values that aren't tiny to between about 0.7
/// and 1.2: Newton-Schulz iterations with Jordan's quintic 3.4445 x - 4.7750 x^3 + 2.0315 x^5, in
/// the dtype of the matrices.
/// @param matrices    [K, R, C], of any size; one of zeros stays so
/// @param iterations  5 in the original
/// @return            [K, R, C]
[[nodiscard]] inline at::Tensor orthogonalised(const at::Tensor& matrices,
                                               std::int64_t iterations) {
  const bool tall = matrices.size(1) > matrices.size(2);
  at::Tensor x = tall ? matrices.transpose(1, 2) : matrices;  // the smaller Gram matrix
  x = x / x.norm(2, {1, 2}, /*keepdim=*/true).clamp_min(1e-7);
  for (std::int64_t i = 0; i < iterations; ++i) {
    const at::Tensor gram = x.bmm(x.transpose(1, 2));
    x = at::baddbmm(x, at::baddbmm(gram, gram, gram, /*beta=*/-4.7750, /*alpha=*/2.0315), x,
                    /*beta=*/3.4445);
  }
  return tall ? x.transpose(1, 2) : x;
}

/// p -= lr * (wd * p + 0.2 sqrt(max(R, C)) * orthogonalised(g + momentum * (m - g))) for each
/// hidden matrix p [R, C], with m the running mean of its gradient g. Embeddings, heads, norms,
/// biases and whatever else is no matrix go to another optimizer. Differs from torch.optim.Muon:
/// iterates in float32, unless `bfloat16` is set, and all matrices of one shape at a time.
class Muon {
 public:
  static constexpr std::string_view name = "muon";

  struct Options {
    double lr = 1e-3;
    double weight_decay = 0.1;
    double momentum = 0.95;
    std::int64_t iterations = 5;
    bool bfloat16 = false;
    std::vector<std::string> except = {};
    Use<AnyOptimizer> others;

    static constexpr auto fields() {
      return std::tuple{
          field<&Options::lr>(
              "Learning rate of hidden matrices before the schedule's factor; AdamW's fits.",
              above(0.0)),
          field<&Options::weight_decay>(
              "Share of a hidden matrix that a step of lr 1 would remove.", at_least(0.0)),
          field<&Options::momentum>(
              "Decay of the gradients' mean, a step, 0 to below 1; Nesterov's.",
              between(0.0, 1 - 1e-9)),
          field<&Options::iterations>("Newton-Schulz iterations.", between(1, 20)),
          field<&Options::bfloat16>(
              "Whether they are done in bfloat16, as torch.optim.Muon does: faster on a GPU."),
          field<&Options::except>("Parts of names: matrices with one of them go to `others` too, "
                                  "beside embeddings and heads."),
          field<&Options::others>("Updates all that isn't a hidden matrix."),
      };
    }
  };

  Muon(Options options, const Context& ctx)
      : options_(std::move(options)), others_(options_.others.build(ctx)) {}

  /// @throws ShapeError if a hidden matrix is neither float32 nor float64
  void manage(std::vector<ParameterGroup> groups) {
    shapes_.clear();
    std::vector<ParameterGroup> rest;
    for (const ParameterGroup& group : groups) {
      ParameterGroup& left = rest.emplace_back();
      left.decay = group.decay;
      left.lr_factor = group.lr_factor;
      left.weight_decay = group.weight_decay;
      for (std::size_t i = 0; i < group.names.size(); ++i) {
        const at::Tensor& parameter = group.parameters[i];
        if (group.is_hidden_matrix(i) && !is_excepted(group.names[i])) {
          take(group, i);
        } else {
          left.names.push_back(group.names[i]);
          left.parameters.push_back(parameter);
          if (!group.roles.empty()) left.roles.push_back(group.roles[i]);
        }
      }
    }
    others_.manage(std::move(rest));
  }

  /// One update of every parameter that has a gradient; the others and their momentum stay as they
  /// are.
  void step(const StepControl& control) {
    const at::NoGradGuard no_grad;
    for (auto& [shape, matrices] : shapes_) update(matrices, control);
    others_.step(control);
  }

  /// Drops all gradients; the next backward pass makes new ones.
  void zero_grad() {
    for (auto& [shape, matrices] : shapes_)
      for (Matrix& matrix : matrices) matrix.parameter.mutable_grad().reset();
    others_.zero_grad();
  }

  /// The learning rate of hidden matrices before the schedule's factor.
  [[nodiscard]] double lr() const { return options_.lr; }
  /// As the other optimizer does.
  [[nodiscard]] bool decays_norms_and_biases() const { return others_.decays_norms_and_biases(); }

  void save(State& state) const {
    for (const auto& [shape, matrices] : shapes_)
      for (const Matrix& matrix : matrices)
        put_tensor(state, "momentum." + matrix.name, matrix.mean);
    State rest = state.prefixed("others");
    others_.save(rest);
  }
  /// Call `manage` first. @throws WeightsError naming a parameter whose momentum is missing or
  /// doesn't fit
  void load(const State& state) {
    for (auto& [shape, matrices] : shapes_)
      for (Matrix& matrix : matrices) load_tensor(state, "momentum." + matrix.name, matrix.mean);
    others_.load(state.prefixed("others"));
  }

 private:
  struct Matrix {
    std::string name;
    at::Tensor parameter, mean;  // [R, C]
    double lr_factor, weight_decay;
  };

  [[nodiscard]] bool is_excepted(const std::string& called) const {
    return std::ranges::any_of(options_.except, [&](const std::string& part) {
      return called.find(part) != std::string::npos;
    });
  }

  void take(const ParameterGroup& group, std::size_t i) {
    const at::Tensor& parameter = group.parameters[i];
    require_updatable(name, group.names[i], parameter);
    shapes_[parameter.sizes().vec()].push_back({group.names[i], parameter,
                                                at::zeros_like(parameter).detach(), group.lr_factor,
                                                group.decay_of(options_.weight_decay)});
  }

  /// Of matrices [R, C] of one shape; one that must be skipped keeps its value and momentum to the
  /// last bit.
  void update(std::vector<Matrix>& matrices, const StepControl& control) const {
    std::vector<Matrix*> moved;
    std::vector<at::Tensor> directions;
    const at::Tensor skip = control.found_inf.defined() ? control.found_inf.ne(0) : at::Tensor();
    const auto unless_skipped = [&](const at::Tensor& then, const at::Tensor& old) {
      return skip.defined() ? at::where(skip, old, then) : then;
    };
    for (Matrix& matrix : matrices) {
      if (!matrix.parameter.grad().defined()) continue;
      const at::Tensor& scaled = matrix.parameter.grad();
      const at::Tensor grad = control.grad_scale.defined() ? scaled / control.grad_scale : scaled;
      matrix.mean.copy_(unless_skipped(matrix.mean.lerp(grad, 1 - options_.momentum), matrix.mean));
      moved.push_back(&matrix);
      directions.push_back(grad.lerp(matrix.mean, options_.momentum));
    }
    if (moved.empty()) return;
    const at::Tensor stacked = at::stack(directions);
    const at::Tensor steps = orthogonalised(options_.bfloat16 ? stacked.to(at::kBFloat16) : stacked,
                                            options_.iterations);
    const double side = std::sqrt(static_cast<double>(std::max(stacked.size(1), stacked.size(2))));
    for (std::size_t i = 0; i < moved.size(); ++i) {
      at::Tensor& parameter = moved[i]->parameter;
      const double lr = options_.lr * control.lr_factor * moved[i]->lr_factor;
      const at::Tensor decayed =
          moved[i]->weight_decay > 0 ? parameter * (1 - lr * moved[i]->weight_decay) : parameter;
      parameter.copy_(unless_skipped(
          decayed.sub(steps[static_cast<std::int64_t>(i)], lr * 0.2 * side), parameter));
    }
  }

  Options options_;
  AnyOptimizer others_;
  std::map<std::vector<std::int64_t>, std::vector<Matrix>> shapes_;
};
static_assert(Optimizer<Muon>);

}  // namespace vlp

VLP_PLUGIN(muon, "1.0", vlp::Muon);
