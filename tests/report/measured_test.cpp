#include "vlp/report/measured.hpp"

#include <boost/test/unit_test.hpp>

BOOST_AUTO_TEST_SUITE(measured)

BOOST_AUTO_TEST_CASE(the_larger_score_and_the_smaller_loss_are_better) {
  vlp::Measured measured;
  BOOST_TEST(!vlp::selection_score(measured, "loss").has_value());
  BOOST_TEST(!vlp::selection_score(measured, "CIDEr").has_value());
  measured.loss = 2.5;
  measured.scores = {{"Bleu_4", 0.25}, {"CIDEr", 1.5}};
  BOOST_TEST(vlp::selection_score(measured, "loss").value() == -2.5);
  BOOST_TEST(vlp::selection_score(measured, "CIDEr").value() == 1.5);
  BOOST_TEST(!vlp::selection_score(measured, "R_mean").has_value());
}

BOOST_AUTO_TEST_CASE(the_smaller_of_a_score_is_better_where_the_metric_says_so) {
  vlp::Measured measured;
  measured.loss = 2.5;
  measured.scores = {{"rank", 7}, {"CIDEr", 1.5}};
  BOOST_TEST(vlp::selection_score(measured, "rank", /*less_is_better=*/true).value() == -7);
  BOOST_TEST(vlp::selection_score(measured, "rank", /*less_is_better=*/false).value() == 7);
  BOOST_TEST(vlp::selection_score(measured, "loss", /*less_is_better=*/true).value() == -2.5);
  BOOST_TEST(!vlp::selection_score(measured, "R_mean", /*less_is_better=*/true).has_value());
}

BOOST_AUTO_TEST_CASE(the_terms_of_a_sum_are_told_from_what_they_are_made_of) {
  const vlp::Scores terms = vlp::loss_terms(
      {{"itc", 1}, {"itc.i2t", 2}, {"lm.0", 3}, {"lm.0.share", 4}, {"lm.1", 5}, {"itm.recall", 6}});
  BOOST_TEST((terms == vlp::Scores{{"itc", 1}, {"lm.0", 3}, {"lm.1", 5}}));
}

BOOST_AUTO_TEST_SUITE_END()
