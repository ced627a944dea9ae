#include "vlp/captions/match_captions.hpp"

#include <boost/test/unit_test.hpp>

#include <string>
#include <vector>

#include "tests/captions/problem_of.hpp"

BOOST_AUTO_TEST_SUITE(match_captions_of_two_files)

using vlp::CaptionFile;
using vlp::match_captions;
using vlp::MatchedCaptions;
using vlp::parse_caption_file;

namespace {

/// References "r.json": one caption for each id.
std::string results(const std::vector<std::string>& ids) {
  std::string text;
  for (const std::string& id : ids)
    text += std::string(text.empty() ? "[" : ",") + R"({"image_id": ")" + id +
            R"(", "caption": "of )" + id + "\"}";
  return text + "]";
}

MatchedCaptions match(const std::string& references, const std::string& candidates,
                      bool partial = false) {
  return match_captions(parse_caption_file(references, "r.json"),
                        parse_caption_file(candidates, "c.json"), partial);
}

std::string problem_of_match(const std::string& references, const std::string& candidates,
                             bool partial = false) {
  return problem_in([&] { (void)match(references, candidates, partial); });
}

std::string karpathy(const std::string& ids_and_splits) {
  std::string text;
  for (std::size_t i = 0; i + 1 < ids_and_splits.size(); i += 2)
    text += std::string(text.empty() ? "" : ",") + R"({"imgid":)" + std::to_string(i) +
            R"(,"filename":")" + ids_and_splits[i] + R"(","split":")" + ids_and_splits[i + 1] +
            R"(","sentences":[{"raw":"x"}]})";
  return R"({"images":[)" + text + "]}";
}

}  // namespace

BOOST_AUTO_TEST_CASE(images_follow_the_references) {
  const MatchedCaptions matched = match(
      R"([{"image_id": 2, "caption": "x"}, {"image_id": 1, "caption": "y"}, {"image_id": 2, "caption": "z"}])",
      R"([{"image_id": "1", "caption": "b"}, {"image_id": "2", "caption": "a"}])");
  BOOST_REQUIRE_EQUAL(matched.images.size(), 2U);
  BOOST_TEST(matched.images[0].image_id == "2");
  BOOST_TEST(matched.images[0].candidate == "a");
  BOOST_TEST(matched.images[0].references == (std::vector<std::string>{"x", "z"}),
             boost::test_tools::per_element());
  BOOST_TEST(matched.images[1].candidate == "b");
  BOOST_TEST(matched.missing == 0U);
  BOOST_TEST(matched.extra == 0U);
}

BOOST_AUTO_TEST_CASE(what_does_not_match_is_refused_with_both_files_and_some_ids) {
  const std::string problem =
      problem_of_match(results({"a", "b", "c", "d", "e", "f", "g"}), results({"x", "a"}));
  BOOST_TEST(problem ==
             "c.json: does not match the references (got 1 images that are in both files, expected "
             "all; 6 of the images of r.json are not in "
             "c.json ('b', 'c', 'd', 'e', 'f', ...); 1 of the images of c.json are not in r.json "
             "('x')). --partial scores the images that "
             "match.");
}

BOOST_AUTO_TEST_CASE(partial_keeps_what_matches_and_counts_the_rest) {
  const MatchedCaptions matched =
      match(results({"a", "b", "c", "d", "e", "f", "g"}), results({"x", "g"}), true);
  BOOST_REQUIRE_EQUAL(matched.images.size(), 1U);
  BOOST_TEST(matched.images[0].image_id == "g");
  BOOST_TEST(matched.missing == 6U);
  BOOST_TEST(matched.extra == 1U);
  BOOST_TEST(matched.first_missing == (std::vector<std::string>{"a", "b", "c", "d", "e"}),
             boost::test_tools::per_element());
  BOOST_TEST(matched.first_extra == (std::vector<std::string>{"x"}),
             boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(a_second_candidate_of_an_image_is_refused_with_its_place) {
  BOOST_TEST(problem_of_match(results({"a"}), results({"a", "b", "a"})) ==
             "c.json: image 'a' has several captions (got 2, the second in [2], expected 1 "
             "candidate an image). Keep one of them.");
  BOOST_TEST(contains(
      problem_of_match(
          results({"a"}),
          "{\"image_id\":\"a\",\"caption\":\"x\"}\n\n{\"image_id\":\"a\",\"caption\":\"x\"}"),
      "the second in line 3,"));
  BOOST_TEST(contains(
      problem_of_match(results({"a"}), "image_name| comment_number| comment\na|0|x\na|1|y"),
      "(got 2, expected 1"));
}

BOOST_AUTO_TEST_CASE(no_match_at_all_shows_an_id_of_each_file) {
  for (const bool partial : {false, true})
    BOOST_TEST(
        problem_of_match(results({"123"}), results({"COCO_val2014_000000000123.jpg"}), partial) ==
        "c.json: no image has references in r.json (got image ids such as "
        "'COCO_val2014_000000000123.jpg', expected such as '123'). Give "
        "both files the same ids.");
  BOOST_TEST(contains(problem_of_match(karpathy("as"), results({"0"})),
                      "--image-key cocoid, filename or imgid"));
}

BOOST_AUTO_TEST_CASE(candidates_of_one_split_suggest_that_split) {
  BOOST_TEST(contains(problem_of_match(karpathy("asbtctdv"), results({"b", "c"})),
                      "--split t takes its references only"));
  BOOST_TEST(!contains(problem_of_match(karpathy("asbtctdv"), results({"a", "b"})), "--split"));
  BOOST_TEST(!contains(problem_of_match(karpathy("atbtct"), results({"a", "b"})), "--split"));
}

BOOST_AUTO_TEST_SUITE_END()
