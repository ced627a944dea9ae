// Changes of grey levels against hand computations; the whole operations are compared with OpenCV's
// and Pillow's pixels in tests/transform.

#include "vlp/image/augment.hpp"

#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include <boost/test/unit_test.hpp>

#include "tests/image/grey.hpp"

BOOST_AUTO_TEST_SUITE(augment)

namespace {

using vlp_test::grey;
using vlp_test::levels;

vlp::Histogram histogram(const std::vector<std::pair<std::size_t, std::int64_t>>& counts) {
  vlp::Histogram made{};
  for (const auto& [level, count] : counts) made[level] = count;
  return made;
}

constexpr auto kEach = boost::test_tools::per_element();

}  // namespace

BOOST_AUTO_TEST_CASE(autocontrast_stretches_from_the_darkest_to_the_brightest_level) {
  const vlp::LevelTable table =
      vlp::autocontrast_table(histogram({{50, 3}, {100, 1}, {152, 9}}));  // scale 2.5
  BOOST_TEST(table[50] == 0);
  BOOST_TEST(table[100] == 125);
  BOOST_TEST(table[151] == 252);  // 252.5, truncated
  BOOST_TEST(table[152] == 255);
  BOOST_TEST(table[10] == 0);
  BOOST_TEST(table[200] == 255);
  BOOST_TEST((vlp::autocontrast_table(histogram({{50, 3}})) == vlp::identity_table()));
}

BOOST_AUTO_TEST_CASE(equalization_counts_the_pixels_below_each_level) {
  const vlp::LevelTable table =
      vlp::equalize_table(histogram({{0, 510}, {9, 255}, {255, 1000}}));  // step 765 / 255 = 3
  BOOST_TEST(table[0] == 0);                                              // (1 + 0) / 3
  BOOST_TEST(table[1] == 170);                                            // (1 + 510) / 3
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
  const vlp::Pixels image =
      grey(3, 3, {0, 0, 0, 0, 130, 0, 0, 0, 0});  // smooth in the middle: 130 * 5 / 13 = 50
  BOOST_TEST(levels(vlp::sharpen(image, 1.5)) == (std::vector<int>{0, 0, 0, 0, 170, 0, 0, 0, 0}),
             kEach);
  BOOST_TEST(levels(vlp::sharpen(image, 0.5)) == (std::vector<int>{0, 0, 0, 0, 90, 0, 0, 0, 0}),
             kEach);
  BOOST_TEST(levels(vlp::sharpen(image, 4)) == (std::vector<int>{0, 0, 0, 0, 255, 0, 0, 0, 0}),
             kEach);
  BOOST_TEST(levels(vlp::sharpen(image, 1)) == levels(image), kEach);
}

BOOST_AUTO_TEST_SUITE_END()
