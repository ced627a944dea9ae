#include "vlp/nn/trained_linear.hpp"

#include <optional>
#include <vector>

#include <ATen/ATen.h>
#include <boost/test/unit_test.hpp>

BOOST_AUTO_TEST_SUITE(trained_linear)

namespace {

constexpr double kRounding = 1e-5;  // relative 2-norm; float32 sums in another order

struct Inputs {
  explicit Inputs(std::vector<std::int64_t> shape, std::int64_t out) {
    at::manual_seed(3);
    std::vector<std::int64_t> result = shape;
    result.back() = out;
    x = at::randn(shape).requires_grad_(true);
    weight = at::randn({out, shape.back()}).requires_grad_(true);
    bias = at::randn({out}).requires_grad_(true);
    other = at::randn(result).requires_grad_(true);
    seed = at::randn(result);
  }
  std::vector<at::Tensor> gradients(const at::Tensor& y) const {
    for (const at::Tensor* t : {&x, &weight, &bias, &other}) t->mutable_grad() = at::Tensor();
    (y * seed).sum().backward();
    return {x.grad(), weight.grad(), bias.grad(), other.grad()};
  }
  at::Tensor x, weight, bias, other, seed;
};

void check_close(const at::Tensor& actual, const at::Tensor& expected) {
  BOOST_REQUIRE(actual.defined() == expected.defined());
  if (!expected.defined()) return;
  BOOST_REQUIRE(actual.sizes() == expected.sizes());
  BOOST_TEST(((actual - expected).norm() / expected.norm()).item<double>() < kRounding);
}

void compare(const Inputs& in, bool plus) {
  const at::Tensor y =
      vlp::trained_linear(in.x, in.weight, in.bias, plus ? std::optional(in.other) : std::nullopt);
  const at::Tensor expected =
      plus ? at::linear(in.x, in.weight, in.bias) + in.other : at::linear(in.x, in.weight, in.bias);
  check_close(y.detach(), expected.detach());
  const auto got = in.gradients(y), reference = in.gradients(expected);
  for (std::size_t i = 0; i < got.size(); ++i) check_close(got[i], reference[i]);
}

}  // namespace

BOOST_AUTO_TEST_CASE(large_products_and_their_gradients_agree) {
  compare(Inputs({2, 300, 128}, 256), false);
}
BOOST_AUTO_TEST_CASE(a_sum_passes_its_gradient_to_both_terms) {
  compare(Inputs({2, 300, 128}, 256), true);
}
BOOST_AUTO_TEST_CASE(matrices_work_as_batches_do) { compare(Inputs({600, 128}, 256), true); }
BOOST_AUTO_TEST_CASE(small_products_agree) { compare(Inputs({2, 3, 8}, 5), true); }

BOOST_AUTO_TEST_CASE(strided_input_agrees) {
  Inputs in({2, 128, 300}, 256);
  const at::Tensor x = in.x.detach().transpose(1, 2).requires_grad_(true),
                   weight = at::randn({256, 128}).requires_grad_(true);
  at::Tensor seed = at::randn({2, 300, 256});
  (vlp::trained_linear(x, weight, in.bias) * seed).sum().backward();
  const at::Tensor dx = x.grad().clone(), dweight = weight.grad().clone();
  x.mutable_grad() = at::Tensor();
  weight.mutable_grad() = at::Tensor();
  (at::linear(x, weight, in.bias) * seed).sum().backward();
  check_close(dx, x.grad());
  check_close(dweight, weight.grad());
}

BOOST_AUTO_TEST_CASE(input_without_gradient_gets_none) {
  Inputs in({2, 300, 128}, 256);
  in.x = in.x.detach();
  compare(in, false);
}

BOOST_AUTO_TEST_CASE(the_result_can_be_changed_in_place) {
  Inputs in({2, 300, 128}, 256);
  at::Tensor y = vlp::trained_linear(in.x, in.weight, in.bias);
  y.add_(in.other);
  const auto got = in.gradients(y),
             reference = in.gradients(at::linear(in.x, in.weight, in.bias) + in.other);
  for (std::size_t i = 0; i < got.size(); ++i) check_close(got[i], reference[i]);
}

BOOST_AUTO_TEST_CASE(float64_stays_float64) {
  const Inputs in({2, 300, 128}, 256);
  const at::Tensor y =
      vlp::trained_linear(in.x.to(at::kDouble), in.weight.to(at::kDouble), in.bias.to(at::kDouble));
  BOOST_TEST((y.scalar_type() == at::kDouble));
}

BOOST_AUTO_TEST_SUITE_END()
