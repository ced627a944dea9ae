#include "plugins/dataset/image_text_json.hpp"

#include <boost/test/unit_test.hpp>

#include <filesystem>
#include <string>
#include <vector>

#include "tests/support/data_folder.hpp"
#include "vlp/data/sampler.hpp"

BOOST_AUTO_TEST_SUITE(image_text_json)

namespace fs = std::filesystem;
using boost::test_tools::per_element;
using vlp::ImageIds;
using vlp::ImageTextJson;
using vlp::Split;
using Lines = std::vector<std::string>;

namespace {

/// BLIP's lists of COCO in small.
struct Lists : DataFolder {
  Lists() {
    write("train.json", R"([{"caption": "a cat", "image": "train2014/1.jpg", "image_id": "coco_1"},
 {"caption": "a dog", "image": "train2014/2.jpg", "image_id": "coco_2"},
 {"caption": "one cat", "image": "train2014/1.jpg", "image_id": "coco_1"}])");
    write("test.json",
          R"([{"image": "val2014/COCO_val2014_000000391895.jpg", "caption": ["a man", "a bike"]},
 {"image": "val2014/COCO_val2014_000000060623.jpg", "caption": ["a girl"]}])");
    images({"coco/train2014/1.jpg", "coco/train2014/2.jpg",
            "coco/val2014/COCO_val2014_000000391895.jpg",
            "coco/val2014/COCO_val2014_000000060623.jpg"});
    options.train = {"train.json"};
    options.test = {"test.json"};
    options.images = "coco";
  }
  ImageTextJson::Options options;
};

/// What is wrong with a training list of these bytes.
std::string problem_of(const std::string& text) {
  Lists data;
  data.options.check_images = false;
  const std::string file = data.write("train.json", text);
  std::string problem = data.problem<ImageTextJson>(data.options);
  for (std::size_t at = 0; (at = problem.find(file)) != problem.npos;)
    problem.replace(at, file.size(), at == 0 ? "" : "FILE");
  return problem;
}

Lines train_of(const std::string& text) {
  DataFolder data;
  data.write("train.json", text);
  ImageTextJson::Options options;
  options.train = {"train.json"};
  options.check_images = false;
  return shown_records(ImageTextJson(options, data.ctx), Split::train);
}

}  // namespace

BOOST_AUTO_TEST_CASE(rows_of_one_image_are_one_record) {
  const Lists data;
  const ImageTextJson dataset(data.options, data.ctx);
  BOOST_TEST(
      shown_records(dataset, Split::train) == (Lines{"coco_1: a cat|one cat", "coco_2: a dog"}),
      per_element());
  BOOST_TEST(shown_records(dataset, Split::test) ==
                 (Lines{"val2014/COCO_val2014_000000391895.jpg: a man|a bike",
                        "val2014/COCO_val2014_000000060623.jpg: a girl"}),
             per_element());
  BOOST_TEST(dataset.records(Split::validation).empty());
  BOOST_TEST(dataset.records(Split::train)[0].file ==
             (data.path / "coco/train2014/1.jpg").string());
  BOOST_TEST(vlp::rows_per_epoch(dataset.records(Split::train), dataset.captions_per_image()) == 3);
}

BOOST_AUTO_TEST_CASE(several_lists_of_a_split_are_read_in_order_and_share_images) {
  Lists data;
  data.write("more.jsonl", R"({"image": "train2014/2.jpg", "caption": ["a hound"]})"
                           "\n\n"
                           R"({"image": "train2014\/3.jpg", "caption": "caf\u00e9"})");
  data.images({"coco/train2014/3.jpg"});
  data.options.train = {"train.json", "more.jsonl"};
  BOOST_TEST(
      shown_records(ImageTextJson(data.options, data.ctx), Split::train) ==
          (Lines{"coco_1: a cat|one cat", "coco_2: a dog|a hound", "train2014/3.jpg: caf\xC3\xA9"}),
      per_element());
}

BOOST_AUTO_TEST_CASE(images_are_named_as_the_option_says) {
  Lists data;
  const auto ids = [&](ImageIds choice) {
    data.options.image_ids = choice;
    Lines ids;
    const ImageTextJson dataset(data.options, data.ctx);
    for (const Split split : {Split::train, Split::test})
      for (const vlp::ImageRecord& record : dataset.records(split))
        ids.push_back(record.image_id.text());
    return ids;
  };
  BOOST_TEST(
      ids(ImageIds::listed) == (Lines{"coco_1", "coco_2", "val2014/COCO_val2014_000000391895.jpg",
                                      "val2014/COCO_val2014_000000060623.jpg"}),
      per_element());
  BOOST_TEST(ids(ImageIds::file_name) == (Lines{"1.jpg", "2.jpg", "COCO_val2014_000000391895.jpg",
                                                "COCO_val2014_000000060623.jpg"}),
             per_element());
  BOOST_TEST(ids(ImageIds::number) == (Lines{"1", "2", "391895", "60623"}), per_element());
}

