#include "vlp/weights/row_tensors.hpp"

#include <cstdint>
#include <string>
#include <vector>

#include <boost/test/unit_test.hpp>

#include "tests/support/messages.hpp"

BOOST_AUTO_TEST_SUITE(row_tensors)

using namespace vlp;

namespace {

template <class T>
TensorBytes tensor(const std::string& dtype, std::vector<std::int64_t> shape,
                   std::vector<T> items) {
  return vlp::detail::owned_tensor(dtype, std::move(shape), std::move(items));
}

std::vector<double> items_of(const TensorBytes& tensor) {
  const Numbers numbers(tensor);
  std::vector<double> items;
  for (std::size_t i = 0; i < numbers.size(); ++i) items.push_back(numbers[i]);
  return items;
}

using Items = std::vector<double>;
using Shape = std::vector<std::int64_t>;

}  // namespace

BOOST_AUTO_TEST_CASE(rows_are_joined_in_the_widest_float) {
  const TensorBytes single = tensor<float>("F32", {1, 2}, {1, 2}),
                    half = tensor<std::uint16_t>("F16", {2, 2}, {0x3C00, 0x4000, 0x4200, 0x3800}),
                    twice = tensor<double>("F64", {1, 2}, {0.1, -3});
  const TensorBytes both = joined_rows({single, half});
  BOOST_TEST(both.dtype == "F32");
  BOOST_TEST(both.shape == (Shape{3, 2}), boost::test_tools::per_element());
  BOOST_TEST(items_of(both) == (Items{1, 2, 1, 2, 3, 0.5}), boost::test_tools::per_element());
  const TensorBytes wide = joined_rows({single, twice});
  BOOST_TEST(wide.dtype == "F64");
  BOOST_TEST(items_of(wide) == (Items{1, 2, 0.1, -3}), boost::test_tools::per_element());
  BOOST_TEST(have_rows_alike({single, half, twice}));
  BOOST_TEST(!have_rows_alike({single, tensor<float>("F32", {1, 3}, {1, 2, 3})}));
  BOOST_TEST(!have_rows_alike({tensor<float>("F32", {}, {1})}));
  BOOST_TEST(!have_rows_alike({}));
}

BOOST_AUTO_TEST_CASE(the_first_row_is_added_to_each) {
  const TensorBytes sum = plus_first_row(tensor<float>("F32", {2, 2}, {1, 2, 3, 4}),
                                         tensor<float>("F32", {2, 2}, {10, 20, 0, 0}));
  BOOST_TEST(sum.shape == (Shape{2, 2}), boost::test_tools::per_element());
  BOOST_TEST(items_of(sum) == (Items{11, 22, 13, 24}), boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(a_row_is_left_out_and_the_dtype_stays) {
  const TensorBytes left =
      without_row(tensor<std::uint16_t>("BF16", {1, 3, 1}, {0x3F80, 0x4000, 0x4040}), 1);
  BOOST_TEST(left.dtype == "BF16");
  BOOST_TEST(left.shape == (Shape{1, 2, 1}), boost::test_tools::per_element());
  BOOST_TEST(items_of(left) == (Items{1, 3}), boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(bytes_that_do_not_make_the_shape_are_refused) {
  const TensorBytes wrong = tensor<float>("F32", {1, 3, 2}, {1, 2});
  BOOST_TEST(
      vlp_test::contains(vlp_test::message_of<WeightsError>([&] { (void)without_row(wrong, 1); }),
                         "tensor of 8 bytes can't have shape [1, 3, 2] and dtype F32"));
}

BOOST_AUTO_TEST_SUITE_END()
