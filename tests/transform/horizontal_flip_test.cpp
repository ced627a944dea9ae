#include "plugins/transform/horizontal_flip.hpp"

#include <cmath>
#include <cstdint>

#include <ATen/ATen.h>
#include <boost/test/unit_test.hpp>

BOOST_AUTO_TEST_SUITE(horizontal_flip)

BOOST_AUTO_TEST_CASE(left_and_right_are_swapped_in_the_wanted_share_of_images) {
  constexpr int kDraws = 2000;
  constexpr double kFourDeviations = 4;
  at::manual_seed(3);
  const at::Tensor image = at::randint(0, 256, {3, 3, 5}, at::TensorOptions(at::kByte)),
                   mirrored = image.flip(2);
  for (const double probability : {0.0, 0.25, 0.5, 1.0}) {
    const vlp::HorizontalFlip flip({.probability = probability});
    int count = 0;
    for (std::uint64_t i = 0; i < kDraws; ++i) {
      vlp::RandomStream random = vlp::RandomStream(5).derive(i);
      const at::Tensor out = flip(image, random);
      BOOST_REQUIRE((out.equal(image) || out.equal(mirrored)));
      count += out.equal(mirrored) ? 1 : 0;
    }
    BOOST_TEST(std::abs(count - kDraws * probability) <=
               kFourDeviations * std::sqrt(kDraws * probability * (1 - probability)));
  }
}

BOOST_AUTO_TEST_CASE(a_float_image_is_flipped_too) {
  vlp::RandomStream random(1);
  const at::Tensor image = at::arange(12, at::kFloat).view({3, 2, 2});
  BOOST_TEST(vlp::HorizontalFlip({.probability = 1})(image, random).equal(image.flip(2)));
}

BOOST_AUTO_TEST_SUITE_END()
