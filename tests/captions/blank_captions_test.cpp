// Captions that are nothing but white space.

#include "vlp/captions/blank_captions.hpp"

#include <string>
#include <vector>

#include <boost/test/unit_test.hpp>

#include "tests/support/messages.hpp"
#include "vlp/captions/caption_file.hpp"

BOOST_AUTO_TEST_SUITE(blank_captions)

namespace {

using boost::test_tools::per_element;
using vlp::AllBlank;
using vlp::CaptionFile;
using Texts = std::vector<std::string>;

/// "id: caption|caption" of each image.
Texts shown_captions(const CaptionFile& file) {
  Texts lines;
  for (const vlp::ImageCaptions& image : file.images) {
    std::string line = image.image_id.text() + ":";
    for (const std::string& caption : image.captions)
      line += (line.back() == ':' ? " " : "|") + caption;
    lines.push_back(line);
  }
  return lines;
}

/// Image 1 has two blank captions of three, one of them a no-break and an ideographic space; image
/// 2 has blank ones only; image 3 has a zero, which is no white space.
const std::string kLines =
    "{\"image_id\": 1, \"captions\": [\" \\t\\n\", \"a cat\", \"\\u00a0\\u3000\"]}\n"
    "{\"image_id\": 2, \"captions\": [\"\", \"  \"]}\n"
    "{\"image_id\": 3, \"captions\": [\"0\"]}\n";

CaptionFile blank_file(AllBlank whole_image) {
  CaptionFile file = vlp::parse_caption_file(kLines, "x.jsonl", {});
  vlp::pass_over_blank(file, whole_image);
  return file;
}

}  // namespace

BOOST_AUTO_TEST_CASE(blank_captions_and_images_without_others_are_left_out_with_a_note) {
  const CaptionFile file = blank_file(AllBlank::left_out);
  BOOST_TEST(shown_captions(file) == (Texts{"1: a cat", "3: 0"}), per_element());
  BOOST_TEST(file.second_rows.size() == 2U);
  BOOST_TEST(
      file.notes ==
          (Texts{
              "x.jsonl: 4 blank captions were passed over, the first is '1'.",
              "x.jsonl: 1 images with no other captions than blank ones were left out, the first "
              "is '2'."}),
      per_element());
}

BOOST_AUTO_TEST_CASE(an_image_of_blank_captions_only_can_keep_them) {
  const CaptionFile file = blank_file(AllBlank::kept);
  BOOST_TEST(shown_captions(file) == (Texts{"1: a cat", "2: |  ", "3: 0"}), per_element());
  BOOST_TEST(file.notes ==
                 (Texts{"x.jsonl: 2 blank captions were passed over, the first is '1'.",
                        "x.jsonl: 1 images have no other captions than blank ones, and keep them, "
                        "the first is '2'."}),
             per_element());
}

BOOST_AUTO_TEST_CASE(splits_and_files_stay_with_their_images) {
  CaptionFile file;
  file.name = "x";
  file.images = {{"1", {" "}}, {"2", {"two", ""}}, {"3", {"three"}}};
  file.splits = {"train", "val", "test"};
  file.files = {"1.jpg", "2.jpg", "3.jpg"};
  file.second_rows = {0, 7, 0};
  vlp::pass_over_blank(file, AllBlank::left_out);
  BOOST_TEST(shown_captions(file) == (Texts{"2: two", "3: three"}), per_element());
  BOOST_TEST(file.splits == (Texts{"val", "test"}), per_element());
  BOOST_TEST(file.files == (Texts{"2.jpg", "3.jpg"}), per_element());
  BOOST_TEST(file.second_rows == (std::vector<std::size_t>{7, 0}), per_element());
}

BOOST_AUTO_TEST_CASE(words_alone_leave_a_file_as_it_is) {
  CaptionFile file;
  file.images = {{"1", {"one", " two "}}};
  vlp::pass_over_blank(file, AllBlank::left_out);
  BOOST_TEST(shown_captions(file) == (Texts{"1: one| two "}), per_element());
  BOOST_TEST(file.notes.empty());
}

BOOST_AUTO_TEST_CASE(a_file_without_any_words_is_an_error) {
  const auto file_of_blanks = [] {
    CaptionFile file;
    file.name = "x";
    file.images = {{"1", {" "}}, {"2", {""}}};
    return file;
  };
  BOOST_TEST(vlp_test::message_of<vlp::DataError>([&] {
               CaptionFile file = file_of_blanks();
               vlp::pass_over_blank(file, AllBlank::left_out);
             }) ==
             "x: no captions (got 2 images whose captions are all blank, expected at least 1 with "
             "words). Is the file complete?");
  CaptionFile kept = file_of_blanks();
  vlp::pass_over_blank(kept, AllBlank::kept);
  BOOST_TEST(kept.images.size() == 2U);
}

BOOST_AUTO_TEST_SUITE_END()
