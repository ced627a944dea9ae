#include "vlp/scoring/ptb_tokens.hpp"

#include <boost/test/unit_test.hpp>

#include <cstddef>
#include <cstdint>
#include <iterator>
#include <string>
#include <string_view>
#include <vector>

#include "vlp/core/random.hpp"

BOOST_AUTO_TEST_SUITE(ptb_tokens)

namespace {

using Lines = std::vector<std::string>;

Lines tokens(const std::vector<std::string_view>& captions, const vlp::PtbOptions& options = {}) {
  return vlp::ptb_tokens(captions, options);
}

}  // namespace

BOOST_AUTO_TEST_CASE(punctuation_is_left_out_unless_asked_for) {
  BOOST_TEST(
      tokens({"A man, (in red) jumps!", "..."}) == Lines({"a man -lrb- in red -rrb- jumps", ""}),
      boost::test_tools::per_element());
  BOOST_TEST(tokens({"A man, (in red) jumps!", "..."}, {.keep_punctuation = true}) ==
                 Lines({"a man , -lrb- in red -rrb- jumps !", "..."}),
             boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(rules_look_ahead_into_the_next_caption_unless_captions_are_isolated) {
  const std::vector<std::string_view> captions{"a pill of vitamin C.", "A man eats it", "they've"};
  BOOST_TEST(tokens(captions) == Lines({"a pill of vitamin c", "a man eats it", "they ve"}),
             boost::test_tools::per_element());
  BOOST_TEST(tokens(captions, {.isolated = true}) ==
                 Lines({"a pill of vitamin c.", "a man eats it", "they ve"}),
             boost::test_tools::per_element());
  BOOST_TEST(tokens({"they've", "a"}) == Lines({"they 've", "a"}),
             boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(each_caption_gives_one_line_whatever_it_holds) {
  BOOST_TEST(tokens({}).empty());
  BOOST_TEST(tokens({"", "", ""}) == Lines({"", "", ""}), boost::test_tools::per_element());
  BOOST_TEST(tokens({"a\rb\x0B\x0C"
                     "c\xE2\x80\xA8"
                     "d\ne",
                     "f"}) == Lines({"a b c d e", "f"}),
             boost::test_tools::per_element());
  // Open markup that would run on where captions are one text.
  BOOST_TEST(tokens({"<a b=\"c", "d\"> e"}) == Lines({"< a b = c", "d > e"}),
             boost::test_tools::per_element());
  BOOST_TEST(
      tokens({"\xFF\xFE \xF0\x9F\x98\x80 a\xC3", std::string_view("\0\0", 2)}) == Lines({"a", ""}),
      boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(a_run_of_blanks_takes_along_one_that_could_begin_a_token) {
  BOOST_TEST(tokens({"a \u00A0ab.com", "\u00A0ab.com", "a \u3000 \u00A0www.b.org"}) ==
                 Lines({"a ab.com", "\u00A0ab.com", "a www.b.org"}),
             boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(candidates_and_references_are_two_streams) {
  const std::vector<vlp::ScoredCaption> images{{"1", "they've", {"vitamin C.", "A ball"}},
                                               {"2", "they've", {"B.", "they've"}}};
  const auto result = vlp::ptb_tokens(images, {});
  BOOST_REQUIRE(result.size() == 2);
  BOOST_TEST(result[0].image_id == "1");
  BOOST_TEST(result[0].candidate == "they 've");
  BOOST_TEST(result[0].references == Lines({"vitamin c", "a ball"}),
             boost::test_tools::per_element());
  BOOST_TEST(result[1].image_id == "2");
  BOOST_TEST(result[1].candidate == "they ve");  // the last of its stream
  BOOST_TEST(result[0].raw == images[0].candidate);
  BOOST_TEST(result[1].raw == images[1].candidate);
  BOOST_TEST(result[1].references == Lines({"b.", "they ve"}), boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(number_of_threads_changes_nothing) {
  constexpr std::string_view kPieces[] = {"a",        "man", "C.", "A", "vs.",    "they've",
                                          "the U.S.", "It",  "",   " ", "5 1/2",  ":)",
                                          "st",       "co.", "no", "5", "\"",     "'s",
                                          "n't",      "<a>", ".",  ",", "\u00e9", "\U0001F600"};
  constexpr std::size_t kCaptions = 9000;  // enough for several threads
  vlp::RandomStream random(3);
  Lines captions(kCaptions);
  for (std::string& caption : captions)
    for (std::size_t words = random.below(6); words > 0; --words)
      (caption += kPieces[random.below(std::size(kPieces))]) += random.below(4) > 0 ? " " : "";
  const std::vector<std::string_view> views(captions.begin(), captions.end());
  for (const bool isolated : {false, true}) {
    const Lines alone =
        tokens(views, {.isolated = isolated, .keep_punctuation = true, .threads = 1});
    for (const std::int64_t threads : {2, 3, 4})
      BOOST_TEST(
          (tokens(views, {.isolated = isolated, .keep_punctuation = true, .threads = threads}) ==
           alone),
          threads << " threads");
  }
}

BOOST_AUTO_TEST_SUITE_END()
