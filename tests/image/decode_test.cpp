// JPEG and PNG decoding against what Pillow decodes, and every broken file.
#include "vlp/image/decode.hpp"

#include <algorithm>
#include <atomic>
#include <filesystem>
#include <fstream>
#include <string>
#include <thread>
#include <vector>

#include <boost/test/unit_test.hpp>
#include <nlohmann/json.hpp>

#include "tests/support/image_fixtures.hpp"
#include "tests/support/messages.hpp"
#include "tests/support/sha256.hpp"
#include "vlp/core/error.hpp"

BOOST_AUTO_TEST_SUITE(image_decode)

namespace {

using vlp::test::image_fixtures;

std::string digest(const at::Tensor& image) {
  const at::Tensor rgb = image.permute({1, 2, 0});
  BOOST_REQUIRE(rgb.is_contiguous());
  return vlp::test::sha256({static_cast<const std::uint8_t*>(rgb.const_data_ptr()),
                            static_cast<std::size_t>(rgb.numel())});
}

std::string decode_error(const std::filesystem::path& path) {
  return vlp_test::message_of<vlp::DataError>([&] { (void)vlp::decode_image(path); });
}

std::span<const std::byte> bytes_of(const std::string& text) {
  return std::as_bytes(std::span(text));
}

}  // namespace

