// The demo's accuracy on captions whose mistakes are known.
#include "plugins/metric/scenes.hpp"

#include <string>
#include <utility>
#include <vector>

#include <boost/test/unit_test.hpp>

#include "tests/support/caption_scores.hpp"
#include "tests/support/score_named.hpp"
#include "vlp/core/random.hpp"
#include "vlp/demo/scene_captions.hpp"

BOOST_AUTO_TEST_SUITE(metric_scenes)

namespace {

using vlp_test::score;

vlp::Scores scores_after(std::vector<vlp::ScoredCaption> captions) {
  return scores_of(vlp::SceneAccuracy(), vlp::CaptionSet(std::move(captions)));
}

const std::vector<vlp::ScoredCaption> kFour{
    // all right
    {"1",
     "a red circle is to the left of a blue bar",
     {"a red circle with a blue bar to its right", "a red circle and a blue bar"}},
    // right count and relation words, one wrong colour
    {"2", "a red circle above a green bar", {"a red circle is above a blue bar"}},
    // one object missed; does not say where
    {"3", "a red circle on a gray background", {"two blue rings are to the left of a red circle"}},
    // one object; the references tell no relation
    {"4", "an orange cross", {"there is an orange cross in the picture"}}};

}  // namespace

BOOST_AUTO_TEST_CASE(scores_follow_the_hand_count) {
  const vlp::Scores scores = scores_after(kFour);
  // Said 2 + 2 + 1 + 1 = 6 pairs, true 2 + 2 + 2 + 1 = 7, shared 2 + 1 + 1 + 1 = 5.
  BOOST_TEST(score(scores, "Pair_F1") == 10.0 / 13.0, boost::test_tools::tolerance(1e-12));
  BOOST_TEST(score(scores, "Scene_exact") == 0.5);
  BOOST_TEST(score(scores, "Count_accuracy") == 0.75);
  BOOST_TEST(score(scores, "Relation_accuracy") == 1.0 / 3.0, boost::test_tools::tolerance(1e-12));
  BOOST_TEST(scores[0].first == "Pair_F1");
  BOOST_TEST(scores[1].first == "Scene_exact");
}

BOOST_AUTO_TEST_CASE(each_image_is_scored_in_order) {
  const auto images = vlp::test::image_scores(vlp::SceneAccuracy(), vlp::CaptionSet(kFour));
  BOOST_TEST(images.size() == 4);
  BOOST_TEST(score(images[0], "Pair_F1") == 1.0);
  BOOST_TEST(score(images[1], "Pair_F1") == 0.5);
  BOOST_TEST(score(images[1], "Scene_exact") == 0.0);
  BOOST_TEST(score(images[2], "Count_accuracy") == 0.0);
  for (const auto& [name, value] : images[3]) BOOST_TEST(name != "Relation_accuracy");
}

BOOST_AUTO_TEST_CASE(order_of_images_does_not_matter_for_the_total) {
  const std::vector<vlp::ScoredCaption> reversed(kFour.rbegin(), kFour.rend());
  BOOST_TEST((scores_after(reversed) == scores_after(kFour)));
}

BOOST_AUTO_TEST_CASE(a_reference_scores_perfectly_against_its_siblings) {
  std::vector<vlp::ScoredCaption> images;
  for (std::uint64_t seed = 0; seed < 200; ++seed) {
    vlp::RandomStream random(seed);
    const auto captions = vlp::five_captions(vlp::random_scene(random), random);
    images.push_back({std::to_string(seed), captions[0], {captions.begin() + 1, captions.end()}});
  }
  const vlp::Scores scores = scores_after(images);
  BOOST_TEST(score(scores, "Pair_F1") == 1.0);
  BOOST_TEST(score(scores, "Scene_exact") == 1.0);
  BOOST_TEST(score(scores, "Count_accuracy") == 1.0);
}

BOOST_AUTO_TEST_CASE(nonsense_scores_zero) {
  const vlp::Scores scores =
      scores_after({{"1", "", {"a red circle"}}, {"2", "red red circle square", {"a blue bar"}}});
  BOOST_TEST(score(scores, "Pair_F1") == 0.0);
  BOOST_TEST(score(scores, "Scene_exact") == 0.0);
  BOOST_TEST(score(scores, "Count_accuracy") == 0.0);
}

BOOST_AUTO_TEST_CASE(nothing_seen_is_zero_and_not_a_division_by_zero) {
  BOOST_TEST(score(scores_after({}), "Pair_F1") == 0.0);
  BOOST_TEST(score(scores_after({}), "Scene_exact") == 0.0);
}

BOOST_AUTO_TEST_CASE(threads_and_parts_give_the_same) {
  vlp::test::check_threads_and_rows(vlp::SceneAccuracy());
}

BOOST_AUTO_TEST_SUITE_END()
