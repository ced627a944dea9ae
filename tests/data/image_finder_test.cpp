// Pictures by the names that people write.

#include "vlp/data/image_finder.hpp"

#include <string>
#include <vector>

#include <boost/test/unit_test.hpp>

#include "tests/support/data_folder.hpp"

BOOST_AUTO_TEST_SUITE(image_finder)

namespace {

struct Pictures : DataFolder {
  Pictures() { images({"cats/1.jpg", "cats/2.png", "dogs/2.png", "3.jpeg", "a/b/c.d/4.jpg"}); }

  /// The name of the picture that is found; empty if none is.
  [[nodiscard]] std::string found(const std::string& written) const {
    vlp::ImageFinder finder("x", path);
    const auto image = finder.find(written);
    return image ? finder.name(*image) : "";
  }
};

}  // namespace

BOOST_FIXTURE_TEST_CASE(a_path_may_lack_folders_have_more_or_lack_the_ending, Pictures) {
  for (const char* written : {"cats/1.jpg", "./cats/1.jpg", "cats\\1.jpg", "1.jpg", "cats/1", "1",
                              "photos/cats/1.jpg", "/home/me/photos/cats/1.jpg", "C:\\p\\cats\\1"})
    BOOST_TEST(found(written) == "cats/1.jpg", written);
  BOOST_TEST(found("photos/3.jpeg") == "3.jpeg");
  BOOST_TEST(found("c.d/4") == "a/b/c.d/4.jpg");
}

BOOST_FIXTURE_TEST_CASE(another_folder_ending_or_part_of_a_name_is_another_picture, Pictures) {
  for (const char* written : {"dogs/1.jpg", "1.png", "s/1.jpg", "3.jpg", "cats", "jpg", ""})
    BOOST_TEST(found(written) == "", written);
}

BOOST_FIXTURE_TEST_CASE(the_exact_path_wins_and_else_several_are_none, Pictures) {
  images({"1.jpg"});
  BOOST_TEST(found("1.jpg") == "1.jpg");
  BOOST_TEST(found("1") == "1.jpg");
  BOOST_TEST(found("cats/2") == "cats/2.png");
  BOOST_TEST(found("2.png") == "");
  vlp::ImageFinder finder("x", path);
  (void)finder.find("2.png");
  (void)finder.find("2");
  BOOST_TEST(vlp_test::message_of<vlp::DataError>([&] { finder.raise_if_missing(9, "Go."); }) ==
             "dataset x: 2 of 9 images could be several of the files in " + path.string() +
                 ": 2.png (cats/2.png or dogs/2.png), 2 (cats/2.png or dogs/2.png). Write the "
                 "folder and the ending in the table.");
}

BOOST_FIXTURE_TEST_CASE(what_is_missing_is_counted_and_five_are_named, Pictures) {
  vlp::ImageFinder finder("x", path);
  for (const char* written : {"CATS/1.JPG", "b.jpg", "c.jpg", "d.jpg", "e.jpg", "f.jpg"})
    (void)finder.find(written);
  BOOST_TEST(
      vlp_test::message_of<vlp::DataNotFoundError>([&] { finder.raise_if_missing(9, "Go."); }) ==
      "dataset x: 6 of 9 images are not in " + path.string() +
          ": CATS/1.JPG (there is cats/1.jpg), b.jpg, c.jpg, d.jpg, e.jpg and more. Go.");
  finder.raise_if_missing(9, "Go.", {vlp::OnBad::skip, 1.0, 6});
  BOOST_TEST(vlp_test::contains(vlp_test::message_of<vlp::DataNotFoundError>([&] {
                                  finder.raise_if_missing(9, "Go.", {vlp::OnBad::skip, 1.0, 5});
                                }),
                                "dataset.max_bad and dataset.max_bad_images allow 5. Go."));
}

BOOST_FIXTURE_TEST_CASE(pictures_of_runs_are_left_out, Pictures) {
  images({"runs/a/thumbnails/1.jpg", "runs/b/5.jpg"});
  write("runs/a/environment.json", "{}");
  write("runs/a/recipe.toml", "");
  const vlp::ImageFinder finder("x", path);
  BOOST_TEST(finder.size() == 6U);
  BOOST_TEST(found("1.jpg") == "cats/1.jpg");
  BOOST_TEST(found("5") == "runs/b/5.jpg");
}

BOOST_FIXTURE_TEST_CASE(a_folder_that_cannot_be_listed_is_told, Pictures) {
  const vlp::ImageFinder finder("x", path / "nowhere");
  BOOST_TEST(finder.size() == 0U);
  BOOST_TEST_REQUIRE(finder.problems().size() == 1U);
  BOOST_TEST(finder.problems()[0].starts_with((path / "nowhere").string() +
                                              ": the folder can't be read ("));
}

BOOST_FIXTURE_TEST_CASE(pictures_are_in_the_order_of_their_paths, Pictures) {
  const vlp::ImageFinder finder("x", path);
  BOOST_TEST_REQUIRE(finder.size() == 5U);
  BOOST_TEST(finder.name(0) == "3.jpeg");
  BOOST_TEST(finder.folder_of(0) == "");
  BOOST_TEST(finder.name(1) == "a/b/c.d/4.jpg");
  BOOST_TEST(finder.folder_of(1) == "a/b/c.d");
  BOOST_TEST(finder.file(1) == (path / "a/b/c.d/4.jpg").string());
}

BOOST_AUTO_TEST_SUITE_END()
