// What all metrics have in common once they are values.

#include "vlp/concepts/metric.hpp"

#include <cstdint>
#include <limits>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <boost/test/unit_test.hpp>

#include "tests/support/messages.hpp"
#include "vlp/scoring/caption_set.hpp"

BOOST_AUTO_TEST_SUITE(metric)

namespace {

using vlp_test::says;

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
constexpr double kInfinity = std::numeric_limits<double>::infinity();

/// Gives the sum of its one column, and one more.
struct Sum {
  static constexpr std::string_view name = "sum";
  static std::vector<vlp::ScoreName> score_names(const vlp::NoOptions&) {
    return {{"sum"}, {"errors", /*less_is_better=*/true}};
  }
  [[nodiscard]] vlp::ImageStatistics measure(const vlp::CaptionSet& captions) const {
    return {captions.size(), 1};
  }
  [[nodiscard]] vlp::Scores scores(std::span<const double> sums) const {
    return {{"one", 1}, {"sum", sums[0]}};
  }
};

/// Gives a number whatever the ranks, e.g. none.
struct Rank {
  static constexpr std::string_view name = "rank";
  static std::vector<vlp::ScoreName> score_names(const vlp::NoOptions&) { return {{"mean_rank"}}; }
  static std::int64_t rerank(const vlp::NoOptions&) { return 4; }
  [[nodiscard]] vlp::Scores scores(const vlp::RetrievalRanks&) const {
    return {{"mean_rank", value}};
  }
  [[nodiscard]] std::int64_t rerank() const { return 4; }
  double value = 0;
};

}  // namespace

BOOST_AUTO_TEST_CASE(a_score_that_is_not_a_number_is_refused_by_name) {
  const vlp::AnyMetric metric = Sum();
  BOOST_TEST(metric.scores(std::vector{2.0}).at(1).second == 2);
  BOOST_CHECK_EXCEPTION((void)metric.scores(std::vector{kNan}), vlp::NonFiniteError,
                        says("metric 'sum': score 'sum' is not a number (got nan, expected a "
                             "finite one). Say what it is where nothing was counted."));
  BOOST_CHECK_EXCEPTION((void)metric.scores(std::vector{kInfinity}), vlp::NonFiniteError,
                        says("score 'sum' is not a number (got inf"));
  BOOST_CHECK_EXCEPTION((void)vlp::AnyMetric(Rank{kNan}).scores(vlp::RetrievalRanks{}),
                        vlp::NonFiniteError, says("metric 'rank': score 'mean_rank' is not"));
}

BOOST_AUTO_TEST_CASE(a_metric_asked_for_what_it_does_not_score_says_what_it_scores) {
  BOOST_CHECK_EXCEPTION((void)vlp::AnyMetric(Sum()).scores(vlp::RetrievalRanks{}), vlp::RecipeError,
                        says("it scores captions (got the ranks of a retrieval)"));
  BOOST_CHECK_EXCEPTION((void)vlp::AnyMetric(Rank()).scores(std::vector{1.0}), vlp::RecipeError,
                        says("it scores a retrieval (got captions)"));
  BOOST_CHECK_EXCEPTION((void)vlp::AnyMetric(Rank()).measure(vlp::CaptionSet({})), vlp::RecipeError,
                        says("it scores a retrieval (got captions)"));
}

BOOST_AUTO_TEST_CASE(what_a_metric_gives_and_needs_is_known_before_it_is_built) {
  const auto of_captions = vlp::AnyMetric::traits<Sum>({});
  BOOST_TEST(of_captions.reads_captions);
  BOOST_TEST(of_captions.rerank == 0);
  BOOST_TEST_REQUIRE(of_captions.scores.size() == 2U);
  BOOST_TEST(!of_captions.scores[0].less_is_better);
  BOOST_TEST(of_captions.scores[1].name == "errors");
  BOOST_TEST(of_captions.scores[1].less_is_better);
  BOOST_TEST((of_captions.needs() == vlp::parts::captions));
  const auto of_ranks = vlp::AnyMetric::traits<Rank>({});
  BOOST_TEST(!of_ranks.reads_captions);
  BOOST_TEST(of_ranks.rerank == 4);
  BOOST_TEST((of_ranks.needs() == (vlp::parts::embeddings | vlp::parts::matching)));
  BOOST_TEST((vlp::retrieval_needs(0) == vlp::parts::embeddings));
}

BOOST_AUTO_TEST_SUITE_END()
