#include "vlp/train/trainer.hpp"

#include <cmath>
#include <cstdint>
#include <limits>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <boost/test/unit_test.hpp>

#include <ATen/ATen.h>
#include <torch/nn/module.h>
#include <torch/nn/modules/linear.h>
#include <torch/nn/pimpl.h>

#include "plugins/optimizer/adamw.hpp"
#include "tests/support/float32.hpp"
#include "tests/support/peer_threads.hpp"
#include "tests/support/recording_sgd.hpp"
#include "vlp/train/objective.hpp"
#include "vlp/train/precision.hpp"

BOOST_AUTO_TEST_SUITE(trainer)

namespace {

using vlp::Batch;
using vlp::Parts;
using vlp_test::float32_distance;
using vlp_test::RecordingSgd;

constexpr double kRounding = 1e-6;  // float32, sums of some dozen terms in another order

/// The least that a model must be: a module and what it serves. Dropout makes it depend on torch's
/// random stream.
class LineImpl : public torch::nn::Module {
 public:
  explicit LineImpl(double dropout = 0) : dropout_(dropout) {
    at::manual_seed(3);
    linear = register_module("linear", torch::nn::Linear(4, 2));
  }
  [[nodiscard]] static constexpr Parts serves() { return vlp::Parts::of<vlp::ImageStates>(); }
  at::Tensor image_states(const at::Tensor& pixels) {
    return at::dropout(linear(pixels.flatten(1).narrow(1, 0, 4)), dropout_, is_training())
        .unsqueeze(1);
  }
  torch::nn::Linear linear{nullptr};

 private:
  double dropout_;
};
TORCH_MODULE(Line);
static_assert(vlp::Model<Line>);

/// Mean squared distance of the states from the images' first two values.
struct Distance {
  static constexpr Parts needs = vlp::Parts::of<vlp::ImageStates>();
  vlp::LossValue operator()(vlp::Forward& pass) const {
    const at::Tensor wanted = pass.batch().pixels.flatten(1).narrow(1, 0, 2) * factor;
    const at::Tensor total =
        (pass.image_states().squeeze(1).to(at::kFloat) - wanted).square().mean();
    return {total, {{"distance", total.detach()}}};
  }
  double factor = 1;
};
static_assert(vlp::Loss<Distance>);

/// A line with a second layer for bright batches only, those whose third value is above 0.
class BranchImpl : public torch::nn::Module {
 public:
  BranchImpl() {
    at::manual_seed(4);
    linear = register_module("linear", torch::nn::Linear(4, 2));
    branch = register_module("branch", torch::nn::Linear(2, 2));
    last = register_module("last", torch::nn::Linear(2, 2));
  }
  at::Tensor image_states(const at::Tensor& pixels) {
    at::Tensor states = linear(pixels.flatten(1).narrow(1, 0, 4));
    if (pixels[0][2][0][0].item<float>() > 0) states = branch(states);
    return last(states).unsqueeze(1);
  }
  torch::nn::Linear linear{nullptr}, branch{nullptr}, last{nullptr};
};
TORCH_MODULE(Branch);

/// Plain gradient descent that leaves alone what has no gradient.
struct TolerantSgd : RecordingSgd {
  void step(const vlp::StepControl& c) {
    for (auto& group : *groups)
      for (auto& p : group.parameters)
        if (p.grad().defined()) p.sub_(p.grad() * (0.1 * c.lr_factor));
  }
};
static_assert(vlp::Optimizer<TolerantSgd>);

/// Refuses dark images.
struct Fragile : Distance {
  vlp::LossValue operator()(vlp::Forward& pass) const {
    if (pass.batch().pixels.amin().item<float>() <= -5) throw vlp::DataError("pixels: too dark");
    return Distance::operator()(pass);
  }
};
static_assert(vlp::Loss<Fragile>);

/// Finite gradients of a loss that isn't, for dark images.
struct Overflowing : Distance {
  vlp::LossValue operator()(vlp::Forward& pass) const {
    vlp::LossValue value = Distance::operator()(pass);
    if (pass.batch().pixels.amin().item<float>() <= -5)
      value.total = value.total + std::numeric_limits<double>::infinity();
    return value;
  }
};
static_assert(vlp::Loss<Overflowing>);

/// Notes when it is called.
struct Told : Distance {
  explicit Told(std::shared_ptr<std::string> notes) : calls(std::move(notes)) {}
  vlp::LossValue operator()(vlp::Forward& pass) const {
    *calls += "pass ";
    return Distance::operator()(pass);
  }
  void begin_update() { *calls += "begin "; }
  void end_update(const vlp::Peers&) { *calls += "end "; }
  std::shared_ptr<std::string> calls;
};
static_assert(vlp::Loss<Told>);

Batch batch_of(std::int64_t rows, std::uint64_t seed) {
  at::manual_seed(seed);
  Batch batch;
  batch.pixels = at::randn({rows, 3, 2, 2});
  return batch;
}

bool equal(const torch::nn::Module& a, const torch::nn::Module& b) {
  const auto x = a.parameters(), y = b.parameters();
  for (std::size_t i = 0; i < x.size(); ++i)
    if (!x[i].equal(y[i])) return false;
  return x.size() == y.size();
}

}  // namespace

