#include "plugins/dataset/flickr30k.hpp"

#include <boost/test/unit_test.hpp>

#include <filesystem>
#include <fstream>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "tests/support/messages.hpp"
#include "tests/support/scratch_folder.hpp"

BOOST_AUTO_TEST_SUITE(flickr30k)

namespace fs = std::filesystem;
using vlp::Context;
using vlp::DataError;
using vlp::Flickr30k;
using vlp::Split;

namespace {

/// A small copy of Kaggle's layout in a folder of its own.
struct Fixture {
  explicit Fixture(int count = 20, const std::string& images = "flickr30k_images") {
    fs::create_directories(root / images);
    std::ofstream csv(root / "results.csv");
    csv << "image_name| comment_number| comment\n";
    for (int i = 0; i < count; ++i) {
      for (int c = 0; c < 5; ++c)
        csv << name(i) << "| " << c << "| caption " << c << " of " << i << " .\n";
      std::ofstream(root / images / name(i)) << "not decoded here";
    }
    ctx.folders.data = root;
  }

  static std::string name(int i) { return std::to_string(1000 + i) + ".jpg"; }
  [[nodiscard]] std::string problem(const Flickr30k::Options& options = {}) const {
    return vlp_test::message_of<DataError>([&] { (void)Flickr30k(options, ctx); });
  }

  ScratchFolder scratch;
  fs::path root = scratch.path;
  Context ctx;
};

}  // namespace

BOOST_AUTO_TEST_CASE(splits_hold_each_image_once_with_its_captions_and_file) {
  const Fixture data;
  const vlp::AnyDataset dataset = Flickr30k(Flickr30k::Options{}, data.ctx);
  BOOST_TEST(dataset.records(Split::train).size() == 16);
  BOOST_TEST(dataset.records(Split::validation).size() == 2);
  BOOST_TEST(dataset.records(Split::test).size() == 2);
  BOOST_TEST((dataset.captions_per_image() == vlp::CaptionsPerImage::all));
  std::set<std::string> ids;
  for (const Split split : {Split::train, Split::validation, Split::test})
    for (const vlp::ImageRecord& record : dataset.records(split)) {
      BOOST_TEST(ids.insert(record.image_id.text()).second);
      BOOST_TEST(record.file == data.root / "flickr30k_images" / record.image_id.text());
      BOOST_REQUIRE_EQUAL(record.captions.size(), 5);
      BOOST_TEST(record.captions[3] ==
                 "caption 3 of " + std::to_string(std::stoi(record.image_id.text()) - 1000) + " .");
    }
  BOOST_TEST(ids.size() == 20);
}

BOOST_AUTO_TEST_CASE(blank_comments_are_passed_over_with_a_note) {
  Fixture data;
  std::ofstream(data.root / "results.csv", std::ios::app)
      << "1003.jpg| 5|  \n1003.jpg| 6| \"\"\nnowhere.jpg| 0| \xC2\xA0\n";
  std::vector<std::string> notes;
  data.ctx.machine.console.on_note = [&](std::string_view note) { notes.emplace_back(note); };
  const Flickr30k dataset({}, data.ctx);
  std::size_t captions = 0;
  for (const Split split : {Split::train, Split::validation, Split::test})
    for (const vlp::ImageRecord& record : dataset.records(split))
      captions += record.captions.size();
  BOOST_TEST(captions == 100U);
  const std::string file = (data.root / "results.csv").string();
  BOOST_TEST(notes == (std::vector<std::string>{
                          file + ": 3 blank captions were passed over, the first is '1003.jpg'.",
                          file + ": 1 images with no other captions than blank ones were left out, "
                                 "the first is 'nowhere.jpg'."}),
             boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(the_seed_draws_the_split_and_the_subset) {
  const Fixture data;
  const auto train = [&](std::uint64_t seed, double subset) {
    Context ctx = data.ctx;
    ctx.facts.seeds = vlp::RandomStream(seed);
    Flickr30k::Options options;
    options.subset = subset;
    std::vector<std::string> ids;
    const Flickr30k dataset(options, ctx);
    for (const auto& record : dataset.records(Split::train)) ids.push_back(record.image_id.text());
    return ids;
  };
  BOOST_TEST(train(1, 0.5).size() == 8);
  BOOST_TEST((train(1, 1.0) == train(1, 1.0)));
  BOOST_TEST((train(1, 1.0) != train(2, 1.0)));
}

BOOST_AUTO_TEST_CASE(kaggle_s_folder_in_a_folder_and_further_images_are_accepted) {
  const Fixture data(10, "flickr30k_images/flickr30k_images");
  std::ofstream(data.root / "flickr30k_images" / "results.csv") << "Kaggle's second copy";
  std::ofstream(data.root / "flickr30k_images" / "flickr30k_images" / "more.jpg")
      << "not in the list";
  for (const std::string folder : {"flickr30k_images", "flickr30k_images/"}) {
    Flickr30k::Options options;
    options.images = folder;
    const Flickr30k dataset(options, data.ctx);
    BOOST_TEST(dataset.records(Split::train).size() == 8);
    BOOST_TEST(fs::exists(dataset.records(Split::train)[0].file));
  }
}

BOOST_AUTO_TEST_CASE(a_missing_file_or_folder_is_named_with_the_way_out) {
  const Fixture data;
  Flickr30k::Options no_csv, no_images;
  no_csv.captions = "other.csv";
  no_images.images = "nowhere";
  BOOST_TEST(data.problem(no_csv) ==
             "dataset flickr30k: captions not found at " + (data.root / "other.csv").string() +
                 ". Pass --data-dir DIR, the folder that holds them, or set dataset.captions.");
  BOOST_TEST(data.problem(no_images) ==
             "dataset flickr30k: images not found at " + (data.root / "nowhere").string() +
                 ". Pass --data-dir DIR, the folder that holds them, or set dataset.images.");
}

BOOST_AUTO_TEST_CASE(missing_images_are_listed_at_once_by_exact_name) {
  const Fixture data(30);
  const fs::path images = data.root / "flickr30k_images";
  fs::rename(images / "1007.jpg", images / "1007.JPG");
  fs::remove(images / "1003.jpg");
  BOOST_TEST(data.problem() == "dataset flickr30k: 2 of 30 images are not in " + images.string() +
                                   ": 1003.jpg, 1007.jpg (there is 1007.JPG). Unpack all of "
                                   "flickr30k_images, or pass --data-dir DIR.");
  for (int i = 0; i < 30; ++i) fs::remove(images / Fixture::name(i));
  const std::string problem = data.problem();
  BOOST_TEST(problem.find("30 of 30 images") != problem.npos);
  BOOST_TEST(problem.find("1019.jpg and more. ") != problem.npos);
  BOOST_TEST(problem.find("1020.jpg") == problem.npos);
}

BOOST_AUTO_TEST_CASE(broken_rows_are_reported_with_file_and_line) {
  const Fixture data;
  std::ofstream(data.root / "results.csv", std::ios::app) << "broken row\n";
  BOOST_TEST(
      data.problem().starts_with((data.root / "results.csv").string() + ":102: no separator"));
}

BOOST_AUTO_TEST_SUITE_END()
