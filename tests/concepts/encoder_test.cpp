// What all encoders have in common once they are values.

#include "vlp/concepts/encoder.hpp"

#include <cstdint>
#include <string_view>
#include <vector>

#include <ATen/ATen.h>
#include <torch/nn/module.h>
#include <boost/test/unit_test.hpp>

#include "tests/support/archetypes.hpp"
#include "tests/support/messages.hpp"

BOOST_AUTO_TEST_SUITE(encoder)

namespace {

using archetype::Handle;
using vlp_test::says;

/// Gives states and summaries of the shapes that it is told.
struct ShapedModule : torch::nn::Module {
  at::Tensor forward(const at::Tensor&) { return at::ones(states); }
  [[nodiscard]] std::int64_t width() const { return 4; }
  at::Tensor summary(const at::Tensor&) { return at::ones(whole); }
  std::vector<std::int64_t> states{2, 5, 4}, whole{2, 4};
};
struct Shaped : Handle<ShapedModule> {
  static constexpr std::string_view name = "shaped";
};

vlp::AnyEncoder with_states(const std::vector<std::int64_t>& shape) {
  const Shaped encoder;
  encoder->states = shape;
  return encoder;
}
vlp::AnyEncoder with_summary(const std::vector<std::int64_t>& shape) {
  const Shaped encoder;
  encoder->whole = shape;
  return encoder;
}

const at::Tensor kPixels = at::ones({2, 3, 8, 8});
const at::Tensor kStates = at::ones({2, 5, 4});

}  // namespace

BOOST_AUTO_TEST_CASE(states_of_another_shape_are_refused_by_name) {
  BOOST_CHECK_EXCEPTION((void)with_states({2, 4}).forward(kPixels), vlp::ShapeError,
                        says("encoder 'shaped': image states of another shape (got [2, 4], "
                             "expected [2, N, 4]: images, image tokens, width()). Return a tensor "
                             "of that shape."));
  BOOST_CHECK_EXCEPTION((void)with_states({3, 5, 4}).forward(kPixels), vlp::ShapeError,
                        says("(got [3, 5, 4], expected"));
  BOOST_CHECK_EXCEPTION((void)with_states({2, 5, 3}).forward(kPixels), vlp::ShapeError,
                        says("(got [2, 5, 3], expected"));
  BOOST_TEST(with_states({2, 1, 4}).forward(kPixels).size(1) == 1);
  BOOST_TEST(with_states({2, 9, 4}).forward(kPixels).size(1) == 9);
}

BOOST_AUTO_TEST_CASE(a_summary_of_another_shape_is_refused_by_name) {
  BOOST_CHECK_EXCEPTION((void)with_summary({2, 1, 4}).summary(kStates), vlp::ShapeError,
                        says("encoder 'shaped': summary(states) of another shape (got [2, 1, 4], "
                             "expected [2, 4]: images, width()). Return a tensor of that shape."));
  BOOST_CHECK_EXCEPTION((void)with_summary({5, 4}).summary(kStates), vlp::ShapeError,
                        says("(got [5, 4], expected [2, 4]"));
  BOOST_CHECK_EXCEPTION((void)with_summary({2, 5}).summary(kStates), vlp::ShapeError,
                        says("(got [2, 5], expected [2, 4]"));
  BOOST_TEST(with_summary({2, 4}).summary(kStates).equal(at::ones({2, 4})));
}

BOOST_AUTO_TEST_CASE(an_encoder_without_a_summary_says_so_before_and_when_it_is_asked) {
  BOOST_TEST(!vlp::AnyEncoder::traits<archetype::Encoder>({}).summary);
  BOOST_TEST(vlp::AnyEncoder::traits<Shaped>({}).summary);
  const vlp::AnyEncoder encoder = archetype::Encoder();
  BOOST_CHECK_EXCEPTION((void)encoder.summary(kStates), vlp::ContractError,
                        says("encoder 'an_encoder': it has no vector for a whole image. Give it "
                             "`summary(states)`, or choose another one."));
}

BOOST_AUTO_TEST_SUITE_END()
