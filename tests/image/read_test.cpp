// JPEG, PNG and WebP files of every kind against what Pillow makes of them, whole and cut short.

#include "vlp/image/read.hpp"

#include <cstddef>
#include <filesystem>
#include <fstream>
#include <span>
#include <string>
#include <vector>

#include <boost/test/unit_test.hpp>
#include <nlohmann/json.hpp>

#include "tests/support/messages.hpp"
#include "tests/support/scratch_folder.hpp"
#include "tests/support/sha256.hpp"
#include "vlp/core/error.hpp"

BOOST_AUTO_TEST_SUITE(image_read)

namespace {

using Bytes = std::vector<std::byte>;

std::filesystem::path fixtures() { return VLP_TEST_DATA; }

Bytes bytes_of(const std::string& file) { return vlp::detail::read_image_file(fixtures() / file); }

nlohmann::json expectations() {
  const Bytes text = bytes_of("image_formats/expected.json");
  return nlohmann::json::parse(reinterpret_cast<const char*>(text.data()),
                               reinterpret_cast<const char*>(text.data() + text.size()));
}

std::string digest(const vlp::Pixels& pixels) { return vlp::test::sha256(pixels.bytes()); }

std::string problem_of(std::span<const std::byte> bytes, const vlp::MemoryClaim& claim = {}) {
  return vlp_test::message_of<vlp::DataError>(
      [&] { (void)vlp::decode_pixels(bytes, "x", {}, claim); });
}

/// What a picture's decoding asks for.
std::size_t claimed(const std::string& file, const vlp::ImageReading& reading = {}) {
  std::size_t claimed = 0;
  (void)vlp::decode_pixels(bytes_of(file), file, reading,
                           [&](std::size_t bytes) { claimed += bytes; });
  return claimed;
}

}  // namespace

BOOST_AUTO_TEST_CASE(files_are_bit_equal_with_pillow) {
  for (const auto& expected : expectations()) {
    const std::string file = expected["file"];
    const Bytes bytes = bytes_of(file);
    const auto decode = [&](vlp::AlphaMode transparency, bool orient) {
      return vlp::decode_pixels(bytes, file, {.transparency = transparency, .orient = orient});
    };
    const vlp::Pixels stored = decode(vlp::AlphaMode::drop, false);
    BOOST_TEST(stored.width == expected["width"].get<int>(), file);
    BOOST_TEST(stored.height == expected["height"].get<int>(), file);
    BOOST_TEST(stored.orientation == expected["orientation"].get<int>(), file);
    BOOST_TEST(digest(stored) == expected["drop"].get<std::string>(), file);
    BOOST_TEST(digest(decode(vlp::AlphaMode::over_white, false)) ==
                   expected["over_white"].get<std::string>(),
               file);
    const vlp::Pixels upright = decode(vlp::AlphaMode::drop, true);
    BOOST_TEST(upright.width == expected["upright_width"].get<int>(), file);
    BOOST_TEST(upright.orientation == 1, file);
    BOOST_TEST(digest(upright) == expected["upright"].get<std::string>(), file);
  }
}

BOOST_AUTO_TEST_CASE(a_file_that_is_cut_opens_where_pillow_opens_it) {
  for (const auto& expected : expectations()) {
    const std::string file = expected["file"];
    if (file.ends_with("exif_3_behind.png")) continue;  // Pillow wants the whole of a later block
    const Bytes bytes = bytes_of(file);
    const std::size_t shortest = expected["shortest"];
    const std::span<const std::byte> cut = std::span(bytes).first(shortest);
    BOOST_TEST(digest(vlp::decode_pixels(cut, file, {.transparency = vlp::AlphaMode::drop})) ==
                   expected["drop"].get<std::string>(),
               file);
    BOOST_TEST(problem_of(cut.first(shortest - 1)).find("ends too early") != std::string::npos,
               file << ": " << problem_of(cut.first(shortest - 1)));
  }
}

BOOST_AUTO_TEST_CASE(a_file_cut_anywhere_is_an_error_or_whole) {
  for (const std::string name : {"animated_part_alpha.webp", "lossy.webp", "lossless_alpha.webp",
                                 "interlaced.png", "stored.png", "exif_7_in_two.jpg"}) {
    const Bytes bytes = bytes_of("image_formats/" + name);
    const std::string whole = digest(vlp::decode_pixels(bytes, name));
    for (std::size_t size = 0; size < bytes.size(); ++size) {
      const Bytes cut(bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(size));
      try {
        BOOST_TEST(digest(vlp::decode_pixels(cut, name)) == whole, name << ", " << size);
      } catch (const vlp::DataError&) {
        continue;
      }
    }
  }
}