BOOST_AUTO_TEST_CASE(digest_of_abc_is_the_published_one) {
  const std::string abc = "abc";
  BOOST_TEST(vlp::test::sha256({reinterpret_cast<const std::uint8_t*>(abc.data()), 3}) ==
             "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

BOOST_AUTO_TEST_CASE(readable_files_are_bit_equal_with_pillow) {
  const auto list = nlohmann::json::parse(vlp::test::file_bytes(image_fixtures() / "images.json"));
  int compared = 0;
  for (const auto& entry : list) {
    const std::string file = entry["file"];
    // 16-bit grey saturates in Pillow and is compared below; a wrong checksum is an error here.
    if (!entry["readable"] || file == "10_grey16.png" || file.starts_with("broken")) continue;
    const at::Tensor image =
        vlp::decode_image(image_fixtures() / file, {.transparency = vlp::AlphaMode::drop});
    BOOST_TEST(image.size(0) == 3);
    BOOST_TEST(image.size(1) == entry["height"].get<int>(), file);
    BOOST_TEST(image.size(2) == entry["width"].get<int>(), file);
    BOOST_TEST(digest(image) == entry["rgb_sha256"].get<std::string>(), file);
    ++compared;
  }
  BOOST_TEST(compared == 12);
}

BOOST_AUTO_TEST_CASE(sixteen_bits_are_read_by_their_high_byte) {
  const auto expected = vlp::test::read_tensors(image_fixtures() / "expected.safetensors");
  const at::Tensor image = vlp::decode_image(image_fixtures() / "10_grey16.png");
  BOOST_TEST(image.permute({1, 2, 0}).equal(expected.at("10_grey16.png/rgb_high_byte")));
}

BOOST_AUTO_TEST_CASE(transparency_is_blended_over_white_on_request) {
  const auto expected = vlp::test::read_tensors(image_fixtures() / "expected.safetensors");
  const at::Tensor image = vlp::decode_image(image_fixtures() / "08_rgba.png",
                                             {.transparency = vlp::AlphaMode::over_white});
  BOOST_TEST(image.permute({1, 2, 0}).equal(expected.at("08_rgba.png/rgb_over_white")));
}

BOOST_AUTO_TEST_CASE(the_format_is_told_by_the_content) {
  const std::string png = vlp::test::file_bytes(image_fixtures() / "07_rgb.png");
  BOOST_TEST(digest(vlp::decode_image(bytes_of(png), "photo.jpg")) ==
             digest(vlp::decode_image(image_fixtures() / "07_rgb.png")));
}

BOOST_AUTO_TEST_CASE(every_broken_file_is_an_error_that_names_it) {
  for (const std::string file : {"broken_empty.jpg", "broken_text.jpg", "broken_truncated.jpg",
                                 "broken_ihdr_crc.png", "broken_idat_crc.png"}) {
    const auto path = image_fixtures() / file;
    BOOST_TEST(decode_error(path).starts_with(path.string() + ": "),
               file << ": " << decode_error(path));
  }
  BOOST_TEST(
      decode_error(image_fixtures() / "broken_truncated.jpg").find("the file ends too early") !=
      std::string::npos);
  BOOST_TEST(decode_error(image_fixtures() / "broken_empty.jpg").find("the file is empty") !=
             std::string::npos);
  BOOST_TEST(decode_error(image_fixtures() / "broken_text.jpg")
                 .find("neither JPEG nor PNG nor WebP (got bytes ") != std::string::npos);
  BOOST_TEST(decode_error(image_fixtures() / "missing.jpg").find("can't open (No such file") !=
             std::string::npos);
  BOOST_TEST(decode_error(image_fixtures()).find("not a readable file") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(a_file_cut_anywhere_is_an_error_or_whole) {
  for (const char* file :
       {"04_grey.jpg", "13_422_restart_odd.jpg", "09_palette.png", "05_cmyk.jpg"}) {
    const std::string whole = vlp::test::file_bytes(image_fixtures() / file);
    const std::string expected = digest(vlp::decode_image(bytes_of(whole), file));
    const bool png = std::string(file).ends_with("png");
    const std::size_t pixels = whole.size() - (png ? 22 : 0);  // a PNG may lack what follows them
    for (std::size_t size = 0; size < pixels; size += 1 + whole.size() / 60)
      BOOST_CHECK_THROW((void)vlp::decode_image(bytes_of(whole.substr(0, size)), file),
                        vlp::DataError);
    BOOST_TEST(digest(vlp::decode_image(bytes_of(whole + "trailing bytes"), file)) == expected);
  }
}

BOOST_AUTO_TEST_CASE(changed_bytes_never_do_worse_than_an_error) {
  for (const char* file : {"13_422_restart_odd.jpg", "04_grey.jpg", "11_1x1000.png"}) {
    const std::string whole = vlp::test::file_bytes(image_fixtures() / file);
    for (std::size_t at = 0; at < whole.size(); at += 7) {
      std::string changed = whole;
      changed[at] = static_cast<char>(changed[at] ^ (1 << at % 8));
      try {
        BOOST_TEST(vlp::decode_image(bytes_of(changed), file).size(0) == 3);
      } catch (const vlp::DataError&) {
        continue;
      }
    }
  }
}

BOOST_AUTO_TEST_CASE(images_that_lie_on_their_side_are_noted_once_and_counted) {
  const auto formats = std::filesystem::path(VLP_TEST_DATA) / "image_formats";
  const vlp::ImageFiles files;
  for (const char* name : {"exif_8.jpg", "exif_1.jpg", "exif_6.png", "exif_8.jpg"})
    BOOST_TEST(files(formats / name).pixels.size(2) == 34);
  BOOST_TEST(files.note("Turn them.") ==
             "2 images lie on their side or are mirrored (EXIF orientation; first " +
                 (formats / "exif_6.png").string() +
                 ", orientation 6) and are read as stored; Turn them.");
  BOOST_TEST(files.note("Turn them.").empty());
  const vlp::ImageFiles upright({.orient = true});
  BOOST_TEST(upright(formats / "exif_6.png").pixels.size(2) == 21);
  BOOST_TEST(upright.note("Turn them.").empty());
}

BOOST_AUTO_TEST_CASE(images_hold_their_share_of_the_memory_until_they_are_gone) {
  const auto file = image_fixtures() / "07_rgb.png";
  const vlp::ImageFiles files({}, 1);  // every image is larger: one at a time
  std::atomic<int> under_way = 0, most = 0;
  std::vector<std::jthread> threads;
  for (int thread = 0; thread < 4; ++thread)
    threads.emplace_back([&] {
      for (int i = 0; i < 5; ++i) {
        const vlp::DecodedImage image = files(file);
        most = std::max<int>(most, ++under_way);
        std::this_thread::yield();
        --under_way;
      }
    });
  threads.clear();
  BOOST_TEST(most == 1);
  // What can't be decoded gives its share back, too.
  BOOST_CHECK_THROW((void)files(image_fixtures() / "broken_idat_crc.png"), vlp::DataError);
  BOOST_TEST(files(file).share.bytes() > 0U);
}

BOOST_AUTO_TEST_CASE(a_declared_size_beyond_the_limit_is_refused) {
  std::string jpeg = vlp::test::file_bytes(image_fixtures() / "04_grey.jpg");
  const std::size_t frame = jpeg.find("\xff\xc0");
  BOOST_REQUIRE(frame != std::string::npos);
  jpeg.replace(frame + 5, 4, "\xff\x00\xff\x00", 4);  // height and width 65280
  BOOST_CHECK_EXCEPTION((void)vlp::decode_image(bytes_of(jpeg), "huge.jpg"), vlp::DataError,
                        [](const vlp::DataError& error) {
                          return std::string(error.what()) ==
                                 "huge.jpg: bad image size (got 65280 x 65280, expected 1 to "
                                 "178956970 pixels). Replace the file or leave it out.";
                        });
}

BOOST_AUTO_TEST_SUITE_END()
