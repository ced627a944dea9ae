#include "vlp/data/worker_pool.hpp"

#include <boost/test/unit_test.hpp>

#include <atomic>
#include <future>
#include <vector>

BOOST_AUTO_TEST_SUITE(worker_pool)

using vlp::WorkerPool;

BOOST_AUTO_TEST_CASE(every_task_runs_and_every_thread_is_set_up_first) {
  std::atomic<int> started = 0;
  WorkerPool pool(3, [&] { ++started; });
  BOOST_TEST(started == 3);
  std::vector<std::promise<int>> results(100);
  for (int i = 0; i < 100; ++i)
    pool.submit([&, i] { results[static_cast<std::size_t>(i)].set_value(i * i); });
  for (int i = 0; i < 100; ++i)
    BOOST_TEST(results[static_cast<std::size_t>(i)].get_future().get() == i * i);
}

BOOST_AUTO_TEST_CASE(discarded_tasks_do_not_run_and_the_running_one_ends) {
  std::promise<void> running, go_on;
  std::atomic<int> done = 0;
  {
    WorkerPool pool(1);
    pool.submit([&] {
      running.set_value();
      go_on.get_future().wait();
      ++done;
    });
    for (int i = 0; i < 50; ++i) pool.submit([&] { done += 100; });
    running.get_future().wait();
    pool.discard();
    go_on.set_value();
  }
  BOOST_TEST(done == 1);
}

BOOST_AUTO_TEST_SUITE_END()
