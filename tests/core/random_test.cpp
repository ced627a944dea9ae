#include "vlp/core/random.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <numeric>
#include <set>
#include <vector>

#include <boost/test/unit_test.hpp>

BOOST_AUTO_TEST_SUITE(random_stream)

BOOST_AUTO_TEST_CASE(same_seed_gives_the_same_stream) {
  vlp::RandomStream a(17), b(17), c(18);
  for (int i = 0; i < 100; ++i) {
    const std::uint64_t x = a.next();
    BOOST_TEST(x == b.next());
    BOOST_TEST(x != c.next());
  }
}

BOOST_AUTO_TEST_CASE(derived_streams_differ_and_do_not_advance_their_parent) {
  vlp::RandomStream parent(1), untouched(1);
  std::set<std::uint64_t> firsts{parent.derive("loader").next(), parent.derive("split").next(),
                                 parent.derive(0).next(), parent.derive(1).next(),
                                 parent.derive("loader").derive(0).next()};
  BOOST_TEST(firsts.size() == 5U);
  BOOST_TEST(parent.next() == untouched.next());
}

BOOST_AUTO_TEST_CASE(uniform_numbers_have_the_moments_of_their_distribution) {
  vlp::RandomStream stream(3);
  constexpr int n = 200'000;
  double sum = 0, squares = 0;
  for (int i = 0; i < n; ++i) {
    const double x = stream.uniform();
    BOOST_REQUIRE(x >= 0);
    BOOST_REQUIRE(x < 1);
    sum += x;
    squares += x * x;
  }
  BOOST_TEST(std::abs(sum / n - 0.5) < 5 * std::sqrt(1.0 / 12 / n));  // five standard errors
  BOOST_TEST(std::abs(squares / n - 1.0 / 3) < 5 * std::sqrt(4.0 / 45 / n));
}

BOOST_AUTO_TEST_CASE(below_hits_every_value_equally_often) {
  vlp::RandomStream stream(5);
  std::array<int, 7> counts{};
  constexpr int n = 70'000;
  for (int i = 0; i < n; ++i) ++counts[stream.below(7)];
  double chi2 = 0;
  for (const int count : counts) chi2 += (count - n / 7.0) * (count - n / 7.0) / (n / 7.0);
  BOOST_TEST(chi2 < 22.5);  // 0.1 % point for 6 degrees of freedom
}

BOOST_AUTO_TEST_CASE(shuffle_is_a_permutation_and_moves_things) {
  std::vector<int> items(100);
  std::iota(items.begin(), items.end(), 0);
  vlp::RandomStream stream(7);
  stream.shuffle(std::span<int>(items));
  BOOST_TEST(!std::ranges::is_sorted(items));
  std::ranges::sort(items);
  for (int i = 0; i < 100; ++i) BOOST_TEST(items[static_cast<std::size_t>(i)] == i);
}

BOOST_AUTO_TEST_CASE(a_saved_stream_continues_where_it_stood) {
  vlp::RandomStream stream(11);
  for (int i = 0; i < 13; ++i) stream.next();
  vlp::State state;
  stream.save(state);
  vlp::RandomStream restored(0);
  restored.load(state);
  for (int i = 0; i < 10; ++i) BOOST_TEST(stream.next() == restored.next());
}

BOOST_AUTO_TEST_SUITE_END()
