#include "plugins/optimizer/adamw.hpp"

#include <boost/test/unit_test.hpp>

#include <cmath>
#include <string>
#include <vector>

#include "tests/support/messages.hpp"
#include "tests/support/scaled.hpp"

#include <ATen/ATen.h>

BOOST_AUTO_TEST_SUITE(adamw)

using namespace vlp;
using vlp_test::contains;
using vlp_test::message_of;
using vlp_test::scaled;

namespace {

// The kernel rounds p, m and v to float32 once a step; ten steps of size 0.1 on values of size 1
// stay within ten of those roundings.
constexpr double kFloat32 = 1e-6;
// Same operations in float64, in another order.
constexpr double kFloat64 = 1e-13;

at::Tensor parameter(std::vector<double> values, at::ScalarType dtype) {
  return at::tensor(values, at::kDouble).to(dtype).set_requires_grad(true);
}

/// Gradient of step `t` for a parameter of `n` elements: fixed, of both signs and several sizes.
std::vector<double> gradient(int t, std::size_t n) {
  std::vector<double> g(n);
  for (std::size_t i = 0; i < n; ++i)
    g[i] = std::sin(1.0 + 3.0 * t + 1.7 * static_cast<double>(i)) *
           std::pow(10.0, static_cast<double>(i) - 1);
  return g;
}

void set_grad(at::Tensor& p, const std::vector<double>& values) {
  p.mutable_grad() = at::tensor(values, at::kDouble).to(p.scalar_type()).reshape(p.sizes());
}

/// AdamW as its paper writes it, in float64.
struct HandAdamW {
  std::vector<double> p, m, v;
  int t = 0;
  explicit HandAdamW(std::vector<double> start) : p(std::move(start)), m(p.size()), v(p.size()) {}
  void step(const std::vector<double>& g, double lr, double wd, double b1, double b2, double eps) {
    ++t;
    for (std::size_t i = 0; i < p.size(); ++i) {
      m[i] = b1 * m[i] + (1 - b1) * g[i];
      v[i] = b2 * v[i] + (1 - b2) * g[i] * g[i];
      const double m_hat = m[i] / (1 - std::pow(b1, t)), v_hat = v[i] / (1 - std::pow(b2, t));
      p[i] -= lr * (m_hat / (std::sqrt(v_hat) + eps) + wd * p[i]);
    }
  }
};

double largest_difference(const at::Tensor& tensor, const std::vector<double>& expected) {
  return (tensor.detach().to(at::kDouble).flatten() - at::tensor(expected, at::kDouble))
      .abs()
      .max()
      .item<double>();
}

AdamW::Options options(double lr = 0.1, double weight_decay = 0.1) {
  AdamW::Options o;
  o.lr = lr;
  o.weight_decay = weight_decay;
  return o;
}

ParameterGroup group_of(std::vector<std::string> names, std::vector<at::Tensor> parameters,
                        bool decay = true) {
  return {std::move(names), std::move(parameters), decay};
}

AdamW managing(const AdamW::Options& o, std::vector<ParameterGroup> groups) {
  AdamW optimizer(o);
  optimizer.manage(std::move(groups));
  return optimizer;
}

}  // namespace

BOOST_AUTO_TEST_CASE(ten_steps_equal_the_paper_computed_by_hand) {
  const std::vector<double> start{1, -2, 0.5, 0, 3};
  for (const auto& [dtype, tolerance] :
       {std::pair(at::kFloat, kFloat32), std::pair(at::kDouble, kFloat64)}) {
    at::Tensor decayed = parameter(start, dtype), plain = parameter(start, dtype);
    HandAdamW hand_decayed(start), hand_plain(start);
    AdamW optimizer =
        managing(options(), {group_of({"w"}, {decayed}), group_of({"b"}, {plain}, false)});
    for (int t = 0; t < 10; ++t) {
      const auto g = gradient(t, start.size());
      set_grad(decayed, g);
      set_grad(plain, g);
      const double factor = 1 - 0.05 * t;
      StepControl control;
      control.lr_factor = factor;
      optimizer.step(control);
      hand_decayed.step(g, 0.1 * factor, 0.1, 0.9, 0.999, 1e-8);
      hand_plain.step(g, 0.1 * factor, 0, 0.9, 0.999, 1e-8);
    }
    const double a = largest_difference(decayed, hand_decayed.p),
                 b = largest_difference(plain, hand_plain.p);
    BOOST_TEST_MESSAGE("largest difference " << std::max(a, b));
    BOOST_TEST(a <= tolerance);
    BOOST_TEST(b <= tolerance);
  }
}

