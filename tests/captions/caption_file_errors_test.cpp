#include "vlp/captions/caption_file.hpp"

#include <boost/test/unit_test.hpp>

#include <filesystem>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "tests/captions/problem_of.hpp"
#include "tests/support/scratch_folder.hpp"
#include "vlp/core/error.hpp"

BOOST_AUTO_TEST_SUITE(caption_errors)

using namespace std::string_literals;

namespace {

/// A whole results file around one row.
std::string row(const std::string& json) { return "[\n" + json + "\n]"; }

std::string caption(const std::string& characters) {
  return row(R"({"image_id": 1, "caption": ")" + characters + "\"}");
}

void check_problem(const std::string& text, std::string_view begin, std::string_view part = "") {
  const std::string problem = problem_of(text);
  BOOST_TEST(problem.starts_with(begin), "'" << text.substr(0, 80) << "' gives '" << problem
                                             << "', expected it to begin '" << begin << "'");
  BOOST_TEST(contains(problem, part), "'" << problem << "' should hold '" << part << "'");
}

}  // namespace

BOOST_AUTO_TEST_CASE(broken_json_is_refused_with_its_line_and_column) {
  check_problem(row(R"({"image_id": 1, "caption": "x",})"),
                "c.json:2:32: not JSON (syntax error while parsing object key");
  check_problem(row(R"({"image_id": 1, "caption": x})"), "c.json:2:28: not JSON (");
  check_problem(row(R"({"image_id": 01, "caption": "x"})"), "c.json:2:15: not JSON (");
  check_problem(row(R"({"image_id": 1 "caption": "x"})"), "c.json:2:");
  check_problem(row(R"({"image_id": 1, "caption": "x"} {})"), "c.json:2:");
  check_problem(row(R"({"image_id": 1, "caption": "x", "z": [1 2]})"), "c.json:2:", "not JSON");
  for (const std::string ignored : {"NaN", "tru", "truex", "+1", "1.", ".5", "1e", "-", "0x1",
                                    "'a'", "nul", "[,]", "{1:2}", "[1,]"})
    check_problem(row(R"({"image_id": 1, "caption": "x", "z": )" + ignored + "}"),
                  "c.json:2:", "not JSON (");
}

BOOST_AUTO_TEST_CASE(every_truncation_of_a_file_is_refused) {
  const std::string coco =
      R"({"images":[{"id":1}],"annotations":[{"image_id":1,"caption":"x \" \u00e9"}]})";
  const std::string karpathy =
      R"({"images":[{"imgid":1,"split":"s","filename":"f","sentences":[{"raw":"x"}]}]})";
  for (const std::string& whole : {coco, karpathy, row(R"({"image_id": 1, "caption": "x"})")}) {
    BOOST_TEST(problem_of(whole) == "");
    for (std::size_t length = 0; length < whole.size(); ++length)
      BOOST_TEST(problem_of(whole.substr(0, length)) != "",
                 "the first " << length << " bytes of '" << whole << "' are read");
  }
}

BOOST_AUTO_TEST_CASE(a_truncated_last_line_is_refused_with_its_number) {
  check_problem("{\"image_id\": 1, \"caption\": \"x\"}\n{\"image_id\": 2, \"capt",
                "c.json:2:", "not JSON");
}

BOOST_AUTO_TEST_CASE(a_whole_that_is_broken_elsewhere_than_its_first_line_is_refused) {
  check_problem("{\"id\": 2?}\n\n\"split\"{\"captions\": [id\"}\n", "c.json:1:9: not JSON (");
  check_problem("{\"images\": [\n{\"id\": \"a}\n]}", "c.json:2:", "not JSON (");
}

BOOST_AUTO_TEST_CASE(something_behind_the_end_is_refused) {
  for (const std::string& more : {"x"s, "]"s, "}"s, "{}"s, "[1]"s, ","s, "\"a\""s, "\0"s}) {
    check_problem(caption("x") + more, "c.json:3:", ": not JSON (");
    check_problem("{\"annotations\":[{\"image_id\":1,\"caption\":\"x\"}]}\n" + more,
                  "c.json:2:", ": not JSON (");
    check_problem(
        "{\"image_id\": 1, \"caption\": \"x\"}" + more + "\n{\"image_id\": 2, \"caption\": \"x\"}",
        "c.json:");
  }
}

BOOST_AUTO_TEST_CASE(bytes_that_are_not_utf8_are_refused_with_their_place) {
  for (const std::string bytes :
       {"\xE9", "\xC0\xAF", "\xED\xA0\x80", "\xF4\x90\x80\x80", "\xE2\x82", "\xFF"})
    check_problem(caption("a " + bytes), "c.json:2:31: bytes that are not UTF-8");
  check_problem("\xFF\xFE[\0{\0"s, "c.json:1:1: bytes that are not UTF-8");
}

