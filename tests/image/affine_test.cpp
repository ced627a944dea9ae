// Affine warps against hand computations; the whole operations are compared with OpenCV's and
// Pillow's pixels in tests/transform.

#include "vlp/image/affine.hpp"

#include <cmath>
#include <utility>
#include <vector>

#include <boost/test/unit_test.hpp>

#include "tests/image/grey.hpp"

BOOST_AUTO_TEST_SUITE(affine)

namespace {

using vlp_test::grey;
using vlp_test::levels;

constexpr auto kEach = boost::test_tools::per_element();

}  // namespace

BOOST_AUTO_TEST_CASE(a_map_moves_pixels_and_fills_with_the_border) {
  const vlp::Pixels image = grey(2, 3, {10, 20, 30, 40, 50, 60});
  BOOST_TEST(levels(vlp::warp_affine(image, {}, 7)) == levels(image), kEach);
  BOOST_TEST(
      levels(vlp::warp_affine(image, {.x0 = 1}, 7)) == (std::vector<int>{7, 10, 20, 7, 40, 50}),
      kEach);
  BOOST_TEST(
      levels(vlp::warp_affine(image, {.y0 = -1}, 7)) == (std::vector<int>{40, 50, 60, 7, 7, 7}),
      kEach);
  BOOST_TEST(levels(vlp::warp_affine(image, {.x0 = 0.5}, 20)) ==
                 (std::vector<int>{15, 15, 25, 30, 45, 55}),
             kEach);
  BOOST_TEST(levels(vlp::warp_affine(image, vlp::rotation_about(1, 0.5, 180), 7)) ==
                 (std::vector<int>{60, 50, 40, 30, 20, 10}),
             kEach);
}

BOOST_AUTO_TEST_CASE(the_inverse_of_a_map_leads_back) {
  const vlp::AffineMap map{2, 0.5, 3, -1, 1.5, -4}, back = map.inverse();
  constexpr double kRounding = 1e-12;
  for (const auto& [x, y] : {std::pair{0.0, 0.0}, {5.0, -2.0}, {0.25, 7.0}}) {
    const double to_x = map.xx * x + map.xy * y + map.x0, to_y = map.yx * x + map.yy * y + map.y0;
    BOOST_TEST(std::abs(back.xx * to_x + back.xy * to_y + back.x0 - x) < kRounding);
    BOOST_TEST(std::abs(back.yx * to_x + back.yy * to_y + back.y0 - y) < kRounding);
  }
}

BOOST_AUTO_TEST_SUITE_END()
