#pragma once
// How a trace is compared with a stored case: tolerances, groups of tensors, gradients.

#include <algorithm>
#include <functional>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include <boost/test/unit_test.hpp>

#include "tests/support/stored_case.hpp"

namespace parity {

/// Bounds of differences. In float64 they are absolute. In float32 they grow with the numbers, as
/// rounding does: |a - b| <= bound * max(1, |b|), b being the reference's largest number of the
/// tensor. A float32 has a unit in the last place of 9.5e-7 at 10, so that processors that add in
/// another order can't all keep a loss of 10 within 2e-6.
///
/// The reference's own float32 results lie 1e-5 to 2e-5 (states), 1e-6 (loss), 1.3e-4
/// (gradients), 1.2e-3 (losses after updates) from its float64 ones.
struct Tolerances {
  double value;           ///< states, attention, logits
  double loss;            ///< means over tokens, sums over them
  double gradient;        ///< float32: relative 2-norm of a tensor
  double zero_gradient;   ///< of gradients that are zero in exact arithmetic; absolute
  double losses_updated;  ///< of losses after updates
};
inline constexpr Tolerances kFloat32{5e-5, 2e-6, 1e-3, 1e-5, 2e-3};
inline constexpr Tolerances kFloat64{1e-9, 1e-9, 1e-9, 1e-9, 1e-9};
inline const Tolerances& tolerances(const TracedCase& c) {
  return c.is_double() ? kFloat64 : kFloat32;
}

/// Gradients of key biases are zero in exact arithmetic: a constant added to all scores changes no
/// probability.
inline bool is_key_bias(const std::string& name) { return name.ends_with("key.bias"); }
inline bool is_joint_bias(const std::string& name) { return name.ends_with("qkv.bias"); }

/// The middle third of a joint bias is the keys'.
inline std::pair<at::Tensor, at::Tensor> keys_and_rest(const at::Tensor& bias) {
  const std::vector<at::Tensor> thirds = bias.chunk(3);
  return {thirds[1], at::cat({thirds[0], thirds[2]})};
}

/// Reports the largest of the differences whose names are chosen, those stored in float32 only with
/// that tolerance, and counts them.
inline void report_group(const TracedCase& c, const std::string& what, double tolerance,
                         const std::function<bool(const std::string&)>& chosen,
                         double single_tolerance = kFloat32.value) {
  std::map<bool, std::pair<double, std::string>> worst;
  std::map<bool, int> count;
  for (const vlp::TensorDifference& tensor : c.differences) {
    if (!chosen(tensor.name) || !c.stored.tensors.contains(tensor.name)) continue;
    BOOST_CHECK_MESSAGE(tensor.problem.empty(), c.label << tensor.name << ": " << tensor.problem);
    const bool exact = c.has_precision(tensor.name);
    ++count[exact];
    const double difference =
        c.is_double() && exact ? tensor.largest : tensor.largest / c.size(tensor.name);
    if (!(difference <= worst[exact].first)) worst[exact] = {difference, tensor.name};
  }
  for (const auto& [exact, number] : count) {
    const std::string group = what + (exact           ? ""
                                      : c.is_double() ? " stored in float32 only"
                                                      : " stored in float64 only");
    report(c.label + group, worst[exact].first, exact ? tolerance : single_tolerance,
           std::to_string(number) + " tensors");
    c.tally.add(group, number);
  }
  if (count.empty()) report_missing(c.label + what, "none stored");
}

/// Compares the gradients below PREFIX, each by its tensor; reports the largest difference and
/// counts them.
inline void compare_gradients(const TracedCase& c, const std::string& prefix = "grad.") {
  double worst = 0, exact = 0, zeros = 0;
  int count = 0, exact_count = 0, zero_count = 0;
  for (const auto& [name, tensor] : c.stored.tensors) {
    if (!name.starts_with(prefix)) continue;
    BOOST_REQUIRE_MESSAGE(c.traced.tensors.contains(name),
                          c.label << name << " is missing in the trace");
    auto [actual, expected] = c.both(name);
    if (is_key_bias(name)) {
      zeros = std::max(zeros, actual.abs().max().item<double>());
      ++zero_count;
      continue;
    }
    if (is_joint_bias(name)) {
      zeros = std::max(zeros, keys_and_rest(actual).first.abs().max().item<double>());
      ++zero_count;
      actual = keys_and_rest(actual).second;
      expected = keys_and_rest(expected).second;
    }
    ++count;
    const bool absolute = c.is_double() && c.has_precision(name);
    const double difference = absolute
                                  ? (actual - expected).abs().max().item<double>()
                                  : ((actual - expected).norm() / expected.norm()).item<double>();
    const double allowed = (absolute ? kFloat64 : kFloat32).gradient;
    BOOST_CHECK_MESSAGE(difference <= allowed, c.label << name << ": " << difference);
    (absolute ? exact : worst) = std::max(absolute ? exact : worst, difference);
    exact_count += absolute;
  }
  if (count == 0) return report_missing(c.label + prefix + " gradients", "none stored");
  if (exact_count < count)
    report(c.label + prefix + " gradients, relative 2-norm", worst, kFloat32.gradient,
           std::to_string(count) + " tensors");
  if (exact_count > 0)
    report(c.label + prefix + " gradients", exact, kFloat64.gradient,
           std::to_string(exact_count) + " tensors");
  report(c.label + prefix + " gradients that are zero", zeros, tolerances(c).zero_gradient);
  c.tally.add(prefix + " gradients", c.is_double() ? exact_count : count);
  if (c.is_double()) c.tally.add(prefix + " gradients stored in float32 only", count - exact_count);
  c.tally.add(prefix + " gradients that are zero", zero_count);
}

}  // namespace parity
