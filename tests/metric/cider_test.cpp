#include "plugins/metric/cider.hpp"

#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <fstream>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "tests/support/caption_scores.hpp"
#include "tests/support/scratch_folder.hpp"

BOOST_AUTO_TEST_SUITE(cider)

namespace {

constexpr double kRounding = 1e-12;  // a few double operations on values up to 10

const vlp::Cider kPlain({.variant = vlp::CiderVariant::plain, .document_frequencies = ""});

double score(const vlp::Cider& metric, std::vector<vlp::ScoredCaption> captions) {
  return scores_of(metric, vlp::CaptionSet(std::move(captions)))[0].second;
}

double image_score(const vlp::Cider& metric, const std::vector<vlp::ScoredCaption>& captions,
                   std::size_t image) {
  return vlp::test::image_scores(metric, vlp::CaptionSet(captions))[image][0].second;
}

}  // namespace

BOOST_AUTO_TEST_CASE(scores_equal_those_of_pycocoevalcap) {
  for (const auto& set : vlp::test::stored_scores()) {
    vlp::test::check_scores(vlp::Cider(), set, {{"CIDEr", "CIDEr"}});
    vlp::test::check_scores(kPlain, set, {{"CIDEr_plain", "CIDEr_plain"}});
  }
}

BOOST_AUTO_TEST_CASE(a_perfect_caption_scores_ten_and_one_of_k_words_a_share) {
  const std::vector<vlp::ScoredCaption> captions{{"1", "a b c d", {"a b c d"}},
                                                 {"2", "e", {"e"}},
                                                 {"3", "f g", {"f g"}},
                                                 {"4", "h i j", {"h i j"}}};
  const std::vector<double> expected{10, 2.5, 5, 7.5};
  for (std::size_t i = 0; i < expected.size(); ++i)
    BOOST_TEST(std::abs(image_score({}, captions, i) - expected[i]) < kRounding);
  BOOST_TEST(std::abs(score({}, captions) - 6.25) < kRounding);
}

BOOST_AUTO_TEST_CASE(a_hand_computed_image_agrees) {
  // Weights of one occurrence: ln 2 for a, b and "a b" (one image of two). Candidate "a b a":
  // unigrams a 2, b 1, length sqrt 5; bigrams "a b", "b a" (never in a reference, weight ln 2),
  // length sqrt 2. Reference "a b": sqrt 2 and 1.
  const std::vector<vlp::ScoredCaption> captions{{"1", "a b a", {"a b"}}, {"2", "c", {"d"}}};
  const double plain = 10.0 / 4 * ((2 + 1) / std::sqrt(10.0) + 1 / std::sqrt(2.0));
  BOOST_TEST(std::abs(image_score(kPlain, captions, 0) - plain) < kRounding);
  const double clipped =
      10.0 / 4 * ((1 + 1) / std::sqrt(10.0) + 1 / std::sqrt(2.0)) * std::exp(-1.0 / 72);
  BOOST_TEST(std::abs(image_score({}, captions, 0) - clipped) < kRounding);
}

BOOST_AUTO_TEST_CASE(ngrams_of_every_image_and_single_images_weigh_nothing) {
  BOOST_TEST(score({}, {{"1", "a b", {"a b"}}}) == 0);
  BOOST_TEST(score({}, {{"1", "a", {"a", "a"}}, {"2", "a", {"a"}}}) == 0);
}

BOOST_AUTO_TEST_CASE(order_of_images_and_references_does_not_matter) {
  std::vector<vlp::ScoredCaption> captions{{"1", "a red ball", {"a ball", "the red ball there"}},
                                           {"2", "two dogs", {"dogs", "two big dogs"}},
                                           {"3", "a dog", {"one dog"}}};
  const double before = score({}, captions);
  std::ranges::reverse(captions);
  for (auto& caption : captions) std::ranges::reverse(caption.references);
  BOOST_TEST(std::abs(score({}, captions) - before) < kRounding);
}

