#include "vlp/nn/bert_layer.hpp"

#include <optional>
#include <vector>

#include <boost/test/unit_test.hpp>

#include "tests/support/gradient_check.hpp"

BOOST_AUTO_TEST_SUITE(bert_layer)

namespace {

vlp::BertLayer text_layer(double dropout) {
  return vlp::BertLayer(vlp::BertLayerSizes{
      .width = 6, .image_width = 4, .heads = 2, .hidden = 10, .dropout = dropout});
}

}  // namespace

BOOST_AUTO_TEST_CASE(text_layer_gradients_agree_with_differences) {
  at::manual_seed(8);
  vlp::BertLayer layer = text_layer(0);
  layer->to(at::kDouble);
  std::vector<at::Tensor> leaves = layer->parameters();
  leaves.push_back(at::randn({2, 3, 6}, at::kDouble).set_requires_grad(true));
  leaves.push_back(at::randn({2, 5, 4}, at::kDouble).set_requires_grad(true));
  const at::Tensor weights = at::randn({2, 3, 6}, at::kDouble);
  const auto loss = [&] {
    return (layer(leaves[leaves.size() - 2], leaves.back(),
                  vlp::AttentionMask{std::nullopt, true}) *
            weights)
        .sum();
  };
  BOOST_TEST(vlp_test::gradient_difference(loss, leaves) < vlp_test::kGradientTolerance);
}

BOOST_AUTO_TEST_CASE(text_dropout_acts_while_training_only) {
  vlp::BertLayer layer = text_layer(0.5);
  const at::Tensor x = at::randn({2, 3, 6}), image = at::randn({2, 5, 4});
  BOOST_TEST(
      !at::equal(layer(x, image, vlp::AttentionMask{}), layer(x, image, vlp::AttentionMask{})));
  layer->eval();
  BOOST_TEST(
      at::equal(layer(x, image, vlp::AttentionMask{}), layer(x, image, vlp::AttentionMask{})));
}

BOOST_AUTO_TEST_SUITE_END()
