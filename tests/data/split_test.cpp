#include "vlp/data/split.hpp"

#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <numeric>
#include <set>
#include <string>
#include <vector>

BOOST_AUTO_TEST_SUITE(split)

using vlp::RandomStream;
using vlp::RecipeError;
using vlp::split_images;
using vlp::SplitIndices;
using vlp::SplitShares;

namespace {

std::vector<std::string> make_ids(std::size_t count) {
  std::vector<std::string> ids(count);
  for (std::size_t i = 0; i < count; ++i) ids[i] = std::to_string(1'000'000 + i) + ".jpg";
  return ids;
}

std::set<std::string> names(const std::vector<std::string>& ids,
                            const std::vector<std::size_t>& part) {
  std::set<std::string> set;
  for (const std::size_t i : part) set.insert(ids[i]);
  return set;
}

}  // namespace

BOOST_AUTO_TEST_CASE(the_report_s_share_of_flickr30k_gives_10170_1271_1272_images) {
  const SplitIndices parts = split_images(make_ids(31'783), 0.4, {}, RandomStream(17));
  BOOST_TEST(parts.train.size() == 10'170);
  BOOST_TEST(parts.validation.size() == 1'271);
  BOOST_TEST(parts.test.size() == 1'272);
}

BOOST_AUTO_TEST_CASE(floating_error_does_not_lose_an_image) {
  BOOST_TEST(vlp::share_of(100, 0.29) == 29);
  BOOST_TEST(vlp::share_of(10, 0.7) == 7);
  BOOST_TEST(vlp::share_of(31'783, 0.4) == 12'713);
  BOOST_TEST(vlp::share_of(3, 1.0) == 3);
  BOOST_TEST(vlp::share_of(0, 1.0) == 0);
}

BOOST_AUTO_TEST_CASE(splits_are_disjoint_cover_everything_and_keep_the_dataset_s_order) {
  const SplitIndices parts = split_images(make_ids(101), 1.0, {0.5, 0.25, 0.25}, RandomStream(3));
  std::vector<std::size_t> all;
  for (const auto* part : {&parts.train, &parts.validation, &parts.test}) {
    BOOST_TEST(std::ranges::is_sorted(*part));
    all.insert(all.end(), part->begin(), part->end());
  }
  std::ranges::sort(all);
  std::vector<std::size_t> expected(101);
  std::iota(expected.begin(), expected.end(), std::size_t{0});
  BOOST_TEST(all == expected, boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(the_order_of_the_file_does_not_matter) {
  const std::vector<std::string> ids = make_ids(60);
  std::vector<std::string> reversed = ids;
  std::ranges::reverse(reversed);
  const SplitIndices a = split_images(ids, 0.5, {}, RandomStream(17)),
                     b = split_images(reversed, 0.5, {}, RandomStream(17));
  BOOST_TEST((names(ids, a.train) == names(reversed, b.train)));
  BOOST_TEST((names(ids, a.test) == names(reversed, b.test)));
}

BOOST_AUTO_TEST_CASE(the_seed_decides) {
  const std::vector<std::string> ids = make_ids(60);
  BOOST_TEST((split_images(ids, 0.5, {}, RandomStream(1)).train ==
              split_images(ids, 0.5, {}, RandomStream(1)).train));
  BOOST_TEST((split_images(ids, 0.5, {}, RandomStream(1)).train !=
              split_images(ids, 0.5, {}, RandomStream(2)).train));
}

BOOST_AUTO_TEST_CASE(a_share_of_zero_gives_an_empty_split) {
  const SplitIndices parts = split_images(make_ids(12), 1.0, {0.8, 0.2, 0.0}, RandomStream(1));
  BOOST_TEST(parts.train.size() == 9);
  BOOST_TEST(parts.validation.size() == 3);
  BOOST_TEST(parts.test.empty());
}

BOOST_AUTO_TEST_CASE(shares_that_do_not_sum_to_one_are_refused) {
  BOOST_CHECK_EXCEPTION(
      (void)split_images(make_ids(3), 1.0, {0.8, 0.2, 0.1}, RandomStream(1)), RecipeError,
      [](const RecipeError& error) {
        return std::string(error.what()) ==
               "split: the shares don't sum to 1 (got train 0.800000 + validation 0.200000 + test "
               "0.100000 = 1.100000, expected 1). Change one "
               "of them.";
      });
  BOOST_CHECK_THROW((void)split_images(make_ids(3), 1.0, {1.5, -0.5, 0.0}, RandomStream(1)),
                    RecipeError);
  BOOST_CHECK_NO_THROW(
      (void)split_images(make_ids(3), 1.0, {0.8, 0.1, 0.1000005}, RandomStream(1)));
}

BOOST_AUTO_TEST_CASE(a_subset_out_of_range_is_refused) {
  for (const double subset : {0.0, -0.1, 1.01})
    BOOST_CHECK_EXCEPTION(
        (void)split_images(make_ids(3), subset, {}, RandomStream(1)), RecipeError,
        [](const RecipeError& error) {
          return std::string(error.what()).starts_with("subset: out of range (got ");
        });
}

BOOST_AUTO_TEST_SUITE_END()
