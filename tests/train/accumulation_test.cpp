// Micro-batches that together are one batch: values, gradients, and how many there are at a time.

#include "vlp/train/accumulation.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include <ATen/ATen.h>
#include <boost/test/unit_test.hpp>

#include "plugins/loss/lm.hpp"
#include "plugins/optimizer/adamw.hpp"
#include "tests/support/med_model.hpp"
#include "tests/support/peer_threads.hpp"
#include "vlp/train/objective.hpp"
#include "vlp/train/trainer.hpp"

BOOST_AUTO_TEST_SUITE(accumulation)

namespace {

using vlp::Batch;

// What a sum of 8 x 25 numbers in another order changes, relative to the largest.
constexpr double kFloat32Sums = 1e-5, kFloat64Sums = 1e-12;

/// Captions of 2 to 5 supervised tokens, so that a mean of means isn't the mean.
Batch captioned(std::int64_t rows, at::ScalarType dtype) {
  at::manual_seed(11);
  Batch batch;
  batch.pixels = at::randn({rows, 3, 16, 16}, at::kDouble).to(dtype);
  batch.texts.token_ids = at::randint(5, 22, {rows, 7}, at::kLong);
  batch.texts.token_ids.select(1, 0).fill_(2);
  for (std::int64_t row = 0; row < rows; ++row) {
    const std::int64_t length = 2 + row % 4;
    batch.texts.token_ids[row][length].fill_(3);
    batch.texts.token_ids[row].narrow(0, length + 1, 6 - length).fill_(0);
  }
  batch.texts.token_mask = batch.texts.token_ids.ne(0);
  return batch;
}
/// Some rows, with what they supervise.
Batch rows_of(const Batch& whole, std::int64_t first, std::int64_t count) {
  Batch batch;
  batch.pixels = whole.pixels.narrow(0, first, count);
  batch.texts.token_ids = whole.texts.token_ids.narrow(0, first, count);
  batch.texts.token_mask = whole.texts.token_mask.narrow(0, first, count);
  const at::Tensor next =
      at::cat({batch.texts.token_ids.narrow(1, 1, 6), at::zeros({count, 1}, at::kLong)}, 1)
          .flatten();
  batch.texts.target_index = next.nonzero().squeeze(1);
  batch.texts.targets = next.index_select(0, batch.texts.target_index);
  return batch;
}
std::vector<Batch> cut(const Batch& whole, const std::vector<std::int64_t>& sizes) {
  std::vector<Batch> batches;
  std::int64_t first = 0;
  for (const std::int64_t size : sizes) {
    batches.push_back(rows_of(whole, first, size));
    first += size;
  }
  return batches;
}

/// Mean square of the image states over pairs.
struct Smallness {
  static constexpr vlp::Parts needs = vlp::Parts::of<vlp::ImageStates>();
  vlp::LossValue operator()(vlp::Forward& pass) const {
    const at::Tensor total = pass.image_states().square().mean();
    return {total, {{"size", total.detach()}}};
  }
};

vlp::Objective language_model() {
  std::vector<vlp::Objective::Term> terms;
  terms.push_back({"lm", 1.0, vlp::LanguageModelLoss({.label_smoothing = 0.1})});
  return vlp::Objective(std::move(terms));
}
/// One loss that weighs tokens and one that weighs pairs.
vlp::Objective mixture() {
  std::vector<vlp::Objective::Term> terms;
  terms.push_back({"lm", 2.0, vlp::LanguageModelLoss({})});
  terms.push_back({"small", 0.5, Smallness{}});
  return vlp::Objective(std::move(terms));
}

/// What one update tells.
struct Told {
  double loss, norm;
  std::vector<std::pair<std::string, double>> parts;
  std::vector<at::Tensor> gradients;
};

vlp::Blip model_of(at::ScalarType dtype) {
  vlp::Blip model = vlp_test::med_model();
  model->to(dtype);
  return model;
}

template <class Step>
Told update(vlp::Blip model, vlp::Objective losses, const vlp::Context& ctx, Step&& step) {
  vlp::Trainer trainer(model, std::move(losses), vlp::AdamW(vlp::AdamW::Options{}), {}, ctx);
  const vlp::StepRecord record = step(trainer);
  Told told{record.loss.item<double>(), record.grad_norm.item<double>(), {}, {}};
  for (const auto& [name, part] : record.parts) told.parts.emplace_back(name, part.item<double>());
  for (const at::Tensor& parameter : model->parameters())
    if (parameter.grad().defined()) told.gradients.push_back(parameter.grad().clone());
  return told;
}
Told update(at::ScalarType dtype, vlp::Objective losses, const std::vector<Batch>& batches) {
  return update(model_of(dtype), std::move(losses), vlp_test::med_context(),
                [&](auto& trainer) { return trainer.step(batches); });
}

void require_equal(const Told& a, const Told& b, double tolerance) {
  BOOST_TEST(std::abs(a.loss - b.loss) < tolerance * b.loss);
  BOOST_TEST(std::abs(a.norm - b.norm) < tolerance * b.norm);
  BOOST_TEST_REQUIRE(a.parts.size() == b.parts.size());
  for (std::size_t i = 0; i < a.parts.size(); ++i)
    BOOST_TEST(std::abs(a.parts[i].second - b.parts[i].second) < tolerance * b.loss,
               a.parts[i].first);
  BOOST_TEST_REQUIRE(a.gradients.size() == b.gradients.size());
  double difference = 0, largest = 0;
  for (std::size_t i = 0; i < a.gradients.size(); ++i) {
    difference = std::max(difference, (a.gradients[i] - b.gradients[i]).abs().max().item<double>());
    largest = std::max(largest, b.gradients[i].abs().max().item<double>());
  }
  BOOST_TEST(difference < tolerance * largest);
  BOOST_TEST(largest > 0.01);
}

}  // namespace

