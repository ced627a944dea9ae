#include "vlp/scoring/caption_set.hpp"

#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <limits>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "tests/support/messages.hpp"
#include "vlp/core/error.hpp"

BOOST_AUTO_TEST_SUITE(caption_set)

namespace {

std::string message(std::vector<vlp::ScoredCaption> images) {
  return vlp_test::message_of<vlp::DataError>(
      [&] { const vlp::CaptionSet captions(std::move(images)); });
}

/// Gives as many rows of as many numbers as it is told.
struct Rows {
  static constexpr std::string_view name = "rows";
  vlp::ImageStatistics rows;
  [[nodiscard]] vlp::ImageStatistics measure(const vlp::CaptionSet&) const { return rows; }
  [[nodiscard]] vlp::Scores scores(std::span<const double>) const { return {{"rows", 0}}; }
};

}  // namespace

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

BOOST_AUTO_TEST_CASE(what_a_metric_counts_must_be_a_row_of_numbers_for_each_image) {
  const vlp::CaptionSet two({{"first.jpg", "a", {"a"}}, {"second.jpg", "b", {"b"}}});
  const auto told = [&](vlp::ImageStatistics rows) {
    return vlp_test::message_of<vlp::ContractError>(
        [&] { (void)vlp::measured_by(Rows{std::move(rows)}, two); });
  };
  BOOST_TEST(told({2, 3}) == "");
  BOOST_TEST(told({1, 3}) ==
             "metric 'rows': measure gave 3 numbers in rows of 3 (expected 2 rows, one an image, "
             "of at least one number). Fill a row for each image.");
  BOOST_TEST(told({3, 3}).starts_with("metric 'rows': measure gave 9 numbers in rows of 3"));
  BOOST_TEST(told({2, 0}).starts_with("metric 'rows': measure gave 0 numbers in rows of 0"));
  vlp::ImageStatistics ragged(2, 3);
  ragged.values.push_back(1);
  BOOST_TEST(told(ragged).starts_with("metric 'rows': measure gave 7 numbers in rows of 3"));
  BOOST_TEST(vlp::measured_by(Rows{}, vlp::CaptionSet({})).images() == 0U);
}

BOOST_AUTO_TEST_CASE(a_row_with_a_number_that_is_none_is_refused_with_column_and_image) {
  const vlp::CaptionSet two({{"first.jpg", "a", {"a"}}, {"second.jpg", "b", {"b"}}});
  for (const double wrong :
       {std::numeric_limits<double>::quiet_NaN(), std::numeric_limits<double>::infinity()}) {
    vlp::ImageStatistics rows(2, 3);
    rows.row(1)[2] = wrong;
    BOOST_TEST(vlp_test::message_of<vlp::NonFiniteError>([&] {
                 (void)vlp::measured_by(Rows{rows}, two);
               }) == "metric 'rows': measure gave a number that is none (got " +
                         std::to_string(wrong) + " in column 2 of image 'second.jpg').");
  }
}

BOOST_AUTO_TEST_CASE(good_rows_come_back_as_they_are) {
  const vlp::CaptionSet one({{"1", "a", {"a"}}});
  vlp::ImageStatistics rows(1, 2);
  rows.values = {0.5, -3};
  BOOST_TEST((vlp::measured_by(Rows{rows}, one).values == std::vector{0.5, -3.0}));
}

BOOST_AUTO_TEST_SUITE_END()
