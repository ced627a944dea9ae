#include "vlp/weights/finite_tensors.hpp"

#include <cstdint>
#include <limits>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include <boost/test/unit_test.hpp>

#include "vlp/core/named_tensors.hpp"

BOOST_AUTO_TEST_SUITE(finite_tensors)

namespace {

vlp::TensorBytes floats(std::vector<float> items) {
  const auto owner = std::make_shared<const std::vector<float>>(std::move(items));
  return {
      "F32", {static_cast<std::int64_t>(owner->size())}, std::as_bytes(std::span(*owner)), owner};
}

constexpr float kNaN = std::numeric_limits<float>::quiet_NaN(),
                kInfinity = std::numeric_limits<float>::infinity();

}  // namespace

BOOST_AUTO_TEST_CASE(nothing_is_said_of_finite_tensors) {
  BOOST_TEST(vlp::not_finite_tensors("m", vlp::TensorMap{{"a", floats({1, 2})}}) == "");
  BOOST_TEST(vlp::not_finite_tensors("m", vlp::TensorMap{}) == "");
}

BOOST_AUTO_TEST_CASE(the_first_five_are_named_and_all_are_counted) {
  vlp::TensorMap tensors{{"fine", floats({1})}};
  for (const char* name : {"b", "a"}) tensors.emplace(name, floats({1, kNaN}));
  tensors.emplace("c", floats({-kInfinity, 0}));
  BOOST_TEST(vlp::not_finite_tensors("m.bin", tensors) ==
             "m.bin: 3 of 4 tensors hold NaN or infinity: a, b, c");
  for (const char* name : {"d", "e"}) tensors.emplace(name, floats({kInfinity}));
  BOOST_TEST(vlp::not_finite_tensors("m.bin", tensors) ==
             "m.bin: 5 of 6 tensors hold NaN or infinity: a, b, c, d, e");
  tensors.emplace("f", floats({kNaN}));
  BOOST_TEST(vlp::not_finite_tensors("m.bin", tensors) ==
             "m.bin: 6 of 7 tensors hold NaN or infinity: a, b, c, d, e, ...");
}

BOOST_AUTO_TEST_CASE(a_list_keeps_its_order) {
  const vlp::NamedTensors tensors{{"z", floats({kNaN})}, {"a", floats({kNaN})}};
  BOOST_TEST(vlp::not_finite_tensors("t", tensors) ==
             "t: 2 of 2 tensors hold NaN or infinity: z, a");
}

BOOST_AUTO_TEST_SUITE_END()