BOOST_AUTO_TEST_CASE(eight_times_one_is_one_times_eight) {
  for (const auto& [dtype, tolerance] :
       {std::pair(at::kFloat, kFloat32Sums), std::pair(at::kDouble, kFloat64Sums)}) {
    const Batch whole = captioned(8, dtype);
    const Told once = update(dtype, language_model(), cut(whole, {8}));
    require_equal(update(dtype, language_model(), cut(whole, {1, 1, 1, 1, 1, 1, 1, 1})), once,
                  tolerance);
    require_equal(update(dtype, language_model(), cut(whole, {3, 5})), once, tolerance);
  }
}

BOOST_AUTO_TEST_CASE(each_loss_of_a_sum_counts_its_own_way) {
  const Batch whole = captioned(8, at::kDouble);
  const Told once = update(at::kDouble, mixture(), cut(whole, {8}));
  require_equal(update(at::kDouble, mixture(), cut(whole, {1, 3, 4})), once, kFloat64Sums);
  require_equal(update(at::kDouble, mixture(), cut(whole, {2, 2, 2, 2})), once, kFloat64Sums);
}

BOOST_AUTO_TEST_CASE(processes_count_by_what_each_of_them_has) {
  const Batch whole = captioned(8, at::kDouble);
  for (const bool mixed : {false, true}) {
    const auto losses = [&] { return mixed ? mixture() : language_model(); };
    const Told once = update(at::kDouble, losses(), cut(whole, {8}));
    const std::vector<Batch> parts = cut(whole, {1, 3, 2, 2});
    std::vector<Told> told(2);
    const std::vector<vlp::Blip> models{model_of(at::kDouble), model_of(at::kDouble)};
    vlp_test::run_together(2, [&](const vlp::Peers& peers) {
      vlp::Context ctx = vlp_test::med_context();
      ctx.machine.peers = peers;
      const auto rank = static_cast<std::size_t>(peers.rank());
      told[rank] = update(models[rank], losses(), ctx, [&](auto& trainer) {
        return trainer.step(std::span(parts).subspan(2 * rank, 2));
      });
    });
    Told mean = told[0];  // of the records; gradients are those of both
    mean.loss = (told[0].loss + told[1].loss) / 2;
    for (std::size_t i = 0; i < mean.parts.size(); ++i)
      mean.parts[i].second = (told[0].parts[i].second + told[1].parts[i].second) / 2;
    require_equal(mean, once, kFloat64Sums);
    BOOST_TEST(told[0].norm == told[1].norm);
  }
}

