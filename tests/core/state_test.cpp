#include "vlp/core/state.hpp"

#include <string>

#include <boost/test/unit_test.hpp>

#include "tests/support/messages.hpp"

BOOST_AUTO_TEST_SUITE(state)

BOOST_AUTO_TEST_CASE(prefixed_parts_share_the_entries) {
  vlp::State state;
  vlp::State part = state.prefixed("optimizer").prefixed("adam");
  part.put("step", std::int64_t{3});
  BOOST_TEST(state.integer("optimizer.adam.step") == 3);
  BOOST_TEST(part.has("step"));
  BOOST_TEST(!state.has("step"));
}

BOOST_AUTO_TEST_CASE(a_missing_or_differently_typed_entry_is_named) {
  vlp::State state;
  state.put("lr", 0.5);
  using vlp_test::message_of;
  BOOST_TEST(message_of<vlp::WeightsError>([&] { (void)state.prefixed("a").number("x"); }) ==
             "checkpoint: entry 'a.x' is missing.");
  BOOST_TEST(message_of<vlp::WeightsError>([&] { (void)state.integer("lr"); }) ==
             "checkpoint: entry 'lr' has another type.");
}

BOOST_AUTO_TEST_SUITE_END()
