#include "plugins/encoder/vit.hpp"

#include <set>
#include <string>

#include <boost/test/unit_test.hpp>

#include "tests/support/gradient_check.hpp"

BOOST_AUTO_TEST_SUITE(vit)

namespace {

using vlp_test::difference;
constexpr double kRounding = 1e-12;  // float64, two layers of width 8

vlp::VisionTransformerImpl::Options tiny() {
  vlp::VisionTransformerImpl::Options options;
  options.patches.patch = 4;
  options.sizes.width = 8;
  options.sizes.depth = 2;
  options.sizes.heads = 2;
  return options;
}

vlp::Facts images_of(std::int64_t height, std::int64_t width) {
  vlp::Facts facts;
  facts.dimensions.image_height = height;
  facts.dimensions.image_width = width;
  return facts;
}

vlp::VisionTransformer encoder(const vlp::VisionTransformerImpl::Options& options = tiny()) {
  at::manual_seed(1);
  vlp::VisionTransformer vit(options, images_of(8, 12));
  vit->to(at::kDouble);
  const at::NoGradGuard no_grad;
  for (at::Tensor p : vit->parameters())
    p.add_(0.3 * at::randn_like(p));  // so that nothing is small or zero
  return vit;
}

}  // namespace

BOOST_AUTO_TEST_CASE(states_have_a_class_token_and_one_token_a_patch) {
  vlp::VisionTransformer vit = encoder();
  const at::Tensor pixels = at::randn({3, 3, 8, 12}, at::kDouble);
  BOOST_TEST((vit(pixels).sizes() == at::IntArrayRef({3, 7, 8})));
  BOOST_TEST(vit->width() == 8);
  BOOST_TEST(vit->hidden_states(pixels).size() == 3U);
  BOOST_TEST(difference(vit->post_layernorm(vit->hidden_states(pixels).back()), vit(pixels)) == 0);
}

BOOST_AUTO_TEST_CASE(parameters_are_named_as_hugging_face_names_them) {
  std::set<std::string> names;
  for (const auto& item : encoder()->named_parameters()) names.insert(item.key());
  std::set<std::string> expected{"embeddings.class_embedding", "embeddings.position_embedding"};
  const auto add = [&](const std::string& name) {
    expected.insert({name + ".weight", name + ".bias"});
  };
  add("embeddings.patch_embedding");
  add("post_layernorm");
  for (const char* layer : {"0", "1"})
    for (const char* part : {"layer_norm1", "self_attn.qkv", "self_attn.projection", "layer_norm2",
                             "mlp.fc1", "mlp.fc2"})
      add(std::string("encoder.layers.") + layer + "." + part);
  BOOST_TEST(names == expected, boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(gradients_agree_with_differences) {
  vlp::VisionTransformer vit = encoder();
  const at::Tensor pixels = at::randn({2, 3, 8, 12}, at::kDouble),
                   weights = at::randn({2, 7, 8}, at::kDouble);
  BOOST_TEST(vlp_test::gradient_difference([&] { return (vit(pixels) * weights).sum(); },
                                           vit->parameters(), 6) < vlp_test::kGradientTolerance);
}

BOOST_AUTO_TEST_CASE(gradients_flow_through_interpolated_positions) {
  vlp::VisionTransformer vit = encoder();
  const at::Tensor pixels = at::randn({1, 3, 12, 8}, at::kDouble),
                   weights = at::randn({1, 7, 8}, at::kDouble);
  BOOST_TEST(vlp_test::gradient_difference([&] { return (vit(pixels) * weights).sum(); },
                                           {vit->position_embedding}) <
             vlp_test::kGradientTolerance);
}

BOOST_AUTO_TEST_CASE(images_of_a_batch_do_not_mix) {
  vlp::VisionTransformer vit = encoder();
  const at::Tensor pixels = at::randn({3, 3, 8, 12}, at::kDouble),
                   order = at::tensor({2, 0, 1}, at::kLong);
  BOOST_TEST(difference(vit(pixels.index_select(0, order)), vit(pixels).index_select(0, order)) <
             kRounding);
}

BOOST_AUTO_TEST_CASE(constant_positions_stay_constant_at_any_size) {
  vlp::VisionTransformer vit = encoder();
  vit->position_embedding.detach().fill_(0.5);
  const at::Tensor pixels = at::ones({1, 3, 16, 16}, at::kDouble);
  const at::Tensor embedded = vit->hidden_states(pixels)[0];
  BOOST_TEST((embedded.sizes() == at::IntArrayRef({1, 17, 8})));
  BOOST_TEST(difference(embedded.slice(1, 1), embedded.slice(1, 1, 2).expand({1, 16, 8})) <
             kRounding);
}

BOOST_AUTO_TEST_CASE(paths_are_dropped_while_training_only) {
  auto options = tiny();
  options.drop_path = 0.5;
  vlp::VisionTransformer vit = encoder(options);
  const at::Tensor pixels = at::randn({64, 3, 8, 12}, at::kDouble);
  BOOST_TEST(difference(vit(pixels), vit(pixels)) > 0);
  vit->eval();
  BOOST_TEST(difference(vit(pixels), vit(pixels)) == 0);
}

BOOST_AUTO_TEST_CASE(sizes_that_do_not_fit_are_refused) {
  const auto refuses = [](const auto& options, const vlp::Facts& facts, const std::string& words) {
    BOOST_CHECK_EXCEPTION(vlp::VisionTransformer(options, facts), vlp::RecipeError,
                          [&](const vlp::RecipeError& error) {
                            return std::string(error.what()).find(words) != std::string::npos;
                          });
  };
  refuses(tiny(), vlp::Facts{}, "the image's height isn't known (got 0");
  refuses(tiny(), images_of(8, 10),
          "patch doesn't divide the image's width (got 10, expected a multiple of 4)");
  auto square = tiny();
  square.patches.image_size = 9;
  refuses(square, images_of(8, 12), "patch doesn't divide the image's height (got 9");
  auto uneven = tiny();
  uneven.sizes.heads = 3;
  refuses(uneven, images_of(8, 12), "heads don't divide width (got heads 3, width 8)");
  BOOST_CHECK_THROW((void)encoder()(at::zeros({1, 3, 8, 10}, at::kDouble)), vlp::ShapeError);
}

BOOST_AUTO_TEST_SUITE_END()