BOOST_AUTO_TEST_CASE(one_micro_batch_is_a_plain_pass_to_the_last_bit) {
  const Batch batch = cut(captioned(8, at::kFloat), {8}).front();
  const Told told = update(at::kFloat, language_model(), {batch});
  vlp::Blip model = vlp_test::med_model();
  model->train();
  const vlp::ModelParts parts = vlp::parts_of(model);
  vlp::Forward pass(parts, batch);
  const at::Tensor loss = language_model()(pass).total;
  loss.backward();
  BOOST_TEST(told.loss == loss.item<double>());
  std::size_t i = 0;
  for (const at::Tensor& parameter : model->parameters())
    if (parameter.grad().defined()) BOOST_TEST(parameter.grad().equal(told.gradients.at(i++)));
  BOOST_TEST(i == told.gradients.size());
}

BOOST_AUTO_TEST_CASE(there_is_one_micro_batch_at_a_time_unless_losses_weigh_differently) {
  const Batch whole = captioned(6, at::kFloat);
  for (const bool mixed : {false, true}) {
    const std::vector<Batch> given = cut(whole, {1, 1, 1, 1, 1, 1});
    std::int64_t alive = 0, most = 0;
    std::size_t made = 0;
    const vlp::MicroBatches source{8, [&]() -> std::optional<Batch> {
                                     if (made == given.size()) return std::nullopt;
                                     Batch batch = given[made++];
                                     const at::Tensor kept = batch.pixels.contiguous();
                                     ++alive;
                                     batch.pixels = at::from_blob(
                                         kept.data_ptr(), kept.sizes(),
                                         [&alive, kept](void*) { --alive; }, kept.options());
                                     most = std::max(most, alive);
                                     return batch;
                                   }};
    const Told told =
        update(model_of(at::kFloat), mixed ? mixture() : language_model(), vlp_test::med_context(),
               [&](auto& trainer) { return *trainer.step(source); });
    BOOST_TEST(most == (mixed ? 6 : 1));
    BOOST_TEST(alive == 0);
    require_equal(told, update(at::kFloat, mixed ? mixture() : language_model(), given),
                  kFloat32Sums);
  }
}

BOOST_AUTO_TEST_CASE(without_a_micro_batch_there_is_no_update) {
  vlp::Trainer trainer(vlp_test::med_model(), language_model(), vlp::AdamW(vlp::AdamW::Options{}),
                       {}, vlp_test::med_context());
  BOOST_TEST(!trainer.step({4, [] { return std::optional<Batch>(); }}).has_value());
  BOOST_TEST(trainer.steps_done() == 0);
}

BOOST_AUTO_TEST_CASE(a_loss_tells_what_a_batch_weighs) {
  const Batch batch = cut(captioned(4, at::kFloat), {4}).front();
  BOOST_TEST(vlp::weight_of(vlp::LanguageModelLoss({}), batch) == 2 + 3 + 4 + 5);
  BOOST_TEST(vlp::weight_of(Smallness{}, batch) == 4);
  Batch more = batch;
  more.extra_captions = {batch.texts, batch.texts};
  BOOST_TEST(vlp::weight_of(vlp::LanguageModelLoss({.captions = 2}), more) == 2 * 14);
  BOOST_TEST((mixture().weights(batch) == std::vector<double>{14, 4}));
  BOOST_TEST(!mixture().weighs_alike());
  BOOST_TEST(language_model().weighs_alike());
}

BOOST_AUTO_TEST_SUITE_END()