BOOST_AUTO_TEST_CASE(steps_make_the_loss_smaller) {
  vlp::Trainer trainer(Line(), Distance{}, vlp::AdamW(vlp::AdamW::Options{.lr = 0.05}),
                       {.total_steps = 60}, vlp::Context{});
  const Batch batch = batch_of(16, 1);
  const double first = trainer.step(batch).loss.item<double>();
  double last = first;
  for (int i = 0; i < 59; ++i) last = trainer.step(batch).loss.item<double>();
  BOOST_TEST(last < first / 10);
  BOOST_TEST(trainer.steps_done() == 60);
}

BOOST_AUTO_TEST_CASE(micro_batches_give_the_update_of_the_whole_batch) {
  const Batch whole = batch_of(8, 2);
  Batch a, b;
  a.pixels = whole.pixels.narrow(0, 0, 4);
  b.pixels = whole.pixels.narrow(0, 4, 4);
  Line one, two;
  vlp::Trainer single(one, Distance{}, RecordingSgd{}, {}, vlp::Context{});
  vlp::Trainer accumulated(two, Distance{}, RecordingSgd{}, {}, vlp::Context{});
  const auto record = single.step(whole);
  const std::vector<Batch> parts{a, b};
  const auto sum = accumulated.step(parts);
  BOOST_TEST(float32_distance(sum.loss.item<double>(), record.loss.item<double>()) < kRounding);
  BOOST_TEST((one->linear->weight - two->linear->weight).abs().max().item<double>() < kRounding);
}

BOOST_AUTO_TEST_CASE(clipping_scales_long_gradients_and_leaves_short_ones) {
  const Batch batch = batch_of(8, 4);
  for (const double clip : {0.01, 1e6}) {
    Line model;
    const at::Tensor before = model->linear->weight.detach().clone();
    RecordingSgd sgd;
    vlp::Trainer trainer(model, Distance{}, sgd, {.clip_norm = clip}, vlp::Context{});
    const double norm = trainer.step(batch).grad_norm.item<double>();
    BOOST_TEST(std::abs(sgd.control->grad_scale.item<double>() - std::max(1.0, norm / clip)) <
               1e-4 * std::max(1.0, norm / clip));
    const double moved = (model->linear->weight.detach() - before).norm().item<double>();
    BOOST_TEST(moved <= 0.1 * std::min(norm, clip) * 1.0001);
  }
}

BOOST_AUTO_TEST_CASE(a_gradient_that_is_not_finite_changes_nothing) {
  Batch bad = batch_of(4, 5);
  bad.pixels[0][0][0][0] = std::numeric_limits<float>::infinity();
  Line model;
  const at::Tensor before = model->linear->weight.detach().clone();
  vlp::Trainer trainer(model, Distance{}, vlp::AdamW(vlp::AdamW::Options{}), {}, vlp::Context{});
  trainer.step(bad);
  BOOST_TEST(model->linear->weight.equal(before));
}

