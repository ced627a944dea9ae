#include "vlp/scoring/caption_set.hpp"

#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <string>
#include <vector>

#include "tests/support/messages.hpp"
#include "vlp/core/error.hpp"

namespace {

std::string message(std::vector<vlp::ScoredCaption> images) {
  return vlp_test::message_of<vlp::DataError>(
      [&] { const vlp::CaptionSet captions(std::move(images)); });
}

}  // namespace

BOOST_AUTO_TEST_SUITE(caption_set)

BOOST_AUTO_TEST_CASE(captions_are_numbered_candidate_first) {
  const vlp::CaptionSet captions({{"1", "a b", {"b a", "c"}}, {"2", "c c", {"a"}}});
  BOOST_TEST(captions.size() == 2U);
  BOOST_TEST(captions.captions() == 5U);
  BOOST_TEST(captions.candidate(1) == 3U);
  BOOST_TEST(captions.candidate(2) == 5U);
  const auto tokens = [&](std::size_t caption) {
    return std::vector(captions.tokens(caption).begin(), captions.tokens(caption).end());
  };
  using Ids = std::vector<std::uint32_t>;
  BOOST_TEST((tokens(0) == Ids{0, 1}));
  BOOST_TEST((tokens(1) == Ids{1, 0}));
  BOOST_TEST((tokens(2) == Ids{2}));
  BOOST_TEST((tokens(3) == Ids{2, 2}));
}

BOOST_AUTO_TEST_CASE(tokens_with_blanks_inside_are_several_words) {
  const vlp::CaptionSet captions({{"1", "2\u00a01/2 cups", {"2 1/2 cups", ""}}});
  BOOST_TEST(captions.tokens(0).size() == 2U);
  BOOST_TEST(captions.tokens(1).size() == 3U);
  BOOST_TEST(captions.tokens(2).size() == 1U);  // the empty token
  BOOST_TEST(captions.ngrams().words(0) == 3U);
  BOOST_TEST(captions.ngrams().words(2) == 0U);
  BOOST_TEST(std::ranges::equal(captions.ngrams().of(0, 3), captions.ngrams().of(1, 3)));
  BOOST_TEST(captions.ngram_text(3, captions.ngrams().of(0, 3)[0].id) == "2 1/2 cups");
}

BOOST_AUTO_TEST_CASE(empty_captions_alone_are_no_trouble) {
  const vlp::CaptionSet captions({{"1", "", {""}}});
  BOOST_TEST(captions.ngrams().of(0, 1).empty());
  BOOST_TEST(vlp::CaptionSet({}).captions() == 0U);
}

BOOST_AUTO_TEST_CASE(images_that_cannot_be_scored_are_refused) {
  BOOST_TEST(
      message({{"7", "a", {"a"}}, {"7", "b", {"a"}}}) ==
      "captions: image '7' has a second candidate (expected one an image). Remove one of the two.");
  BOOST_TEST(
      message({{"7", "a", {}}}) ==
      "captions: image '7' has no reference (expected at least 1). Leave it out or give it one.");
}

BOOST_AUTO_TEST_SUITE_END()
