// What a dry pass finds before anything is read.

#include "vlp/assemble/dry_pass.hpp"

#include <string>
#include <vector>

#include <ATen/ATen.h>
#include <torch/nn/module.h>
#include <torch/nn/pimpl.h>
#include <boost/test/unit_test.hpp>

#include "tests/support/messages.hpp"
#include "tests/support/tiny_run.hpp"
#include "vlp/assemble/open.hpp"
#include "vlp/concepts/encoder.hpp"
#include "vlp/concepts/loss.hpp"
#include "vlp/recipe/load.hpp"
#include "vlp/tasks/train.hpp"

namespace {

using vlp_test::contains;

/// States of eight numbers, whatever it says.
class LyingEncoderImpl : public torch::nn::Module {
 public:
  static constexpr std::string_view name = "lying";
  [[nodiscard]] at::Tensor forward(const at::Tensor& pixels) {
    return at::zeros({pixels.size(0), 4, 8}, pixels.options());
  }
  [[nodiscard]] std::int64_t width() const { return 16; }
};
TORCH_MODULE(LyingEncoder);

/// Its value depends on no weight.
struct DetachedLoss {
  static constexpr std::string_view name = "detached";
  static constexpr vlp::Parts needs = vlp::Parts::of<vlp::ImageStates>();
  vlp::LossValue operator()(vlp::Forward& pass) const {
    return {pass.image_states().mean().detach(), {}};
  }
};

/// Looks at a number, which a pass without values doesn't have.
struct PeekingLoss {
  static constexpr std::string_view name = "peeking";
  static constexpr vlp::Parts needs = vlp::Parts::of<vlp::ImageStates>();
  vlp::LossValue operator()(vlp::Forward& pass) const {
    const at::Tensor mean = pass.image_states().mean();
    return {mean * (mean.item<double>() > 0 ? 1 : -1), {}};
  }
};

struct Recipes : vlp_test::TinyRun {
  Recipes() {
    registry.add<vlp::AnyEncoder, LyingEncoder>("1", "a test");
    registry.add<vlp::AnyLoss, DetachedLoss>("1", "a test");
    registry.add<vlp::AnyLoss, PeekingLoss>("1", "a test");
  }
  std::vector<std::string> pass(const std::vector<std::string>& sets) {
    const vlp::Plan plan =
        vlp::plan_training(vlp::load_recipe(root / "recipe.toml", sets), registry);
    vlp::RunArguments arguments;
    arguments.threads = 1;
    return vlp::dry_pass(plan, vlp::open_context(plan, arguments), /*trains=*/true);
  }
  template <class E>
  std::string found(const std::vector<std::string>& sets) {
    return vlp_test::message_of<E>([&] { (void)pass(sets); });
  }
};

}  // namespace

BOOST_FIXTURE_TEST_SUITE(dry_pass, Recipes)

BOOST_AUTO_TEST_CASE(a_recipe_that_fits_passes_and_leaves_random_numbers_as_they_were) {
  at::manual_seed(5);
  const at::Tensor expected = at::rand({3});
  BOOST_TEST(pass({}).empty());
  at::manual_seed(5);
  const vlp::Plan plan = vlp::plan_training(vlp::load_recipe(root / "recipe.toml", {}), registry);
  vlp::RunArguments arguments;
  const vlp::Context ctx = vlp::open_context(plan, arguments);
  at::manual_seed(5);
  BOOST_TEST(vlp::dry_pass(plan, ctx, true).empty());
  BOOST_TEST(at::rand({3}).equal(expected));
}

BOOST_AUTO_TEST_CASE(a_width_that_is_not_that_of_the_states_is_found) {
  BOOST_TEST(contains(found<vlp::ShapeError>({"model.encoder={use='lying'}"}),
                      "encoder 'lying': image states of another shape (got [2, 4, 8]"));
}

BOOST_AUTO_TEST_CASE(a_loss_without_gradient_is_found) {
  BOOST_TEST(contains(found<vlp::ContractError>({"loss=[{use='detached'}]"}),
                      "loss 'detached': its value has no gradient"));
}

BOOST_AUTO_TEST_CASE(a_vocabulary_that_is_not_there_is_found) {
  BOOST_CHECK_THROW((void)pass({"tokenizer.vocabulary=nowhere"}), vlp::Error);
}

BOOST_AUTO_TEST_CASE(what_needs_values_is_told_and_is_no_mistake) {
  const std::vector<std::string> untried = pass({"loss=[{use='peeking'}]"});
  BOOST_TEST_REQUIRE(untried.size() == 1U);
  BOOST_TEST(contains(untried[0], "a pass through the losses needs values (loss 'peeking': "),
             untried[0]);
}

BOOST_AUTO_TEST_CASE(a_model_of_the_base_size_is_tried_without_its_memory) {
  BOOST_TEST(pass({"model.encoder.width=768", "model.encoder.depth=12", "model.encoder.heads=12",
                   "model.decoder.width=768", "model.decoder.depth=12", "model.decoder.heads=12",
                   "model.encoder.patch=16", "transform.0.size=384"})
                 .empty());
}

BOOST_AUTO_TEST_SUITE_END()
