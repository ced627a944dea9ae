#include "vlp/text/ngrams.hpp"

#include <boost/test/unit_test.hpp>

#include <set>
#include <string>

BOOST_AUTO_TEST_SUITE(ngrams)

BOOST_AUTO_TEST_CASE(repeated_ngrams_are_counted_by_order) {
  vlp::NGramIds ids;
  const vlp::NGramCounts counts = ids.count("a b a b a");
  BOOST_TEST(counts.words == 5U);
  BOOST_TEST(counts.of_order(1).size() == 2U);  // a, b
  BOOST_TEST(counts.of_order(2).size() == 2U);  // a b, b a
  BOOST_TEST(counts.of_order(3).size() == 2U);  // a b a, b a b
  BOOST_TEST(counts.of_order(4).size() == 2U);
  BOOST_TEST(counts.of_order(1)[0].count == 3U);
  BOOST_TEST(counts.of_order(1)[1].count == 2U);
  BOOST_TEST(counts.of_order(2)[0].count == 2U);
  BOOST_TEST(counts.of_order(3)[0].count == 2U);
  BOOST_TEST(counts.of_order(4)[0].count == 1U);
  BOOST_TEST(ids.size() == 8U);
}

BOOST_AUTO_TEST_CASE(short_captions_lack_the_higher_orders) {
  vlp::NGramIds ids;
  BOOST_TEST(ids.count("").entries.empty());
  const vlp::NGramCounts two = ids.count("red ball");
  BOOST_TEST(two.of_order(2).size() == 1U);
  BOOST_TEST(two.of_order(3).empty());
  BOOST_TEST(two.of_order(4).empty());
}

BOOST_AUTO_TEST_CASE(equal_ngrams_share_an_id_and_others_do_not) {
  vlp::NGramIds ids;
  std::set<std::uint32_t> seen;
  for (int i = 0; i < 2000; ++i) {  // enough to make the table grow several times
    const std::string caption = "w" + std::to_string(i) + " v" + std::to_string(i);
    const vlp::NGramCounts first = ids.count(caption);
    const vlp::NGramCounts again = ids.count(caption);
    for (std::size_t e = 0; e < first.entries.size(); ++e) {
      BOOST_REQUIRE(first.entries[e].id == again.entries[e].id);
      seen.insert(first.entries[e].id);
    }
  }
  BOOST_TEST(seen.size() == 6000U);
  BOOST_TEST(ids.size() == 6000U);
}

BOOST_AUTO_TEST_CASE(only_shared_ngrams_are_visited) {
  vlp::NGramIds ids;
  const vlp::NGramCounts left = ids.count("a red ball on a mat");
  const vlp::NGramCounts right = ids.count("the red ball a");
  int shared = 0;
  vlp::for_each_shared(left.of_order(1), right.of_order(1), [&](const vlp::NGramCount& a, const vlp::NGramCount& b) {
    BOOST_TEST(a.id == b.id);
    ++shared;
  });
  BOOST_TEST(shared == 3);  // a, red, ball
  shared = 0;
  vlp::for_each_shared(left.of_order(2), right.of_order(2), [&](const vlp::NGramCount&, const vlp::NGramCount&) { ++shared; });
  BOOST_TEST(shared == 1);  // red ball
}

BOOST_AUTO_TEST_CASE(a_no_break_space_separates_words) {
  vlp::NGramIds ids;
  BOOST_TEST(ids.count("2\u00a01/2 cups").words == 3U);
}

BOOST_AUTO_TEST_SUITE_END()
