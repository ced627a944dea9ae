#include "plugins/dataset/karpathy.hpp"

#include <boost/test/unit_test.hpp>

#include <filesystem>
#include <set>
#include <string>
#include <vector>

#include "tests/support/data_folder.hpp"
#include "vlp/captions/caption_file.hpp"

BOOST_AUTO_TEST_SUITE(karpathy)

namespace fs = std::filesystem;
using boost::test_tools::per_element;
using vlp::Karpathy;
using vlp::Split;
using Lines = std::vector<std::string>;

namespace {

/// Flickr30k's file in small: no filepath, no cocoid; the fields and their order as published.
std::string flickr(int images) {
  std::string text;
  for (int i = 0; i < images; ++i) {
    const std::string id = std::to_string(i);
    text += (i > 0 ? ", " : "") + std::string(R"({"sentids": [)") + id + R"(], "imgid": )" + id +
            R"(, "sentences": [)" + R"({"tokens": ["caption"], "raw": "Caption )" + id +
            R"(.", "imgid": )" + id + R"(, "sentid": 0}, )" +
            R"({"tokens": ["other"], "raw": "Other )" + id + R"(.", "imgid": )" + id +
            R"(, "sentid": 1}], "split": ")" +
            (i % 5 == 3   ? "val"
             : i % 5 == 4 ? "test"
                          : "train") +
            R"(", "filename": ")" + id + R"(.jpg"})";
  }
  return R"({"images": [)" + text + R"(], "dataset": "flickr30k"})";
}

/// COCO's file in small.
const std::string kCoco =
    R"({"images": [
 {"filepath": "val2014", "sentids": [1], "filename": "COCO_val2014_000000391895.jpg", "imgid": 0, "split": "test",
  "sentences": [{"raw": "A man.", "imgid": 0, "sentid": 1}], "cocoid": 391895},
 {"filepath": "train2014", "filename": "COCO_train2014_000000000009.jpg", "imgid": 1, "split": "train",
  "sentences": [{"raw": "A plate."}, {"raw": "Food."}], "cocoid": 9},
 {"filepath": "val2014", "filename": "COCO_val2014_000000000042.jpg", "imgid": 2, "split": "restval",
  "sentences": [{"raw": "A shoe."}], "cocoid": 42},
 {"filepath": "val2014", "filename": "COCO_val2014_000000000073.jpg", "imgid": 3, "split": "val",
  "sentences": [{"raw": "A motorbike."}], "cocoid": 73}], "dataset": "coco"})";
const Lines kCocoImages{
    "val2014/COCO_val2014_000000391895.jpg", "train2014/COCO_train2014_000000000009.jpg",
    "val2014/COCO_val2014_000000000042.jpg", "val2014/COCO_val2014_000000000073.jpg"};

struct FlickrFolder : DataFolder {
  explicit FlickrFolder(int count = 10) {
    write("dataset_flickr30k.json", flickr(count));
    for (int i = 0; i < count; ++i) images({"flickr30k_images/" + std::to_string(i) + ".jpg"});
  }
};

struct CocoFolder : DataFolder {
  CocoFolder() {
    write("dataset_coco.json", kCoco);
    for (const std::string& image : kCocoImages) images({"images/" + image});
    options.captions = "dataset_coco.json";
    options.images = "images";
  }
  Karpathy::Options options;
};

}  // namespace

BOOST_AUTO_TEST_CASE(flickr30k_s_images_are_in_the_splits_of_the_file) {
  const FlickrFolder data;
  const Karpathy dataset(Karpathy::Options{}, data.ctx);
  BOOST_TEST(dataset.records(Split::train).size() == 6);
  BOOST_TEST(shown_records(dataset, Split::validation) ==
                 (Lines{"3.jpg: Caption 3.|Other 3.", "8.jpg: Caption 8.|Other 8."}),
             per_element());
  BOOST_TEST(shown_records(dataset, Split::test) ==
                 (Lines{"4.jpg: Caption 4.|Other 4.", "9.jpg: Caption 9.|Other 9."}),
             per_element());
  for (const vlp::ImageRecord& record : dataset.records(Split::train))
    BOOST_TEST(fs::is_regular_file(record.file));
}

