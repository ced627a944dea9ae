// A contact sheet holds its images in their places, undistorted.
#include "vlp/report/contact_sheet.hpp"

#include <cstdlib>
#include <filesystem>
#include <string>
#include <vector>

#include <boost/test/unit_test.hpp>

#include "vlp/image/encode.hpp"
#include "vlp/image/read.hpp"

BOOST_AUTO_TEST_SUITE(contact_sheet)

namespace {

struct Folder {
  std::filesystem::path path =
      std::filesystem::temp_directory_path() /
      ("vlp-contact-sheet-" + std::to_string(reinterpret_cast<std::uintptr_t>(this)));
  Folder() { std::filesystem::create_directories(path); }
  ~Folder() { std::filesystem::remove_all(path); }

  /// A plain red or green picture.
  std::filesystem::path picture(const std::string& name, std::int64_t height, std::int64_t width,
                                bool red) const {
    std::vector<std::uint8_t> rgb;
    for (std::int64_t i = 0; i < height * width; ++i)
      rgb.insert(rgb.end(), {static_cast<std::uint8_t>(red ? 255 : 0),
                             static_cast<std::uint8_t>(red ? 0 : 255), 0});
    vlp::write_png(path / name, {rgb, height, width});
    return path / name;
  }
};

/// Pixels of one pure colour: how many, and the box that they fill.
struct Box {
  std::int64_t count = 0, left = 1 << 20, right = -1, top = 1 << 20, bottom = -1;
};
Box box_of(const vlp::Pixels& page, bool red) {
  Box box;
  for (std::int64_t y = 0; y < page.height; ++y)
    for (std::int64_t x = 0; x < page.width; ++x) {
      const std::uint8_t* rgb = page.row(y) + 3 * x;
      if (rgb[0] != (red ? 255 : 0) || rgb[1] != (red ? 0 : 255) || rgb[2] != 0) continue;
      ++box.count;
      box.left = std::min(box.left, x), box.right = std::max(box.right, x);
      box.top = std::min(box.top, y), box.bottom = std::max(box.bottom, y);
    }
  return box;
}

}  // namespace

BOOST_AUTO_TEST_CASE(images_stand_in_their_cells_without_distortion) {
  const Folder folder;
  const std::vector<vlp::ContactSheetCell> cells{
      {folder.picture("wide.png", 50, 100, true), "a caption", "the reference",
       vlp::CellMark::good},
      {folder.picture("tall.png", 100, 50, false),
       "another caption that is long enough to be wrapped into lines", "", vlp::CellMark::bad}};
  vlp::write_contact_sheet(
      folder.path / "page.png", cells,
      {.title = "Title", .subtitle = "", .columns = 2, .cell_width = 200, .image_height = 150});
  const vlp::Pixels page = vlp::read_pixels(folder.path / "page.png");
  BOOST_TEST(page.width == 2 * 44 + 2 * 200 + 26);
  const Box red = box_of(page, true), green = box_of(page, false);
  BOOST_TEST(red.right - red.left + 1 == 200);
  BOOST_TEST(red.bottom - red.top + 1 == 100);
  BOOST_TEST(green.right - green.left + 1 == 75);
  BOOST_TEST(green.bottom - green.top + 1 == 150);
  BOOST_TEST(red.left == 44);
  BOOST_TEST(green.left > red.right);
  BOOST_TEST(red.count == 200 * 100);  // nothing is drawn over it
}

BOOST_AUTO_TEST_CASE(a_longer_caption_makes_a_taller_page) {
  const Folder folder;
  const auto picture = folder.picture("a.png", 40, 40, true);
  const auto height = [&](const std::string& caption) {
    vlp::write_contact_sheet(
        folder.path / "page.png",
        std::vector<vlp::ContactSheetCell>{{picture, caption, "", vlp::CellMark::none}});
    return vlp::read_pixels(folder.path / "page.png").height;
  };
  const std::string word = "caption ";
  std::string longer;
  for (int i = 0; i < 30; ++i) longer += word;
  BOOST_TEST(height(longer) > height(word) + 60);
  BOOST_TEST(height(std::string(200, 'x')) > height(word) + 60);  // one long word is broken
  BOOST_TEST(height("\u00fc\u00fc\u00fc") == height(word));       // UTF-8
}

BOOST_AUTO_TEST_CASE(no_cells_give_an_empty_page) {
  const Folder folder;
  vlp::write_contact_sheet(folder.path / "page.png", {}, {.title = "Nothing", .subtitle = ""});
  BOOST_TEST(vlp::read_pixels(folder.path / "page.png").height > 0);
}

BOOST_AUTO_TEST_CASE(errors_name_the_file) {
  const Folder folder;
  const std::vector<vlp::ContactSheetCell> missing{
      {folder.path / "missing.jpg", "", "", vlp::CellMark::none}};
  const auto names = [](const std::string& text) {
    return [text](const vlp::DataError& error) {
      return std::string(error.what()).find(text) != std::string::npos;
    };
  };
  BOOST_CHECK_EXCEPTION(vlp::write_contact_sheet(folder.path / "page.png", missing), vlp::DataError,
                        names("missing.jpg: can't open"));
  BOOST_CHECK_EXCEPTION(vlp::write_contact_sheet("no/such/folder/page.png", {}), vlp::DataError,
                        names("no/such/folder/page.png: can't write"));
  BOOST_CHECK_EXCEPTION(vlp::write_contact_sheet(folder.path / "page.png", {},
                                                 {.title = "", .subtitle = "", .columns = 0}),
                        vlp::DataError, names("bad layout"));
}

BOOST_AUTO_TEST_SUITE_END()
