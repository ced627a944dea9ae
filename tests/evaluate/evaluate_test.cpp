#include "vlp/evaluate/evaluate.hpp"

#include <string>
#include <vector>

#include <boost/test/unit_test.hpp>

BOOST_AUTO_TEST_SUITE(evaluate)

namespace {

/// Counts the images whose captions came as the words that published scores rest on.
struct RightWords {
  [[nodiscard]] vlp::ImageStatistics measure(const vlp::CaptionSet& captions) const {
    vlp::ImageStatistics rows(captions.size(), 1);
    for (std::size_t i = 0; i < captions.size(); ++i)
      rows.row(i)[0] = captions.image(i).candidate == "a man 's dog is n't big" &&
                       captions.image(i).references.front() == "a dog";
    return rows;
  }
  [[nodiscard]] vlp::Scores scores(std::span<const double> sums) const {
    return {{"right", sums[0]}};
  }
};

const std::vector<vlp::ImageRecord> kRecords{{"1.jpg", "1.jpg", {"A dog .", "The cat"}},
                                             {"2.jpg", "2.jpg", {"the CAT", "A dog .", "a bird"}},
                                             {"3.jpg", "3.jpg", {"THE cat !"}}};

}  // namespace

BOOST_AUTO_TEST_CASE(the_commonest_caption_is_counted_as_metrics_see_it) {
  const auto captions = vlp::commonest_caption(kRecords, std::span(kRecords).first(2), 1);
  BOOST_TEST(captions.size() == 2U);
  BOOST_TEST(captions[0].caption == "The cat");  // three times, in three spellings
  BOOST_TEST(captions[1].record->image_id == "2.jpg");
}

BOOST_AUTO_TEST_CASE(captions_reach_metrics_cut_into_words) {
  std::vector<vlp::AnyMetric> metrics;
  metrics.emplace_back(RightWords{});
  const std::vector<vlp::CaptionedImage> captions{{&kRecords[0], "A man's Dog isn't big.", 0}};
  const vlp::CaptionScores found = vlp::score_captions(captions, metrics, 1);
  BOOST_TEST(found.scores.at(0).second == 1.0);
  BOOST_TEST(found.rows.size() == 1U);
  BOOST_TEST(found.rows.at(0).image_id == "1.jpg");
  BOOST_TEST((found.rows.at(0).scores == found.scores));
}

BOOST_AUTO_TEST_CASE(without_captions_there_are_no_scores) {
  std::vector<vlp::AnyMetric> metrics;
  metrics.emplace_back(RightWords{});
  BOOST_TEST(vlp::score_captions({}, metrics, 1).scores.empty());
  BOOST_TEST(vlp::score_captions({}, metrics, 1).rows.empty());
}

BOOST_AUTO_TEST_CASE(first_images_limits_only_when_asked) {
  BOOST_TEST(vlp::first_images(kRecords, 0).size() == 3U);
  BOOST_TEST(vlp::first_images(kRecords, 2).size() == 2U);
  BOOST_TEST(vlp::first_images(kRecords, 9).size() == 3U);
}

BOOST_AUTO_TEST_SUITE_END()
