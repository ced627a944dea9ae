#include "vlp/image/image_format.hpp"

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include <boost/test/unit_test.hpp>

BOOST_AUTO_TEST_SUITE(image_format)

namespace {

std::optional<vlp::ImageFormat> format_of(std::string_view bytes) {
  return vlp::image_format(std::as_bytes(std::span(bytes)));
}

}  // namespace

BOOST_AUTO_TEST_CASE(first_bytes_tell_the_format) {
  using enum vlp::ImageFormat;
  BOOST_TEST((format_of("\xff\xd8\xff\xe0") == jpeg));
  BOOST_TEST((format_of("\x89PNG\r\n\x1a\n") == png));
  BOOST_TEST((format_of("RIFF\x04"
                        "abcWEBPVP8 ") == webp));
  // a PNG whose line ends were converted; sound in RIFF; an AppleDouble file; too short
  for (const std::string_view none : {"\x89PNG\n\x1a\n",
                                      "RIFF\x04"
                                      "abcWAVEfmt ",
                                      "RIFF\x04"
                                      "abcWEB",
                                      "\xff\xd8", "GIF89a", ""})
    BOOST_TEST(!format_of(none));
  BOOST_TEST(!format_of(std::string_view("\0\5\26\7\0\2\0\0", 8)));
}

BOOST_AUTO_TEST_CASE(names_mean_pictures_by_their_ending_in_any_case) {
  for (const char* name : {"a.jpg", "a.JPG", "a.jpeg", "a.jpe", "a.jfif", "a.b.Png", "a.webp"})
    BOOST_TEST(vlp::is_image_name(name), name);
  for (const char* name : {"a.gif", "jpg", ".jpg", "a.jpg.txt", "a.", "a", ""})
    BOOST_TEST(!vlp::is_image_name(name), name);
  BOOST_TEST(vlp::name_ending("archive.tar.GZ") == ".gz");
}

BOOST_AUTO_TEST_SUITE_END()
