#include "vlp/captions/caption_file.hpp"

#include <boost/test/unit_test.hpp>

#include <cstdio>
#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>
#include <vector>

#include <zlib.h>

#include "tests/captions/problem_of.hpp"
#include "tests/support/scratch_folder.hpp"

BOOST_AUTO_TEST_SUITE(caption_file)

using vlp::CaptionFile;
using vlp::CaptionFormat;
using vlp::parse_caption_file;

namespace {

/// "id: caption; caption" an image, so that a whole file fits one comparison.
std::vector<std::string> listing(const CaptionFile& file) {
  std::vector<std::string> lines;
  for (const vlp::ImageCaptions& image : file.images) {
    lines.push_back(image.image_id.text() + ":");
    for (std::size_t i = 0; i < image.captions.size(); ++i)
      lines.back() += (i > 0 ? "; " : " ") + image.captions[i];
  }
  return lines;
}

std::vector<std::string> listing_of(std::string_view bytes,
                                    const vlp::CaptionFileOptions& options = {}) {
  return listing(parse_caption_file(bytes, "c.json", options));
}

CaptionFormat format_of(std::string_view bytes) {
  return parse_caption_file(bytes, "c.json").format;
}

using Lines = std::vector<std::string>;

constexpr std::string_view kKarpathy = R"({"images": [
  {"filepath": "val2014", "sentids": [1], "filename": "a.jpg", "imgid": 0, "split": "test", "sentences":
    [{"tokens": ["x"], "raw": "X a.", "imgid": 0}, {"raw": "X b."}], "cocoid": 70},
  {"filename": "b.jpg", "imgid": 1, "split": "train", "sentences": [{"raw": "Y a."}], "cocoid": 71},
  {"filename": "c.jpg", "imgid": 2, "split": "test", "sentences": [], "cocoid": 72}], "dataset": "coco"})";

std::string gzip(std::string_view text) {
  constexpr int kGzip = 16 + MAX_WBITS, kMemory = 8;
  z_stream stream{};
  BOOST_REQUIRE_EQUAL(
      ::deflateInit2(&stream, Z_BEST_SPEED, Z_DEFLATED, kGzip, kMemory, Z_DEFAULT_STRATEGY), Z_OK);
  std::string packed(::deflateBound(&stream, text.size()), '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
  stream.avail_in = static_cast<uInt>(text.size());
  stream.next_out = reinterpret_cast<Bytef*>(packed.data());
  stream.avail_out = static_cast<uInt>(packed.size());
  BOOST_REQUIRE_EQUAL(::deflate(&stream, Z_FINISH), Z_STREAM_END);
  packed.resize(stream.total_out);
  ::deflateEnd(&stream);
  return packed;
}

constexpr std::string_view kResults = R"([{"image_id": 7, "caption": "a cat"}])";

}  // namespace

BOOST_AUTO_TEST_CASE(coco_images_follow_their_list_and_captions_their_annotations) {
  constexpr std::string_view text = R"({"info": {"year": 2014},
    "images": [{"id": 9, "file_name": "9.jpg"}, {"id": 3}, {"id": 5}],
    "annotations": [{"image_id": 3, "id": 1, "caption": "b"}, {"caption": "a ", "image_id": 9}, {"image_id": 3, "caption": "a"},
                    {"image_id": 4, "caption": "?"}, {"image_id": 4, "caption": "?"}], "licenses": []})";
  const CaptionFile file = parse_caption_file(text, "c.json");
  BOOST_CHECK(file.format == CaptionFormat::coco_captions);
  BOOST_TEST(listing(file) == (Lines{"9: a ", "3: b; a"}), boost::test_tools::per_element());
  BOOST_TEST(
      file.notes == (Lines{"c.json: 2 captions of images that \"images\" doesn't list were passed "
                           "over, the first is '4'.",
                           "c.json: 1 images without a caption were left out, the first is '5'."}),
      boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(coco_fields_may_come_in_any_order) {
  constexpr std::string_view text =
      R"({"annotations": [{"image_id": 1, "caption": "x"}, {"image_id": 2, "caption": "y"}],
    "images": [{"id": 2}, {"id": 1}, {"id": 2}]})";
  BOOST_TEST(listing_of(text) == (Lines{"2: y", "1: x"}), boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(annotations_alone_give_images_in_order_of_first_appearance) {
  constexpr std::string_view text =
      R"({"annotations": [{"image_id": 2, "caption": "x"}, {"image_id": 1, "caption": "y"},
    {"image_id": 2, "caption": "z"}]})";
  BOOST_TEST(listing_of(text) == (Lines{"2: x; z", "1: y"}), boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(results_keep_the_order_of_their_rows) {
  constexpr std::string_view text =
      R"([ {"image_id": 7, "caption": "x", "score": -1.5e3, "more": [null, {"a": true}]},
    {"caption": "y", "image_id": "seven"}, {"image_id": "7", "caption": "z"} ])";
  const CaptionFile file = parse_caption_file(text, "c.json");
  BOOST_CHECK(file.format == CaptionFormat::coco_results);
  BOOST_TEST(listing(file) == (Lines{"7: x; z", "seven: y"}), boost::test_tools::per_element());
  BOOST_TEST(file.second_rows == (std::vector<std::size_t>{2, 0}),
             boost::test_tools::per_element());
  BOOST_TEST(file.row_name(2) == "[2]");
}

