#include <boost/test/unit_test.hpp>

#include "tests/nn/gradient_check.hpp"
#include "vlp/nn/bert_layer.hpp"
#include "vlp/nn/layers.hpp"
#include "vlp/nn/vision_layer.hpp"

namespace {

const vlp::VisionLayerSizes kVision{.width = 6, .heads = 2, .hidden = 10};

vlp::BertLayer text_layer(double dropout) {
  return vlp::BertLayer(vlp::BertLayerSizes{.width = 6, .image_width = 4, .heads = 2, .hidden = 10, .dropout = dropout});
}

}  // namespace

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

BOOST_AUTO_TEST_CASE(one_seed_gives_the_same_values_twice) {
  at::manual_seed(9);
  const vlp::VisionLayer first(kVision, 0);
  at::manual_seed(9);
  const vlp::VisionLayer second(kVision, 0);
  const auto a = first->parameters(), b = second->parameters();
  for (std::size_t i = 0; i < a.size(); ++i) BOOST_TEST(at::equal(a[i], b[i]));
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

BOOST_AUTO_TEST_CASE(vision_layer_gradients_agree_with_differences) {
  at::manual_seed(6);
  vlp::VisionLayer layer(kVision, 0);
  layer->to(at::kDouble);
  std::vector<at::Tensor> leaves = layer->parameters();
  leaves.push_back(at::randn({2, 4, 6}, at::kDouble).set_requires_grad(true));
  const at::Tensor weights = at::randn({2, 4, 6}, at::kDouble);
  BOOST_TEST(vlp_test::gradient_difference([&] { return (layer(leaves.back()) * weights).sum(); }, leaves) < vlp_test::kGradientTolerance);
}

BOOST_AUTO_TEST_CASE(dropped_paths_leave_the_residual_and_keep_the_expectation) {
  at::manual_seed(7);
  vlp::VisionLayer layer(kVision, 0.5);
  const at::Tensor x = at::randn({1, 4, 6}).expand({400, 4, 6}).contiguous();
  layer->eval();
  const at::Tensor plain = layer(x);
  layer->train();
  const at::Tensor dropped = layer(x);
  const at::Tensor untouched = (dropped == x).flatten(1).all(1);
  const double share = untouched.to(at::kDouble).mean().item<double>();
  BOOST_TEST(std::abs(share - 0.25) < 0.1);  // both branches dropped; standard error 0.02
  BOOST_TEST(vlp_test::difference(dropped.mean(0), plain.mean(0)) < 0.02);
}

BOOST_AUTO_TEST_CASE(text_layer_gradients_agree_with_differences) {
  at::manual_seed(8);
  vlp::BertLayer layer = text_layer(0);
  layer->to(at::kDouble);
  std::vector<at::Tensor> leaves = layer->parameters();
  leaves.push_back(at::randn({2, 3, 6}, at::kDouble).set_requires_grad(true));
  leaves.push_back(at::randn({2, 5, 4}, at::kDouble).set_requires_grad(true));
  const at::Tensor weights = at::randn({2, 3, 6}, at::kDouble);
  const auto loss = [&] {
    return (layer(leaves[leaves.size() - 2], leaves.back(), vlp::AttentionMask{std::nullopt, true}) * weights).sum();
  };
  BOOST_TEST(vlp_test::gradient_difference(loss, leaves) < vlp_test::kGradientTolerance);
}

BOOST_AUTO_TEST_CASE(text_dropout_acts_while_training_only) {
  vlp::BertLayer layer = text_layer(0.5);
  const at::Tensor x = at::randn({2, 3, 6}), image = at::randn({2, 5, 4});
  BOOST_TEST(!at::equal(layer(x, image, vlp::AttentionMask{}), layer(x, image, vlp::AttentionMask{})));
  layer->eval();
  BOOST_TEST(at::equal(layer(x, image, vlp::AttentionMask{}), layer(x, image, vlp::AttentionMask{})));
}

BOOST_AUTO_TEST_SUITE_END()
