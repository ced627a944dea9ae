#include "plugins/optimizer/muon.hpp"

#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "plugins/optimizer/adamw.hpp"
#include "tests/support/scaled.hpp"

#include <ATen/ATen.h>

BOOST_AUTO_TEST_SUITE(muon)

using namespace vlp;
using vlp_test::scaled;

namespace {

// Five iterations of products in float64 against one singular value decomposition.
constexpr double kFloat64 = 1e-10;
// The polynomial's slope of 3.4 at 0, five times over, magnifies roundings of float32 in ten steps
// of about 0.01.
constexpr double kFloat32 = 2e-5;

Muon::Options options() {
  Muon::Options o;
  o.lr = 0.02;
  o.others = Use<AnyOptimizer>::of<AdamW>({.lr = 0.03, .weight_decay = 0.2});
  return o;
}

Muon managing(const Muon::Options& o, std::vector<ParameterGroup> groups) {
  Muon optimizer(o, Context{});
  optimizer.manage(std::move(groups));
  return optimizer;
}

at::Tensor random(at::IntArrayRef sizes, std::uint64_t seed, at::ScalarType dtype = at::kDouble) {
  at::manual_seed(seed);
  return at::randn(sizes, at::kDouble).to(dtype);
}

at::Tensor parameter(at::IntArrayRef sizes, std::uint64_t seed,
                     at::ScalarType dtype = at::kDouble) {
  return random(sizes, seed, dtype).set_requires_grad(true);
}

void set_grad(at::Tensor& p, const at::Tensor& grad) {
  p.mutable_grad() = grad.to(p.scalar_type());
}

/// U f(S) V^T with the polynomial applied to each singular value, computed without any product of
/// the iteration.
at::Tensor by_singular_values(const at::Tensor& matrix, int iterations) {
  const auto [u, s, vh] = at::linalg_svd(matrix, /*full_matrices=*/false);
  at::Tensor x = s / s.norm();  // the Frobenius norm
  for (int i = 0; i < iterations; ++i) x = 3.4445 * x - 4.7750 * x.pow(3) + 2.0315 * x.pow(5);
  return u.matmul(x.unsqueeze(1) * vh);
}

/// Muon as its papers write it, in float64.
struct Hand {
  at::Tensor p, m;
  explicit Hand(const at::Tensor& start) : p(start.detach().clone()), m(at::zeros_like(p)) {}
  void step(const at::Tensor& g, double lr, double wd) {
    m = 0.95 * m + 0.05 * g;
    const at::Tensor direction = 0.05 * g + 0.95 * m;
    const double longer = static_cast<double>(std::max(p.size(0), p.size(1)));
    p = p - lr * (0.2 * std::sqrt(longer) * by_singular_values(direction, 5) + wd * p);
  }
};

double largest_difference(const at::Tensor& a, const at::Tensor& b) {
  return (a.detach().to(at::kDouble) - b.detach().to(at::kDouble)).abs().max().item<double>();
}

bool same(const State& a, const State& b) {
  return a.entries().size() == b.entries().size() &&
         std::ranges::all_of(a.entries(), [&](const auto& entry) {
           return get_tensor(a, entry.first).equal(get_tensor(b, entry.first));
         });
}

State saved(const Muon& optimizer) {
  State state;
  optimizer.save(state);
  return state;
}

}  // namespace

BOOST_AUTO_TEST_CASE(iterations_map_singular_values_and_leave_their_vectors) {
  for (const auto& [rows, columns] :
       {std::pair(6, 6), std::pair(9, 4), std::pair(4, 9), std::pair(1, 5)}) {
    const at::Tensor matrices = random({3, rows, columns}, 1);
    for (const int iterations : {1, 5}) {
      const at::Tensor found = orthogonalised(matrices, iterations);
      BOOST_TEST(found.sizes() == matrices.sizes());
      for (std::int64_t k = 0; k < 3; ++k)
        BOOST_TEST(largest_difference(found[k], by_singular_values(matrices[k], iterations)) <=
                   kFloat64);
    }
  }
  const at::Tensor values = at::linalg_svdvals(orthogonalised(random({1, 8, 8}, 2), 5));
  BOOST_TEST(values.max().item<double>() < 1.25);
  BOOST_TEST(orthogonalised(at::zeros({1, 3, 4}), 5).equal(at::zeros({1, 3, 4})));
}

