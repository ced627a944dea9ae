#include "vlp/core/text_lines.hpp"

#include <sstream>
#include <string>
#include <vector>

#include <boost/test/unit_test.hpp>

BOOST_AUTO_TEST_SUITE(text_lines)

namespace {

std::vector<std::string> lines_in(const std::string& text) {
  std::istringstream in(text);
  vlp::TextLines lines(in);
  std::vector<std::string> all;
  while (auto line = lines.next()) all.push_back(*line);
  return all;
}

using Lines = std::vector<std::string>;

}  // namespace

BOOST_AUTO_TEST_CASE(lines_end_with_lf_or_crlf_and_the_last_with_the_text) {
  BOOST_TEST((lines_in("a\nb\r\nc") == Lines{"a", "b", "c"}));
  BOOST_TEST((lines_in("a\n\r\n\nb\n") == Lines{"a", "", "", "b"}));
  BOOST_TEST((lines_in("a\rb\n") == Lines{"a\rb"}), "a carriage return inside a line is its own");
  BOOST_TEST(lines_in("").empty());
}

BOOST_AUTO_TEST_CASE(a_byte_order_mark_counts_at_the_beginning_alone) {
  const std::string mark = "\xEF\xBB\xBF";
  BOOST_TEST((lines_in(mark + "a\n" + mark + "b") == Lines{"a", mark + "b"}));
  BOOST_TEST((lines_in(mark + mark + "a") == Lines{mark + "a"}));
  BOOST_TEST((lines_in(mark + "\r\na") == Lines{"", "a"}));
  BOOST_TEST(lines_in(mark).empty());
  BOOST_TEST((lines_in("\xEF\xBB") == Lines{"\xEF\xBB"}));
}

BOOST_AUTO_TEST_CASE(blank_is_what_has_nothing_but_white_space) {
  BOOST_TEST(vlp::is_blank(""));
  BOOST_TEST(vlp::is_blank(" \t\r\v\f"));
  BOOST_TEST(!vlp::is_blank(" a "));
}

BOOST_AUTO_TEST_SUITE_END()
