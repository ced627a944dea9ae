#include "plugins/transform/normalize.hpp"

#include <string>

#include <ATen/ops/full.h>
#include <ATen/ops/randint.h>
#include <boost/test/unit_test.hpp>

BOOST_AUTO_TEST_SUITE(normalize)

BOOST_AUTO_TEST_CASE(memory_layout_does_not_matter) {
  const at::Tensor planar = at::randint(0, 256, {3, 41, 29}, at::TensorOptions(at::kByte)),
                   interleaved = planar.permute({1, 2, 0}).contiguous().permute({2, 0, 1});
  vlp::RandomStream random(1);
  const vlp::Normalize normalize{vlp::Normalize::Options{}};
  BOOST_TEST(normalize(planar, random).equal(normalize(interleaved, random)));
}

BOOST_AUTO_TEST_CASE(values_follow_the_formula) {
  vlp::RandomStream random(1);
  const vlp::Normalize normalize({.mean = {0.5, 0.0, 0.25}, .std = {0.5, 1.0, 0.25}});
  const at::Tensor out =
      normalize(at::full({3, 2, 2}, 51, at::TensorOptions(at::kByte)), random);  // 51 / 255 = 0.2
  BOOST_TEST(out.is_contiguous());
  BOOST_TEST((out.scalar_type() == at::kFloat));
  BOOST_TEST(out[0][0][0].item<float>() == -0.6F, boost::test_tools::tolerance(1e-6F));
  BOOST_TEST(out[1][1][0].item<float>() == 0.2F, boost::test_tools::tolerance(1e-6F));
  BOOST_TEST(out[2][1][1].item<float>() == -0.2F, boost::test_tools::tolerance(1e-6F));
}

BOOST_AUTO_TEST_CASE(a_wrong_tensor_is_refused) {
  vlp::RandomStream random(1);
  const at::Tensor wrong = at::full({1, 2, 2}, 0.5, at::TensorOptions(at::kFloat));
  const vlp::Normalize normalize{vlp::Normalize::Options{}};
  BOOST_CHECK_EXCEPTION(normalize(wrong, random), vlp::ShapeError, [](const vlp::ShapeError& e) {
    return std::string(e.what()).find("got Float [1, 2, 2], expected uint8 [3, H, W]") !=
           std::string::npos;
  });
}

BOOST_AUTO_TEST_CASE(a_divisor_of_zero_is_refused) {
  BOOST_CHECK_EXCEPTION(
      vlp::Normalize({.mean = {0, 0, 0}, .std = {1, 0, 1}}), vlp::RecipeError,
      [](const vlp::RecipeError& e) {
        return std::string(e.what()).find("bad std (got 0.000000, expected numbers above 0)") !=
               std::string::npos;
      });
  BOOST_CHECK_EXCEPTION(vlp::Normalize({.mean = {0, 0}, .std = {1, 1, 1}}), vlp::RecipeError,
                        [](const vlp::RecipeError& e) {
                          return std::string(e.what()).find(
                                     "got 2 and 3 numbers, expected 3 and 3") != std::string::npos;
                        });
}

BOOST_AUTO_TEST_SUITE_END()
