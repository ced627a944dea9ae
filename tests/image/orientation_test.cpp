// EXIF blocks that are broken in every way, and pixels turned by hand.

#include "vlp/image/orientation.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include <boost/test/unit_test.hpp>

BOOST_AUTO_TEST_SUITE(image_orientation)

namespace {

std::span<const std::byte> bytes_of(const std::string& text) {
  return std::as_bytes(std::span(text));
}

/// A TIFF of one entry, little-endian: tag 0x0112 of a type, count and value.
std::string tiff(std::uint8_t type, std::uint32_t count, std::uint32_t value) {
  std::string text("II*\0\x08\0\0\0\x01\0\x12\x01", 12);
  text += static_cast<char>(type);
  text += '\0';
  for (const std::uint32_t number : {count, value, std::uint32_t{0}})
    for (int shift = 0; shift < 32; shift += 8) text += static_cast<char>(number >> shift & 0xFF);
  return text;
}

int orientation(const std::string& exif) { return vlp::exif_orientation(bytes_of(exif)); }

/// Pixels of one channel's worth: 0, 1, 2, ... in rows.
vlp::Pixels counted(std::int64_t height, std::int64_t width) {
  vlp::Pixels pixels(height, width);
  for (std::int64_t i = 0; i < height * width; ++i)
    std::fill_n(pixels.rgb.get() + 3 * i, 3, static_cast<std::uint8_t>(i));
  return pixels;
}

std::vector<int> turned(int by) {
  const vlp::Pixels pixels = vlp::turned_upright(counted(2, 3), by);
  std::vector<int> values{static_cast<int>(pixels.height), static_cast<int>(pixels.width)};
  for (std::size_t i = 0; i < pixels.byte_count(); i += 3) values.push_back(pixels.rgb[i]);
  return values;
}

}  // namespace

BOOST_AUTO_TEST_CASE(short_and_long_values_of_both_byte_orders_are_read) {
  for (int expected = 1; expected <= 8; ++expected) {
    BOOST_TEST(orientation(tiff(3, 1, static_cast<std::uint32_t>(expected))) == expected);
    BOOST_TEST(orientation(tiff(4, 1, static_cast<std::uint32_t>(expected))) == expected);
  }
  const std::string big("MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x06\0\0\0\0\0\0", 26);
  BOOST_TEST(orientation(big) == 6);
  BOOST_TEST(orientation(std::string("Exif\0\0", 6) + big) == 6);
}

BOOST_AUTO_TEST_CASE(what_makes_no_sense_counts_as_upright) {
  for (const std::uint32_t value : {0U, 9U, 255U, 0x80000006U})
    BOOST_TEST(orientation(tiff(4, 1, value)) == 1);
  BOOST_TEST(orientation(tiff(2, 1, 6)) == 1);           // a text
  BOOST_TEST(orientation(tiff(3, 0, 6)) == 1);           // no value
  BOOST_TEST(orientation(tiff(3, 100, 6)) == 1);         // values beyond the end
  BOOST_TEST(orientation(tiff(4, 0xFFFFFFFF, 6)) == 1);  // so many that sizes overflow
  BOOST_TEST(orientation(tiff(4, 2, 0xFFFFFFFE)) == 1);  // far behind the end
  BOOST_TEST(orientation("") == 1);
  BOOST_TEST(orientation("II") == 1);
  BOOST_TEST(orientation(std::string("II*\0\xff\xff\xff\xff", 8)) == 1);
  BOOST_TEST(orientation(std::string("XX*\0\x08\0\0\0", 8)) == 1);
}

BOOST_AUTO_TEST_CASE(of_several_values_the_first_counts) {
  BOOST_TEST(orientation(tiff(4, 2, 10)) == 1);  // 0x40112, which is none
  BOOST_TEST(orientation(tiff(3, 2, 6 | 7U << 16)) == 6);
}

BOOST_AUTO_TEST_CASE(a_block_cut_anywhere_is_read_within_its_end) {
  const std::string whole = tiff(3, 1, 6);
  for (std::size_t size = 0; size < whole.size(); ++size) {
    const std::vector<char> exact(whole.begin(),  // memory of its own, for the sanitizers
                                  whole.begin() + static_cast<std::ptrdiff_t>(size));
    const int found = vlp::exif_orientation(std::as_bytes(std::span(exact)));
    BOOST_TEST(found == (size >= 22 ? 6 : 1), "of " << size << " bytes");
  }
}

BOOST_AUTO_TEST_CASE(hostile_files_are_read_within_their_ends) {
  for (const std::string& file :
       {std::string("\xff\xd8\xff"), std::string("\xff\xd8\xff\xff\xff\xff"),
        std::string("\xff\xd8\xff\xe1"), std::string("\xff\xd8\xff\xe1\0\x01", 6),
        std::string("\xff\xd8\xff\xe1\xff\xff"
                    "Exif\0\0",
                    12),
        std::string("\xff\xd8\xff\xe1\0\x08"
                    "Exif\0\0\xff",
                    13)})
    BOOST_TEST(vlp::jpeg_orientation(bytes_of(file)) == 1);
  const std::string png(
      "\x89PNG\r\n\x1a\n\xff\xff\xff\xf0"
      "eXIf",
      16);
  for (std::size_t size = 0; size <= png.size(); ++size)
    BOOST_TEST(vlp::png_orientation(bytes_of(png.substr(0, size))) == 1);
}

BOOST_AUTO_TEST_CASE(pixels_are_turned_as_the_standard_says) {
  // Stored:  0 1 2
  //          3 4 5
  const std::vector<std::vector<int>> expected{{2, 3, 0, 1, 2, 3, 4, 5}, {2, 3, 2, 1, 0, 5, 4, 3},
                                               {2, 3, 5, 4, 3, 2, 1, 0}, {2, 3, 3, 4, 5, 0, 1, 2},
                                               {3, 2, 0, 3, 1, 4, 2, 5}, {3, 2, 3, 0, 4, 1, 5, 2},
                                               {3, 2, 5, 2, 4, 1, 3, 0}, {3, 2, 2, 5, 1, 4, 0, 3}};
  for (int by = 1; by <= 8; ++by)
    BOOST_TEST(turned(by) == expected[static_cast<std::size_t>(by - 1)],
               boost::test_tools::per_element());
}

BOOST_AUTO_TEST_SUITE_END()
