// Intervals and p-values: against plain implementations, against what theory says of synthetic
// rows, and whatever the number of threads.

#include "vlp/scoring/confidence.hpp"

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <numbers>
#include <stdexcept>
#include <string>
#include <vector>

#include <boost/test/unit_test.hpp>

#include "vlp/scoring/resample.hpp"

BOOST_AUTO_TEST_SUITE(confidence)

namespace {

using vlp::AnyMetric;
using vlp::ConfidenceOptions;
using vlp::ImageStatistics;
using vlp::RandomStream;
using vlp::Scores;

/// Columns: a value, 1. The score is the mean.
struct Mean {
  ImageStatistics measure(const vlp::CaptionSet&) const { return {}; }
  Scores scores(std::span<const double> sums) const {
    return {{"mean", sums[1] > 0 ? sums[0] / sums[1] : 0}};
  }
};

/// Columns: a, b. Not linear in the rows, as BLEU; "rare" is there only where b is.
struct Ratio {
  ImageStatistics measure(const vlp::CaptionSet&) const { return {}; }
  Scores scores(std::span<const double> sums) const {
    Scores scores{{"ratio", sums[0] / (sums[0] + sums[1] + 1)}};
    if (sums[1] > 0) scores.emplace_back("rare", sums[1]);
    return scores;
  }
};

std::vector<AnyMetric> mean_alone() {
  std::vector<AnyMetric> metrics;
  metrics.emplace_back(Mean{});
  return metrics;
}

std::vector<AnyMetric> both() {
  std::vector<AnyMetric> metrics = mean_alone();
  metrics.emplace_back(Ratio{});
  return metrics;
}

ImageStatistics rows_of(const std::vector<double>& values) {
  ImageStatistics rows(values.size(), 2);
  for (std::size_t i = 0; i < values.size(); ++i) {
    rows.row(i)[0] = values[i];
    rows.row(i)[1] = 1;
  }
  return rows;
}

/// Normal with mean 0 and variance 1 (Box and Muller 1958).
std::vector<double> normal_values(std::size_t count, RandomStream random, double shift = 0) {
  std::vector<double> values(count);
  for (double& value : values)
    value = shift + std::sqrt(-2 * std::log(1 - random.uniform())) *
                        std::cos(2 * std::numbers::pi * random.uniform());
  return values;
}

/// Counts from 0 to 6, b often 0.
ImageStatistics counts(std::size_t images, RandomStream random) {
  ImageStatistics rows(images, 2);
  for (std::size_t i = 0; i < images; ++i) {
    rows.row(i)[0] = static_cast<double>(random.below(7));
    rows.row(i)[1] = random.below(40) == 0 ? 1 : 0;
  }
  return rows;
}

/// Sums in another order; all values are of the order of 1.
constexpr double kRounding = 1e-12;

void check_equal(const vlp::Intervals& a, const vlp::Intervals& b) {
  BOOST_REQUIRE(a.size() == b.size());
  for (std::size_t i = 0; i < a.size(); ++i) {
    BOOST_TEST(a[i].first == b[i].first);
    BOOST_TEST(a[i].second.low == b[i].second.low);
    BOOST_TEST(a[i].second.high == b[i].second.high);
  }
}

}  // namespace

BOOST_AUTO_TEST_CASE(percentiles_are_interpolated_as_numpy_does) {
  // numpy.percentile([3, 1, 4, 1, 5, 9, 2, 6], [2.5, 97.5]) = [1.0, 8.475]; of [7, 10] with 5 and
  // 95: [7.15, 9.85].
  const vlp::Interval wide = vlp::central_interval({3, 1, 4, 1, 5, 9, 2, 6}, 0.95);
  BOOST_TEST(std::abs(wide.low - 1.0) < kRounding);
  BOOST_TEST(std::abs(wide.high - 8.475) < kRounding);
  const vlp::Interval pair = vlp::central_interval({7, 10}, 0.9);
  BOOST_TEST(std::abs(pair.low - 7.15) < kRounding);
  BOOST_TEST(std::abs(pair.high - 9.85) < kRounding);
  const vlp::Interval one = vlp::central_interval({2}, 0.5);
  BOOST_TEST(one.low == 2);
  BOOST_TEST(one.high == 2);
}

