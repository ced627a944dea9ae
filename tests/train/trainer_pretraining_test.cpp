// The losses of BLIP's pre-training together, on a small mixture of encoder-decoder, by the trainer
// that recipes use.

#include "vlp/train/trainer.hpp"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <random>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include <boost/test/unit_test.hpp>

#include <ATen/ATen.h>

#include "plugins/loss/itc.hpp"
#include "plugins/loss/itm.hpp"
#include "plugins/loss/lm.hpp"
#include "plugins/optimizer/adamw.hpp"
#include "tests/support/med_model.hpp"
#include "vlp/train/objective.hpp"

BOOST_AUTO_TEST_SUITE(pretraining)

namespace {

using vlp::Batch;
using vlp::Parts;

constexpr std::int64_t kQueue = 10;  // not a multiple of the batches

Batch batch_of(std::int64_t rows, std::uint64_t seed) {
  at::manual_seed(seed);
  Batch batch;
  batch.pixels = at::randn({rows, 3, 16, 16});
  batch.texts.token_ids = at::randint(5, 22, {rows, 7}, at::kLong);
  batch.texts.token_ids.select(1, 0).fill_(2);
  for (std::int64_t row = 0; row < rows; ++row) {
    const std::int64_t length = 3 + row % 4;
    batch.texts.token_ids[row][length].fill_(3);
    batch.texts.token_ids[row].narrow(0, length + 1, 6 - length).fill_(0);
  }
  batch.texts.token_mask = batch.texts.token_ids.ne(0);
  const at::Tensor next =
      at::cat({batch.texts.token_ids.narrow(1, 1, 6), at::zeros({rows, 1}, at::kLong)}, 1)
          .flatten();
  batch.texts.target_index = next.nonzero().squeeze(1);
  batch.texts.targets = next.index_select(0, batch.texts.target_index);
  batch.image_index = at::arange(rows, at::kLong);
  for (std::int64_t row = 0; row < rows; ++row) batch.image_ids.push_back(std::to_string(row));
  return batch;
}

vlp::Objective all_losses(const vlp::Context& ctx) {
  std::vector<vlp::Objective::Term> terms;
  terms.push_back(
      {"itc", 1.0, vlp::ImageTextContrastive({.queue_size = kQueue}, ctx.machine, ctx.facts)});
  terms.push_back({"itm", 1.0, vlp::ImageTextMatching({}, ctx.facts)});
  terms.push_back({"lm", 1.0, vlp::LanguageModelLoss({.label_smoothing = 0.1})});
  return vlp::Objective(std::move(terms));
}

using PretrainingTrainer = vlp::Trainer<vlp::Blip, vlp::Objective>;

PretrainingTrainer trainer_of(vlp::Objective losses, const vlp::Context& ctx) {
  return {vlp_test::med_model(vlp_test::med_options(), losses.needs()),
          losses,
          vlp::AdamW(vlp::AdamW::Options{.lr = 3e-3}),
          {.clip_norm = 1.0, .total_steps = 100, .steps_per_epoch = 4},
          ctx};
}
PretrainingTrainer trainer_of(const vlp::Context& ctx) { return trainer_of(all_losses(ctx), ctx); }

vlp::State state_of(const PretrainingTrainer& trainer) {
  vlp::State state;
  trainer.save(state);
  return state;
}

/// Names of the entries in which two states differ in any bit.
std::string differing(const vlp::State& a, const vlp::State& b) {
  std::string names = a.entries().size() == b.entries().size() ? "" : "(another number of entries)";
  for (const auto& [name, entry] : a.entries()) {
    const auto other = b.entries().find(name);
    bool same = other != b.entries().end() && other->second.index() == entry.index();
    if (same) {
      if (const auto* tensor = std::get_if<vlp::TensorBytes>(&entry))
        same = std::ranges::equal(tensor->bytes, std::get<vlp::TensorBytes>(other->second).bytes);
      else if (const auto* number = std::get_if<std::int64_t>(&entry))
        same = *number == std::get<std::int64_t>(other->second);
      else if (const auto* real = std::get_if<double>(&entry))
        same = *real == std::get<double>(other->second);
    }
    if (!same) names += " " + name;
  }
  return names;
}

}  // namespace

