// Folders as people have them: pictures under any name, other files, hidden ones, links, pipes.

#include "vlp/image/list_images.hpp"

#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>
#include <vector>

#include <sys/stat.h>
#include <unistd.h>

#include <boost/test/unit_test.hpp>

#include "tests/support/scratch_folder.hpp"

BOOST_AUTO_TEST_SUITE(list_images)

namespace {

namespace fs = std::filesystem;
using Names = std::vector<std::string>;

constexpr std::string_view kPng = "\x89PNG\r\n\x1a\n", kJpeg = "\xff\xd8\xff\xe0";

/// A folder of the test's own, and what is found in it.
struct Folder : ScratchFolder {
  void put(const std::string& name, std::string_view bytes = "text") const {
    fs::create_directories((path / name).parent_path());
    std::ofstream(path / name, std::ios::binary) << bytes;
  }
  /// What is listed, below the folder.
  [[nodiscard]] Names images(bool recursive = false) const {
    Names names;
    for (const std::string& image : vlp::list_images(path, recursive).images)
      names.push_back(image.substr(path.string().size() + 1));
    return names;
  }
  [[nodiscard]] std::string others(bool recursive = false) const {
    return vlp::list_images(path, recursive).passed_over.text();
  }
};

}  // namespace

BOOST_FIXTURE_TEST_CASE(content_decides_but_for_files_named_as_pictures, Folder) {
  put("b.PNG", kPng);
  put("a.jfif", kJpeg);
  put("photo", kJpeg);
  put("c.dat",
      "RIFF\x04"
      "abcWEBPVP8 ");
  put("broken.jpe", "no picture");
  put("empty.webp", "");
  put("notes.txt");
  put("empty", "");
  BOOST_TEST((images() == Names{"a.jfif", "b.PNG", "broken.jpe", "c.dat", "empty.webp", "photo"}));
  BOOST_TEST(others() == "2 files (.txt, without an ending)");
}

BOOST_FIXTURE_TEST_CASE(what_is_passed_over_is_counted_by_kind, Folder) {
  BOOST_TEST(others() == "");
  put("Thumbs.DB");
  BOOST_TEST(others() == "1 file (.db)");
  put("a.txt");
  put("b.txt");
  put("sub/a.png", kPng);
  BOOST_TEST(others() == "3 files (.db, .txt) and 1 folder");
  put("sub2/a.png", kPng);
  for (const char c : std::string_view("cdefghij")) put(std::string("x.") + c);
  BOOST_TEST(others() == "11 files (.c, .d, .db, .e, .f, .g, .h, .i, ...) and 2 folders");
}

BOOST_FIXTURE_TEST_CASE(hidden_files_and_folders_are_left_out_without_a_word, Folder) {
  put("a.png", kPng);
  put("._a.png", std::string_view("\0\5\26\7\0\2\0\0", 8));
  put(".b.png", kPng);
  put(".DS_Store");
  put(".cache/c.png", kPng);
  for (const bool recursive : {false, true}) {
    BOOST_TEST((images(recursive) == Names{"a.png"}));
    BOOST_TEST(others(recursive) == "");
  }
  BOOST_TEST(vlp::list_images(path).passed_over.hidden == 4U);
}

BOOST_FIXTURE_TEST_CASE(folders_inside_are_looked_into_on_request_in_the_order_of_bytes, Folder) {
  for (const char* name : {"a/z.png", "a.png", "a/B/1.png", "a-1.png", "Z.png", "\xc3\xa9.png"})
    put(name, kPng);
  put("a/B/notes.txt");
  BOOST_TEST((images() == Names{"Z.png", "a-1.png", "a.png", "\xc3\xa9.png"}));
  BOOST_TEST(
      (images(true) == Names{"Z.png", "a-1.png", "a.png", "a/B/1.png", "a/z.png", "\xc3\xa9.png"}));
  BOOST_TEST(others(true) == "1 file (.txt)");
}

BOOST_FIXTURE_TEST_CASE(links_are_followed_and_loops_end, Folder) {
  const ScratchFolder elsewhere;
  std::ofstream(elsewhere.path / "far") << kPng;
  put("sub/deep/a.png", kPng);
  fs::create_symlink(elsewhere.path / "far", path / "link");
  fs::create_symlink("nowhere", path / "lost.png");
  fs::create_symlink("nowhere", path / "lost.txt");
  fs::create_directory_symlink(elsewhere.path, path / "other");
  fs::create_directory_symlink("../..", path / "sub/deep/up");
  fs::create_directory_symlink("self", path / "self");
  BOOST_TEST((images() == Names{"link", "lost.png"}));
  BOOST_TEST((images(true) == Names{"link", "lost.png", "other/far", "sub/deep/a.png"}));
  BOOST_TEST(others(true) == "2 files (.txt, without an ending) and 1 link to a folder above it");
}

BOOST_FIXTURE_TEST_CASE(a_pipe_is_never_opened, Folder) {
  BOOST_TEST_REQUIRE(::mkfifo((path / "pipe.png").c_str(), 0600) == 0);
  BOOST_TEST(images().empty());
  BOOST_TEST(others() == "1 file (.png)");
}

BOOST_FIXTURE_TEST_CASE(what_cannot_be_read_is_said, Folder) {
  put("a.png", kPng);
  put("notes.txt");
  put("locked/b.png", kPng);
  fs::permissions(path / "notes.txt", fs::perms::none);
  fs::permissions(path / "locked", fs::perms::none);
  const vlp::ImageListing listing = vlp::list_images(path, true);
  fs::permissions(path / "locked", fs::perms::owner_all);
  if (::geteuid() == 0) {  // may read everything
    BOOST_TEST(listing.images.size() == 2U);
    BOOST_TEST(listing.passed_over.text() == "1 file (.txt)");
    BOOST_TEST(listing.problems.empty());
  } else {
    BOOST_TEST(listing.images.size() == 1U);
    BOOST_TEST(listing.passed_over.text() == "1 file (.txt; 1 can't be read)");
    BOOST_TEST_REQUIRE(listing.problems.size() == 1U);
    BOOST_TEST(listing.problems[0] == (path / "locked").string() +
                                          ": the folder can't be read (Permission denied). Check "
                                          "its permissions.");
  }
}

BOOST_AUTO_TEST_SUITE_END()