BOOST_AUTO_TEST_CASE(blank_sentences_are_passed_over_with_a_note) {
  CocoFolder data;
  std::string json = kCoco;
  const auto replace = [&](const std::string& was, const std::string& is) {
    json.replace(json.find(was), was.size(), is);
  };
  replace(R"({"raw": "Food."})", R"({"raw": " "}, {"raw": ""})");
  replace("A shoe.", " ");
  fs::remove(data.path / "images" / kCocoImages[2]);  // left out, it isn't looked for
  const std::string file = data.write("dataset_coco.json", json);
  const Karpathy dataset(data.options, data.ctx);
  BOOST_TEST(shown_records(dataset, Split::train) == (Lines{"9: A plate."}), per_element());
  BOOST_TEST(data.notes ==
                 (Lines{file + ": 3 blank captions were passed over, the first is '9'.",
                        file + ": 1 images with no other captions than blank ones were left out, "
                               "the first is '42'."}),
             per_element());
}

BOOST_AUTO_TEST_CASE(coco_s_images_lie_in_the_folders_that_the_file_names) {
  const CocoFolder data;
  const Karpathy dataset(data.options, data.ctx);
  BOOST_TEST(shown_records(dataset, Split::train) == (Lines{"9: A plate.|Food.", "42: A shoe."}),
             per_element());
  BOOST_TEST(shown_records(dataset, Split::validation) == (Lines{"73: A motorbike."}),
             per_element());
  BOOST_TEST(shown_records(dataset, Split::test) == (Lines{"391895: A man."}), per_element());
  BOOST_TEST(dataset.records(Split::test)[0].file ==
             (data.path / "images" / kCocoImages[0]).string());
}

BOOST_AUTO_TEST_CASE(coco_s_images_may_lie_all_in_one_folder) {
  CocoFolder data;
  for (const std::string& image : kCocoImages) {
    fs::rename(data.path / "images" / image, data.path / "images" / fs::path(image).filename());
  }
  const Karpathy dataset(data.options, data.ctx);
  BOOST_TEST(dataset.records(Split::test)[0].file ==
             (data.path / "images" / "COCO_val2014_000000391895.jpg").string());
}

BOOST_AUTO_TEST_CASE(restval_can_be_skipped_and_its_images_need_not_be_there) {
  CocoFolder data;
  fs::remove(data.path / "images" / kCocoImages[2]);
  BOOST_TEST(data.problem<Karpathy>(data.options) ==
             "dataset karpathy: 1 of 4 images are not in " + (data.path / "images").string() +
                 ": " + kCocoImages[2] + ". Unpack all images there, or set dataset.images.");
  data.options.restval = Karpathy::Restval::skip;
  BOOST_TEST(
      shown_records(Karpathy(data.options, data.ctx), Split::train) == (Lines{"9: A plate.|Food."}),
      per_element());
}

BOOST_AUTO_TEST_CASE(ids_are_those_by_which_the_scorer_reads_the_same_file) {
  CocoFolder data;
  using Key = Karpathy::ImageKey;
  for (const auto& [key, name] :
       std::vector<std::pair<Key, std::string>>{{Key::automatic, ""},
                                                {Key::cocoid, "cocoid"},
                                                {Key::filename, "filename"},
                                                {Key::imgid, "imgid"}}) {
    data.options.image_key = key;
    const Karpathy dataset(data.options, data.ctx);
    const vlp::CaptionFile references = vlp::read_caption_file(
        data.path / "dataset_coco.json", {.split = "test", .image_key = name});
    BOOST_REQUIRE_EQUAL(references.images.size(), 1);
    BOOST_TEST(dataset.records(Split::test)[0].image_id == references.images[0].image_id);
    BOOST_TEST(references.files.empty());
  }
}

