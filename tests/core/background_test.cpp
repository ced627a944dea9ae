#include "vlp/core/background.hpp"

#include <latch>
#include <memory>
#include <stdexcept>
#include <thread>

#include <boost/test/unit_test.hpp>

BOOST_AUTO_TEST_SUITE(background)

BOOST_AUTO_TEST_CASE(a_task_goes_on_behind_the_one_who_gave_it) {
  std::latch open(1);
  std::thread::id worker;
  vlp::Background thread;
  BOOST_TEST(thread.done());
  BOOST_TEST(!thread.given());
  thread.wait();  // for nothing
  thread.start([&] {
    open.wait();
    worker = std::this_thread::get_id();
  });
  BOOST_TEST(thread.given());
  BOOST_TEST(!thread.done());
  BOOST_CHECK_THROW(thread.start([] {}), vlp::ContractError);
  open.count_down();
  thread.wait();
  BOOST_TEST(thread.done());
  BOOST_TEST(!thread.given());
  BOOST_TEST((worker != std::thread::id() && worker != std::this_thread::get_id()));
}

BOOST_AUTO_TEST_CASE(tasks_come_one_after_another_and_free_what_they_hold) {
  vlp::Background thread;
  const auto held = std::make_shared<int>(0);
  for (int i = 0; i < 100; ++i) {
    thread.start([held] { ++*held; });
    thread.wait();
    BOOST_TEST(held.use_count() == 1);
  }
  BOOST_TEST(*held == 100);
}

BOOST_AUTO_TEST_CASE(a_failure_comes_out_once_where_it_is_waited_for) {
  vlp::Background thread;
  thread.start([] { throw std::out_of_range("full"); });
  BOOST_CHECK_THROW(thread.wait(), std::out_of_range);
  thread.wait();
  bool done = false;
  thread.start([&] { done = true; });
  thread.wait();
  BOOST_TEST(done);
}

BOOST_AUTO_TEST_CASE(the_end_waits_for_a_task_and_drops_its_failure) {
  for (const bool fails : {false, true}) {
    std::latch open(1);
    bool done = false;
    std::jthread opener;
    {
      vlp::Background thread;
      thread.start([&] {
        open.wait();
        done = true;
        if (fails) throw std::runtime_error("nobody asks");
      });
      opener = std::jthread([&] { open.count_down(); });
    }
    BOOST_TEST(done);
  }
}

BOOST_AUTO_TEST_SUITE_END()
