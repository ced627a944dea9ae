// A step never waits for the device: it runs where no value can be read.

#include "vlp/train/trainer.hpp"

#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

#include <ATen/ATen.h>
#include <boost/test/unit_test.hpp>

#include "plugins/loss/itc.hpp"
#include "plugins/loss/itm.hpp"
#include "plugins/loss/lm.hpp"
#include "plugins/optimizer/adamw.hpp"
#include "tests/support/med_model.hpp"
#include "vlp/nn/meta_tensors.hpp"
#include "vlp/train/meter.hpp"
#include "vlp/train/objective.hpp"

BOOST_AUTO_TEST_SUITE(trainer_waiting)

namespace {

std::vector<vlp::Batch> two_batches() {
  std::vector<vlp::Batch> batches;
  for (const std::int64_t rows : {2, 3}) {
    vlp::Batch& batch = batches.emplace_back();
    batch.pixels = at::zeros({rows, 3, 16, 16});
    batch.texts.token_ids = at::zeros({rows, 5}, at::kLong);
    batch.texts.token_mask = at::ones({rows, 5}, at::kBool);
    batch.texts.target_index = at::zeros({2 * rows}, at::kLong);
    batch.texts.targets = at::zeros({2 * rows}, at::kLong);
    batch.image_index = at::zeros({rows}, at::kLong);
  }
  return batches;
}

}  // namespace

BOOST_AUTO_TEST_CASE(a_step_reads_no_value_whatever_is_switched_on) {
  for (const vlp::Precision precision :
       {vlp::Precision::fp32, vlp::Precision::bf16, vlp::Precision::fp16}) {
    vlp::Context ctx = vlp_test::med_context(vlp::parts::momentum_embeddings);
    ctx.machine.device = {.type = vlp::DeviceName::Type::meta};
    ctx.machine.precision = precision;
    std::vector<vlp::Objective::Term> terms;
    terms.push_back({"lm", 1.0, vlp::LanguageModelLoss({})});
    terms.push_back({"itm", 1.0, vlp::ImageTextMatching({}, ctx.facts)});
    terms.push_back(
        {"itc", 1.0, vlp::ImageTextContrastive({.queue_size = 4}, ctx.machine, ctx.facts)});
    std::optional<vlp::MetaTensors> without_values(std::in_place);
    vlp::Blip model(vlp_test::med_options(), ctx);
    std::vector<vlp::Batch> batches = two_batches();
    without_values.reset();  // what is made from now on says itself where it lies
    vlp::Trainer trainer(model, vlp::Objective(std::move(terms)), vlp::AdamW(vlp::AdamW::Options{}),
                         {.clip_norm = 1,
                          .total_steps = 10,
                          .ema = 0.9,
                          .gradient_checkpointing = true,
                          .skipped_limit = 3,
                          .freeze = {"vision_model.embeddings.*"},
                          .groups = {{.match = "text_decoder.*", .lr_factor = 0.5}}},
                         ctx);
    vlp::StepMeters meters;
    for (int step = 0; step < 2; ++step) meters.add(trainer.step(batches));
    BOOST_TEST(trainer.steps_done() == 2);
    BOOST_CHECK_THROW((void)trainer.step(batches).loss.item<double>(), c10::Error);
  }
}

BOOST_AUTO_TEST_SUITE_END()