BOOST_AUTO_TEST_CASE(numbers_are_those_at_the_end_of_the_name_without_leading_zeros) {
  Lists data;
  data.options.check_images = false;
  data.options.image_ids = ImageIds::number;
  data.write(
      "train.json",
      R"([{"image": "12/a_000.jpg", "caption": "a"}, {"image": "0073", "caption": "b"}, {"image": "x.tar/7.b.12", "caption": "c"}])");
  BOOST_TEST(data.problem<ImageTextJson>(data.options) ==
             "image 'x.tar/7.b.12': no number at the end of its name. Choose other image_ids.");
  data.write("train.json",
             R"([{"image": "12/a_000.jpg", "caption": "a"}, {"image": "0073", "caption": "b"}])");
  BOOST_TEST(shown_records(ImageTextJson(data.options, data.ctx), Split::train) ==
                 (Lines{"0: a", "73: b"}),
             per_element());
}

BOOST_AUTO_TEST_CASE(whole_paths_need_no_folder) {
  DataFolder data;
  data.images({"elsewhere/1.jpg", "2.jpg"});
  data.write("train.json", R"([{"image": ")" + (data.path / "elsewhere/1.jpg").string() +
                               R"(", "caption": "a"}, {"image": "2.jpg", "caption": "b"}])");
  ImageTextJson::Options options;
  options.train = {"train.json"};
  const ImageTextJson dataset(options, data.ctx);
  BOOST_REQUIRE_EQUAL(dataset.records(Split::train).size(), 2);
  BOOST_TEST(dataset.records(Split::train)[0].file == (data.path / "elsewhere/1.jpg").string());
  BOOST_TEST(dataset.records(Split::train)[1].file == (data.path / "2.jpg").string());
}

BOOST_AUTO_TEST_CASE(missing_images_of_all_splits_are_listed_at_once_unless_nobody_looks) {
  Lists data;
  fs::remove(data.path / "coco/train2014/2.jpg");
  fs::remove_all(data.path / "coco/val2014");
  BOOST_TEST(data.not_found<ImageTextJson>(data.options));
  BOOST_TEST(data.problem<ImageTextJson>(data.options) ==
             "dataset image_text_json: 3 of 4 images are not in " + (data.path / "coco").string() +
                 ": train2014/2.jpg, val2014/COCO_val2014_000000391895.jpg, "
                 "val2014/COCO_val2014_000000060623.jpg. "
                 "Unpack all images there, or set dataset.images.");
  data.options.check_images = false;
  BOOST_TEST(data.problem<ImageTextJson>(data.options).empty());
}

BOOST_AUTO_TEST_CASE(lists_and_folders_that_are_not_there_are_told_from_broken_ones) {
  Lists data;
  data.options.validation = {"validation.json"};
  BOOST_TEST(data.not_found<ImageTextJson>(data.options));
  BOOST_TEST(data.problem<ImageTextJson>(data.options) ==
             "dataset image_text_json: validation not found at " +
                 (data.path / "validation.json").string() +
                 ". Pass --data-dir DIR, the folder that holds them, or set dataset.validation.");
  data.options.validation.clear();
  data.options.images = "nowhere";
  BOOST_TEST(data.not_found<ImageTextJson>(data.options));
  BOOST_TEST(ImageTextJson::Options{}.problem().starts_with(
      "no lists, expected files in train, validation or test"));
  BOOST_TEST(data.options.problem().empty());
}

BOOST_AUTO_TEST_CASE(all_wrong_rows_are_reported_at_once_with_their_places) {
  BOOST_TEST(
      problem_of("[{\"image\": \"1.jpg\"},\n{\"caption\": \"a\"},\n{\"image\": 7, \"caption\": "
                 "\"a\"},\n{\"image\": \"\", \"caption\": \"a\"},\n"
                 "{\"image\": \"1.jpg\", \"caption\": 7},\n{\"image\": \"1.jpg\", \"caption\": "
                 "[\"a\", null]},\n"
                 "{\"image\": \"1.jpg\", \"caption\": \"a\", \"image_id\": 1.5},\n\"row\"]") ==
      R"(:1:2: [0] has no "caption" (expected a string or an array of strings). Add it.)"
      "\nFILE:2:1: [1] has no \"image\" (expected a path that is not empty). Add it."
      "\nFILE:3:11: [2].image is wrong (got 7, expected a path that is not empty). Mend it."
      "\nFILE:4:11: [3].image is wrong (got a string, expected a path that is not empty). Mend it."
      "\nFILE:5:31: [4].caption is wrong (got 7, expected a string). Mend it."
      "\nFILE:6:37: [5].caption[1] is wrong (got null, expected a string). Mend it."
      "\nFILE:7:48: [6].image_id is wrong (got 1.5, expected an integer or a string). Mend it."
      "\nFILE:8:1: [7] is wrong (got a string, expected an object with \"image\" and \"caption\"). "
      "Mend it.");
}

