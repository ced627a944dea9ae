// The demo's accuracy on captions whose mistakes are known.
#include "plugins/metric/scenes.hpp"

#include <string>
#include <vector>

#include <boost/test/unit_test.hpp>

#include "vlp/core/random.hpp"
#include "vlp/core/state.hpp"
#include "vlp/data/scene_captions.hpp"

namespace {

double score(const vlp::Scores& scores, const std::string& name) {
  for (const auto& [key, value] : scores)
    if (key == name) return value;
  return -1;
}

vlp::SceneAccuracy after(const std::vector<vlp::ScoredCaption>& captions) {
  vlp::SceneAccuracy metric;
  for (const auto& caption : captions) metric.add(caption);
  return metric;
}

const std::vector<vlp::ScoredCaption> kFour{
    // all right
    {"1", "a red circle is to the left of a blue bar", {"a red circle with a blue bar to its right", "a red circle and a blue bar"}},
    // right count and relation words, one wrong colour
    {"2", "a red circle above a green bar", {"a red circle is above a blue bar"}},
    // one object missed; does not say where
    {"3", "a red circle on a gray background", {"two blue rings are to the left of a red circle"}},
    // one object; the references tell no relation
    {"4", "an orange cross", {"there is an orange cross in the picture"}}};

}  // namespace

BOOST_AUTO_TEST_SUITE(metric_scenes)

BOOST_AUTO_TEST_CASE(scores_follow_the_hand_count) {
  const vlp::Scores scores = after(kFour).scores();
  // Said 2 + 2 + 1 + 1 = 6 pairs, true 2 + 2 + 2 + 1 = 7, shared 2 + 1 + 1 + 1 = 5.
  BOOST_TEST(score(scores, "Pair_F1") == 10.0 / 13.0, boost::test_tools::tolerance(1e-12));
  BOOST_TEST(score(scores, "Scene_exact") == 0.5);
  BOOST_TEST(score(scores, "Count_accuracy") == 0.75);
  BOOST_TEST(score(scores, "Relation_accuracy") == 1.0 / 3.0, boost::test_tools::tolerance(1e-12));
  BOOST_TEST(scores[0].first == "Pair_F1");
  BOOST_TEST(scores[1].first == "Scene_exact");
}

BOOST_AUTO_TEST_CASE(each_image_is_scored_in_order) {
  const auto images = after(kFour).per_image();
  BOOST_TEST(images.size() == 4);
  BOOST_TEST(score(images[0], "Pair_F1") == 1.0);
  BOOST_TEST(score(images[1], "Pair_F1") == 0.5);
  BOOST_TEST(score(images[1], "Scene_exact") == 0.0);
  BOOST_TEST(score(images[2], "Count_accuracy") == 0.0);
  BOOST_TEST(score(images[3], "Relation_accuracy") == -1);  // left out
}

BOOST_AUTO_TEST_CASE(order_of_images_does_not_matter_for_the_total) {
  const std::vector<vlp::ScoredCaption> reversed(kFour.rbegin(), kFour.rend());
  BOOST_TEST((after(reversed).scores() == after(kFour).scores()));
}

BOOST_AUTO_TEST_CASE(a_reference_scores_perfectly_against_its_siblings) {
  vlp::SceneAccuracy metric;
  for (std::uint64_t seed = 0; seed < 200; ++seed) {
    vlp::RandomStream random(seed);
    const auto captions = vlp::five_captions(vlp::random_scene(random), random);
    metric.add({std::to_string(seed), captions[0], {captions.begin() + 1, captions.end()}});
  }
  BOOST_TEST(score(metric.scores(), "Pair_F1") == 1.0);
  BOOST_TEST(score(metric.scores(), "Scene_exact") == 1.0);
  BOOST_TEST(score(metric.scores(), "Count_accuracy") == 1.0);
}

BOOST_AUTO_TEST_CASE(nonsense_scores_zero) {
  const vlp::Scores scores = after({{"1", "", {"a red circle"}}, {"2", "red red circle square", {"a blue bar"}}}).scores();
  BOOST_TEST(score(scores, "Pair_F1") == 0.0);
  BOOST_TEST(score(scores, "Scene_exact") == 0.0);
  BOOST_TEST(score(scores, "Count_accuracy") == 0.0);
}

BOOST_AUTO_TEST_CASE(nothing_seen_is_zero_and_not_a_division_by_zero) {
  BOOST_TEST(score(vlp::SceneAccuracy().scores(), "Pair_F1") == 0.0);
  BOOST_TEST(score(vlp::SceneAccuracy().scores(), "Scene_exact") == 0.0);
}

BOOST_AUTO_TEST_CASE(it_comes_back_from_its_state_and_goes_on) {
  vlp::SceneAccuracy whole = after(kFour), half = after({kFour[0], kFour[1]}), restored;
  vlp::State state;
  half.save(state);
  restored.load(state);
  restored.add(kFour[2]);
  restored.add(kFour[3]);
  BOOST_TEST((restored.scores() == whole.scores()));
  BOOST_TEST((restored.per_image() == whole.per_image()));
}

BOOST_AUTO_TEST_CASE(a_damaged_state_is_refused) {
  for (const std::string text : {"1 2 3", "1 1 1 1 x", "cat"}) {
    vlp::State state;
    state.put("images", text);
    vlp::SceneAccuracy metric;
    BOOST_CHECK_THROW(metric.load(state), vlp::WeightsError);
  }
  BOOST_CHECK_THROW(vlp::SceneAccuracy().load(vlp::State()), vlp::WeightsError);
}

BOOST_AUTO_TEST_SUITE_END()
