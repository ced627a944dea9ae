#include "vlp/nn/layers.hpp"

#include <boost/test/unit_test.hpp>

BOOST_AUTO_TEST_SUITE(layers)

BOOST_AUTO_TEST_CASE(initial_values_are_small_normals_zeros_and_ones) {
  at::manual_seed(5);
  vlp::Linear linear(300, 200);
  const double deviation = linear->weight.std().item<double>();
  BOOST_TEST(std::abs(deviation - 0.02) < 3e-4);  // 60,000 draws: standard error 6e-5
  BOOST_TEST(linear->bias.abs().max().item<double>() == 0);
  vlp::LayerNorm norm(8, 1e-5);
  BOOST_TEST(norm->weight.min().item<double>() == 1);
  BOOST_TEST(norm->bias.abs().max().item<double>() == 0);
}

BOOST_AUTO_TEST_CASE(padding_row_of_an_embedding_is_zero_and_stays_so) {
  vlp::Embedding embedding(5, 3, 0);
  BOOST_TEST(embedding->weight[0].abs().max().item<double>() == 0);
  embedding(at::tensor({0, 2}, at::kLong)).sum().backward();
  BOOST_TEST(embedding->weight.grad()[0].abs().max().item<double>() == 0);
  BOOST_TEST(embedding->weight.grad()[2].min().item<double>() == 1);
}

BOOST_AUTO_TEST_CASE(residual_keeps_the_wider_type) {
  const at::Tensor sum = vlp::add_residual(at::ones({2}, at::kBFloat16), at::full({2}, 1e-3));
  BOOST_TEST((sum.scalar_type() == at::kFloat));
  BOOST_TEST(sum[0].item<float>() == 1.001f);
}

BOOST_AUTO_TEST_SUITE_END()