BOOST_AUTO_TEST_CASE(the_size_of_a_matrix_does_not_matter) {
  const at::Tensor matrices = random({2, 5, 7}, 3);
  BOOST_TEST(largest_difference(orthogonalised(matrices, 5), orthogonalised(matrices * 1e6, 5)) <=
             kFloat64);
}

BOOST_AUTO_TEST_CASE(ten_steps_equal_the_papers_computed_by_hand) {
  for (const auto& [dtype, tolerance] :
       {std::pair(at::kFloat, kFloat32), std::pair(at::kDouble, kFloat64)}) {
    at::Tensor square = parameter({5, 5}, 4, dtype), twin = parameter({5, 5}, 5, dtype),
               wide = parameter({3, 8}, 6, dtype), plain = parameter({8, 3}, 7, dtype);
    Muon optimizer = managing(
        options(), {{{"a", "b", "c"}, {square, twin, wide}, true}, {{"d"}, {plain}, false}});
    std::vector<at::Tensor*> parameters{&square, &twin, &wide, &plain};
    std::vector<Hand> hands;
    for (const at::Tensor* p : parameters) hands.emplace_back(p->to(at::kDouble));
    for (std::uint64_t t = 0; t < 10; ++t) {
      const double factor = 1 - 0.05 * static_cast<double>(t);
      for (std::size_t i = 0; i < hands.size(); ++i) {
        const at::Tensor grad = random(hands[i].p.sizes(), 100 * t + i).to(dtype);
        set_grad(*parameters[i], grad);
        hands[i].step(grad.to(at::kDouble), 0.02 * factor, i < 3 ? 0.1 : 0);
      }
      optimizer.step({.lr_factor = factor, .grad_scale = {}, .found_inf = {}});
    }
    for (std::size_t i = 0; i < hands.size(); ++i)
      BOOST_TEST(largest_difference(*parameters[i], hands[i].p) <= tolerance, i);
  }
}

BOOST_AUTO_TEST_CASE(bfloat16_iterations_are_near) {
  at::Tensor a = parameter({16, 16}, 8, at::kFloat), b = a.detach().clone().set_requires_grad(true);
  Muon::Options half = options();
  half.bfloat16 = true;
  Muon exact = managing(options(), {{{"a"}, {a}, true}}),
       near = managing(half, {{{"a"}, {b}, true}});
  set_grad(a, random({16, 16}, 9));
  set_grad(b, random({16, 16}, 9));
  exact.step({});
  near.step({});
  BOOST_TEST((b.scalar_type() == at::kFloat));
  BOOST_TEST(!a.equal(b));
  BOOST_TEST(largest_difference(a, b) <
             0.02 * 0.2 * 4 *
                 0.05);  // a twentieth of the step, whose entries are at most 1 times this
}

BOOST_AUTO_TEST_CASE(what_is_no_hidden_matrix_goes_to_the_other_optimizer) {
  const std::vector<std::string> names{"text.word_embeddings.weight",
                                       "cls.decoder.weight",
                                       "vision_proj.weight",
                                       "norm.weight",
                                       "patch.weight",
                                       "their.head"};
  const std::vector<std::vector<std::int64_t>> sizes{{7, 4}, {4, 4},       {3, 4},
                                                     {4},    {4, 3, 2, 2}, {2, 4}};
  std::vector<at::Tensor> given, alone;
  for (std::size_t i = 0; i < names.size(); ++i) {
    given.push_back(parameter(sizes[i], 20 + i));
    alone.push_back(parameter(sizes[i], 20 + i));
  }
  Muon::Options excepting = options();
  excepting.except = {"their."};
  using enum ParameterRole;
  Muon optimizer =
      managing(excepting, {{names, given, true, {embedding, head, head, hidden, hidden, hidden}}});
  AdamW reference({.lr = 0.03, .weight_decay = 0.2});
  reference.manage({{names, alone, true}});
  for (int t = 0; t < 3; ++t) {
    for (std::size_t i = 0; i < names.size(); ++i) {
      const at::Tensor grad = random(sizes[i], 30 + i);
      set_grad(given[i], grad);
      set_grad(alone[i], grad);
    }
    optimizer.step({});
    reference.step({});
  }
  for (std::size_t i = 0; i < names.size(); ++i) BOOST_TEST(given[i].equal(alone[i]), names[i]);
  BOOST_TEST(optimizer.lr() == 0.02);
  BOOST_TEST(!optimizer.decays_norms_and_biases());
}

