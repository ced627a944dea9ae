#include "vlp/concepts/finite_tensor.hpp"

#include <cstdint>
#include <limits>
#include <string>

#include <ATen/ATen.h>
#include <boost/test/unit_test.hpp>

#include "tests/support/messages.hpp"

BOOST_AUTO_TEST_SUITE(finite_tensor)

namespace {

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN(),
                 kInfinity = std::numeric_limits<double>::infinity();

std::string told_of(const at::Tensor& rows) {
  return vlp_test::message_of<vlp::NonFiniteRow>([&] {
    vlp::require_finite_rows(
        rows, [](std::int64_t row) { return "the numbers of row " + std::to_string(row); },
        [](std::int64_t row) { return row / 2; });
  });
}

}  // namespace

BOOST_AUTO_TEST_CASE(a_range_tells_kinds_apart) {
  const at::Tensor x =
      at::tensor({1.0, kNaN, -kInfinity, kInfinity, kNaN, -2.0}, at::kFloat).view({2, 3});
  BOOST_TEST(vlp::range_of(x) ==
             "[2, 3] Float, 4 of 6 not finite (nan 2, inf 1, -inf 1), others -2 to 1");
  BOOST_TEST(vlp::range_of(at::full({2}, kNaN)) == "[2] Float, 2 of 2 not finite (nan 2)");
  BOOST_TEST(vlp::range_of(at::tensor({0.5, 2.0}).to(at::kHalf)) == "[2] Half, 0.5 to 2");
}

BOOST_AUTO_TEST_CASE(the_first_row_that_is_not_finite_is_named_with_its_image) {
  at::Tensor rows = at::zeros({6, 2, 2});
  BOOST_TEST(told_of(rows) == "");
  rows[5][0][0].fill_(kNaN);
  rows[3][1][1].fill_(kInfinity);
  BOOST_TEST(told_of(rows) ==
             "image 2 of the batch: the numbers of row 3 are not finite (got [2, 2] Float, 1 of 4 "
             "not finite (inf 1), others 0 to 0, expected finite numbers). Check the model's "
             "weights, or compute in fp32.");
}

BOOST_AUTO_TEST_CASE(rows_without_values_are_passed_over) {
  BOOST_TEST(told_of(at::empty({0, 3})) == "");
  BOOST_TEST(told_of(at::empty({2, 3}, at::TensorOptions().device(at::kMeta))) == "");
}

BOOST_AUTO_TEST_SUITE_END()