BOOST_AUTO_TEST_CASE(lone_surrogates_and_unknown_escapes_are_refused) {
  for (const std::string escape : {R"(\ud83d)", R"(\ude00)", R"(\ud83d\u0041)", R"(\ude00\ud83d)",
                                   R"(\ud83dx)", R"(\x41)", R"(\u12G4)", R"(\u12)"}) {
    check_problem(caption("a " + escape), "c.json:2:", "not JSON");
    check_problem(row(R"({"image_id": 1, "caption": "x", "other": ")" + escape + "\"}"),
                  "c.json:2:", "not JSON");
    check_problem(row(R"({"image_id": 1, "caption": "x", ")" + escape + "\": 1}"),
                  "c.json:2:", "not JSON");
  }
}

BOOST_AUTO_TEST_CASE(control_characters_are_refused_unless_escaped) {
  check_problem(caption("a\nb"), "c.json:2:", "not JSON");
  check_problem(caption("a\0b"s), "c.json:2:", "not JSON");
}

BOOST_AUTO_TEST_CASE(a_name_twice_in_one_object_is_refused) {
  check_problem(row(R"({"image_id": 1, "caption": "x", "caption": "y"})"),
                "c.json:2:44: \"caption\" stands twice in one object");
  check_problem(row(R"({"image_id": 1, "caption": "x", "capt\u0069on": "y"})"),
                "c.json:2:", "\"caption\" stands twice");
  check_problem(R"({"annotations": [{"image_id": 1, "caption": "x"}], "annotations": []})",
                "c.json:1:", "\"annotations\" stands twice");
  check_problem(row(R"({"image_id": 1, "caption": "x", "z": {"a": [{"b": 1, "b": 1}]}})"),
                "c.json:2:", "\"b\" stands twice");
  std::string many = R"({"image_id": 1, "caption": "x")";
  for (int i = 0; i < 100; ++i) many += ", \"n" + std::to_string(i) + "\": 0";
  BOOST_TEST(problem_of(row(many + "}")) == "");
  check_problem(row(many + R"(, "n7": 0})"), "c.json:2:", "\"n7\" stands twice");
}

BOOST_AUTO_TEST_CASE(deep_nesting_is_refused) {
  const auto bomb = [](std::size_t levels) {
    return row(R"({"image_id": 1, "caption": "x", "z": )" + std::string(levels, '[') +
               std::string(levels, ']') + "}");
  };
  BOOST_TEST(problem_of(bomb(62)) == "");  // and two levels around it
  check_problem(bomb(63), "c.json:2:", "nests too deeply");
  check_problem(bomb(1'000'000), "c.json:2:", "nests too deeply");
  BOOST_TEST(problem_of(std::string(1'000'000, '[')) != "");
}

BOOST_AUTO_TEST_CASE(rows_say_what_they_lack) {
  check_problem(row(R"({"caption": "x"})"),
                "c.json:2:1: [0] has no \"image_id\" (expected an integer or a string). Add it.");
  check_problem(row(R"({"image_id": 1})"),
                "c.json:2:1: [0] has no \"caption\" (expected a string). Add it.");
  check_problem(R"({"annotations": [{"image_id": 1, "caption": "x"}, {"id": 1}]})",
                "c.json:1:51: annotations[1] has no \"image_id\"",
                "\nc.json:1:51: annotations[1] has no \"caption\"");
  check_problem(
      R"({"annotations": [{"image_id": 1, "caption": "x"}], "images": [{"file_name": "1.jpg"}]})",
      "c.json:1:63: images[0] has no \"id\"");
  check_problem("{\"image_id\": 1, \"caption\": \"x\"}\n{\"caption\": \"x\"}",
                "c.json:2:1: line 2 has no \"image_id\"");
}

BOOST_AUTO_TEST_CASE(values_of_another_type_are_named) {
  const std::vector<std::pair<std::string, std::string>> ids{
      {"1.5", "got 1.5,"},   {"1e3", "got 1e3,"},      {"null", "got null,"},
      {"true", "got true,"}, {"{}", "got an object,"}, {"[1]", "got an array,"}};
  for (const auto& [value, part] : ids)
    check_problem(row("{\"image_id\": " + value + ", \"caption\": \"x\"}"),
                  "c.json:2:14: [0].image_id is wrong (got ",
                  part + " expected an integer or a string");
  for (const std::string value : {"1", "null", "false", "{\"a\": [1]}", "[\"x\"]"})
    check_problem(row("{\"image_id\": 1, \"caption\": " + value + "}"),
                  "c.json:2:28: [0].caption is wrong (got ", ", expected a string)");
  check_problem("[7]", "c.json:1:2: [0] is wrong (got 7, expected an object");
  check_problem(R"([["image_id"]])", "c.json:1:2: [0] is wrong (got an array, expected an object");
  check_problem(R"({"annotations": {}})",
                "c.json:1:17: \"annotations\" is wrong (got an object, expected an array)");
  check_problem(
      R"({"annotations": [{"image_id": 1, "caption": "x"}], "images": [null, {"id": null}]})",
      "c.json:1:63: images[0] is wrong (got null", "c.json:1:76: images[1].id is wrong (got null");
  check_problem(R"({"image_id": 1, "captions": []})",
                "c.json:1:29: line 1.captions is wrong (got an array, expected an array of at "
                "least one string");
  check_problem(R"({"image_id": 1, "captions": "x"})",
                "c.json:1:29: line 1.captions is wrong (got a string");
  check_problem(R"({"image_id": 1, "captions": ["x", 5]})",
                "c.json:1:35: line 1.captions[1] is wrong (got 5, expected a string)");
}

