#include "plugins/metric/recall.hpp"

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include <boost/test/unit_test.hpp>

#include "tests/support/score_named.hpp"
#include "vlp/scoring/caption_set.hpp"

BOOST_AUTO_TEST_SUITE(recall)

namespace {

using vlp_test::score;

std::vector<std::string> names(const vlp::Scores& scores) {
  std::vector<std::string> names;
  for (const auto& [name, value] : scores) names.push_back(name);
  return names;
}

vlp::Recall rerank(std::int64_t k) { return vlp::Recall(vlp::Recall::Options{.rerank = k}); }

}  // namespace

BOOST_AUTO_TEST_CASE(percentages_are_those_counted_by_hand) {
  const vlp::RetrievalRanks ranks{.by_similarity = {{0, 1, 4, 30}, {0, 0, 5, 9, 10}},
                                  .reranked = {}};
  const vlp::Scores scores = vlp::Recall().scores(ranks);
  BOOST_TEST((scores == vlp::Scores{{"TR@1", 25.0},
                                    {"TR@5", 75.0},
                                    {"TR@10", 75.0},
                                    {"IR@1", 40.0},
                                    {"IR@5", 40.0},
                                    {"IR@10", 80.0},
                                    {"TR_mean", 175.0 / 3},
                                    {"IR_mean", 160.0 / 3},
                                    {"R_mean", (175.0 / 3 + 160.0 / 3) / 2}}));
}

BOOST_AUTO_TEST_CASE(reranked_ranks_decide_and_those_by_similarity_stand_beside_them) {
  const vlp::RetrievalRanks ranks{.by_similarity = {{3}, {7, 0}},
                                  .reranked = vlp::Ranks{{0}, {2, 0}}};
  const vlp::Scores scores = rerank(8).scores(ranks);
  BOOST_TEST(scores.size() == 18U);
  BOOST_TEST(score(scores, "TR@1") == 100);
  BOOST_TEST(score(scores, "IR@5") == 100);
  BOOST_TEST(score(scores, "ITC_TR@1") == 0);
  BOOST_TEST(score(scores, "ITC_IR@5") == 50);
  BOOST_TEST(score(scores, "ITC_R_mean") == (200.0 / 3 + 200.0 / 3) / 2);
}

BOOST_AUTO_TEST_CASE(names_are_the_same_without_any_rank_and_values_are_zero) {
  for (const std::int64_t k : {0, 16}) {
    const vlp::RetrievalRanks some{.by_similarity = {{0}, {0}}, .reranked = {}};
    BOOST_TEST(names(rerank(k).scores(vlp::RetrievalRanks{})) == names(rerank(k).scores(some)),
               boost::test_tools::per_element());
    for (const auto& [name, value] : rerank(k).scores(vlp::RetrievalRanks{}))
      BOOST_TEST(value == 0, name);
  }
}

BOOST_AUTO_TEST_CASE(the_order_of_queries_does_not_matter) {
  const vlp::RetrievalRanks one{.by_similarity = {{0, 4, 11}, {2, 0}}, .reranked = {}};
  const vlp::RetrievalRanks other{.by_similarity = {{11, 0, 4}, {0, 2}}, .reranked = {}};
  BOOST_TEST((vlp::Recall().scores(one) == vlp::Recall().scores(other)));
}

BOOST_AUTO_TEST_CASE(it_needs_embeddings_and_to_rerank_a_matching_head_as_well) {
  BOOST_TEST(
      (vlp::AnyMetric::traits<vlp::Recall>({.rerank = 0}).needs() == vlp::parts::embeddings));
  BOOST_TEST((vlp::AnyMetric::traits<vlp::Recall>({.rerank = 1}).needs() ==
              (vlp::parts::embeddings | vlp::parts::matching)));
}

BOOST_AUTO_TEST_CASE(as_any_metric_it_reads_ranks_and_refuses_captions) {
  const vlp::AnyMetric metric = rerank(5);
  BOOST_TEST(metric.reads_ranks());
  BOOST_TEST(!metric.reads_captions());
  BOOST_TEST(metric.rerank() == 5);
  BOOST_CHECK_EXCEPTION(
      (void)metric.measure(vlp::CaptionSet({})), vlp::RecipeError,
      [](const vlp::RecipeError& error) {
        return std::string(error.what()) ==
               "metric: it scores a retrieval (got captions). Choose a metric of captions.";
      });
}

BOOST_AUTO_TEST_SUITE_END()