BOOST_AUTO_TEST_CASE(no_images_score_zero) {
  BOOST_TEST((scores_of(vlp::Cider(), vlp::CaptionSet({})) == vlp::Scores{{"CIDEr", 0.0}}));
}

BOOST_AUTO_TEST_CASE(threads_and_parts_give_the_same) {
  vlp::test::check_threads_and_rows(vlp::Cider());
  vlp::test::check_threads_and_rows(kPlain);
}

BOOST_AUTO_TEST_CASE(parts_with_merged_frequencies_score_as_the_whole) {
  const std::vector<vlp::ScoredCaption> captions =
      vlp::test::random_captions(90, vlp::RandomStream(9));
  const std::vector<std::size_t> cuts{0, 17, 18, 60, 90};
  const auto part = [&](std::size_t i) {
    return vlp::CaptionSet({captions.begin() + static_cast<std::ptrdiff_t>(cuts[i]),
                            captions.begin() + static_cast<std::ptrdiff_t>(cuts[i + 1])});
  };
  auto frequencies = std::make_shared<vlp::DocumentFrequencies>();
  for (std::size_t i = 0; i + 1 < cuts.size(); ++i)
    frequencies->merge(vlp::DocumentFrequencies(part(i)));
  for (const auto variant : {vlp::CiderVariant::cider_d, vlp::CiderVariant::plain}) {
    const vlp::Cider given(variant, frequencies);
    vlp::ImageStatistics rows;
    for (std::size_t i = 0; i + 1 < cuts.size(); ++i) rows.append(given.measure(part(i)));
    const vlp::ImageStatistics whole = vlp::Cider({variant, ""}).measure(vlp::CaptionSet(captions));
    for (std::size_t i = 0; i < whole.values.size(); ++i)
      BOOST_TEST(std::abs(rows.values[i] - whole.values[i]) < kRounding);
  }
}

BOOST_AUTO_TEST_CASE(frequencies_from_a_file_stand_for_those_of_the_set) {
  const ScratchFolder folder;
  const std::vector<vlp::ScoredCaption> captions =
      vlp::test::random_captions(40, vlp::RandomStream(10));
  std::ofstream(folder.path / "df.json")
      << vlp::DocumentFrequencies(vlp::CaptionSet(captions)).json();
  vlp::Folders folders;
  folders.data = folder.path;
  const vlp::Cider from_file({vlp::CiderVariant::cider_d, "df.json"}, {}, folders);
  BOOST_TEST(std::abs(score(from_file, captions) - score({}, captions)) < kRounding);
  const std::vector<vlp::ScoredCaption> one(captions.begin(), captions.begin() + 1);
  BOOST_TEST(score({}, one) == 0);  // its own frequencies weigh nothing
  std::vector<std::string> notes;
  vlp::Machine machine;
  machine.console.on_note = [&](std::string_view note) { notes.emplace_back(note); };
  BOOST_TEST(score(vlp::Cider({}, machine), one) == 0);
  BOOST_REQUIRE_EQUAL(notes.size(), 1);
  BOOST_TEST(notes.front().starts_with("CIDEr of a single image is 0 whatever its caption says"));
  (void)score(vlp::Cider({}, machine), captions);
  (void)score(vlp::Cider({vlp::CiderVariant::cider_d, "df.json"}, machine, folders), one);
  BOOST_TEST(notes.size() == 1U);
  BOOST_TEST(std::abs(score(from_file, one) - image_score({}, captions, 0)) < kRounding);
  std::ofstream(folder.path / "many.json")
      << R"({"images":4000000000000000000,"df":{"a":4000000000}})";
  BOOST_TEST(std::isfinite(
      score(vlp::Cider({vlp::CiderVariant::cider_d, "many.json"}, {}, folders), captions)));
  const vlp::Cider missing({vlp::CiderVariant::cider_d, "none.json"}, {}, folders);
  BOOST_CHECK_THROW(score(missing, captions), vlp::DataError);
}

BOOST_AUTO_TEST_SUITE_END()