BOOST_AUTO_TEST_CASE(intervals_equal_those_of_rows_that_are_drawn_one_by_one) {
  const std::vector<AnyMetric> metrics = both();
  const std::vector<ImageStatistics> rows{rows_of(normal_values(37, RandomStream(1))),
                                          counts(37, RandomStream(2))};
  const ConfidenceOptions options{.level = 0.8, .resamples = 203, .seed = 5};
  const vlp::Intervals intervals = vlp::confidence_intervals(metrics, rows, options);

  std::vector<double> means, ratios, rares;
  for (std::uint64_t k = 0; k < 203; ++k) {
    RandomStream random = RandomStream(5).derive("bootstrap").derive(k);
    std::vector<double> a(2), b(2);
    for (int draw = 0; draw < 37; ++draw) {
      const auto image =
          static_cast<std::size_t>(static_cast<unsigned __int128>(random.next()) * 37 >> 64);
      for (std::size_t column = 0; column < 2; ++column) {
        a[column] += rows[0].row(image)[column];
        b[column] += rows[1].row(image)[column];
      }
    }
    means.push_back(Mean{}.scores(a)[0].second);
    const Scores scores = Ratio{}.scores(b);
    ratios.push_back(scores[0].second);
    if (scores.size() > 1) rares.push_back(scores[1].second);
  }
  BOOST_TEST(rares.size() < 203U, "some resample has no such image");
  BOOST_REQUIRE(intervals.size() == 3U);
  const std::vector<std::pair<std::string, std::vector<double>>> plain{
      {"mean", means}, {"ratio", ratios}, {"rare", rares}};
  for (std::size_t i = 0; i < 3; ++i) {
    const vlp::Interval expected = vlp::central_interval(plain[i].second, 0.8);
    BOOST_TEST(intervals[i].first == plain[i].first);
    BOOST_TEST(std::abs(intervals[i].second.low - expected.low) < kRounding);
    BOOST_TEST(std::abs(intervals[i].second.high - expected.high) < kRounding);
  }
}

BOOST_AUTO_TEST_CASE(threads_change_no_digit) {
  const std::vector<AnyMetric> metrics = both();
  const std::vector<ImageStatistics> rows{rows_of(normal_values(100, RandomStream(1))),
                                          counts(100, RandomStream(2))};
  const std::vector<ImageStatistics> baseline{rows_of(normal_values(100, RandomStream(3))),
                                              counts(100, RandomStream(4))};
  const vlp::Intervals intervals = vlp::confidence_intervals(metrics, rows, {.resamples = 50});
  const auto differences = vlp::paired_differences(metrics, rows, baseline, {.resamples = 50});
  for (const std::int64_t threads : {2, 5, 0}) {
    check_equal(vlp::confidence_intervals(metrics, rows, {.resamples = 50, .threads = threads}),
                intervals);
    const auto again =
        vlp::paired_differences(metrics, rows, baseline, {.resamples = 50, .threads = threads});
    BOOST_REQUIRE(again.size() == differences.size());
    for (std::size_t i = 0; i < again.size(); ++i) {
      BOOST_TEST(again[i].p == differences[i].p);
      BOOST_TEST(again[i].interval.low == differences[i].interval.low);
    }
  }
}

BOOST_AUTO_TEST_CASE(seeds_draw_other_images_and_more_resamples_keep_the_first_ones) {
  const ImageStatistics rows = rows_of(normal_values(50, RandomStream(1)));
  const auto sums = [&](std::size_t draws, std::uint64_t seed) {
    return vlp::weighted_sums(rows, draws, RandomStream(seed), 1, vlp::draw_with_replacement);
  };
  const std::vector<double> few = sums(5, 0), many = sums(9, 0);
  BOOST_TEST(std::vector<double>(many.begin(), many.begin() + 10) == few,
             boost::test_tools::per_element());
  BOOST_TEST(sums(5, 1)[0] != few[0]);
  BOOST_TEST(few[1] == 50, "as many images are drawn as there are");
}

BOOST_AUTO_TEST_CASE(intervals_cover_the_truth_as_often_as_they_say) {
  // A percentile interval of 60 normal values covers their expectation a little less often than it
  // says: 94.2 % here. Of 1,000 trials: standard deviation 0.7 %; four of them on both sides.
  constexpr int trials = 1000;
  constexpr double expected = 0.942, allowed = 0.03;
  const std::vector<AnyMetric> metrics = mean_alone();
  int covered = 0;
  for (int trial = 0; trial < trials; ++trial) {
    const std::vector<ImageStatistics> rows{
        rows_of(normal_values(60, RandomStream(7).derive(static_cast<std::uint64_t>(trial))))};
    const vlp::Interval interval =
        vlp::confidence_intervals(metrics, rows,
                                  {.resamples = 300, .seed = static_cast<std::uint64_t>(trial)})[0]
            .second;
    covered += interval.low <= 0 && 0 <= interval.high;
  }
  BOOST_TEST(std::abs(covered / static_cast<double>(trials) - expected) < allowed,
             "covered " << covered << " of " << trials);
}

