#pragma once
// How a trace is compared with a stored case: tolerances, groups of tensors, gradients.

#include <algorithm>
#include <functional>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include <boost/test/unit_test.hpp>

#include "tests/parity/stored_case.hpp"

namespace parity {

/// The reference's own float32 results lie 1e-5 to 2e-5 (states), 1e-6 (loss), 1.3e-4 (gradients), 1.2e-3 (losses after
/// updates) from its float64 ones.
struct Tolerances {
  double absolute;        ///< states, attention, logits, sums of token losses
  double loss;            ///< means over tokens
  double gradient;        ///< float32: relative 2-norm of a tensor; float64: absolute
  double zero_gradient;   ///< of gradients that are zero in exact arithmetic
  double losses_updated;  ///< of losses after updates
};
inline constexpr Tolerances kFloat32{5e-5, 2e-6, 1e-3, 1e-5, 5e-3};
inline constexpr Tolerances kFloat64{1e-9, 1e-9, 1e-9, 1e-9, 1e-9};
inline const Tolerances& tolerances(const TracedCase& c) { return c.is_double() ? kFloat64 : kFloat32; }

/// Gradients of key biases are zero in exact arithmetic: a constant added to all scores changes no probability.
inline bool is_key_bias(const std::string& name) { return name.ends_with("key.bias"); }
inline bool is_joint_bias(const std::string& name) { return name.ends_with("qkv.bias"); }

/// The middle third of a joint bias is the keys'.
inline std::pair<at::Tensor, at::Tensor> keys_and_rest(const at::Tensor& bias) {
  const std::vector<at::Tensor> thirds = bias.chunk(3);
  return {thirds[1], at::cat({thirds[0], thirds[2]})};
}

/// Reports the largest of the differences whose names are chosen, those stored in float32 only with that tolerance.
inline void report_group(const TracedCase& c, const std::string& what, double tolerance,
                         const std::function<bool(const std::string&)>& chosen, double single_tolerance = kFloat32.absolute) {
  std::map<bool, std::pair<double, std::string>> worst;
  std::map<bool, int> count;
  for (const vlp::TensorDifference& tensor : c.differences) {
    if (!chosen(tensor.name) || !c.stored.tensors.contains(tensor.name)) continue;
    BOOST_CHECK_MESSAGE(tensor.problem.empty(), c.label << tensor.name << ": " << tensor.problem);
    const bool exact = c.has_precision(tensor.name);
    ++count[exact];
    if (!(tensor.largest <= worst[exact].first)) worst[exact] = {tensor.largest, tensor.name};
  }
  for (const auto& [exact, number] : count)
    report(c.label + what + (exact ? "" : " stored in float32 only"), worst[exact].first, exact ? tolerance : single_tolerance,
           std::to_string(number) + " tensors");
  if (count.empty()) report_missing(c.label + what, "none stored");
}

/// Compares the gradients below PREFIX, each by its tensor; reports the largest difference.
inline void compare_gradients(const TracedCase& c, const std::string& prefix = "grad.") {
  double worst = 0, exact = 0, zeros = 0;
  int count = 0, exact_count = 0;
  for (const auto& [name, tensor] : c.stored.tensors) {
    if (!name.starts_with(prefix)) continue;
    BOOST_REQUIRE_MESSAGE(c.traced.tensors.contains(name), c.label << name << " is missing in the trace");
    auto [actual, expected] = c.both(name);
    if (is_key_bias(name)) {
      zeros = std::max(zeros, actual.abs().max().item<double>());
      continue;
    }
    if (is_joint_bias(name)) {
      zeros = std::max(zeros, keys_and_rest(actual).first.abs().max().item<double>());
      actual = keys_and_rest(actual).second;
      expected = keys_and_rest(expected).second;
    }
    ++count;
    const bool absolute = c.is_double() && c.has_precision(name);
    const double difference =
        absolute ? (actual - expected).abs().max().item<double>() : ((actual - expected).norm() / expected.norm()).item<double>();
    const double allowed = (absolute ? kFloat64 : kFloat32).gradient;
    BOOST_CHECK_MESSAGE(difference <= allowed, c.label << name << ": " << difference);
    (absolute ? exact : worst) = std::max(absolute ? exact : worst, difference);
    exact_count += absolute;
  }
  if (count == 0) return report_missing(c.label + prefix + " gradients", "none stored");
  if (exact_count < count)
    report(c.label + prefix + " gradients, relative 2-norm", worst, kFloat32.gradient, std::to_string(count) + " tensors");
  if (exact_count > 0) report(c.label + prefix + " gradients", exact, kFloat64.gradient, std::to_string(exact_count) + " tensors");
  report(c.label + prefix + " gradients that are zero", zeros, tolerances(c).zero_gradient);
}

}  // namespace parity