BOOST_AUTO_TEST_CASE(json_lines_hold_one_caption_or_several) {
  constexpr std::string_view text =
      "\n{\"image_id\": 1, \"caption\": \"x\"}\r\n  \n{\"captions\": [\"y\", \"z\"], \"image_id\": "
      "\"b\\u00e9\"}\n"
      "{\"image_id\": \"b\\u00e9\", \"caption\": \"w\"}";
  const CaptionFile file = parse_caption_file(text, "c.json");
  BOOST_CHECK(file.format == CaptionFormat::json_lines);
  BOOST_TEST(listing(file) == (Lines{"1: x", "b\u00e9: y; z; w"}),
             boost::test_tools::per_element());
  BOOST_CHECK(format_of(R"({"image_id": 1, "caption": "x"})") == CaptionFormat::json_lines);
  BOOST_CHECK(format_of("{\"id\": {\"caption\": 1}, \"image_id\": 1, \"caption\": \"}{\"}\n\n") ==
              CaptionFormat::json_lines);
}

BOOST_AUTO_TEST_CASE(karpathy_images_are_named_by_cocoid_where_they_have_one) {
  const CaptionFile file = parse_caption_file(kKarpathy, "c.json");
  BOOST_CHECK(file.format == CaptionFormat::karpathy);
  BOOST_TEST(listing(file) == (Lines{"70: X a.; X b.", "71: Y a."}),
             boost::test_tools::per_element());
  BOOST_TEST(file.splits == (Lines{"test", "train"}), boost::test_tools::per_element());
  BOOST_TEST(file.notes.size() == 1U);
  constexpr std::string_view flickr =
      R"({"dataset":"flickr30k","images":[{"sentids":[0],"imgid":0,"sentences":[{"raw":"x"}],"split":"val","filename":"f.jpg"}]})";
  BOOST_TEST(listing_of(flickr) == Lines{"f.jpg: x"}, boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(karpathy_split_and_image_key_can_be_chosen) {
  BOOST_TEST(listing_of(kKarpathy, {.split = "train", .image_key = ""}) == Lines{"71: Y a."},
             boost::test_tools::per_element());
  BOOST_TEST(listing_of(kKarpathy, {.split = "test", .image_key = "filename"}) ==
                 Lines{"a.jpg: X a.; X b."},
             boost::test_tools::per_element());
  BOOST_TEST(listing_of(kKarpathy, {.split = "", .image_key = "imgid"}) ==
                 (Lines{"0: X a.; X b.", "1: Y a."}),
             boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(kaggle_csv_is_known_by_its_header) {
  constexpr std::string_view text =
      "\xEF\xBB\xBFimage_name| comment_number| comment\nb.jpg| 1| y\nb.jpg| 0| x\n";
  const CaptionFile file = parse_caption_file(text, "c.csv");
  BOOST_CHECK(file.format == CaptionFormat::kaggle_csv);
  BOOST_TEST(listing(file) == Lines{"b.jpg: x; y"}, boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(captions_stay_as_they_are_written) {
  using namespace std::string_literals;
  const auto caption = [](const std::string& json) {
    return parse_caption_file(R"([{"image_id": 1, "caption": ")" + json + "\"}]", "c.json")
        .images.at(0)
        .captions.at(0);
  };
  BOOST_TEST(caption("") == "");
  BOOST_TEST(caption("  two  blanks ") == "  two  blanks ");
  BOOST_TEST(caption(R"(line\nfeed\ttab \"quote\" \\ \/)") == "line\nfeed\ttab \"quote\" \\ /");
  BOOST_TEST(caption(R"(nul\u0000inside)") == "nul\0inside"s);
  BOOST_TEST(caption(R"(\ud83d\ude00 \u00E9)") == "\U0001F600 \u00e9");
  BOOST_TEST(caption("\U0001F600 \u2028 \u0085") == "\U0001F600 \u2028 \u0085");
  const std::string long_one(1 << 20, 'x');
  BOOST_CHECK(caption(long_one) == long_one);
}

BOOST_AUTO_TEST_CASE(integer_ids_are_kept_as_written_whatever_their_size) {
  const auto id = [](const std::string& json) {
    return parse_caption_file("[{\"image_id\": " + json + ", \"caption\": \"x\"}]", "c.json")
        .images.at(0)
        .image_id;
  };
  BOOST_TEST(id("123456789012345678901234567890") == "123456789012345678901234567890");
  BOOST_TEST(id("-5") == "-5");
  BOOST_TEST(id("-0") == "0");
  BOOST_TEST(id("\"007\"") == "007");
  BOOST_TEST(id("\"\"") == "");
}

BOOST_AUTO_TEST_CASE(ids_keep_their_type) {
  const auto is_number = [](const std::string& json) {
    return parse_caption_file("[{\"image_id\": " + json + ", \"caption\": \"x\"}]", "c.json")
        .images.at(0)
        .image_id.is_number();
  };
  for (const std::string json : {"7", "-5", "0", "7.0", "123456789012345678901234567890"})
    BOOST_TEST(is_number(json), json);
  for (const std::string json : {"\"7\"", "\"\"", "\"a.jpg\""}) BOOST_TEST(!is_number(json), json);
  const CaptionFile both = parse_caption_file(
      R"([{"image_id": 7, "caption": "x"}, {"image_id": "7", "caption": "y"}])", "c.json");
  BOOST_TEST(listing(both) == Lines{"7: x; y"}, boost::test_tools::per_element());
  BOOST_TEST(both.images[0].image_id.is_number(), "as it is written first");
}

BOOST_AUTO_TEST_CASE(integers_with_a_fraction_of_zeros_are_integers) {
  BOOST_TEST(
      listing_of("{\"image_id\": 391895.0, \"caption\": \"x\"}\n"
                 "{\"image_id\": 391895, \"caption\": \"y\"}\n"
                 "{\"image_id\": -0.00, \"caption\": \"z\"}\n") == (Lines{"391895: x; y", "0: z"}),
      boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(numbers_that_nobody_needs_may_be_beyond_double) {
  BOOST_TEST(
      listing_of(
          R"([{"image_id": 1, "caption": "x", "score": 1e999, "hash": 99999999999999999999999}])") ==
          Lines{"1: x"},
      boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(a_byte_order_mark_and_white_space_around_are_skipped) {
  for (const std::string_view text :
       {kResults, kKarpathy, std::string_view(R"({"image_id": 1, "caption": "x"})")})
    BOOST_TEST(listing_of("\xEF\xBB\xBF \r\n\t" + std::string(text) + " \n\n") == listing_of(text),
               boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(pretty_printing_changes_nothing) {
  constexpr std::string_view text =
      "{\n \"images\": [{\"id\": 1}\n , {\"id\": 2}]\n, \"annotations\": [\n{\"image_id\": "
      "1,\n\"caption\": \"x\"}\n]\n}\n";
  BOOST_TEST(listing_of(text) == Lines{"1: x"}, boost::test_tools::per_element());
  constexpr std::string_view leading_commas =
      "{\"images\":[{\"id\":1}\n,{\"id\":2}],\"annotations\":[{\"image_id\":2,\"caption\":\"x\"}]}";
  BOOST_TEST(listing_of(leading_commas) == Lines{"2: x"}, boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(gzip_files_are_unpacked_member_by_member) {
  BOOST_TEST(listing_of(gzip(kResults)) == listing_of(kResults), boost::test_tools::per_element());
  BOOST_TEST(
      listing_of(gzip(kResults.substr(0, 10)) + gzip(kResults.substr(10))) == listing_of(kResults),
      boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(a_file_is_read_as_its_bytes_are) {
  const ScratchFolder folder;
  // Lengths around a page: what lies behind the end of the mapping must not matter.
  constexpr std::size_t kPage = 4096;
  for (std::size_t length = kPage - 70; length <= kPage + 1; ++length) {
    std::string text(kResults);
    text.insert(text.size() - 1, length - text.size(), ' ');
    const std::filesystem::path path = folder.path / "c.json";
    std::ofstream(path, std::ios::binary) << text;
    BOOST_TEST(listing(vlp::read_caption_file(path)) == listing_of(kResults),
               boost::test_tools::per_element());
  }
}

BOOST_AUTO_TEST_CASE(a_pipe_is_read_to_its_end) {
  std::FILE* const pipe =
      ::popen("printf '[{\"image_id\":7,'; printf '\"caption\":\"a cat\"}]'", "r");
  BOOST_REQUIRE(pipe);
  BOOST_TEST(listing(vlp::read_caption_file("/dev/fd/" + std::to_string(::fileno(pipe)))) ==
                 listing_of(kResults),
             boost::test_tools::per_element());
  ::pclose(pipe);
}

BOOST_AUTO_TEST_SUITE_END()
