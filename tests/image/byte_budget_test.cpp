// What threads may take at once: never more than the limit, in order, and nobody waits for ever.

#include "vlp/image/byte_budget.hpp"

#include <atomic>
#include <cstddef>
#include <thread>
#include <utility>
#include <vector>

#include <boost/test/unit_test.hpp>

BOOST_AUTO_TEST_SUITE(byte_budget)

BOOST_AUTO_TEST_CASE(a_share_is_given_back_once) {
  vlp::ByteBudget budget(100);
  {
    vlp::ByteShare first = budget.take(60), second = budget.take(40);
    BOOST_TEST(budget.used() == 100U);
    const vlp::ByteShare moved = std::move(first);
    BOOST_TEST(moved.bytes() == 60U);
    BOOST_TEST(budget.used() == 100U);
    second.release();
    second.release();
    BOOST_TEST(budget.used() == 60U);
  }
  BOOST_TEST(budget.used() == 0U);
}

BOOST_AUTO_TEST_CASE(what_is_larger_than_the_budget_passes_alone) {
  vlp::ByteBudget budget(100);
  const vlp::ByteShare all = budget.take(1000);
  BOOST_TEST(budget.used() == 1000U);
}

BOOST_AUTO_TEST_CASE(many_threads_never_hold_more_than_the_limit_and_all_get_theirs) {
  constexpr std::size_t limit = 100;
  vlp::ByteBudget budget(limit);
  std::atomic<std::size_t> held = 0, alone = 0, served = 0;
  std::atomic<bool> too_much = false;
  {
    std::vector<std::jthread> threads;
    for (std::size_t thread = 0; thread < 8; ++thread)
      threads.emplace_back([&, thread] {
        for (std::size_t i = 0; i < 300; ++i) {
          const bool large = (i + thread) % 50 == 0;
          const std::size_t bytes = large ? 5 * limit : 1 + (7 * i + 13 * thread) % limit;
          const vlp::ByteShare share = budget.take(bytes);
          if (large) ++alone;
          const std::size_t now = held += bytes;
          if (now > limit && (!large || now != bytes)) too_much = true;
          std::this_thread::yield();
          held -= bytes;
          ++served;
        }
      });
  }
  BOOST_TEST(!too_much);
  BOOST_TEST(served == 8U * 300U);
  BOOST_TEST(alone > 0U);
  BOOST_TEST(budget.used() == 0U);
}

BOOST_AUTO_TEST_SUITE_END()