BOOST_AUTO_TEST_CASE(a_resumed_run_continues_bit_for_bit) {
  vlp::Context ctx = vlp_test::med_context();
  PretrainingTrainer whole = trainer_of(ctx);
  const auto update = [](PretrainingTrainer& trainer,
                         std::uint64_t step) {  // two micro-batches, the second one odd
    const std::vector<Batch> batches{batch_of(4, 2 * step), batch_of(3, 2 * step + 1)};
    at::manual_seed(std::random_device{}());  // is nobody's: random numbers follow from the seed
    return trainer.step(batches).loss.item<float>();
  };
  for (std::uint64_t step = 0; step < 3; ++step) (void)update(whole, step);
  const vlp::State saved = state_of(whole);
  BOOST_TEST(saved.has("loss.itc.image_queue"));

  PretrainingTrainer resumed = trainer_of(ctx);
  (void)update(resumed, 7);  // leaves other weights, queues and draws behind
  resumed.load(saved);
  BOOST_TEST(differing(state_of(resumed), saved) == "");
  for (std::uint64_t step = 3; step < 6; ++step)
    BOOST_TEST(update(resumed, step) == update(whole, step));
  BOOST_TEST(differing(state_of(resumed), state_of(whole)) == "");
}

BOOST_AUTO_TEST_CASE(all_three_losses_fall_on_a_batch_that_repeats) {
  PretrainingTrainer trainer = trainer_of(vlp_test::med_context());
  const Batch batch = batch_of(6, 1);
  double first = 0, last = 0;
  for (int step = 0; step < 60; ++step) {
    const vlp::StepRecord record = trainer.step(batch);
    last = record.loss.item<double>();
    if (step == 0) first = last;
    if (step > 0) continue;
    std::string names;
    for (const auto& [name, part] : record.parts) {
      names += name + " ";
      BOOST_TEST(std::isfinite(part.item<double>()), name);
    }
    BOOST_TEST(names ==
               "itc itc.i2t itc.t2i itc.temperature itc.alpha itm itm.accuracy itm.recall lm ");
  }
  BOOST_TEST(last < 0.8 * first);
}

BOOST_AUTO_TEST_CASE(evaluation_between_updates_changes_nothing) {
  const vlp::Context ctx = vlp_test::med_context();
  PretrainingTrainer trainer = trainer_of(ctx);
  (void)trainer.step(batch_of(4, 1));
  const vlp::State before = state_of(trainer);
  const vlp::ModelParts parts = vlp::parts_of(trainer.model());
  trainer.model()->eval();
  const at::NoGradGuard no_grad;
  for (const std::int64_t rows : {1, 2, 5}) {
    const Batch batch = batch_of(rows, 9);
    vlp::State unchanged = state_of(trainer);
    vlp::Forward pass(parts, batch), again(parts, batch);
    const double loss = trainer.loss()(pass).total.item<double>();
    BOOST_TEST(std::isfinite(loss));
    BOOST_TEST(trainer.loss()(again).total.item<double>() == loss);
    BOOST_TEST(differing(state_of(trainer), unchanged).find("loss.") == std::string::npos);
  }
  BOOST_TEST(differing(state_of(trainer), before).find("model.") == std::string::npos);
}

BOOST_AUTO_TEST_CASE(batches_of_one_and_bfloat16_train) {
  for (const vlp::Precision precision : {vlp::Precision::fp32, vlp::Precision::bf16}) {
    vlp::Context ctx = vlp_test::med_context();
    ctx.machine.precision = precision;
    PretrainingTrainer trainer = trainer_of(ctx);
    for (const std::int64_t rows : {4, 1, 12}) {
      const vlp::StepRecord record = trainer.step(batch_of(rows, 3));
      BOOST_TEST(std::isfinite(record.loss.item<double>()));
      BOOST_TEST(record.loss.scalar_type() == at::kFloat);
      BOOST_TEST(record.grad_norm.item<double>() > 0);
    }
  }
}

BOOST_AUTO_TEST_CASE(matching_alone_and_contrast_alone_train) {
  const vlp::Context ctx = vlp_test::med_context();
  std::vector<vlp::Objective::Term> matching, contrast;
  matching.push_back(
      {"itm", 1.0,
       vlp::ImageTextMatching({.similarities = vlp::NegativesBy::online, .floor = 0}, ctx.facts)});
  contrast.push_back(
      {"itc", 1.0,
       vlp::ImageTextContrastive({.alpha = 0, .queue_size = 0}, ctx.machine, ctx.facts)});
  for (vlp::Objective losses :
       {vlp::Objective(std::move(matching)), vlp::Objective(std::move(contrast))}) {
    BOOST_TEST((vlp::parts::momentum_embeddings.without(losses.needs()) ==
                vlp::parts::momentum_embeddings));
    PretrainingTrainer trainer = trainer_of(losses, ctx);
    const Batch batch = batch_of(5, 4);
    const double first = trainer.step(batch).loss.item<double>();
    for (int step = 0; step < 30; ++step) (void)trainer.step(batch);
    BOOST_TEST(trainer.step(batch).loss.item<double>() < first);
  }
}

BOOST_AUTO_TEST_SUITE_END()
