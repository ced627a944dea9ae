#include "plugins/metric/bleu.hpp"

#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <cmath>
#include <vector>

#include "tests/support/caption_scores.hpp"

BOOST_AUTO_TEST_SUITE(bleu)

namespace {

/// The constants inside BLEU move scores by up to 1e-9 over a caption's length, so hand
/// computations agree to that.
constexpr double kConstants = 2e-9;

vlp::Scores score_one(const char* candidate, std::vector<std::string> references) {
  return scores_of(vlp::Bleu(), vlp::CaptionSet({{"1", candidate, std::move(references)}}));
}

}  // namespace

BOOST_AUTO_TEST_CASE(scores_equal_those_of_pycocoevalcap) {
  for (const auto& set : vlp::test::stored_scores())
    vlp::test::check_scores(
        vlp::Bleu(), set,
        {{"Bleu_1", "Bleu_1"}, {"Bleu_2", "Bleu_2"}, {"Bleu_3", "Bleu_3"}, {"Bleu_4", "Bleu_4"}});
}

BOOST_AUTO_TEST_CASE(counts_are_clipped_by_the_best_single_reference) {
  const vlp::Scores scores = score_one("the the the cat", {"the cat the dog", "the bird sat down"});
  BOOST_TEST(std::abs(scores[0].second - 3.0 / 4) < kConstants);  // the twice, cat once
  BOOST_TEST(std::abs(scores[1].second - std::sqrt(3.0 / 4 * 1.0 / 3)) <
             kConstants);  // only "the cat"
}

BOOST_AUTO_TEST_CASE(short_candidates_are_punished_against_the_closest_length) {
  const vlp::Scores far = score_one("a b c d", {"a b c d e", "a b c d e f g h"});
  for (const auto& [name, score] : far)
    BOOST_TEST(std::abs(score - std::exp(1 - 5.0 / 4)) < kConstants, name);
  const vlp::Scores tie =
      score_one("a b c d", {"a b c d e", "a b c"});  // the shorter of two equally close ones
  for (const auto& [name, score] : tie) BOOST_TEST(std::abs(score - 1) < kConstants, name);
}

BOOST_AUTO_TEST_CASE(the_total_pools_counts_instead_of_averaging) {
  const vlp::CaptionSet captions({{"1", "a", {"a"}}, {"2", "b c d", {"x y z"}}});
  BOOST_TEST(std::abs(scores_of(vlp::Bleu(), captions)[0].second - 1.0 / 4) < kConstants);
  BOOST_TEST(std::abs(vlp::test::image_scores(vlp::Bleu(), captions)[0][0].second - 1) <
             kConstants);
}

BOOST_AUTO_TEST_CASE(order_of_images_and_references_does_not_matter) {
  std::vector<vlp::ScoredCaption> captions{{"1", "a red ball", {"a ball", "the red ball there"}},
                                           {"2", "two dogs", {"dogs", "two big dogs"}}};
  const vlp::Scores scores = scores_of(vlp::Bleu(), vlp::CaptionSet(captions));
  std::ranges::reverse(captions);
  for (auto& caption : captions) std::ranges::reverse(caption.references);
  BOOST_TEST((scores_of(vlp::Bleu(), vlp::CaptionSet(captions)) == scores));
}

BOOST_AUTO_TEST_CASE(no_images_score_zero) {
  const vlp::Scores scores = scores_of(vlp::Bleu(), vlp::CaptionSet({}));
  BOOST_TEST(scores.size() == 4U);
  for (const auto& [name, score] : scores) BOOST_TEST(score == 0, name);
}

BOOST_AUTO_TEST_CASE(threads_and_parts_give_the_same) {
  vlp::test::check_threads_and_rows(vlp::Bleu());
}

BOOST_AUTO_TEST_SUITE_END()
