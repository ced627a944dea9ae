#include "vlp/core/packed_state.hpp"

#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include <boost/test/unit_test.hpp>

BOOST_AUTO_TEST_SUITE(packed_state)

BOOST_AUTO_TEST_CASE(entries_of_every_kind_come_back_and_own_their_bytes) {
  vlp::State back;
  {
    const std::vector<std::byte> bytes{std::byte{1}, std::byte{0}, std::byte{255}, std::byte{7}};
    vlp::State state;
    vlp::State part = state.prefixed("window");
    part.put("steps", std::int64_t{-3});
    part.put("mean", 0.1);
    part.put("name", std::string("a\0b", 3));
    part.put("sum", vlp::TensorBytes{"I16", {2, 1}, bytes, nullptr});
    back = vlp::unpack_state(vlp::pack_state(state));
  }
  const vlp::State part = std::as_const(back).prefixed("window");
  BOOST_TEST(back.entries().size() == 4U);
  BOOST_TEST(part.integer("steps") == -3);
  BOOST_TEST(part.number("mean") == 0.1);
  BOOST_TEST((part.text("name") == std::string("a\0b", 3)));
  const vlp::TensorBytes& sum = part.tensor("sum");
  BOOST_TEST(sum.dtype == "I16");
  BOOST_TEST((sum.shape == std::vector<std::int64_t>{2, 1}));
  BOOST_TEST_REQUIRE(sum.bytes.size() == 4U);
  BOOST_TEST((sum.bytes[2] == std::byte{255}));
  BOOST_TEST((sum.owner != nullptr));
}

BOOST_AUTO_TEST_CASE(an_empty_state_is_a_state_and_other_bytes_are_none) {
  BOOST_TEST(vlp::unpack_state(vlp::pack_state(vlp::State())).entries().empty());
  BOOST_CHECK_THROW((void)vlp::unpack_state(vlp::Bytes(3)), vlp::ContractError);
}

BOOST_AUTO_TEST_SUITE_END()