BOOST_AUTO_TEST_CASE(rows_of_json_lines_are_named_by_their_line) {
  BOOST_TEST(train_of("\n{\"image\": \"1.jpg\", \"caption\": \"a\"}\n") == (Lines{"1.jpg: a"}),
             per_element());
  BOOST_TEST(
      problem_of("{\"image\": \"1.jpg\", \"caption\": \"a\"}\n\n{\"image\": \"1.jpg\"}\n") ==
      R"(:3:1: line 3 has no "caption" (expected a string or an array of strings). Add it.)");
}

BOOST_AUTO_TEST_CASE(an_image_has_one_id) {
  BOOST_TEST(problem_of("[{\"image\": \"1.jpg\", \"caption\": \"a\"},\n{\"image\": \"1.jpg\", "
                        "\"caption\": \"b\", \"image_id\": 3},\n"
                        "{\"image\": \"1.jpg\", \"caption\": \"c\", \"image_id\": "
                        "\"3\"},\n{\"image\": \"1.jpg\", \"caption\": \"d\", "
                        "\"image_id\": 4}]") ==
             ":4:1: [3] names an image by another image_id than a row before (got 4, expected 3 "
             "for '1.jpg'). Mend one of the two.");
}

BOOST_AUTO_TEST_CASE(two_images_for_test_with_one_id_are_refused_and_for_training_are_not) {
  Lists data;
  data.options.check_images = false;
  const std::string rows =
      R"([{"image": "a/1.jpg", "caption": "a", "image_id": 7}, {"image": "b/1.jpg", "caption": "b", "image_id": 7}])";
  data.write("train.json", rows);
  BOOST_TEST(data.problem<ImageTextJson>(data.options).empty());
  data.write("test.json", rows);
  const std::string folder = (data.path / "coco").string();
  BOOST_TEST(data.problem<ImageTextJson>(data.options) ==
             "dataset image_text_json: two images for test have one id (got '7' for " + folder +
                 "/a/1.jpg and " + folder +
                 "/b/1.jpg, expected each once). Mend their image_id, or set dataset.image_ids.");
}

BOOST_AUTO_TEST_CASE(files_that_are_no_lists_are_refused) {
  BOOST_TEST(problem_of("") ==
             ": the file is empty (expected images with captions). Is it complete?");
  BOOST_TEST(
      problem_of("[]") ==
      R"(: no captions (expected rows {"image":"1.jpg","caption":"a cat"}). Is the file complete?)");
  BOOST_TEST(
      problem_of("{\n\"images\": [],\n\"annotations\": []}\n")
          .starts_with(":1:1: one JSON value over several lines (expected an array of rows"));
  BOOST_TEST(problem_of("image,caption\n1.jpg,a\n").starts_with(":1:1: not JSON ("));
  BOOST_TEST(
      problem_of("[{\"image\": \"1.jpg\", \"caption\": \"a\"}").starts_with(":1:36: not JSON ("));
  BOOST_TEST(problem_of("[{\"image\": \"caf\xE9\", \"caption\": \"a\"}]") ==
             ":1:16: bytes that are not UTF-8. Convert the file to UTF-8.");
}

BOOST_AUTO_TEST_CASE(empty_captions_are_passed_over_with_a_note) {
  DataFolder data;
  const std::string file = data.write(
      "train.json",
      R"([{"image": "1.jpg", "caption": [" ", "a cat"]}, {"image": "2.jpg", "caption": "\u00a0"}, {"image": "3.jpg", "caption": []}])");
  ImageTextJson::Options options;
  options.train = {"train.json"};
  options.check_images = false;
  BOOST_TEST(
      shown_records(ImageTextJson(options, data.ctx), Split::train) == (Lines{"1.jpg: a cat"}),
      per_element());
  BOOST_TEST(
      data.notes == (Lines{file + ": 3 empty captions were passed over, the first is '1.jpg'."}),
      per_element());
}

BOOST_AUTO_TEST_CASE(other_fields_are_checked_and_passed_over) {
  BOOST_TEST(
      train_of(
          R"([{"url": ["x", {"y": null}], "image": "1.jpg", "caption": "a", "score": 0.5}])") ==
          (Lines{"1.jpg: a"}),
      per_element());
  BOOST_TEST(problem_of(R"([{"image": "1.jpg", "caption": "a", "score": 05}])")
                 .starts_with(":1:47: not JSON ("));
  BOOST_TEST(problem_of(R"([{"image": "1.jpg", "caption": "a", "caption": "b"}])") ==
             ":1:48: \"caption\" stands twice in one object (expected once). Delete one of them.");
}

BOOST_AUTO_TEST_SUITE_END()