BOOST_AUTO_TEST_CASE(long_tensors_and_other_strides_take_the_same_steps) {
  // 1003 elements reach the kernel's vector loop and its tail; the second parameter's gradient
  // arrives transposed.
  constexpr std::int64_t n = 1003;
  static_assert(n == 17 * 59);
  std::vector<double> start(n), g(n);
  for (std::size_t i = 0; i < n; ++i) {
    start[i] = std::cos(static_cast<double>(i));
    g[i] = std::sin(2.0 * static_cast<double>(i)) + 1.5;
  }
  at::Tensor line = parameter(start, at::kDouble);
  at::Tensor table = at::tensor(start, at::kDouble).reshape({17, 59}).set_requires_grad(true);
  AdamW optimizer = managing(options(), {group_of({"line", "table"}, {line, table})});
  HandAdamW hand(start);
  for (int t = 0; t < 3; ++t) {
    set_grad(line, g);
    table.mutable_grad() = at::tensor(g, at::kDouble).reshape({17, 59}).t().contiguous().t();
    optimizer.step({});
    hand.step(g, 0.1, 0.1, 0.9, 0.999, 1e-8);
  }
  BOOST_TEST(largest_difference(line, hand.p) <= kFloat64);
  BOOST_TEST(largest_difference(table, hand.p) <= kFloat64);
}

BOOST_AUTO_TEST_CASE(a_parameter_takes_the_same_steps_beside_many_small_and_large_ones) {
  // 70,000 elements are enough for the kernel to use several threads.
  std::vector<at::Tensor> parameters;
  std::vector<std::string> names;
  for (std::int64_t i = 0; i <= 40; ++i) {
    const std::int64_t n = i == 40 ? 70'000 : 10 + i;
    parameters.push_back(at::linspace(-1, 1, n, at::kDouble).set_requires_grad(true));
    names.push_back(std::to_string(i));
  }
  AdamW optimizer = managing(options(), {group_of(names, parameters)});
  std::vector<HandAdamW> hands;
  for (const at::Tensor& p : parameters) {
    const at::Tensor values = p.detach();
    hands.emplace_back(
        std::vector<double>(values.data_ptr<double>(), values.data_ptr<double>() + values.numel()));
  }
  for (int t = 0; t < 2; ++t) {
    for (std::size_t i = 0; i < parameters.size(); ++i) {
      std::vector<double> g(hands[i].p.size());
      for (std::size_t j = 0; j < g.size(); ++j)
        g[j] = std::sin(static_cast<double>(t + 1) * static_cast<double>(i + j + 1));
      set_grad(parameters[i], g);
      hands[i].step(g, 0.1, 0.1, 0.9, 0.999, 1e-8);
    }
    optimizer.step({});
  }
  for (std::size_t i = 0; i < parameters.size(); ++i)
    BOOST_TEST(largest_difference(parameters[i], hands[i].p) <= kFloat64, i);
}

BOOST_AUTO_TEST_CASE(gradients_are_divided_by_grad_scale) {
  const std::vector<double> start{1, -2, 0.5};
  at::Tensor a = parameter(start, at::kFloat), b = parameter(start, at::kFloat);
  AdamW plain = managing(options(), {group_of({"w"}, {a})}),
        scaling = managing(options(), {group_of({"w"}, {b})});
  for (int t = 0; t < 3; ++t) {
    auto g = gradient(t, 3);
    set_grad(a, g);
    for (double& x : g) x *= 1024;  // a power of two: no rounding
    set_grad(b, g);
    plain.step({});
    scaling.step(scaled(1024));
  }
  BOOST_TEST(a.equal(b));
}

BOOST_AUTO_TEST_CASE(found_inf_changes_nothing_at_all) {
  const std::vector<double> start{1, -2, 0.5};
  at::Tensor w = parameter(start, at::kFloat), twin = parameter(start, at::kFloat);
  AdamW optimizer = managing(options(), {group_of({"w"}, {w})}),
        reference = managing(options(), {group_of({"w"}, {twin})});
  const auto step_both = [&](int t) {
    set_grad(w, gradient(t, 3));
    set_grad(twin, gradient(t, 3));
    optimizer.step(scaled(1));
    reference.step(scaled(1));
  };
  const auto skip = [&] {
    State before, after;
    const at::Tensor value = w.detach().clone();
    optimizer.save(before);
    set_grad(w, {INFINITY, NAN, 1});
    optimizer.step(scaled(0.5, 1));
    optimizer.save(after);
    BOOST_TEST(w.equal(value));
    for (const auto& [name, entry] : before.entries())
      BOOST_TEST(get_tensor(before, name).equal(get_tensor(after, name)), name);
  };
  skip();  // before the first step too
  step_both(0);
  skip();
  step_both(1);
  BOOST_TEST(w.equal(twin));
  State state;
  optimizer.save(state);
  BOOST_TEST(get_tensor(state, "step").item<float>() == 2);
}

