#include "vlp/captions/json_number.hpp"

#include <boost/test/unit_test.hpp>

#include <string_view>

BOOST_AUTO_TEST_SUITE(json_number)

BOOST_AUTO_TEST_CASE(numbers_are_those_of_the_standard) {
  for (const std::string_view number : {"0", "-0", "12", "-12", "0.5", "1e3", "1E+3", "-1.50e-07",
                                        "123456789012345678901234567890"})
    BOOST_TEST(vlp::is_json_number(number), number);
  for (const std::string_view other : {"", "-", "01", "-01", "+1", ".5", "1.", "1.e3", "1e", "1e+",
                                       "0x1", "1 ", " 1", "1-", "--1", "1.2.3", "NaN"})
    BOOST_TEST(!vlp::is_json_number(other), other);
}

BOOST_AUTO_TEST_CASE(integers_have_neither_point_nor_exponent) {
  for (const std::string_view integer : {"0", "-0", "7", "-12", "99999999999999999999"})
    BOOST_TEST(vlp::is_json_integer(integer), integer);
  for (const std::string_view other : {"", "-", "00", "1.0", "1e3", "a", "1a"})
    BOOST_TEST(!vlp::is_json_integer(other), other);
}

BOOST_AUTO_TEST_SUITE_END()
