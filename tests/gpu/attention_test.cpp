// Fused attention at the sizes of BLIP base at 384 x 384, forward and backward, against the formula
// in float64: 577 image tokens among themselves, and 20 text tokens that look at them. 577 is odd,
// and fused kernels have been wrong at lengths that fill no block.

#include <array>
#include <cmath>
#include <cstdint>
#include <string>

#include <boost/test/data/monomorphic.hpp>
#include <boost/test/data/test_case.hpp>
#include <boost/test/unit_test.hpp>

#include <ATen/ATen.h>

#include "tests/support/test_device.hpp"
#include "vlp/nn/attention.hpp"

BOOST_AUTO_TEST_SUITE(gpu_attention)

namespace {

namespace data = boost::unit_test::data;

constexpr std::int64_t kBatch = 2, kHeads = 12, kWidth = 64, kImageTokens = 577;

/// A number format, and how far a result may be from the exact one, as a share of its largest
/// number.
struct Format {
  const char* name;
  at::ScalarType type;
  // A result is a sum of rounded products, rounded: a few units in the last place of the format
  // (1.2e-7, 7.8e-3, 9.8e-4) for forward; backward rounds twice as often.
  double forward, backward;
};
constexpr std::array kFormats{Format{"fp32", at::kFloat, 5e-6, 2e-5},
                              Format{"bf16", at::kBFloat16, 2e-2, 4e-2},
                              Format{"fp16", at::kHalf, 3e-3, 6e-3}};

std::ostream& operator<<(std::ostream& out, const Format& format) { return out << format.name; }

struct Inputs {
  at::Tensor q, k, v, weight;  ///< [B, H, T or S, d], and [B, T, H d] of the sum that is derived

  Inputs(std::int64_t queries, at::ScalarType type) {
    at::manual_seed(5);
    const auto random = [&](std::int64_t tokens) {
      return at::randn({kBatch, kHeads, tokens, kWidth}).to(type);
    };
    q = random(queries);
    k = random(kImageTokens);
    v = random(kImageTokens);
    weight = at::randn({kBatch, queries, kHeads * kWidth}).to(type);
  }

  /// The same numbers elsewhere, as leaves.
  [[nodiscard]] Inputs on(const at::TensorOptions& options) const {
    Inputs copy = *this;
    for (at::Tensor* tensor : {&copy.q, &copy.k, &copy.v})
      *tensor = tensor->to(options).detach().set_requires_grad(true);
    copy.weight = weight.to(options);
    return copy;
  }
};

void compare(std::int64_t queries, const Format& format) {
  const at::Device device = vlp_test::test_torch_device();  // before LibTorch looks for CUDA
  const Inputs inputs(queries, format.type);
  const Inputs exact = inputs.on(at::kDouble);
  const at::Tensor expected =
      vlp::merge_heads(at::matmul(vlp::attention_probabilities(exact.q, exact.k), exact.v));
  (expected * exact.weight).sum().backward();

  const Inputs fused = inputs.on(at::TensorOptions(format.type).device(device));
  const at::Tensor actual = vlp::attend(fused.q, fused.k, fused.v);
  (actual * fused.weight).sum().backward();

  const std::string where = vlp_test::test_device().device.text() + " " + format.name + ", " +
                            std::to_string(queries) + " queries: ";
  const auto report = [&](const std::string& what, const at::Tensor& a, const at::Tensor& b,
                          double bound) {
    const double distance = vlp_test::relative_distance(a, b);
    BOOST_TEST_MESSAGE(where << what << " " << distance << " (at most " << bound << ")");
    BOOST_TEST(distance <= bound, where << what << ": " << distance << " above " << bound);
  };
  report("output", actual, expected, format.forward);
  report("gradient of q", fused.q.grad(), exact.q.grad(), format.backward);
  report("gradient of k", fused.k.grad(), exact.k.grad(), format.backward);
  report("gradient of v", fused.v.grad(), exact.v.grad(), format.backward);
}

}  // namespace

BOOST_DATA_TEST_CASE(image_tokens_see_one_another_as_in_float64, data::make(kFormats), format) {
  compare(kImageTokens, format);
}

BOOST_DATA_TEST_CASE(text_tokens_see_an_image_as_in_float64, data::make(kFormats), format) {
  compare(20, format);
}

BOOST_AUTO_TEST_SUITE_END()
