// Tables of RFC 4180 and what spreadsheets make of it.

#include "vlp/captions/csv.hpp"

#include <optional>
#include <string>
#include <vector>

#include <boost/test/unit_test.hpp>

#include "tests/support/messages.hpp"
#include "vlp/core/error.hpp"

BOOST_AUTO_TEST_SUITE(csv)

namespace {

using Cells = std::vector<std::string>;

vlp::CsvTable csv_of(const std::string& text, std::optional<char> separator = {}) {
  return vlp::parse_csv(vlp::TextFile::of("t.csv", text), separator);
}
std::string csv_problem(const std::string& text) {
  return vlp_test::message_of<vlp::DataError>([&] { (void)csv_of(text); });
}

}  // namespace

BOOST_AUTO_TEST_CASE(a_header_and_rows) {
  const vlp::CsvTable table = csv_of("image, caption \na.jpg,a cat\nb.jpg,  two  dogs \n");
  BOOST_TEST((table.columns == Cells{"image", "caption"}));
  BOOST_TEST_REQUIRE(table.rows.size() == 2U);
  BOOST_TEST((table.rows[0].cells == Cells{"a.jpg", "a cat"}));
  BOOST_TEST(table.rows[0].line == 2U);
  BOOST_TEST((table.rows[1].cells == Cells{"b.jpg", "  two  dogs "}));
  BOOST_TEST(table.rows[1].line == 3U);
}

BOOST_AUTO_TEST_CASE(any_line_of_blanks_alone_is_left_out) {
  const vlp::CsvTable table = csv_of("\f\nimage,caption\n \t,\v\na.jpg,a cat\n\f,\n");
  BOOST_TEST((table.columns == Cells{"image", "caption"}));
  BOOST_TEST_REQUIRE(table.rows.size() == 1U);
  BOOST_TEST(table.rows[0].line == 4U);
}

BOOST_AUTO_TEST_CASE(quotes_hold_separators_ends_of_lines_and_quotes) {
  const vlp::CsvTable table =
      csv_of("x,y\r\n\"a, b\",\"say \"\"hi\"\"\"\r\n\"one\r\ntwo\nthree\",\"\"\r\nq,z");
  BOOST_TEST_REQUIRE(table.rows.size() == 3U);
  BOOST_TEST((table.rows[0].cells == Cells{"a, b", "say \"hi\""}));
  BOOST_TEST((table.rows[1].cells == Cells{"one\r\ntwo\nthree", ""}));
  BOOST_TEST(table.rows[1].line == 3U);
  BOOST_TEST((table.rows[2].cells == Cells{"q", "z"}));
  BOOST_TEST(table.rows[2].line == 6U);
}

BOOST_AUTO_TEST_CASE(a_quote_inside_a_cell_is_a_quote) {
  BOOST_TEST((csv_of("x,y\nthe \"red\" car,5\" wide\n").rows.at(0).cells ==
              Cells{"the \"red\" car", "5\" wide"}));
}

BOOST_AUTO_TEST_CASE(the_separator_is_the_one_of_the_header) {
  BOOST_TEST((csv_of("x;y\na, b;c\n").rows.at(0).cells == Cells{"a, b", "c"}));
  BOOST_TEST((csv_of("x\ty\na, b\tc;d\n").rows.at(0).cells == Cells{"a, b", "c;d"}));
  BOOST_TEST((csv_of("x,\"y;z\"\na,b\n").columns == Cells{"x", "y;z"}));
  BOOST_TEST((csv_of("x,y;z\na,b\n").columns == Cells{"x", "y;z"}));
  BOOST_TEST((csv_of("x,y\tz\na,b\tc\n", '\t').rows.at(0).cells == Cells{"a,b", "c"}));
  BOOST_TEST((csv_of("x\na\n").rows.at(0).cells == Cells{"a"}));
}

BOOST_AUTO_TEST_CASE(a_byte_order_mark_and_lines_without_anything_are_left_out) {
  const vlp::CsvTable table = csv_of("\xEF\xBB\xBFx,y\r\n\r\na,b\r\n,\r\n  \r\n,c\r\n\r\n");
  BOOST_TEST((table.columns == Cells{"x", "y"}));
  BOOST_TEST_REQUIRE(table.rows.size() == 2U);
  BOOST_TEST((table.rows[1].cells == Cells{"", "c"}));
  BOOST_TEST(table.rows[1].line == 6U);
}

BOOST_AUTO_TEST_CASE(rows_of_another_width_are_listed_at_once) {
  BOOST_TEST(
      csv_problem("x,y\na\nb,c\nd,e,f\n") ==
      "t.csv:2: another number of cells than columns (got 1, expected 2). A text with ',' in "
      "it must stand in quotes.\n"
      "t.csv:4: another number of cells than columns (got 3, expected 2). A text with ',' in "
      "it must stand in quotes.");
}

BOOST_AUTO_TEST_CASE(what_cannot_be_read_is_named_with_its_line) {
  BOOST_TEST(csv_problem("x,y\na,b\n\"c,d\ne,f\n")
                 .starts_with("t.csv:3: a cell that begins with a quote never ends"));
  BOOST_TEST(csv_problem("x,y\n\"a\nb\" c,d\n")
                 .starts_with("t.csv:3: text behind a closing quote (got ' c,d', expected ','"));
  BOOST_TEST(csv_problem("x,y\na,caf\xE9\n")
                 .starts_with("t.csv:2:6: bytes that are not UTF-8. Convert the file to UTF-8"));
  BOOST_TEST(csv_problem("x, x\n") ==
             "t.csv:1: two columns are called 'x' (expected each once). Rename or delete one.");
  BOOST_TEST(csv_problem("") ==
             "t.csv: the file is empty (expected a header and rows). Is it complete?");
  BOOST_TEST(csv_problem("\n\r\n , \n").starts_with("t.csv: the file is empty"));
}

BOOST_AUTO_TEST_SUITE_END()
