// What a GPU makes of products in fp32 and in tf32.

#include <ATen/ATen.h>
#include <boost/test/unit_test.hpp>

#include "tests/support/test_device.hpp"
#include "vlp/nn/tf32.hpp"

BOOST_AUTO_TEST_SUITE(gpu_tf32)

namespace {

constexpr double kFloat = 1e-5;  // sums of 768 products of 24 bits
constexpr double kTf32 = 2e-3;   // of 11 bits, 5e-4 each

struct Distances {
  double product, convolution;
};

/// How far a product of matrices and a patch embedding are from float64.
Distances distances(vlp::Precision precision) {
  const at::Device device = vlp_test::test_torch_device();  // chooses fp32
  vlp::choose_tf32(precision);
  at::manual_seed(5);
  const at::Tensor a = at::randn({512, 768}), b = at::randn({768, 256}),
                   images = at::randn({4, 3, 64, 64}), patches = at::randn({96, 3, 16, 16});
  const auto there = [&](const at::Tensor& x) { return x.to(device); };
  const at::Tensor product = there(a).mm(there(b)),
                   convolution =
                       at::conv2d(there(images), there(patches), {}, at::IntArrayRef{16, 16});
  vlp::choose_tf32(vlp::Precision::fp32);
  const auto exact = [](const at::Tensor& x) { return x.to(at::kDouble); };
  return {vlp_test::relative_distance(product, exact(a).mm(exact(b))),
          vlp_test::relative_distance(
              convolution, at::conv2d(exact(images), exact(patches), {}, at::IntArrayRef{16, 16}))};
}

}  // namespace

BOOST_AUTO_TEST_CASE(fp32_multiplies_all_bits_in_products_and_convolutions) {
  const Distances found = distances(vlp::Precision::fp32);
  BOOST_TEST(found.product < kFloat);
  BOOST_TEST(found.convolution < kFloat);
}

BOOST_AUTO_TEST_CASE(tf32_is_off_by_no_more_than_its_bits) {
  const Distances found = distances(vlp::Precision::tf32);
  BOOST_TEST(found.product < kTf32);
  BOOST_TEST(found.convolution < kTf32);
}

BOOST_AUTO_TEST_SUITE_END()