BOOST_AUTO_TEST_CASE(parameters_without_gradient_stay_with_their_moments) {
  at::Tensor used = parameter({1, 2}, at::kFloat), unused = parameter({3, 4}, at::kFloat);
  AdamW optimizer = managing(options(), {group_of({"used", "unused"}, {used, unused})});
  set_grad(used, {1, 1});
  set_grad(unused, {1, 1});
  optimizer.step({});
  State before, after;
  optimizer.save(before);
  const at::Tensor value = unused.detach().clone(), moved = used.detach().clone();
  optimizer.zero_grad();
  BOOST_TEST(!used.grad().defined());
  set_grad(used, {1, 1});
  optimizer.step({});
  optimizer.save(after);
  BOOST_TEST(unused.equal(value));
  BOOST_TEST(!used.equal(moved));
  for (const char* moment : {"exp_avg.unused", "exp_avg_sq.unused"})
    BOOST_TEST(get_tensor(before, moment).equal(get_tensor(after, moment)));
  optimizer.zero_grad();
  optimizer.step({});  // no gradient at all
  BOOST_TEST(unused.equal(value));
}

BOOST_AUTO_TEST_CASE(a_reloaded_optimizer_goes_on_exactly) {
  const std::vector<double> start{1, -2, 0.5};
  at::Tensor a = parameter(start, at::kFloat);
  AdamW first = managing(options(), {group_of({"w"}, {a}), group_of({}, {})});
  for (int t = 0; t < 3; ++t) {
    set_grad(a, gradient(t, 3));
    first.step({});
  }
  State state;
  first.save(state);
  at::Tensor b = a.detach().clone().set_requires_grad(true);
  AdamW second = managing(options(), {group_of({"w"}, {b})});
  second.load(state);
  for (int t = 3; t < 6; ++t) {
    set_grad(a, gradient(t, 3));
    set_grad(b, gradient(t, 3));
    first.step({});
    second.step({});
  }
  BOOST_TEST(a.equal(b));
}

BOOST_AUTO_TEST_CASE(the_erased_optimizer_does_the_same) {
  at::Tensor a = parameter({1, 2}, at::kFloat), b = parameter({1, 2}, at::kFloat);
  AdamW plain = managing(options(), {group_of({"w"}, {a})});
  AnyOptimizer erased = AdamW(options());
  erased.manage({group_of({"w"}, {b})});
  set_grad(a, {1, -1});
  set_grad(b, {1, -1});
  plain.step({});
  erased.step({});
  BOOST_TEST(a.equal(b));
  BOOST_TEST(erased.lr() == 0.1);
  BOOST_TEST(!erased.decays_norms_and_biases());
}

BOOST_AUTO_TEST_CASE(unfit_groups_and_states_are_refused) {
  AdamW optimizer(options());
  const auto managed = [&](ParameterGroup group) {
    return message_of<vlp::Error>([&] { optimizer.manage({std::move(group)}); });
  };
  BOOST_TEST(contains(managed(group_of({"h"}, {at::zeros({1}, at::kHalf)})),
                      "parameter 'h' can't be updated (got F16, expected F32 or F64)"));
  BOOST_TEST(contains(managed(group_of({"a", "b"}, {at::zeros({1}), at::zeros({1}, at::kDouble)})),
                      "'b' and 'a' of one group differ"));
  BOOST_TEST(
      contains(managed(group_of({"a", "b"}, {at::zeros({1})})), "differ in number (got 2 and 1)"));
  State state;
  managing(options(), {group_of({"w"}, {at::zeros({2})})}).save(state);
  AdamW other = managing(options(), {group_of({"w"}, {at::zeros({3})})});
  BOOST_TEST(contains(message_of<WeightsError>([&] { other.load(state); }),
                      "'exp_avg.w' doesn't fit (got F32 [2], expected F32 [3])"));
  AdamW renamed = managing(options(), {group_of({"v"}, {at::zeros({2})})});
  BOOST_TEST(
      contains(message_of<WeightsError>([&] { renamed.load(state); }), "'exp_avg.v' is missing"));
}

BOOST_AUTO_TEST_CASE(options_are_bounded) {
  for_each_field<AdamW::Options>([&](const auto& f) {
    if (f.name == "lr" || f.name == "eps")
      BOOST_TEST((!f.range.contains(0) && f.range.contains(1e-9)), f.name);
    if (f.name == "beta1" || f.name == "beta2")
      BOOST_TEST((f.range.contains(0) && f.range.contains(0.9999) && !f.range.contains(1)), f.name);
    if (f.name == "weight_decay") BOOST_TEST((f.range.contains(0) && !f.range.contains(-0.1)));
  });
}

BOOST_AUTO_TEST_SUITE_END()
