#include "vlp/text/clean_up.hpp"

#include <boost/test/unit_test.hpp>

BOOST_AUTO_TEST_SUITE(clean_up)

BOOST_AUTO_TEST_CASE(blanks_before_punctuation_and_around_apostrophes_go) {
  BOOST_TEST(vlp::cleaned_up("a woman ' s hat .") == "a woman's hat.");
  BOOST_TEST(vlp::cleaned_up("what ? no ! yes , no") == "what? no! yes, no");
  BOOST_TEST(vlp::cleaned_up("he do n't 'm 's 've 're") == "he don't'm's've're");
  BOOST_TEST(vlp::cleaned_up("the dogs ' bone") == "the dogs'bone");
}

BOOST_AUTO_TEST_CASE(the_rest_stays) {
  BOOST_TEST(vlp::cleaned_up("") == "");
  BOOST_TEST(vlp::cleaned_up("it's 1 - 2; 'tis") == "it's 1 - 2; 'tis");
  BOOST_TEST(vlp::cleaned_up("a ' ' b") == "a'' b");  // one pass from left to right, no overlap
}

BOOST_AUTO_TEST_CASE(what_is_clean_does_not_change) {
  const std::string once = vlp::cleaned_up("a man ' s dog , isn 't it ?");
  BOOST_TEST(vlp::cleaned_up(once) == once);
}

BOOST_AUTO_TEST_SUITE_END()
