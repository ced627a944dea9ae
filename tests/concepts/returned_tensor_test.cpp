// What is said of a tensor that isn't as a component should have returned it.

#include "vlp/concepts/returned_tensor.hpp"

#include <string>

#include <ATen/ATen.h>
#include <boost/test/unit_test.hpp>

#include "tests/support/messages.hpp"

BOOST_AUTO_TEST_SUITE(returned_tensor)

namespace {

/// What is said of states [2, N, 4] of arguments on the CPU.
std::string told(const at::Tensor& tensor) {
  return vlp_test::message_of<vlp::ShapeError>([&] {
    (void)vlp::returned(tensor, "encoder 'x'",
                        {.what = "states",
                         .sizes = {2, -1, 4},
                         .letters = "BND",
                         .meaning = "images, image tokens, width()"},
                        at::ones({}));
  });
}

}  // namespace

BOOST_AUTO_TEST_CASE(what_is_expected_comes_through_whatever_its_precision) {
  for (const at::ScalarType dtype : {at::kFloat, at::kDouble, at::kBFloat16, at::kHalf}) {
    const at::Tensor tensor = at::ones({2, 0, 4}, dtype);
    BOOST_TEST(told(tensor) == "");
    BOOST_TEST(vlp::returned(tensor, "a model",
                             {.what = {}, .sizes = {2, 0, -1}, .letters = "D", .meaning = {}}, {})
                   .is_same(tensor));
  }
}

BOOST_AUTO_TEST_CASE(another_shape_is_refused_with_letters_for_sizes_that_may_be_any) {
  BOOST_TEST(told(at::ones({2, 4})) ==
             "encoder 'x': states of another shape (got [2, 4], expected [2, N, 4]: images, image "
             "tokens, width()). Return a tensor of that shape.");
  BOOST_TEST(told(at::ones({3, 7, 4})).starts_with("encoder 'x': states of another shape"));
  BOOST_TEST(told(at::ones({2, 7, 4, 1})) != "");
  BOOST_TEST(vlp_test::contains(told({}), "(got an undefined tensor, expected [2, N, 4]"));
}

BOOST_AUTO_TEST_CASE(integers_are_refused) {
  BOOST_TEST(told(at::ones({2, 7, 4}, at::kLong)) ==
             "encoder 'x': states of another number format (got Long, expected a floating-point "
             "one). Return floating-point numbers.");
}

BOOST_AUTO_TEST_CASE(another_device_is_refused_where_the_arguments_are_known) {
  BOOST_TEST(told(at::ones({2, 7, 4}, at::kMeta)) ==
             "encoder 'x': states on another device (got meta, expected cpu, where its arguments "
             "are). Make tensors with the options of those given.");
}

BOOST_AUTO_TEST_SUITE_END()