BOOST_AUTO_TEST_CASE(equal_models_are_seldom_told_apart) {
  // p <= 0.05 in 5 % of 1,000 trials: standard deviation 0.7 %; four of them on both sides.
  constexpr int trials = 1000;
  constexpr double expected = 0.05, allowed = 0.028;
  const std::vector<AnyMetric> metrics = mean_alone();
  int told_apart = 0;
  for (int trial = 0; trial < trials; ++trial) {
    const RandomStream random = RandomStream(11).derive(static_cast<std::uint64_t>(trial));
    const std::vector<ImageStatistics> a{rows_of(normal_values(40, random.derive("a")))},
        b{rows_of(normal_values(40, random.derive("b")))};
    told_apart +=
        vlp::paired_differences(metrics, a, b,
                                {.resamples = 199, .seed = static_cast<std::uint64_t>(trial)})[0]
            .p <= 0.05;
  }
  BOOST_TEST(std::abs(told_apart / static_cast<double>(trials) - expected) < allowed,
             "told apart " << told_apart << " of " << trials);
}

BOOST_AUTO_TEST_CASE(a_clear_difference_has_the_smallest_p) {
  const std::vector<ImageStatistics> better{rows_of(normal_values(100, RandomStream(1), 2))},
      worse{rows_of(normal_values(100, RandomStream(2)))};
  const auto found = vlp::paired_differences(mean_alone(), better, worse, {});
  BOOST_REQUIRE(found.size() == 1U);
  BOOST_TEST(found[0].name == "mean");
  BOOST_TEST(found[0].p == 1.0 / 1001);
  BOOST_TEST(found[0].interval.low > 1);
  BOOST_TEST(found[0].interval.low < found[0].difference);
  BOOST_TEST(found[0].difference < found[0].interval.high);
}

BOOST_AUTO_TEST_CASE(p_is_the_share_of_all_swaps_that_go_as_far) {
  // Three images, each better by 1: of the 8 ways to swap 2 go as far. 4,000 draws: standard
  // deviation 0.7 %, four of them.
  constexpr double expected = 0.25, allowed = 0.028;
  const std::vector<ImageStatistics> a{rows_of({2, 3, 4})}, b{rows_of({1, 2, 3})};
  const auto found = vlp::paired_differences(mean_alone(), a, b, {.resamples = 4000});
  BOOST_TEST(std::abs(found[0].p - expected) < allowed, found[0].p);
  BOOST_TEST(std::abs(found[0].difference - 1) < kRounding);
}

BOOST_AUTO_TEST_CASE(a_model_does_not_differ_from_itself) {
  const std::vector<ImageStatistics> rows{rows_of(normal_values(30, RandomStream(1))),
                                          counts(30, RandomStream(3))};
  for (const vlp::ScoreDifference& score :
       vlp::paired_differences(both(), rows, rows, {.resamples = 100})) {
    BOOST_TEST(score.difference == 0);
    BOOST_TEST(score.interval.low == 0);
    BOOST_TEST(score.interval.high == 0);
    BOOST_TEST(score.p == 1);
  }
}

BOOST_AUTO_TEST_CASE(exchanged_models_give_the_opposite_difference_and_the_same_p) {
  const std::vector<ImageStatistics> a{rows_of(normal_values(30, RandomStream(1), 0.2))},
      b{rows_of(normal_values(30, RandomStream(2)))};
  const auto there = vlp::paired_differences(mean_alone(), a, b, {}),
             back = vlp::paired_differences(mean_alone(), b, a, {});
  BOOST_TEST(there[0].difference == -back[0].difference);
  BOOST_TEST(std::abs(there[0].interval.low + back[0].interval.high) < kRounding);
  BOOST_TEST(there[0].p == back[0].p);
  BOOST_TEST(there[0].p < 1);
}

BOOST_AUTO_TEST_CASE(options_and_rows_that_make_no_sense_are_refused) {
  const std::vector<AnyMetric> metrics = mean_alone();
  const std::vector<ImageStatistics> rows{rows_of({1, 2})}, longer{rows_of({1, 2, 3})},
      none{ImageStatistics(0, 2)};
  for (const double level : {0.0, 1.0, -1.0, std::nan("")})
    BOOST_CHECK_THROW((void)vlp::confidence_intervals(metrics, rows, {.level = level}),
                      std::invalid_argument);
  BOOST_CHECK_THROW((void)vlp::confidence_intervals(metrics, rows, {.resamples = 0}),
                    std::invalid_argument);
  BOOST_CHECK_THROW((void)vlp::confidence_intervals(metrics, none, {}), std::invalid_argument);
  BOOST_CHECK_THROW((void)vlp::confidence_intervals(both(), rows, {}), std::invalid_argument);
  BOOST_CHECK_THROW((void)vlp::paired_differences(metrics, rows, longer, {}),
                    std::invalid_argument);
}

BOOST_AUTO_TEST_SUITE_END()
