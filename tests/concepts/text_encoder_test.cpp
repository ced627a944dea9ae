// What all text encoders have in common once they are values.

#include "vlp/concepts/text_encoder.hpp"

#include <cstdint>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

#include <ATen/ATen.h>
#include <torch/nn/module.h>
#include <boost/test/unit_test.hpp>

#include "tests/support/archetypes.hpp"
#include "tests/support/messages.hpp"
#include "vlp/recipe/field.hpp"

BOOST_AUTO_TEST_SUITE(text_encoder)

namespace {

using archetype::Handle;
using vlp_test::says;

/// Counts through the states: [B, T, 3].
struct CountingModule : torch::nn::Module {
  at::Tensor text_states(const at::Tensor& ids, const at::Tensor&) {
    return at::arange(ids.numel() * 3, at::kFloat).view({ids.size(0), ids.size(1), 3});
  }
  [[nodiscard]] std::int64_t width() const { return 3; }
};
struct Counting : Handle<CountingModule> {
  static constexpr std::string_view name = "counting";
};

/// Gives what it is told, everywhere.
struct ShapedModule : torch::nn::Module {
  at::Tensor text_states(const at::Tensor&, const at::Tensor&) { return at::ones(states); }
  at::Tensor grounded_states(const at::Tensor&, const at::Tensor&, const at::Tensor&) {
    return at::ones(grounded);
  }
  at::Tensor summary(const at::Tensor&, const at::Tensor&) { return at::ones(whole); }
  [[nodiscard]] std::int64_t width() const { return 3; }
  std::vector<std::int64_t> states{2, 4, 3}, grounded{2, 4, 3}, whole{2, 3};
};
struct Shaped : Handle<ShapedModule> {
  static constexpr std::string_view name = "shaped";
};

/// Whether it looks at images depends on its options.
struct OptionalEyesModule : ShapedModule {};
struct OptionalEyes : Handle<OptionalEyesModule> {
  struct Options {
    bool eyes = false;
    static constexpr auto fields() {
      return std::tuple{vlp::field<&Options::eyes>("Whether it looks at images.")};
    }
  };
  static bool sees_images(const Options& options) { return options.eyes; }
};

const at::Tensor kIds = at::arange(8).view({2, 4});
const at::Tensor kMask = at::ones({2, 4}, at::kBool);

/// The message of an encoder whose states, grounded states or summary have another shape.
std::string told(std::vector<std::int64_t> ShapedModule::* which,
                 const std::vector<std::int64_t>& shape) {
  const Shaped shaped;
  (*shaped.module).*which = shape;
  vlp::AnyTextEncoder encoder = shaped;
  return vlp_test::message_of<vlp::ShapeError>([&] {
    (void)encoder.text_states(kIds, kMask);
    (void)encoder.grounded_states(kIds, kMask, at::ones({2, 7, 5}));
    (void)encoder.summary(at::ones({2, 4, 3}), kMask);
  });
}

}  // namespace

BOOST_AUTO_TEST_CASE(states_of_another_shape_are_refused_by_name) {
  for (const bool grounded : {false, true}) {
    const auto which = grounded ? &ShapedModule::grounded : &ShapedModule::states;
    const std::string begin =
        std::string("text_encoder 'shaped': ") + (grounded ? "grounded" : "text") + " states of ";
    BOOST_TEST(told(which, {2, 4, 3}) == "");
    BOOST_TEST(told(which, {2, 4}) == begin +
                                          "another shape (got [2, 4], expected [2, 4, 3]: texts, "
                                          "tokens, width()). Return a tensor of that shape.");
    for (const std::vector<std::int64_t>& shape :
         {std::vector<std::int64_t>{1, 4, 3}, {2, 5, 3}, {2, 4, 2}})
      BOOST_TEST(told(which, shape).starts_with(begin));
  }
}

BOOST_AUTO_TEST_CASE(a_summary_of_another_shape_is_refused_by_name) {
  BOOST_TEST(told(&ShapedModule::whole, {2, 4, 3}) ==
             "text_encoder 'shaped': summary(states, mask) of another shape (got [2, 4, 3], "
             "expected [2, 3]: texts, width()). Return a tensor of that shape.");
  BOOST_TEST(told(&ShapedModule::whole, {4, 3}) != "");
  BOOST_TEST(told(&ShapedModule::whole, {2, 4}) != "");
}

BOOST_AUTO_TEST_CASE(without_a_summary_of_its_own_a_text_is_the_state_of_its_first_token) {
  vlp::AnyTextEncoder encoder = Counting();
  const at::Tensor whole = encoder.summary(encoder.text_states(kIds, kMask), kMask);
  BOOST_TEST(whole.equal(at::tensor({0.F, 1.F, 2.F, 12.F, 13.F, 14.F}).view({2, 3})));
}

BOOST_AUTO_TEST_CASE(whether_texts_see_images_is_known_before_and_refused_when_they_do_not) {
  BOOST_TEST(!vlp::AnyTextEncoder::traits<Counting>({}).sees_images);
  BOOST_TEST(vlp::AnyTextEncoder::traits<Shaped>({}).sees_images);
  for (const bool eyes : {true, false})
    BOOST_TEST(vlp::AnyTextEncoder::traits<OptionalEyes>({.eyes = eyes}).sees_images == eyes);
  vlp::AnyTextEncoder blind = Counting();
  BOOST_CHECK_EXCEPTION((void)blind.grounded_states(kIds, kMask, at::ones({2, 7, 5})),
                        vlp::ContractError,
                        says("text_encoder 'counting': it can't attend to images. Choose one with "
                             "cross-attention."));
}

BOOST_AUTO_TEST_SUITE_END()
