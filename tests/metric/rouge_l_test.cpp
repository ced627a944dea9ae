#include "plugins/metric/rouge_l.hpp"

#include <boost/test/unit_test.hpp>

#include <cmath>
#include <string>
#include <utility>
#include <vector>

#include "tests/support/caption_scores.hpp"

BOOST_AUTO_TEST_SUITE(rouge_l)

namespace {

constexpr double kRounding = 1e-15;

double score_one(const char* candidate, std::vector<std::string> references) {
  return scores_of(vlp::RougeL(), vlp::CaptionSet({{"1", candidate, std::move(references)}}))[0]
      .second;
}

double f(double precision, double recall) {
  return 2.44 * precision * recall / (recall + 1.44 * precision);
}

}  // namespace

BOOST_AUTO_TEST_CASE(scores_equal_those_of_pycocoevalcap) {
  for (const auto& set : vlp::test::stored_scores())
    vlp::test::check_scores(vlp::RougeL(), set, {{"ROUGE_L", "ROUGE_L"}});
}

BOOST_AUTO_TEST_CASE(precision_and_recall_may_come_from_two_references) {
  // "a b" against "a b c d e f": precision 1, recall 1/3; against "a": precision 1/2, recall 1.
  BOOST_TEST(std::abs(score_one("a b", {"a b c d e f", "a"}) - f(1, 1)) < kRounding);
  BOOST_TEST(std::abs(score_one("a x b y", {"b a z b"}) - f(0.5, 0.5)) < kRounding);
}

BOOST_AUTO_TEST_CASE(empty_captions_equal_each_other_only) {
  BOOST_TEST(score_one("", {"", "a"}) == 1.0);
  BOOST_TEST(score_one("", {"a"}) == 0.0);
  BOOST_TEST(score_one("a", {""}) == 0.0);
}

BOOST_AUTO_TEST_CASE(a_token_with_a_no_break_space_is_one) {
  BOOST_TEST(std::abs(score_one("2\u00a01/2 cups", {"2 1/2 cups"}) - f(1.0 / 2, 1.0 / 3)) <
             kRounding);
}

BOOST_AUTO_TEST_CASE(no_images_score_zero) {
  BOOST_TEST((scores_of(vlp::RougeL(), vlp::CaptionSet({})) == vlp::Scores{{"ROUGE_L", 0.0}}));
}

BOOST_AUTO_TEST_CASE(threads_and_parts_give_the_same) {
  vlp::test::check_threads_and_rows(vlp::RougeL());
}

BOOST_AUTO_TEST_SUITE_END()
