// What is written is what is read back.

#include "vlp/image/encode.hpp"

#include <cstdlib>
#include <filesystem>
#include <string>
#include <vector>

#include <boost/test/unit_test.hpp>

#include "tests/support/scratch_folder.hpp"
#include "vlp/core/error.hpp"
#include "vlp/image/read.hpp"

BOOST_AUTO_TEST_SUITE(image_encode)

namespace {

/// A smooth gradient, 37 x 53 pixels.
std::vector<std::uint8_t> gradient() {
  std::vector<std::uint8_t> rgb;
  for (int y = 0; y < 37; ++y)
    for (int x = 0; x < 53; ++x)
      for (const int value : {4 * x, 6 * y, 2 * (x + y)})
        rgb.push_back(static_cast<std::uint8_t>(value));
  return rgb;
}

}  // namespace

BOOST_AUTO_TEST_CASE(png_comes_back_exactly) {
  const ScratchFolder folder;
  const auto rgb = gradient();
  vlp::write_png(folder.path / "a.png", {rgb, 37, 53});
  const vlp::Pixels back = vlp::read_pixels(folder.path / "a.png");
  BOOST_TEST(back.height == 37);
  BOOST_TEST(back.width == 53);
  BOOST_TEST(back.bytes() == rgb, boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(jpeg_comes_back_within_a_few_levels) {
  const ScratchFolder folder;
  const auto rgb = gradient();
  vlp::write_jpeg(folder.path / "a.jpg", {rgb, 37, 53}, 95);
  const vlp::Pixels back = vlp::read_pixels(folder.path / "a.jpg");
  double total = 0;
  for (std::size_t i = 0; i < rgb.size(); ++i) total += std::abs(int{back.rgb[i]} - int{rgb[i]});
  BOOST_TEST(total / static_cast<double>(rgb.size()) <
             2.5);  // grey levels; a smooth image at quality 95, halved chroma
}

BOOST_AUTO_TEST_CASE(the_same_pixels_give_the_same_file) {
  const ScratchFolder folder;
  const auto rgb = gradient();
  vlp::write_jpeg(folder.path / "a.jpg", {rgb, 37, 53});
  vlp::write_jpeg(folder.path / "b.jpg", {rgb, 37, 53});
  BOOST_TEST(vlp::detail::read_image_file(folder.path / "a.jpg") ==
             vlp::detail::read_image_file(folder.path / "b.jpg"));
}

BOOST_AUTO_TEST_CASE(a_path_that_cannot_be_written_is_named) {
  const auto rgb = gradient();
  for (const bool jpeg : {true, false})
    BOOST_CHECK_EXCEPTION(jpeg ? vlp::write_jpeg("no/such/folder/a", {rgb, 37, 53})
                               : vlp::write_png("no/such/folder/a", {rgb, 37, 53}),
                          vlp::DataError, [](const vlp::DataError& error) {
                            return std::string(error.what())
                                .starts_with("no/such/folder/a: can't write (No such file");
                          });
}

BOOST_AUTO_TEST_CASE(a_full_disk_is_an_error) {
  if (!std::filesystem::exists("/dev/full")) return;  // Linux's file that never takes a byte
  const auto rgb = gradient();
  for (const bool jpeg : {true, false})
    BOOST_CHECK_EXCEPTION(jpeg ? vlp::write_jpeg("/dev/full", {rgb, 37, 53})
                               : vlp::write_png("/dev/full", {rgb, 37, 53}),
                          vlp::DiskError, [](const vlp::DiskError& error) {
                            return std::string(error.what()).find("No space left") !=
                                   std::string::npos;
                          });
}

BOOST_AUTO_TEST_CASE(sizes_that_do_not_fit_the_bytes_are_refused) {
  const auto rgb = gradient();
  BOOST_CHECK_THROW(vlp::write_jpeg("never.jpg", {rgb, 37, 52}), vlp::ShapeError);
  BOOST_CHECK_THROW(vlp::write_png("never.png", {{}, 0, 0}), vlp::ShapeError);
}

BOOST_AUTO_TEST_SUITE_END()