BOOST_AUTO_TEST_CASE(gradients_are_divided_by_grad_scale) {
  at::Tensor a = parameter({4, 4}, 10, at::kFloat), b = a.detach().clone().set_requires_grad(true);
  Muon plain = managing(options(), {{{"w"}, {a}, true}}),
       scaling = managing(options(), {{{"w"}, {b}, true}});
  for (std::uint64_t t = 0; t < 3; ++t) {
    set_grad(a, random({4, 4}, t));
    set_grad(b, random({4, 4}, t) * 1024);  // a power of two: no rounding
    plain.step({});
    scaling.step(scaled(1024));
  }
  BOOST_TEST(a.equal(b));
}

BOOST_AUTO_TEST_CASE(found_inf_changes_nothing_at_all) {
  at::Tensor w = parameter({4, 4}, 11, at::kFloat), bias = parameter({4}, 12, at::kFloat);
  Muon optimizer = managing(options(), {{{"w", "bias"}, {w, bias}, true}});
  for (std::uint64_t t = 0; t < 2; ++t) {
    const at::Tensor matrix = w.detach().clone(), line = bias.detach().clone();
    const State before = saved(optimizer);
    set_grad(w, at::full({4, 4}, t == 0 ? NAN : INFINITY));
    set_grad(bias, at::full({4}, NAN));
    optimizer.step(scaled(0.5, 1));
    BOOST_TEST(w.equal(matrix));
    BOOST_TEST(bias.equal(line));
    BOOST_TEST(same(before, saved(optimizer)));
    set_grad(w, random({4, 4}, t));
    set_grad(bias, random({4}, t));
    optimizer.step(scaled(1));
    BOOST_TEST(!w.equal(matrix));
    BOOST_TEST(!bias.equal(line));
  }
}

BOOST_AUTO_TEST_CASE(matrices_without_gradient_stay_with_their_momentum) {
  at::Tensor used = parameter({3, 3}, 13), unused = parameter({3, 3}, 14);
  Muon optimizer = managing(options(), {{{"used", "unused"}, {used, unused}, true}});
  set_grad(used, random({3, 3}, 1));
  set_grad(unused, random({3, 3}, 2));
  optimizer.step({});
  const at::Tensor value = unused.detach().clone(), moved = used.detach().clone();
  const State before = saved(optimizer);
  optimizer.zero_grad();
  BOOST_TEST(!used.grad().defined());
  set_grad(used, random({3, 3}, 3));
  optimizer.step({});
  BOOST_TEST(unused.equal(value));
  BOOST_TEST(!used.equal(moved));
  BOOST_TEST(
      get_tensor(before, "momentum.unused").equal(get_tensor(saved(optimizer), "momentum.unused")));
  optimizer.zero_grad();
  optimizer.step({});  // no gradient at all
  BOOST_TEST(unused.equal(value));
}

BOOST_AUTO_TEST_CASE(a_reloaded_optimizer_goes_on_exactly) {
  at::Tensor a = parameter({4, 6}, 15, at::kFloat), line = parameter({4}, 16, at::kFloat);
  Muon first = managing(options(), {{{"w", "line"}, {a, line}, true}});
  const auto step = [](Muon& optimizer, at::Tensor& matrix, at::Tensor& bias, std::uint64_t t) {
    set_grad(matrix, random({4, 6}, t));
    set_grad(bias, random({4}, t));
    optimizer.step({});
  };
  for (std::uint64_t t = 0; t < 3; ++t) step(first, a, line, t);
  at::Tensor b = a.detach().clone().set_requires_grad(true),
             twin = line.detach().clone().set_requires_grad(true);
  Muon second = managing(options(), {{{"w", "line"}, {b, twin}, true}});
  second.load(saved(first));
  for (std::uint64_t t = 3; t < 6; ++t) {
    step(first, a, line, t);
    step(second, b, twin, t);
  }
  BOOST_TEST(a.equal(b));
  BOOST_TEST(line.equal(twin));
}

BOOST_AUTO_TEST_CASE(a_matrix_of_another_dtype_is_refused_by_name) {
  BOOST_CHECK_EXCEPTION(
      managing(options(), {{{"w"}, {at::zeros({2, 2}, at::kHalf)}, true}}), ShapeError,
      [](const ShapeError& error) {
        return std::string(error.what()) ==
               "muon: parameter 'w' can't be updated (got F16, expected F32 or F64).";
      });
}

BOOST_AUTO_TEST_SUITE_END()
