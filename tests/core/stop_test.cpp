#include "vlp/core/stop.hpp"

#include <chrono>
#include <string>

#include <boost/test/unit_test.hpp>

BOOST_AUTO_TEST_SUITE(stop)

BOOST_AUTO_TEST_CASE(nothing_asked_goes_on_and_a_reason_ends) {
  BOOST_TEST(vlp::Stop().why() == "");
  vlp::Stop().check();
  std::string reason;
  const vlp::Stop stop([&] { return reason; });
  BOOST_TEST(stop.why() == "");
  reason = "interrupted by SIGTERM";
  BOOST_TEST(stop.why() == reason);
  BOOST_CHECK_EXCEPTION(stop.check(), vlp::InterruptedError, [](const vlp::InterruptedError& e) {
    return std::string(e.what()) == "interrupted by SIGTERM" &&
           e.code() == vlp::ExitCode::interrupted;
  });
}

BOOST_AUTO_TEST_CASE(a_deadline_ends_once_it_is_over) {
  const auto now = std::chrono::steady_clock::now();
  vlp::Stop stop;
  stop.add_deadline(now + std::chrono::hours(1), "too late");
  BOOST_TEST(stop.why() == "");
  stop.add_deadline(now, "too late");
  BOOST_TEST(stop.why() == "too late");
}

BOOST_AUTO_TEST_SUITE_END()
