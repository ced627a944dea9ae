#include "plugins/metric/cider.hpp"

#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <cmath>
#include <string>
#include <utility>
#include <vector>

#include "tests/metric/caption_scores.hpp"

namespace {

constexpr double kRounding = 1e-12;  // a few double operations on values up to 10

const vlp::Cider kPlain(vlp::Cider::Options{.variant = vlp::CiderVariant::plain});

double image_score(const vlp::Cider& metric, std::size_t image) { return metric.per_image()[image][0].second; }

}  // namespace

BOOST_AUTO_TEST_SUITE(cider)

BOOST_AUTO_TEST_CASE(scores_equal_those_of_pycocoevalcap) {
  for (const auto& set : vlp::test::stored_scores()) {
    vlp::test::check_scores(vlp::test::filled(vlp::Cider(), set.captions), set, {{"CIDEr", "CIDEr"}});
    vlp::test::check_scores(vlp::test::filled(kPlain, set.captions), set, {{"CIDEr", "CIDEr_plain"}});
  }
}

BOOST_AUTO_TEST_CASE(a_perfect_caption_scores_ten_and_one_of_k_words_a_share) {
  const auto metric =
      vlp::test::filled(vlp::Cider(), {{"1", "a b c d", {"a b c d"}}, {"2", "e", {"e"}}, {"3", "f g", {"f g"}}, {"4", "h i j", {"h i j"}}});
  BOOST_TEST(std::abs(image_score(metric, 0) - 10) < kRounding);
  BOOST_TEST(std::abs(image_score(metric, 1) - 2.5) < kRounding);
  BOOST_TEST(std::abs(image_score(metric, 2) - 5) < kRounding);
  BOOST_TEST(std::abs(image_score(metric, 3) - 7.5) < kRounding);
  BOOST_TEST(std::abs(metric.scores()[0].second - 6.25) < kRounding);
}

BOOST_AUTO_TEST_CASE(a_hand_computed_image_agrees) {
  // Weights of one occurrence: ln 2 for a, b and "a b" (one image of two). Candidate "a b a": unigrams a 2, b 1, length
  // sqrt 5; bigrams "a b", "b a" (never in a reference, weight ln 2), length sqrt 2. Reference "a b": sqrt 2 and 1.
  const std::vector<vlp::ScoredCaption> captions{{"1", "a b a", {"a b"}}, {"2", "c", {"d"}}};
  const double plain = 10.0 / 4 * ((2 + 1) / std::sqrt(10.0) + 1 / std::sqrt(2.0));
  BOOST_TEST(std::abs(image_score(vlp::test::filled(kPlain, captions), 0) - plain) < kRounding);
  const double clipped = 10.0 / 4 * ((1 + 1) / std::sqrt(10.0) + 1 / std::sqrt(2.0)) * std::exp(-1.0 / 72);
  BOOST_TEST(std::abs(image_score(vlp::test::filled(vlp::Cider(), captions), 0) - clipped) < kRounding);
}

BOOST_AUTO_TEST_CASE(ngrams_of_every_image_and_single_images_weigh_nothing) {
  BOOST_TEST(vlp::test::filled(vlp::Cider(), {{"1", "a b", {"a b"}}}).scores()[0].second == 0);
  const auto metric = vlp::test::filled(vlp::Cider(), {{"1", "a", {"a", "a"}}, {"2", "a", {"a"}}});
  BOOST_TEST(metric.scores()[0].second == 0);
}

BOOST_AUTO_TEST_CASE(order_of_images_and_references_does_not_matter) {
  std::vector<vlp::ScoredCaption> captions{
      {"1", "a red ball", {"a ball", "the red ball there"}}, {"2", "two dogs", {"dogs", "two big dogs"}}, {"3", "a dog", {"one dog"}}};
  const double score = vlp::test::filled(vlp::Cider(), captions).scores()[0].second;
  std::ranges::reverse(captions);
  for (auto& caption : captions) std::ranges::reverse(caption.references);
  BOOST_TEST(std::abs(vlp::test::filled(vlp::Cider(), captions).scores()[0].second - score) < kRounding);
}

BOOST_AUTO_TEST_CASE(no_images_score_zero) {
  BOOST_TEST((vlp::Cider().scores() == vlp::Scores{{"CIDEr", 0.0}}));
  BOOST_TEST(vlp::Cider().per_image().empty());
}

BOOST_AUTO_TEST_CASE(wrong_input_is_refused_and_state_restored) {
  vlp::test::check_errors_and_state(vlp::Cider(), "cider");
  vlp::test::check_errors_and_state(kPlain, "cider");
}

BOOST_AUTO_TEST_SUITE_END()
