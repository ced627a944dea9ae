// What all losses have in common once they are values.

#include "vlp/concepts/loss.hpp"

#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>
#include <tuple>

#include <ATen/ATen.h>
#include <torch/nn/module.h>
#include <boost/test/unit_test.hpp>

#include "tests/support/messages.hpp"
#include "vlp/recipe/field.hpp"

BOOST_AUTO_TEST_SUITE(loss)

namespace {

using vlp_test::says;

/// Gives what it is told to.
struct Given {
  static constexpr std::string_view name = "given";
  static constexpr vlp::Parts needs = vlp::Parts();
  vlp::LossValue operator()(vlp::Forward&) const { return {total, {}}; }
  at::Tensor total;
};

/// Shows a part as it is told to.
struct Parted {
  static constexpr std::string_view name = "parted";
  static constexpr vlp::Parts needs = vlp::Parts();
  vlp::LossValue operator()(vlp::Forward&) const { return {at::ones({}), {{"half", half}}}; }
  at::Tensor half;
};

/// What it needs depends on its options.
struct Chosen {
  struct Options {
    bool texts = false;
    static constexpr auto fields() {
      return std::tuple{vlp::field<&Options::texts>("Whether it reads texts.")};
    }
  };
  static vlp::Parts needs(const Options& options) {
    return options.texts ? vlp::Parts::of<vlp::TextStates>() : vlp::Parts::of<vlp::ImageStates>();
  }
  static std::int64_t smallest_batch(const Options& options) { return options.texts ? 2 : 1; }
  static std::int64_t captions_per_image(const Options&) { return 5; }
  explicit Chosen(const Options& options) : own(needs(options)) {}
  [[nodiscard]] vlp::Parts needs() const { return own; }
  vlp::LossValue operator()(vlp::Forward&) const { return {}; }
  vlp::Parts own;
};

/// Has a parameter of its own.
struct Learned {
  static constexpr vlp::Parts needs = vlp::Parts();
  [[nodiscard]] std::shared_ptr<torch::nn::Module> module() const { return own; }
  vlp::LossValue operator()(vlp::Forward&) const { return {own->parameters()[0].square(), {}}; }
  std::shared_ptr<torch::nn::Module> own = [] {
    auto module = std::make_shared<torch::nn::Module>();
    module->register_parameter("scale", at::full({}, 3.0));
    return module;
  }();
};

at::Tensor leaf(double value) { return at::full({}, value).set_requires_grad(true); }

/// The loss's value in training, or in evaluation.
vlp::LossValue value_of(vlp::AnyLoss loss, bool trains) {
  const vlp::ModelParts parts;
  const vlp::Batch batch;
  vlp::Forward pass(parts, batch, {}, trains ? std::optional(vlp::TrainingStep{}) : std::nullopt);
  return loss(pass);
}

}  // namespace

BOOST_AUTO_TEST_CASE(a_loss_without_a_value_is_refused_by_name) {
  for (const bool trains : {true, false})
    BOOST_CHECK_EXCEPTION((void)value_of(Given{}, trains), vlp::ContractError,
                          says("loss 'given': gave no value (got an undefined tensor, expected a "
                               "scalar). Set LossValue::total."));
}

BOOST_AUTO_TEST_CASE(a_value_that_is_no_scalar_is_refused_with_its_shape) {
  for (const bool trains : {true, false})
    BOOST_CHECK_EXCEPTION((void)value_of(Given{leaf(2) * at::ones({3})}, trains), vlp::ShapeError,
                          says("loss 'given': its value is no scalar (got [3], expected [])"));
  BOOST_CHECK_THROW((void)value_of(Given{leaf(2).unsqueeze(0)}, true), vlp::ShapeError);
}

BOOST_AUTO_TEST_CASE(a_part_that_is_no_scalar_is_refused_by_its_name) {
  BOOST_TEST(value_of(Parted{at::ones({})}, false).parts.size() == 1U);
  BOOST_CHECK_EXCEPTION((void)value_of(Parted{at::ones({2})}, false), vlp::ShapeError,
                        says("loss 'parted': its part 'half' is no scalar (got [2], expected []). "
                             "Take the mean or the sum."));
  BOOST_CHECK_EXCEPTION((void)value_of(Parted{}, false), vlp::ShapeError,
                        says("its part 'half' is no scalar (got an undefined tensor, expected []"));
}

BOOST_AUTO_TEST_CASE(a_detached_value_is_refused_in_training_only) {
  const Given detached{leaf(2).detach()};
  BOOST_CHECK_EXCEPTION((void)value_of(detached, true), vlp::ContractError,
                        says("loss 'given': its value has no gradient, so nothing would learn "
                             "from it."));
  BOOST_TEST(value_of(detached, false).total.item<double>() == 2);
  const at::NoGradGuard no_grad;
  BOOST_TEST(value_of(detached, true).total.item<double>() == 2);
}

BOOST_AUTO_TEST_CASE(a_good_value_comes_through_with_its_gradient) {
  const at::Tensor x = leaf(3);
  value_of(Given{x.square()}, true).total.backward();
  BOOST_TEST(x.grad().item<double>() == 6);
}

BOOST_AUTO_TEST_CASE(what_a_loss_needs_may_depend_on_its_options) {
  for (const bool texts : {false, true}) {
    const auto traits = vlp::AnyLoss::traits<Chosen>({.texts = texts});
    BOOST_TEST((traits.needs ==
                (texts ? vlp::Parts::of<vlp::TextStates>() : vlp::Parts::of<vlp::ImageStates>())));
    BOOST_TEST(traits.smallest_batch == (texts ? 2 : 1));
    BOOST_TEST(traits.captions_per_image == 5);
    BOOST_TEST((vlp::AnyLoss(Chosen({.texts = texts})).needs() == traits.needs));
  }
  const auto plain = vlp::AnyLoss::traits<Given>({});
  BOOST_TEST(plain.needs.empty());
  BOOST_TEST(plain.smallest_batch == 1);
  BOOST_TEST(plain.captions_per_image == 1);
}

BOOST_AUTO_TEST_CASE(parameters_of_a_losses_own_are_shown_and_others_have_none) {
  const Learned learned;
  BOOST_TEST(vlp::module_of(learned) == learned.own);
  BOOST_TEST(vlp::AnyLoss(learned).module() == learned.own);
  BOOST_TEST(!vlp::AnyLoss(Given{}).module());
}

BOOST_AUTO_TEST_SUITE_END()
