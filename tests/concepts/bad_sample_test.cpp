#include "vlp/concepts/bad_sample.hpp"

#include <cstdint>

#include <boost/test/unit_test.hpp>

BOOST_AUTO_TEST_SUITE(bad_sample)

BOOST_AUTO_TEST_CASE(a_share_of_a_split_is_rounded_up_and_never_all_of_it) {
  using vlp::OnBad;
  const auto allowed = [](double share, std::int64_t most, std::int64_t images) {
    return vlp::BadSampleLimits{OnBad::skip, share, most}.allowed(images);
  };
  BOOST_TEST(allowed(0.01, 1000, 40) == 1);
  BOOST_TEST(allowed(0.01, 1000, 100) == 1);
  BOOST_TEST(allowed(0.01, 1000, 101) == 2);
  BOOST_TEST(allowed(0.07, 1000, 100) == 7, "0.07 * 100 is a little more than 7 in float64");
  BOOST_TEST(allowed(0.01, 1000, 31'783) == 318);
  BOOST_TEST(allowed(0.01, 1000, 3'000'000) == 1000);
  BOOST_TEST(allowed(1, 1000, 8) == 7);
  BOOST_TEST(allowed(1, 1000, 1) == 0);
  BOOST_TEST(allowed(0.01, 1000, 0) == 0);
  BOOST_TEST(allowed(0, 1000, 40) == 0);
  BOOST_TEST(allowed(0.5, 0, 40) == 0);
  BOOST_TEST(vlp::BadSampleLimits{}.allowed(1'000'000) == 0, "unless asked to, none");
}

BOOST_AUTO_TEST_SUITE_END()