BOOST_AUTO_TEST_CASE(the_schedule_sees_the_position_and_sets_the_rate) {
  std::vector<std::int64_t> seen;
  const vlp::AnySchedule schedule([&seen](const vlp::SchedulePosition& p) {
    seen.push_back(p.step * 1000 + p.steps * 10 + p.steps_per_epoch);
    return 0.5;
  });
  vlp::Trainer trainer(Line(), Distance{}, RecordingSgd{},
                       {.schedule = schedule, .total_steps = 4, .steps_per_epoch = 2},
                       vlp::Context{});
  const Batch batch = batch_of(2, 6);
  trainer.step(batch);
  BOOST_TEST(trainer.step(batch).lr == 0.05);
  BOOST_TEST(seen == (std::vector<std::int64_t>{42, 1042}), boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(norms_and_biases_get_a_group_without_decay_unless_asked) {
  RecordingSgd sgd, all;
  all.decay_all = true;
  vlp::Trainer a(Line(), Distance{}, sgd, {}, vlp::Context{});
  vlp::Trainer b(Line(), Distance{}, all, {}, vlp::Context{});
  BOOST_TEST(sgd.groups->size() == 2U);
  BOOST_TEST((*sgd.groups)[0].names.at(0) == "linear.weight");
  BOOST_TEST((*sgd.groups)[0].decay);
  BOOST_TEST((*sgd.groups)[1].names.at(0) == "linear.bias");
  BOOST_TEST(!(*sgd.groups)[1].decay);
  BOOST_TEST(all.groups->size() == 1U);
}

BOOST_AUTO_TEST_CASE(a_restored_trainer_continues_bit_for_bit) {
  const auto make = [](const Line& model) {
    return vlp::Trainer(model, Distance{},
                        vlp::AdamW(vlp::AdamW::Options{.lr = 0.01, .weight_decay = 0.1}),
                        {.clip_norm = 0.5, .total_steps = 6}, vlp::Context{});
  };
  Line model(0.3), other(0.3);
  auto trainer = make(model), restored = make(other);
  const Batch batch = batch_of(8, 7);
  for (int i = 0; i < 3; ++i) trainer.step(batch);
  vlp::State state;
  trainer.save(state);
  for (int i = 0; i < 3; ++i) trainer.step(batch);
  at::manual_seed(999);
  restored.load(state);
  BOOST_TEST(restored.steps_done() == 3);
  for (int i = 0; i < 3; ++i) restored.step(batch);
  BOOST_TEST(equal(*model, *other));
}

BOOST_AUTO_TEST_CASE(bf16_trains_close_to_fp32) {
  vlp::Context low;
  low.machine.precision = vlp::Precision::bf16;
  const Batch batch = batch_of(16, 8);
  Line a, b;
  vlp::Trainer fp32(a, Distance{}, RecordingSgd{}, {}, vlp::Context{});
  vlp::Trainer bf16(b, Distance{}, RecordingSgd{}, {}, low);
  for (int i = 0; i < 10; ++i) fp32.step(batch), bf16.step(batch);
  constexpr double kBfloat16 = 2e-2;  // eight bits of mantissa, ten steps
  BOOST_TEST((a->linear->weight - b->linear->weight).abs().max().item<double>() < kBfloat16);
  BOOST_TEST((b->linear->weight.scalar_type() == at::kFloat));
}

BOOST_AUTO_TEST_CASE(tf32_is_allowed_by_a_trainer_in_tf32_alone) {
  const auto allowed_by = [](vlp::Precision precision) {
    vlp::Context ctx;
    ctx.machine.precision = precision;
    const vlp::Trainer trainer(Line{}, Distance{}, RecordingSgd{}, {}, ctx);
    BOOST_TEST(at::globalContext().allowTF32CuBLAS() == at::globalContext().allowTF32CuDNN());
    return at::globalContext().allowTF32CuDNN();
  };
  BOOST_TEST(allowed_by(vlp::Precision::tf32));
  for (const vlp::Precision other :
       {vlp::Precision::bf16, vlp::Precision::fp16, vlp::Precision::fp32})
    BOOST_TEST(!allowed_by(other));
}

BOOST_AUTO_TEST_CASE(fp16_scales_the_loss_and_halves_the_scale_on_overflow) {
  vlp::Context low;
  low.machine.precision = vlp::Precision::fp16;
  Line model;
  RecordingSgd sgd;
  vlp::Trainer trainer(model, Distance{}, sgd, {}, low);
  Batch batch = batch_of(4, 9);
  batch.pixels =
      batch.pixels * 0.01;  // its gradients fit into fp16 even when the loss is scaled by 65536
  trainer.step(batch);
  BOOST_TEST(sgd.control->found_inf.item<float>() == 0.0F);
  BOOST_TEST(sgd.control->grad_scale.item<float>() == 65536.0F);

  Batch huge = batch;
  huge.pixels = batch.pixels * 3e5;
  trainer.step(huge);
  BOOST_TEST(sgd.control->found_inf.item<float>() == 1.0F);
  trainer.step(batch);
  BOOST_TEST(sgd.control->found_inf.item<float>() == 0.0F);
  BOOST_TEST(sgd.control->grad_scale.item<float>() == 32768.0F);
}

BOOST_AUTO_TEST_CASE(an_objective_weighs_its_losses_and_names_them) {
  std::vector<vlp::Objective::Term> terms;
  terms.push_back({"near", 2.0, Distance{}});
  terms.push_back({"far", 0.5, Distance{3}});
  vlp::Objective objective(std::move(terms));
  BOOST_TEST((objective.needs() == vlp::Parts::of<vlp::ImageStates>()));
  Line model;
  const vlp::ModelParts parts = vlp::parts_of(model);
  const Batch batch = batch_of(4, 10);
  vlp::Forward pass(parts, batch), again(parts, batch);
  const vlp::LossValue sum = objective(pass);
  const double near = Distance{}(again).total.item<double>(),
               far = Distance{3}(again).total.item<double>();
  BOOST_TEST(float32_distance(sum.total.item<double>(), 2 * near + 0.5 * far) < kRounding);
  BOOST_TEST(sum.parts.at(0).first == "near");
  BOOST_TEST(sum.parts.at(1).first == "near.distance");
  BOOST_TEST(sum.parts.at(2).first == "far");
}

BOOST_AUTO_TEST_CASE(parts_of_the_loss_are_means_over_the_micro_batches_as_the_loss_is) {
  Line model;
  vlp::Trainer trainer(model, Distance{}, vlp::AdamW(vlp::AdamW::Options{}), {}, vlp::Context{});
  const std::vector<Batch> micro_batches{batch_of(4, 1), batch_of(4, 2)};
  double sum = 0;
  for (const Batch& batch : micro_batches) {
    Line same;
    vlp::Trainer alone(same, Distance{}, vlp::AdamW(vlp::AdamW::Options{}), {}, vlp::Context{});
    sum += alone.step(batch).parts.at(0).second.item<double>();
  }
  const vlp::StepRecord record = trainer.step(micro_batches);
  BOOST_TEST(record.parts.size() == 1U);
  BOOST_TEST(float32_distance(record.parts.at(0).second.item<double>(), sum / 2) < kRounding);
  BOOST_TEST(!record.parts.at(0).second.requires_grad());
}

BOOST_AUTO_TEST_CASE(two_processes_train_as_one_with_all_their_micro_batches) {
  std::vector<Batch> batches;
  for (std::uint64_t i = 0; i < 8; ++i) batches.push_back(batch_of(4, 20 + i));
  Line alone;
  vlp::Trainer one(alone, Distance{}, RecordingSgd{}, {}, vlp::Context{});
  for (std::size_t update = 0; update < 2; ++update)
    (void)one.step(std::span(batches).subspan(4 * update, 4));
  std::vector<Line> models{Line(), Line()};
  vlp_test::run_together(2, [&](const vlp::Peers& peers) {
    vlp::Context ctx;
    ctx.machine.peers = peers;
    const auto rank = static_cast<std::size_t>(peers.rank());
    vlp::Trainer trainer(models[rank], Distance{}, RecordingSgd{}, {}, ctx);
    for (std::size_t update = 0; update < 2; ++update)
      (void)trainer.step(std::span(batches).subspan(4 * update + 2 * rank, 2));
  });
  BOOST_TEST(models[0]->linear->weight.equal(models[1]->linear->weight));
  BOOST_TEST((models[0]->linear->weight - alone->linear->weight).abs().max().item<double>() <
             1e-6);  // the same sums of float32 in another order
}

BOOST_AUTO_TEST_CASE(a_part_that_only_some_batches_go_through_is_trained_on_all_processes) {
  const auto marked = [](std::uint64_t seed, bool on) {
    Batch batch = batch_of(4, seed);
    batch.pixels.select(1, 2).fill_(on ? 1.0 : -1.0);
    return batch;
  };
  // The second process never reaches the branch in update 0, nobody does in update 1, and the first
  // one doesn't in update 2.
  const std::vector<Batch> batches{marked(31, true),  marked(32, false), marked(33, false),
                                   marked(34, false), marked(35, false), marked(36, true)};
  Branch alone;
  vlp::Trainer one(alone, Distance{}, TolerantSgd{}, {}, vlp::Context{});
  for (std::size_t update = 0; update < 3; ++update)
    (void)one.step(std::span(batches).subspan(2 * update, 2));
  BOOST_TEST(!alone->branch->weight.equal(Branch()->branch->weight));

  std::vector<Branch> models{Branch(), Branch()};
  std::vector<std::vector<bool>> present(2);
  vlp_test::run_together(2, [&](const vlp::Peers& peers) {
    vlp::Context ctx;
    ctx.machine.peers = peers;
    const auto rank = static_cast<std::size_t>(peers.rank());
    vlp::Trainer trainer(models[rank], Distance{}, TolerantSgd{}, {}, ctx);
    for (std::size_t update = 0; update < 3; ++update) {
      (void)trainer.step(batches[2 * update + rank]);
      present[rank].push_back(models[rank]->branch->weight.grad().defined());
    }
  });
  for (const auto& defined : present)
    BOOST_TEST((defined == std::vector<bool>{true, false, true}), "nobody's gradient stays none");
  BOOST_TEST(equal(*models[0], *models[1]));
  const auto ours = models[0]->parameters(), theirs = alone->parameters();
  for (std::size_t i = 0; i < ours.size(); ++i)
    BOOST_TEST((ours[i] - theirs[i]).abs().max().item<double>() < kRounding);
}

BOOST_AUTO_TEST_CASE(a_step_that_fails_in_one_process_changes_nothing_in_any) {
  std::vector<Line> models{Line(), Line()};
  const Line before;
  std::vector<std::string> told(2);
  vlp_test::run_together(2, [&](const vlp::Peers& peers) {
    vlp::Context ctx;
    ctx.machine.peers = peers;
    const auto rank = static_cast<std::size_t>(peers.rank());
    vlp::Trainer trainer(models[rank], Fragile{}, RecordingSgd{}, {}, ctx);
    Batch batch = batch_of(4, 40);
    if (rank == 1) batch.pixels.fill_(-5.0);
    try {
      (void)trainer.step(batch);
    } catch (const vlp::Error& error) {
      told[rank] = error.what();
    }
  });
  BOOST_TEST(told[1] == "pixels: too dark");
  BOOST_TEST(told[0] == "process 1 (of 0 to 1): pixels: too dark");
  for (const Line& model : models) BOOST_TEST(equal(*model, *before));
}

BOOST_AUTO_TEST_CASE(a_loss_that_is_not_finite_in_one_process_changes_nothing_in_any) {
  std::vector<Line> models{Line(), Line()};
  const Line before;
  vlp_test::run_together(2, [&](const vlp::Peers& peers) {
    vlp::Context ctx;
    ctx.machine.peers = peers;
    const auto rank = static_cast<std::size_t>(peers.rank());
    vlp::Trainer trainer(models[rank], Overflowing{}, vlp::AdamW(vlp::AdamW::Options{}), {}, ctx);
    Batch batch = batch_of(4, 41);
    if (rank == 1) batch.pixels.fill_(-5.0);
    const vlp::StepRecord record = trainer.step(batch);
    BOOST_TEST(std::isfinite(record.grad_norm.item<double>()));
    BOOST_TEST(trainer.read_skips().skipped == 1);
  });
  for (const Line& model : models) BOOST_TEST(equal(*model, *before));
}

BOOST_AUTO_TEST_CASE(a_loss_is_told_when_an_update_begins_and_when_it_is_done) {
  std::vector<vlp::Objective::Term> terms;
  const auto calls = std::make_shared<std::string>();
  terms.push_back({"told", 1.0, Told{calls}});
  terms.push_back({"plain", 1.0, Distance{}});
  vlp::Trainer trainer(Line(), vlp::Objective(std::move(terms)), RecordingSgd{}, {},
                       vlp::Context{});
  const std::vector<Batch> micro_batches{batch_of(4, 1), batch_of(4, 2)};
  (void)trainer.step(micro_batches);
  (void)trainer.step(micro_batches);
  BOOST_TEST(*calls == "begin pass pass end begin pass pass end ");
}

BOOST_AUTO_TEST_CASE(random_numbers_of_a_micro_batch_do_not_hang_on_what_was_drawn_before) {
  const std::vector<Batch> batches{batch_of(4, 1), batch_of(4, 2)};
  const auto trained = [&](std::uint64_t seed, bool disturbed) {
    Line model(/*dropout=*/0.5);
    vlp::Context ctx;
    ctx.facts.seeds = vlp::RandomStream(seed);
    vlp::Trainer trainer(model, Distance{}, RecordingSgd{}, {}, ctx);
    for (int update = 0; update < 3; ++update) {
      if (disturbed) (void)at::rand({update + 1});
      (void)trainer.step(batches);
    }
    return model->linear->weight.detach().clone();
  };
  BOOST_TEST(trained(5, false).equal(trained(5, true)));
  BOOST_TEST(!trained(5, false).equal(trained(6, false)));
}

BOOST_AUTO_TEST_SUITE_END()
