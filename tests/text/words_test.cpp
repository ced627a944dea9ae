#include "vlp/text/words.hpp"

#include <boost/test/unit_test.hpp>

BOOST_AUTO_TEST_SUITE(words)

BOOST_AUTO_TEST_CASE(punctuation_goes_and_case_is_lowered) {
  BOOST_TEST(vlp::simple_tokens("  Two DOGS, one (red) ball!  ") == "two dogs one red ball");
  BOOST_TEST(vlp::simple_tokens("\u00c9t\u00e9, 2.5\u00d73") == "\u00e9t\u00e9 2 5 3");
}

BOOST_AUTO_TEST_CASE(apostrophes_and_hyphens_stay_only_inside_words) {
  BOOST_TEST(vlp::simple_tokens("the girl's t-shirt isn\u2019t 'red' - or- -blue") == "the girl's t-shirt isn't red or blue");
  BOOST_TEST(vlp::simple_tokens("a--b rock-'n'-roll") == "a b rock n roll");
}

BOOST_AUTO_TEST_CASE(nothing_but_punctuation_gives_nothing) {
  BOOST_TEST(vlp::simple_tokens("") == "");
  BOOST_TEST(vlp::simple_tokens("-'.!") == "");
}

BOOST_AUTO_TEST_CASE(tokenizing_twice_changes_nothing) {
  const std::string once = vlp::simple_tokens("A man's half-pipe \u2014 it\u2019s HUGE...");
  BOOST_TEST(vlp::simple_tokens(once) == once);
}

BOOST_AUTO_TEST_SUITE_END()
