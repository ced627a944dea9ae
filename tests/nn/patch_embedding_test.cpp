#include "vlp/nn/patch_embedding.hpp"

#include <boost/test/unit_test.hpp>

#include "tests/support/gradient_check.hpp"

BOOST_AUTO_TEST_SUITE(patch_embedding)

BOOST_AUTO_TEST_CASE(equals_a_convolution_with_the_patch_as_stride) {
  at::manual_seed(1);
  vlp::PatchEmbedding embed(4, 6);
  embed->to(at::kDouble);
  const at::Tensor pixels = at::randn({2, 3, 8, 12}, at::kDouble);
  const at::Tensor convolved =
      at::conv2d(pixels, embed->weight, embed->bias, {4, 4}).flatten(2).transpose(1, 2);
  BOOST_TEST((embed(pixels).sizes() == at::IntArrayRef({2, 6, 6})));
  BOOST_TEST(vlp_test::difference(embed(pixels), convolved) < 1e-12);  // float64, 48 products a sum
}

BOOST_AUTO_TEST_CASE(interleaved_pixels_give_the_same) {
  vlp::PatchEmbedding embed(4, 6);
  const at::Tensor pixels = at::randn({2, 3, 8, 8});
  BOOST_TEST(at::equal(embed(pixels.contiguous(at::MemoryFormat::ChannelsLast)), embed(pixels)));
}

BOOST_AUTO_TEST_CASE(gradients_agree_with_differences) {
  at::manual_seed(2);
  vlp::PatchEmbedding embed(2, 3);
  embed->to(at::kDouble);
  const at::Tensor pixels = at::randn({2, 3, 4, 2}, at::kDouble);
  BOOST_TEST(vlp_test::gradient_difference([&] { return embed(pixels).square().sum(); },
                                           {embed->weight, embed->bias}) <
             vlp_test::kGradientTolerance);
}

BOOST_AUTO_TEST_CASE(images_that_no_patches_fill_are_refused) {
  vlp::PatchEmbedding embed(4, 6);
  for (const auto& shape : {std::vector<std::int64_t>{2, 3, 8, 10},
                            {2, 3, 6, 8},
                            {2, 1, 8, 8},
                            {3, 8, 8},
                            {2, 3, 0, 8}})
    BOOST_CHECK_EXCEPTION(
        (void)embed(at::zeros(shape)), vlp::ShapeError, [](const vlp::ShapeError& error) {
          return std::string(error.what()).find("H and W multiples of 4") != std::string::npos;
        });
}

BOOST_AUTO_TEST_SUITE_END()
