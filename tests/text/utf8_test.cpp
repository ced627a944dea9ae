#include "vlp/text/utf8.hpp"

#include <boost/test/unit_test.hpp>

#include <string_view>

BOOST_AUTO_TEST_SUITE(utf8)

BOOST_AUTO_TEST_CASE(the_prefix_ends_where_the_first_bad_character_begins) {
  using vlp::utf8_prefix;
  for (const std::string_view good :
       {"", "a", "\u00e9", "\u20ac", "\U0001F600", "\uD7FF", "\uE000", "\U0010FFFF"})
    BOOST_TEST(utf8_prefix(good) == good.size());
  for (const std::string_view bad :
       {"a\x80", "a\xC1\xBF", "a\xE0\x9F\xBF", "a\xED\xA0\x80", "a\xF0\x8F\xBF\xBF",
        "a\xF4\x90\x80\x80", "a\xF5", "a\xE2\x82", "a\xC3"})
    BOOST_TEST(utf8_prefix(bad) == 1U);
}

BOOST_AUTO_TEST_SUITE_END()
