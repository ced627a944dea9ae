#include "vlp/core/parallel.hpp"

#include <boost/test/unit_test.hpp>

#include <atomic>
#include <cstddef>
#include <stdexcept>
#include <vector>

BOOST_AUTO_TEST_SUITE(parallel)

BOOST_AUTO_TEST_CASE(every_item_is_visited_once) {
  for (const std::int64_t threads : {0, 1, 2, 7, 50})
    for (const std::size_t count : {0, 1, 2, 13}) {
      std::vector<int> seen(count);
      vlp::parallel_for(threads, count, [&](std::size_t begin, std::size_t end) {
        for (std::size_t i = begin; i < end; ++i) ++seen[i];
      });
      for (const int times : seen) BOOST_TEST(times == 1);
    }
}

BOOST_AUTO_TEST_CASE(little_work_gets_few_threads) {
  BOOST_TEST(vlp::threads_for(8, 0, 100) == 1);
  BOOST_TEST(vlp::threads_for(8, 250, 100) == 3);
  BOOST_TEST(vlp::threads_for(2, 1000, 100) == 2);
  BOOST_TEST(vlp::threads_for(0) >= 1);
}

BOOST_AUTO_TEST_CASE(an_exception_reaches_the_caller_after_all_blocks) {
  std::atomic<int> finished = 0;
  const auto work = [&](std::size_t begin, std::size_t) {
    if (begin == 0) throw std::runtime_error("first");
    ++finished;
    throw std::logic_error("later");
  };
  BOOST_CHECK_THROW(vlp::parallel_for(3, 3, work), std::runtime_error);
  BOOST_TEST(finished == 2);
}

BOOST_AUTO_TEST_SUITE_END()
