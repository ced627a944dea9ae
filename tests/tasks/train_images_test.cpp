// How a run reads its pictures, what it says of them, and what its model keeps of that.

#include "vlp/tasks/train.hpp"

#include <filesystem>
#include <string>
#include <vector>

#include <boost/test/unit_test.hpp>

#include "tests/support/messages.hpp"
#include "tests/support/model_files.hpp"
#include "tests/support/tiny_run.hpp"
#include "vlp/assemble/open_model.hpp"

namespace {

/// Four of forty pictures lie on their side.
struct RunOfTurnedImages : vlp_test::TinyRun {
  vlp_test::Heard heard;

  RunOfTurnedImages() {
    const vlp_test::fs::path images = root / "data" / "flickr30k_images";
    for (const int i : {1003, 1010, 1020, 1030})
      vlp_test::fs::copy_file(vlp_test::fs::path(VLP_TEST_DATA) / "image_formats" / "exif_6.jpg",
                              images / (std::to_string(i) + ".jpg"),
                              vlp_test::fs::copy_options::overwrite_existing);
  }
  void train(const std::string& out, const std::vector<std::string>& sets) {
    vlp::RunArguments arguments;
    arguments.out = root / out;
    arguments.data_dir = root / "data";
    arguments.threads = 2;
    arguments.console = heard.console();
    arguments.quick = true;
    (void)vlp::train(vlp::load_recipe(root / "recipe.toml", sets), registry, arguments);
  }
  [[nodiscard]] std::vector<std::string> notes_on_orientation() const {
    std::vector<std::string> found;
    for (const std::string& note : heard.notes)
      if (vlp_test::contains(note, "EXIF orientation")) found.push_back(note);
    return found;
  }
  [[nodiscard]] vlp::ImageReading reading_of(const std::string& out) const {
    return vlp::open_model((root / out).string(), registry, {}).reading;
  }
};

}  // namespace

BOOST_FIXTURE_TEST_SUITE(train_images, RunOfTurnedImages)

BOOST_AUTO_TEST_CASE(images_on_their_side_are_noted_once_a_run_with_the_first_name) {
  train("as_stored", {"train.epochs=2"});
  const std::vector<std::string> notes = notes_on_orientation();
  BOOST_TEST_REQUIRE(notes.size() == 1U);
  BOOST_TEST(vlp_test::contains(notes[0], "on their side"), notes[0]);
  BOOST_TEST(vlp_test::contains(notes[0], "orientation 6"), notes[0]);
  BOOST_TEST(vlp_test::contains(notes[0], "[dataset] orient = true turns them upright."), notes[0]);
  BOOST_TEST((reading_of("as_stored").transparency == vlp::AlphaMode::over_white));
  BOOST_TEST(!reading_of("as_stored").orient);
}

BOOST_AUTO_TEST_CASE(what_the_recipe_says_of_images_stays_with_the_model) {
  train("upright", {"train.epochs=1", "train.max_steps=2", "dataset.orient=true",
                    "dataset.transparency=drop"});
  BOOST_TEST(notes_on_orientation().empty());
  BOOST_TEST((reading_of("upright").transparency == vlp::AlphaMode::drop));
  BOOST_TEST(reading_of("upright").orient);
}

BOOST_AUTO_TEST_SUITE_END()
