#include "vlp/image/image_names.hpp"

#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <boost/test/unit_test.hpp>

#include "tests/support/scratch_folder.hpp"

BOOST_AUTO_TEST_SUITE(image_names)

namespace {

namespace fs = std::filesystem;
using Texts = std::vector<std::string>;

struct ImageNamesFixture : ScratchFolder {
  std::string put(const std::string& name, std::string_view bytes) const {
    fs::create_directories((path / name).parent_path());
    std::ofstream(path / name, std::ios::binary) << bytes;
    return (path / name).string();
  }
  /// The names, or the problems; notes go to `notes`.
  Texts all(vlp::ImageSources sources) {
    vlp::ImageNames names(std::move(sources),
                          [this](const std::string& note) { notes.push_back(note); });
    Texts all;
    while (auto image = names.next())
      all.push_back(image->problem.empty() ? image->name : image->problem);
    return all;
  }
  Texts notes;
};

constexpr std::string_view kPngHead = "\x89PNG\r\n\x1a\n";

}  // namespace

BOOST_FIXTURE_TEST_CASE(paths_come_before_lists_and_rows, ImageNamesFixture) {
  const std::string list = put("list.txt", "c.png\nd"), file = put("hidden/.a.txt", "text");
  put("folder/b.png", kPngHead);
  BOOST_TEST((all({.paths = {"missing", path / "folder", file}, .lists = {list}, .rows = 2}) ==
              Texts{"missing", (path / "folder/b.png").string(), file, "c.png", "d", "0", "1"}));
  BOOST_TEST(notes.empty());
}

BOOST_FIXTURE_TEST_CASE(lists_are_read_as_editors_write_them, ImageNamesFixture) {
  const std::string list = put("list.txt", "\xEF\xBB\xBF a b.png \r\n\r\n  \nc.png"),
                    blank = put("blank.txt", "\xEF\xBB\xBF\n \n");
  BOOST_TEST(
      (all({.lists = {list, blank, list}}) ==
       Texts{" a b.png ", "c.png", blank + ": the list names no images (expected one a line).",
             " a b.png ", "c.png"}));
  const Texts wrong = all({.lists = {path, path / "none.txt"}});
  BOOST_TEST_REQUIRE(wrong.size() == 2U);
  BOOST_TEST(wrong[0] ==
             path.string() +
                 ": the list of images can't be read (it is a folder). Check the path.");
  BOOST_TEST(wrong[1] == (path / "none.txt").string() +
                             ": the list of images can't be read (No such file or directory). "
                             "Check the path.");
}

BOOST_FIXTURE_TEST_CASE(what_a_folder_holds_besides_images_is_noted, ImageNamesFixture) {
  put("mix/a.png", kPngHead);
  put("mix/b.txt", "text");
  put("mix/sub/c.png", kPngHead);
  const std::string mix = (path / "mix").string();
  BOOST_TEST((all({.paths = {mix}}) == Texts{mix + "/a.png"}));
  BOOST_TEST(
      (all({.paths = {mix}, .recursive = true}) == Texts{mix + "/a.png", mix + "/sub/c.png"}));
  BOOST_TEST(
      (notes ==
       Texts{mix + ": passed over 1 file (.txt) and 1 folder; --recursive looks into folders",
             mix + ": passed over 1 file (.txt)"}));
}

BOOST_FIXTURE_TEST_CASE(a_folder_without_images_says_what_it_holds, ImageNamesFixture) {
  const auto problem = [&](const fs::path& folder) {
    const Texts names = all({.paths = {folder}});
    return names.size() == 1 ? names[0].substr(folder.string().size()) : std::string();
  };
  const std::string begin = ": no images in this folder (got ",
                    end = ", expected JPEG, PNG or WebP images). ";
  fs::create_directories(path / "empty");
  put("mac/._a.png", "x");
  put("texts/a.txt", "x");
  put("deep/sub/a.png", kPngHead);
  BOOST_TEST(problem(path / "empty") == begin + "nothing" + end + "Name a folder that has some.");
  BOOST_TEST(problem(path / "mac") ==
             begin + "1 hidden file" + end + "Name a folder that has some.");
  BOOST_TEST(problem(path / "texts") ==
             begin + "1 file (.txt)" + end + "Name a folder that has some.");
  BOOST_TEST(problem(path / "deep") ==
             begin + "1 folder" + end + "--recursive looks into folders.");
  BOOST_TEST(notes.empty());
}

BOOST_AUTO_TEST_SUITE_END()
