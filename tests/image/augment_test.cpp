// Changes of grey levels and affine warps against hand computations; the whole operations are compared with OpenCV's and
// Pillow's pixels in tests/transform.
#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include <boost/test/unit_test.hpp>

#include "vlp/image/affine.hpp"
#include "vlp/image/augment.hpp"

namespace {

/// A grey image of given levels, row by row.
vlp::Pixels grey(std::int64_t height, std::int64_t width, const std::vector<int>& levels) {
  vlp::Pixels image(height, width);
  for (std::size_t i = 0; i < levels.size(); ++i) std::fill_n(image.rgb.get() + 3 * i, 3, static_cast<std::uint8_t>(levels[i]));
  return image;
}

/// The levels of the green channel.
std::vector<int> levels(const vlp::Pixels& image) {
  std::vector<int> green;
  for (std::size_t i = 1; i < image.byte_count(); i += 3) green.push_back(image.rgb[i]);
  return green;
}

vlp::Histogram histogram(const std::vector<std::pair<std::size_t, std::int64_t>>& counts) {
  vlp::Histogram made{};
  for (const auto& [level, count] : counts) made[level] = count;
  return made;
}

constexpr auto kEach = boost::test_tools::per_element();

}  // namespace

BOOST_AUTO_TEST_SUITE(augment)

BOOST_AUTO_TEST_CASE(autocontrast_stretches_from_the_darkest_to_the_brightest_level) {
  const vlp::LevelTable table = vlp::autocontrast_table(histogram({{50, 3}, {100, 1}, {152, 9}}));  // scale 2.5
  BOOST_TEST(table[50] == 0);
  BOOST_TEST(table[100] == 125);
  BOOST_TEST(table[151] == 252);  // 252.5, truncated
  BOOST_TEST(table[152] == 255);
  BOOST_TEST(table[10] == 0);
  BOOST_TEST(table[200] == 255);
  BOOST_TEST((vlp::autocontrast_table(histogram({{50, 3}})) == vlp::identity_table()));
}

BOOST_AUTO_TEST_CASE(equalization_counts_the_pixels_below_each_level) {
  const vlp::LevelTable table = vlp::equalize_table(histogram({{0, 510}, {9, 255}, {255, 1000}}));  // step 765 / 255 = 3
  BOOST_TEST(table[0] == 0);                                                                        // (1 + 0) / 3
  BOOST_TEST(table[1] == 170);                                                                      // (1 + 510) / 3
  BOOST_TEST(table[9] == 170);
  BOOST_TEST(table[10] == 255);  // (1 + 765) / 3
  BOOST_TEST((vlp::equalize_table(histogram({{0, 100}, {255, 1000}})) == vlp::identity_table()));
}

BOOST_AUTO_TEST_CASE(brightness_is_cut_off_at_white) {
  const vlp::LevelTable table = vlp::brightness_table(1.9);
  BOOST_TEST(table[0] == 0);
  BOOST_TEST(table[101] == 191);  // 191.9, truncated
  BOOST_TEST(table[140] == 255);
  BOOST_TEST((vlp::brightness_table(1) == vlp::identity_table()));
}

BOOST_AUTO_TEST_CASE(sharpening_moves_inner_pixels_away_from_their_smooth_value) {
  const vlp::Pixels image = grey(3, 3, {0, 0, 0, 0, 130, 0, 0, 0, 0});  // smooth in the middle: 130 * 5 / 13 = 50
  BOOST_TEST(levels(vlp::sharpen(image, 1.5)) == (std::vector<int>{0, 0, 0, 0, 170, 0, 0, 0, 0}), kEach);
  BOOST_TEST(levels(vlp::sharpen(image, 0.5)) == (std::vector<int>{0, 0, 0, 0, 90, 0, 0, 0, 0}), kEach);
  BOOST_TEST(levels(vlp::sharpen(image, 4)) == (std::vector<int>{0, 0, 0, 0, 255, 0, 0, 0, 0}), kEach);
  BOOST_TEST(levels(vlp::sharpen(image, 1)) == levels(image), kEach);
}

BOOST_AUTO_TEST_CASE(a_map_moves_pixels_and_fills_with_the_border) {
  const vlp::Pixels image = grey(2, 3, {10, 20, 30, 40, 50, 60});
  BOOST_TEST(levels(vlp::warp_affine(image, {}, 7)) == levels(image), kEach);
  BOOST_TEST(levels(vlp::warp_affine(image, {.x0 = 1}, 7)) == (std::vector<int>{7, 10, 20, 7, 40, 50}), kEach);
  BOOST_TEST(levels(vlp::warp_affine(image, {.y0 = -1}, 7)) == (std::vector<int>{40, 50, 60, 7, 7, 7}), kEach);
  BOOST_TEST(levels(vlp::warp_affine(image, {.x0 = 0.5}, 20)) == (std::vector<int>{15, 15, 25, 30, 45, 55}), kEach);
  BOOST_TEST(levels(vlp::warp_affine(image, vlp::rotation_about(1, 0.5, 180), 7)) == (std::vector<int>{60, 50, 40, 30, 20, 10}), kEach);
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