BOOST_AUTO_TEST_CASE(changed_bytes_never_do_worse_than_an_error) {
  for (const std::string name :
       {"animated_part_alpha.webp", "animated.webp", "lossy_alpha.webp", "lossless.webp",
        "exif_8_alpha.webp", "exif_6.png", "interlaced.png", "exif_7_in_two.jpg"}) {
    const Bytes bytes = bytes_of("image_formats/" + name);
    for (std::size_t at = 0; at < bytes.size(); ++at) {
      Bytes changed = bytes;
      changed[at] ^= std::byte{1} << at % 8;
      try {
        BOOST_TEST(vlp::decode_pixels(changed, name, {.orient = true}).height > 0);
      } catch (const vlp::DataError&) {
        continue;
      }
    }
  }
}

BOOST_AUTO_TEST_CASE(sizes_are_refused_before_memory_is_asked_for) {
  const auto never = [](std::size_t) { BOOST_TEST(false, "memory was asked for"); };
  BOOST_TEST(problem_of(bytes_of("image_formats/huge.png"), never) ==
             "x: bad image size (got 2147483647 x 1, expected 1 to 178956970 pixels). Replace the "
             "file or leave it out.");
  BOOST_TEST(problem_of(bytes_of("image_formats/large.png"), never) ==
             "x: can't decode this PNG (the file ends too early: it is too short for its 13000 x "
             "13000 pixels). Replace the file or leave it out.");
  Bytes jpeg = bytes_of("images/04_grey.jpg");
  for (std::size_t i = 0; i + 9 < jpeg.size(); ++i)
    if (jpeg[i] == std::byte{0xFF} && jpeg[i + 1] == std::byte{0xC0}) {
      jpeg[i + 5] = jpeg[i + 7] = std::byte{0x30};  // height and width
      break;
    }
  BOOST_TEST(problem_of(jpeg, never).find("ends too early: it is too short for its 123") !=
             std::string::npos);
  // A canvas of 16384 x 16384.
  Bytes webp = bytes_of("image_formats/animated_part.webp");
  for (const std::size_t at : {25U, 28U}) webp[at] = std::byte{0x3F};
  BOOST_TEST(problem_of(webp, never).find("x: bad image size (got 16178 x 16168") == 0U,
             problem_of(webp));
}

BOOST_AUTO_TEST_CASE(a_file_larger_than_any_picture_is_refused_unread) {
  const ScratchFolder folder;
  const auto path = folder.path / "film.jpg";
  std::ofstream(path) << "\xff\xd8\xff";
  std::filesystem::resize_file(path, 1'431'655'761);  // a hole: no bytes on the disk
  BOOST_TEST(vlp_test::message_of<vlp::DataError>([&] { (void)vlp::read_pixels(path); }) ==
             path.string() +
                 ": too large for a picture (got 1431655761 bytes, expected at most 1431655760). "
                 "Replace the file or leave it out.");
}

BOOST_AUTO_TEST_CASE(memory_is_asked_for_once_and_names_what_is_held) {
  BOOST_TEST(claimed("images/01_420.jpg") > 0U);
  BOOST_TEST(claimed("images/04_grey.jpg") == 64U * 64 * 3);
  BOOST_TEST(claimed("images/05_cmyk.jpg") == 200U * 150 * 4);
  BOOST_TEST(claimed("images/07_rgb.png") == 160U * 120 * 4 + 160U * 16);
  BOOST_TEST(claimed("image_formats/lossless.webp") == 34U * 21 * (3 + 4));
  BOOST_TEST(claimed("image_formats/lossless_alpha.webp") == 34U * 21 * (4 + 4));
  // Coefficients of three scans' components, and twice as much while it turns.
  const std::size_t progressive = claimed("images/03_progressive.jpg");
  BOOST_TEST(claimed("images/03_progressive.jpg", {.orient = true}) == 2 * progressive);
}

BOOST_AUTO_TEST_CASE(webp_problems_name_the_file_and_what_is_wrong) {
  const Bytes whole = bytes_of("image_formats/lossy.webp");
  BOOST_TEST(problem_of(std::span(whole).first(100)) ==
             "x: can't decode this WebP (the file ends too early, or its chunks don't fit "
             "together). Replace the file or leave it out.");
  BOOST_TEST(problem_of(std::span(whole).first(11)).find("neither JPEG nor PNG nor WebP") !=
             std::string::npos);
}

BOOST_AUTO_TEST_SUITE_END()
