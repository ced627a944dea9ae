// The first tensor of a pass that isn't finite.

#include "vlp/train/explain_nan.hpp"

#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <vector>

#include <ATen/ATen.h>
#include <boost/test/unit_test.hpp>

#include "plugins/loss/itc.hpp"
#include "plugins/loss/itm.hpp"
#include "plugins/loss/lm.hpp"
#include "plugins/optimizer/adamw.hpp"
#include "tests/support/med_model.hpp"
#include "tests/support/messages.hpp"
#include "vlp/train/objective.hpp"
#include "vlp/train/trainer.hpp"

namespace {

using vlp::Batch;
using vlp_test::contains;

/// Pairs with padding, so that masks hide something.
Batch padded(std::int64_t rows) {
  at::manual_seed(4);
  Batch batch;
  batch.pixels = at::randn({rows, 3, 16, 16});
  batch.texts.token_ids = at::tensor({2, 7, 8, 3, 0}, at::kLong).repeat({rows, 1});
  batch.texts.token_ids[0][3].fill_(9);
  batch.texts.token_ids[0][4].fill_(3);
  batch.texts.token_mask = batch.texts.token_ids.ne(0);
  const at::Tensor next =
      at::cat({batch.texts.token_ids.narrow(1, 1, 4), at::zeros({rows, 1}, at::kLong)}, 1)
          .flatten();
  batch.texts.target_index = next.nonzero().squeeze(1);
  batch.texts.targets = next.index_select(0, batch.texts.target_index);
  batch.image_index = at::arange(rows, at::kLong);
  for (std::int64_t row = 0; row < rows; ++row)
    batch.image_ids.push_back("image-" + std::to_string(row));
  return batch;
}

vlp::Objective all_three(const vlp::Context& ctx) {
  std::vector<vlp::Objective::Term> terms;
  terms.push_back(
      {"itc", 1.0, vlp::ImageTextContrastive({.queue_size = 4}, ctx.machine, ctx.facts)});
  terms.push_back({"itm", 1.0, vlp::ImageTextMatching({}, ctx.facts)});
  terms.push_back({"lm", 1.0, vlp::LanguageModelLoss({})});
  return vlp::Objective(std::move(terms));
}

struct Looking {
  vlp::Context ctx = vlp_test::med_context();
  vlp::Objective losses = all_three(ctx);
  vlp::Blip model = vlp_test::med_model(vlp_test::med_options(), losses.needs());
  vlp::Trainer<vlp::Blip, vlp::Objective> trainer{
      model, losses, vlp::AdamW(vlp::AdamW::Options{}), {.skipped_limit = 1}, ctx};

  std::optional<vlp::NonFiniteUpdate> look(const std::vector<Batch>& batches) {
    std::size_t made = 0;
    return trainer.explain({static_cast<std::int64_t>(batches.size()),
                            [&]() -> std::optional<Batch> {
                              return made == batches.size() ? std::nullopt
                                                            : std::optional(batches[made++]);
                            }},
                           0);
  }
  at::Tensor parameter(const std::string& name) { return *model->named_parameters().find(name); }
};

}  // namespace

BOOST_FIXTURE_TEST_SUITE(explain_nan, Looking)

BOOST_AUTO_TEST_CASE(nothing_is_blamed_where_all_is_well_masks_included) {
  const auto found = look({padded(4), padded(3)});
  BOOST_TEST(!found.has_value(), (found ? found->explanation : ""));
}

BOOST_AUTO_TEST_CASE(the_module_the_range_and_the_images_are_named) {
  // A weight whose products pass what float32 can hold, though it is finite itself.
  const at::NoGradGuard no_grad;
  parameter("vision_model.encoder.layers.1.mlp.fc1.weight").fill_(3e38);
  Batch bad = padded(4);
  const auto found = look({padded(3), bad});
  BOOST_TEST_REQUIRE(found.has_value());
  BOOST_TEST(found->micro_batch == 0);
  BOOST_TEST(contains(found->explanation, "forward pass"), found->explanation);
  BOOST_TEST(contains(found->explanation, "vision_model.encoder.layers.1.mlp.fc1 (aten::linear"),
             found->explanation);
  BOOST_TEST(contains(found->explanation, "its inputs: ["), found->explanation);
  BOOST_TEST(contains(found->explanation, "image-0"), found->explanation);
}

BOOST_AUTO_TEST_CASE(one_image_of_a_batch_is_named_alone) {
  const at::NoGradGuard no_grad;
  Batch bad = padded(4);
  bad.pixels[2].fill_(3e38);
  const auto found = look({bad});
  BOOST_TEST_REQUIRE(found.has_value());
  BOOST_TEST(contains(found->explanation, "patch_embedding"), found->explanation);
  BOOST_TEST(contains(found->explanation, "; images: image-2"), found->explanation);
  BOOST_TEST(found->batch.image_ids.size() == 4U);
}

BOOST_AUTO_TEST_CASE(what_is_wrong_before_the_pass_is_said_at_once) {
  Batch bad = padded(2);
  bad.pixels[1][0][0][0].fill_(std::numeric_limits<float>::quiet_NaN());
  const auto pixels = look({padded(2), bad});
  BOOST_TEST_REQUIRE(pixels.has_value());
  BOOST_TEST(pixels->micro_batch == 1);
  BOOST_TEST(
      contains(pixels->explanation, "the pixels of the batch aren't finite: [2, 3, 16, 16]"));
  BOOST_TEST(contains(pixels->explanation, "1 of 1536 not finite (nan 1)"));
  parameter("text_proj.bias").detach().fill_(std::numeric_limits<float>::infinity());
  const auto weights = look({padded(2)});
  BOOST_TEST_REQUIRE(weights.has_value());
  BOOST_TEST(contains(weights->explanation, "parameter text_proj.bias isn't finite: [6]"));
}

BOOST_AUTO_TEST_CASE(a_gradient_is_found_in_the_backward_pass) {
  const at::Tensor x = at::zeros({2}).set_requires_grad(true);
  const vlp::FiniteWatch watch({{"root.x", x}}, 2);
  const at::Tensor loss = x.sqrt().sum();
  BOOST_TEST(!watch.found());
  loss.backward();
  BOOST_TEST_REQUIRE(watch.found());
  BOOST_TEST(contains(watch.first().operation, "SqrtBackward0"), watch.first().operation);
  BOOST_TEST(contains(watch.first().result, "inf"), watch.first().result);
}

BOOST_AUTO_TEST_CASE(after_a_stop_the_weights_are_those_before_the_update) {
  const at::Tensor before = parameter("temp").detach().clone(),
                   matrix = parameter("text_proj.weight").detach().clone();
  Batch bad = padded(4);
  bad.pixels.fill_(3e38);
  (void)trainer.step(bad);
  (void)trainer.step(padded(4));
  BOOST_TEST(trainer.read_skips().stopped_at == 0);
  BOOST_TEST(parameter("text_proj.weight").equal(matrix));
  BOOST_TEST(look({bad}).has_value());
}

BOOST_AUTO_TEST_SUITE_END()
