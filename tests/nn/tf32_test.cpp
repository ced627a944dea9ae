#include "vlp/nn/tf32.hpp"

#include <ATen/ATen.h>
#include <boost/test/unit_test.hpp>

#include "vlp/nn/autocast.hpp"

BOOST_AUTO_TEST_SUITE(tf32)

namespace {

/// What LibTorch would ask before it multiplies on a GPU: products of matrices, convolutions.
bool may(at::Float32Op op) {
  return at::globalContext().float32Precision(at::Float32Backend::CUDA, op) ==
         at::Float32Precision::TF32;
}

constexpr vlp::Precision kOthers[]{vlp::Precision::fp32, vlp::Precision::bf16,
                                   vlp::Precision::fp16};

}  // namespace

BOOST_AUTO_TEST_CASE(only_tf32_lets_products_and_convolutions_be_rounded) {
  for (const vlp::Precision other : kOthers) {
    vlp::choose_tf32(vlp::Precision::tf32);
    BOOST_TEST(may(at::Float32Op::MATMUL));
    BOOST_TEST(may(at::Float32Op::CONV));
    vlp::choose_tf32(other);
    BOOST_TEST(!may(at::Float32Op::MATMUL));
    BOOST_TEST(!may(at::Float32Op::CONV));
    BOOST_TEST(!may(at::Float32Op::RNN));
  }
}

BOOST_AUTO_TEST_CASE(a_default_for_all_operations_does_not_come_through) {
  at::Context& torch = at::globalContext();
  torch.setFloat32Precision(at::Float32Backend::GENERIC, at::Float32Op::ALL,
                            at::Float32Precision::TF32);
  vlp::choose_tf32(vlp::Precision::fp32);
  BOOST_TEST(!may(at::Float32Op::MATMUL));
  BOOST_TEST(!may(at::Float32Op::CONV));
  torch.setFloat32Precision(at::Float32Backend::GENERIC, at::Float32Op::ALL,
                            at::Float32Precision::NONE);
}

// LibTorch throws where its older and its newer flags contradict each other.
BOOST_AUTO_TEST_CASE(the_older_flags_say_the_same) {
  const at::Context& torch = at::globalContext();
  for (const bool allowed : {true, false, true, false}) {
    vlp::choose_tf32(allowed ? vlp::Precision::tf32 : vlp::Precision::fp32);
    BOOST_TEST(torch.allowTF32CuBLAS() == allowed);
    BOOST_TEST(torch.allowTF32CuDNN() == allowed);
    BOOST_TEST((torch.float32MatmulPrecision() == at::Float32MatmulPrecision::HIGHEST) != allowed);
  }
}

BOOST_AUTO_TEST_CASE(a_cpu_computes_the_same_bits) {
  at::manual_seed(1);
  const at::Tensor a = at::randn({64, 96}), b = at::randn({96, 32});
  vlp::choose_tf32(vlp::Precision::fp32);
  const at::Tensor exact = a.mm(b);
  vlp::choose_tf32(vlp::Precision::tf32);
  BOOST_TEST(a.mm(b).equal(exact));
  vlp::choose_tf32(vlp::Precision::fp32);
}

BOOST_AUTO_TEST_CASE(autocast_leaves_tf32_alone) {
  const vlp::Autocast autocast(vlp::Precision::tf32, {});
  BOOST_TEST(!vlp::NumberFormat::now(at::kCPU).lower);
  BOOST_TEST((at::ones({2, 2}).mm(at::ones({2, 2})).scalar_type() == at::kFloat));
}

BOOST_AUTO_TEST_SUITE_END()
