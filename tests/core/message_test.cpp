#include "vlp/core/message.hpp"

#include <cstdint>
#include <string>
#include <vector>

#include <boost/test/unit_test.hpp>

BOOST_AUTO_TEST_SUITE(message)

BOOST_AUTO_TEST_CASE(lists_are_joined) {
  BOOST_TEST(vlp::joined(std::vector<std::string>{"a", "", "c"}) == "a, , c");
  BOOST_TEST(vlp::joined(std::vector<const char*>{"a", "b"}, " or ") == "a or b");
  BOOST_TEST(vlp::joined(std::vector<std::string>{}) == "");
  BOOST_TEST(vlp::listing(std::vector<std::string>{}) == "none");
  BOOST_TEST(vlp::listing(std::vector<std::string>{"a", "b"}) == "a, b");
}

BOOST_AUTO_TEST_CASE(shapes_and_bytes_are_written_as_people_write_them) {
  BOOST_TEST(vlp::shape_text(std::vector<std::int64_t>{2, 3, 16}) == "[2, 3, 16]");
  BOOST_TEST(vlp::shape_text(std::vector<std::int64_t>{}) == "[]");
  BOOST_TEST(vlp::hex_byte(0x0a) == "0a");
  BOOST_TEST(vlp::hex_byte(0xff) == "ff");
}

BOOST_AUTO_TEST_SUITE_END()
