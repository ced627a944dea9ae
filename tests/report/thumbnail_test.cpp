#include "vlp/report/thumbnail.hpp"

#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include <boost/test/unit_test.hpp>

#include "tests/support/scratch_folder.hpp"
#include "vlp/core/error.hpp"
#include "vlp/image/encode.hpp"
#include "vlp/image/read.hpp"

namespace {

/// Left half red, right half blue.
std::filesystem::path two_colours(const std::filesystem::path& file, std::int64_t height,
                                  std::int64_t width) {
  std::vector<std::uint8_t> rgb;
  for (std::int64_t y = 0; y < height; ++y)
    for (std::int64_t x = 0; x < width; ++x)
      for (const int c : {x < width / 2 ? 220 : 10, 10, x < width / 2 ? 10 : 220})
        rgb.push_back(static_cast<std::uint8_t>(c));
  vlp::write_png(file, {.rgb = rgb, .height = height, .width = width});
  return file;
}

}  // namespace

BOOST_FIXTURE_TEST_SUITE(thumbnail, ScratchFolder)

BOOST_AUTO_TEST_CASE(the_long_side_shrinks_and_colours_keep_their_places) {
  vlp::write_thumbnail(two_colours(path / "a.png", 300, 900), path / "a.jpg");
  const vlp::Pixels wide = vlp::read_pixels(path / "a.jpg");
  BOOST_TEST(wide.width == 256);
  BOOST_TEST(wide.height == 85);
  BOOST_TEST(std::abs(int(wide.row(40)[3 * 60]) - 220) < 12);
  BOOST_TEST(std::abs(int(wide.row(40)[3 * 60 + 2]) - 10) < 12);
  BOOST_TEST(std::abs(int(wide.row(40)[3 * 200]) - 10) < 12);
  BOOST_TEST(std::abs(int(wide.row(40)[3 * 200 + 2]) - 220) < 12);
  vlp::write_thumbnail(two_colours(path / "b.png", 900, 4), path / "b.jpg");
  BOOST_TEST(vlp::read_pixels(path / "b.jpg").height == 256);
  BOOST_TEST(vlp::read_pixels(path / "b.jpg").width == 1);
}

BOOST_AUTO_TEST_CASE(a_small_image_keeps_its_size) {
  vlp::write_thumbnail(two_colours(path / "a.png", 20, 30), path / "a.jpg");
  BOOST_TEST(vlp::read_pixels(path / "a.jpg").width == 30);
  BOOST_TEST(vlp::read_pixels(path / "a.jpg").height == 20);
}

BOOST_AUTO_TEST_CASE(a_broken_image_is_named) {
  std::ofstream(path / "broken.jpg") << "no image";
  BOOST_CHECK_EXCEPTION(vlp::write_thumbnail(path / "broken.jpg", path / "a.jpg"), vlp::DataError,
                        [](const vlp::DataError& error) {
                          return std::string(error.what()).find("broken.jpg") != std::string::npos;
                        });
}

BOOST_AUTO_TEST_SUITE_END()