BOOST_AUTO_TEST_CASE(the_first_twenty_mistakes_are_listed_and_all_are_counted) {
  std::string text = "[";
  for (int i = 0; i < 30; ++i)
    text += (i > 0 ? "," : "") + "{\"image_id\": "s + std::to_string(i) + "}";
  const std::string problem = problem_of(text + "]");
  BOOST_TEST(contains(problem, "[19] has no \"caption\""));
  BOOST_TEST(!contains(problem, "[20] has no"));
  BOOST_TEST(problem.ends_with("\nc.json: 30 mistakes in all, the first 20 are listed."));
}

BOOST_AUTO_TEST_CASE(files_of_another_form_are_refused_with_the_known_ones) {
  for (const std::string text : {R"({"a": 1})", "hello", "image_name,comment\na.jpg,x", "\"text\"",
                                 "7", R"({"images": [{"id": 1}]})", "{}",
                                 "{\"id\": 1, \"text\": \"x\"}\n{\"id\": 2, \"text\": \"x\"}"})
    check_problem(text,
                  "c.json:1:1: none of the forms of a caption file (got '" + text.substr(0, 4),
                  "Karpathy's");
}

BOOST_AUTO_TEST_CASE(files_without_captions_are_refused) {
  for (const std::string text : {"", " \n\t\r\n", "\xEF\xBB\xBF"})
    check_problem(text, "c.json: the file is empty");
  for (const std::string text :
       {"[]", R"({"annotations": []})",
        R"({"images": [], "annotations": [{"image_id": 1, "caption": "x"}]})"})
    check_problem(text, "c.json: no captions (got 0 images with a caption, expected at least 1)");
}

BOOST_AUTO_TEST_CASE(karpathy_files_say_which_splits_and_ids_they_have) {
  const std::string text =
      R"({"images": [{"filename": "a", "imgid": 1, "split": "val", "sentences": [{"raw": "x"}]},
                     {"filename": "b", "imgid": 2, "split": "train", "sentences": [{"raw": "x"}]}]})";
  BOOST_TEST(problem_of(text, {.split = "test", .image_key = ""}) ==
             "c.json: no split 'test' (expected train with 1 images, val with 1 images). Name one "
             "of these.");
  BOOST_TEST(contains(problem_of(text, {.split = "", .image_key = "cocoid"}),
                      "images[0] has no \"cocoid\""));
  BOOST_CHECK_THROW(
      (void)vlp::parse_caption_file(text, "c.json", {.split = "", .image_key = "name"}),
      vlp::RecipeError);
  check_problem(R"({"images": [{"filename": "a", "imgid": 1}]})",
                "c.json:1:13: images[0] has no \"split\"", "images[0] has no \"sentences\"");
  check_problem(
      R"({"images": [{"filename": 1.5, "imgid": 1, "split": 0, "sentences": [{"raw": 1}, 2, {}]}]})",
      "c.json:1:26: images[0].filename is wrong (got 1.5", "images[0].sentences[2] has no \"raw\"");
  check_problem(
      R"({"images": [{"filename": "a", "imgid": 1, "split": "s", "sentences": [{"raw": "x"}]},
                               {"filename": "a", "imgid": 2, "split": "s", "sentences": [{"raw": "y"}]}]})",
      "c.json:2:32: images[1] is a second image 'a'");
}

BOOST_AUTO_TEST_CASE(splits_and_image_keys_of_other_files_are_refused) {
  BOOST_TEST(contains(problem_of(caption("x"), {.split = "test", .image_key = ""}),
                      "c.json: has no splits"));
  BOOST_TEST(contains(problem_of(caption("x"), {.split = "", .image_key = "imgid"}),
                      "c.json: has no splits"));
}

BOOST_AUTO_TEST_CASE(broken_gzip_files_are_refused) {
  check_problem("\x1F\x8B", "c.json: broken gzip file at byte 2 (it ends too early)");
  check_problem("\x1F\x8B\x08 nonsense", "c.json: broken gzip file");
}

BOOST_AUTO_TEST_CASE(files_that_cannot_be_opened_are_named) {
  const ScratchFolder folder;
  const std::filesystem::path missing = folder.path / "missing.json";
  BOOST_CHECK_EXCEPTION(
      (void)vlp::read_caption_file(missing), vlp::DataNotFoundError, [&](const auto& error) {
        return std::string_view(error.what()).starts_with(missing.string() + ": can't be read (");
      });
  BOOST_TEST(problem_in([&] {
               (void)vlp::read_caption_file(folder.path);
             }).starts_with(folder.path.string() + ": can't be read ("));
}

BOOST_AUTO_TEST_SUITE_END()
