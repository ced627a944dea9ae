#include "vlp/data/bad_images.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include <boost/test/unit_test.hpp>

#include "tests/support/scratch_folder.hpp"
#include "vlp/image/encode.hpp"

BOOST_AUTO_TEST_SUITE(bad_images)

namespace {

namespace fs = std::filesystem;
using vlp::Split;

struct ThreeSplits {
  static constexpr std::string_view name = "three_splits";
  std::array<std::vector<vlp::ImageRecord>, 3> splits;
  [[nodiscard]] const std::vector<vlp::ImageRecord>& records(Split split) const {
    return splits[static_cast<std::size_t>(split)];
  }
  [[nodiscard]] vlp::CaptionsPerImage captions_per_image() const {
    return vlp::CaptionsPerImage::all;
  }
};

}  // namespace

BOOST_AUTO_TEST_CASE(every_image_of_every_split_is_decoded_whatever_the_threads) {
  const ScratchFolder folder;
  ThreeSplits listed;  // 30, none and 9 images
  for (int i = 0; i < 39; ++i) {
    const fs::path file = folder.path / (std::to_string(i) + ".jpg");
    const std::vector<std::uint8_t> rgb(3 * 8 * 8, static_cast<std::uint8_t>(i));
    vlp::write_jpeg(file, {.rgb = rgb, .height = 8, .width = 8});
    listed.splits[i < 30 ? 0 : 2].push_back({"image " + std::to_string(i), file.string(), {"a"}});
  }
  fs::resize_file(folder.path / "4.jpg", 60);
  std::ofstream(folder.path / "29.jpg") << "no image";
  fs::remove(folder.path / "31.jpg");

  for (const std::int64_t threads : {1, 3, 0}) {
    std::int64_t done = 0, total = 0;
    vlp::Console console;
    console.on_progress = [&](const vlp::Progress& now) { done = now.done, total = now.total; };
    const auto bad = vlp::bad_images(vlp::AnyDataset(listed), threads, console);
    BOOST_TEST(done == 39);
    BOOST_TEST(total == 39);
    BOOST_TEST_REQUIRE(bad[0].size() == 2U);
    BOOST_TEST(bad[1].empty());
    BOOST_TEST_REQUIRE(bad[2].size() == 1U);
    BOOST_TEST(bad[0][0].image_id == "image 4");
    BOOST_TEST(bad[0][0].reason == "undecodable");
    BOOST_TEST(bad[0][0].record == 4);
    BOOST_TEST(bad[0][0].error.starts_with((folder.path / "4.jpg").string() + ": "));
    BOOST_TEST(bad[0][1].image_id == "image 29");
    BOOST_TEST(bad[0][1].reason == "undecodable");
    BOOST_TEST(bad[2][0].image_id == "image 31");
    BOOST_TEST(bad[2][0].reason == "missing");
    BOOST_TEST(bad[2][0].record == 1);
  }
}

BOOST_AUTO_TEST_CASE(an_image_that_the_disk_does_not_give_is_unreadable) {
  if (!fs::exists("/proc/self/mem")) return;
  vlp::ByteBudget memory(1 << 20);
  const auto bad = vlp::bad_image({"1", "/proc/self/mem", {"a"}}, 3, memory);
  BOOST_TEST_REQUIRE(bad.has_value());
  BOOST_TEST(bad->reason == "unreadable");
  BOOST_TEST(bad->record == 3);
}

BOOST_AUTO_TEST_SUITE_END()