BOOST_AUTO_TEST_CASE(a_subset_is_drawn_from_the_training_images_alone) {
  const FlickrFolder data(50);
  const auto train = [&](std::uint64_t seed, double subset) {
    vlp::Context ctx = data.ctx;
    ctx.facts.seeds = vlp::RandomStream(seed);
    Karpathy::Options options;
    options.subset = subset;
    const Karpathy dataset(options, ctx);
    BOOST_TEST(dataset.records(Split::validation).size() == 10);
    BOOST_TEST(dataset.records(Split::test).size() == 10);
    return shown_records(dataset, Split::train);
  };
  const Lines half = train(1, 0.5), all = train(1, 1.0);
  BOOST_TEST(half.size() == 15);
  BOOST_TEST((std::set<std::string>(half.begin(), half.end()).size() == 15));
  std::size_t next = 0;  // in the order of the file
  for (const std::string& line : half) {
    while (next < all.size() && all[next] != line) ++next;
    BOOST_REQUIRE(next < all.size());
  }
  BOOST_TEST(train(1, 0.5) == half, per_element());
  BOOST_TEST((train(2, 0.5) != half));
}

BOOST_AUTO_TEST_CASE(what_is_not_there_is_told_from_what_is_broken) {
  const FlickrFolder data;
  Karpathy::Options no_file, no_folder;
  no_file.captions = "dataset_coco.json";
  no_folder.images = "nowhere";
  BOOST_TEST(data.not_found<Karpathy>(no_file));
  BOOST_TEST(data.problem<Karpathy>(no_file) ==
             "dataset karpathy: captions not found at " +
                 (data.path / "dataset_coco.json").string() +
                 ". Pass --data-dir DIR, the folder that holds them, or set dataset.captions.");
  BOOST_TEST(data.not_found<Karpathy>(no_folder));
  data.write("dataset_flickr30k.json", R"({"images": [{"split": "train", "sentences": 7}]})");
  BOOST_TEST(!data.not_found<Karpathy>(Karpathy::Options{}));
}

BOOST_AUTO_TEST_CASE(broken_files_are_refused_with_the_place) {
  const DataFolder data;
  fs::create_directories(data.path / "flickr30k_images");
  const auto problem = [&](const std::string& images) {
    data.write("dataset_flickr30k.json", R"({"images": [)" + images + "]}");
    return data.problem<Karpathy>(Karpathy::Options{});
  };
  const std::string file = (data.path / "dataset_flickr30k.json").string();
  BOOST_TEST(problem(R"({"imgid": 7, "split": "train", "sentences": [{"raw": "a cat"}]})") ==
             file + ":1:13: images[0] has no \"filename\" (expected a string). Add it.");
  BOOST_TEST(
      problem(
          R"({"filename": "1.jpg", "filepath": 7, "split": "train", "sentences": [{"raw": "a cat"}]})") ==
      file + ":1:47: images[0].filepath is wrong (got 7, expected a string). Mend it.");
  BOOST_TEST(problem(R"({"filename": "1.jpg", "split": "dev", "sentences": [{"raw": "a cat"}]})") ==
             file +
                 ": image '1.jpg' is in an unknown split (got 'dev', expected train, restval, val "
                 "or test). Mend it.");
  BOOST_TEST(problem("").starts_with(
      file + ": no images with captions (expected {\"images\":[{\"filename\":\"1.jpg\""));
}

BOOST_AUTO_TEST_CASE(an_image_without_captions_is_left_out_with_a_note) {
  DataFolder data;
  data.images({"flickr30k_images/1.jpg"});
  const std::string file = data.write(
      "dataset_flickr30k.json",
      R"({"images": [{"filename": "1.jpg", "split": "train", "sentences": [{"raw": "a cat"}]},
{"filename": "2.jpg", "split": "train", "sentences": []}]})");
  BOOST_TEST(shown_records(Karpathy(Karpathy::Options{}, data.ctx), Split::train) ==
                 (Lines{"1.jpg: a cat"}),
             per_element());
  BOOST_TEST(
      data.notes ==
          (Lines{file + ": 1 images without a caption were left out, the first is '2.jpg'."}),
      per_element());
}

BOOST_AUTO_TEST_SUITE_END()
