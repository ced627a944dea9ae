// Losses with parameters of their own: trained, saved and resumed with those of the model.

#include "vlp/train/trainer.hpp"

#include <cmath>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include <ATen/ATen.h>
#include <torch/nn/module.h>
#include <torch/nn/modules/embedding.h>
#include <torch/nn/modules/linear.h>
#include <torch/nn/pimpl.h>
#include <boost/test/unit_test.hpp>

#include "plugins/optimizer/adamw.hpp"
#include "tests/support/float32.hpp"
#include "tests/support/gradient_check.hpp"
#include "tests/support/pairs.hpp"
#include "tests/support/recording_sgd.hpp"
#include "tests/support/sigmoid_loss.hpp"
#include "vlp/train/objective.hpp"

BOOST_AUTO_TEST_SUITE(losses_with_parameters)

namespace {

using vlp_test::float32_distance;
using vlp_test::RecordingSgd;
using vlp_test::SigmoidLoss;

constexpr double kRounding = 1e-6;  // float32, means of sixteen pairs
constexpr double kLr = 0.1;         // of RecordingSgd

/// Compares images of four values with texts of one token. Dropout makes it depend on torch's
/// random stream.
class TwinsImpl : public torch::nn::Module {
 public:
  explicit TwinsImpl(double dropout = 0) : dropout_(dropout) {
    at::manual_seed(8);
    image = register_module("image", torch::nn::Linear(4, 3));
    text = register_module("text", torch::nn::Embedding(10, 3));
  }
  at::Tensor image_states(const at::Tensor& pixels) {
    return at::dropout(image(pixels), dropout_, is_training()).unsqueeze(1);
  }
  at::Tensor text_states(const at::Tensor& ids, const at::Tensor&) { return text(ids); }
  at::Tensor image_embeddings(const at::Tensor& states) {
    return vlp_test::unit_rows(states.squeeze(1));
  }
  at::Tensor text_embeddings(const at::Tensor& states, const at::Tensor&) {
    return vlp_test::unit_rows(states.squeeze(1));
  }
  torch::nn::Linear image{nullptr};
  torch::nn::Embedding text{nullptr};

 private:
  double dropout_;
};
TORCH_MODULE(Twins);
static_assert(vlp::Model<Twins>);

vlp::Batch batch_of(std::int64_t pairs, std::uint64_t seed) {
  at::manual_seed(seed);
  vlp::Batch batch;
  batch.pixels = at::randn({pairs, 4});
  batch.texts.token_ids = at::arange(pairs, at::kLong).unsqueeze(1);
  batch.texts.token_mask = at::ones({pairs, 1}, at::kBool);
  return batch;
}

/// The loss's value and gradients written out, without autograd.
struct ByHand {
  double value, scale_gradient, bias_gradient;

  ByHand(Twins model, const vlp::Batch& batch, double scale, double bias) {
    const at::NoGradGuard no_grad;
    const at::Tensor images = model->image_embeddings(model->image_states(batch.pixels)),
                     texts =
                         model->text_embeddings(model->text_states(batch.texts.token_ids, {}), {});
    const std::int64_t pairs = batch.pixels.size(0);
    double sum = 0, by_scale = 0, by_bias = 0;
    for (std::int64_t i = 0; i < pairs; ++i)
      for (std::int64_t k = 0; k < pairs; ++k) {
        const double similarity = (images[i] * texts[k]).sum().item<double>();
        const double label = i == k ? 1 : -1, z = label * (similarity * scale + bias);
        sum += std::log1p(std::exp(-z));
        by_scale -= label * similarity / (1 + std::exp(z));
        by_bias -= label / (1 + std::exp(z));
      }
    const auto count = static_cast<double>(pairs * pairs);
    value = sum / count, scale_gradient = by_scale / count, bias_gradient = by_bias / count;
  }
};

/// The same loss twice, with other beginnings and weights.
vlp::Objective two_losses(const SigmoidLoss& one, const SigmoidLoss& two) {
  std::vector<vlp::Objective::Term> terms;
  terms.push_back({"sigmoid.0", 1.0, one});
  terms.push_back({"sigmoid.1", 0.5, two});
  return vlp::Objective(std::move(terms));
}

/// Has none.
struct Plain {
  static constexpr vlp::Parts needs = vlp::Parts();
  vlp::LossValue operator()(vlp::Forward&) const { return {at::zeros({}), {}}; }
};

using Names = std::vector<std::string>;

double number(const at::Tensor& scalar) { return scalar.item<double>(); }

}  // namespace

BOOST_AUTO_TEST_CASE(the_gradient_flows_into_them) {
  vlp_test::Pairs pairs(4);
  const SigmoidLoss loss({.scale = 2, .bias = -1});
  loss.module()->to(at::kDouble);
  const auto value = [&] {
    vlp::Forward pass = pairs.training();
    return loss(pass).total;
  };
  BOOST_TEST(vlp_test::gradient_difference(value, {loss.scale, loss.bias, pairs.image,
                                                   pairs.text}) < vlp_test::kGradientTolerance);
  BOOST_TEST(std::abs(number(loss.scale.grad())) > 1e-3);
  BOOST_TEST(std::abs(number(loss.bias.grad())) > 1e-3);
}

BOOST_AUTO_TEST_CASE(they_are_in_the_optimizers_groups_behind_the_models) {
  const RecordingSgd sgd;
  const SigmoidLoss loss;
  const vlp::Trainer trainer(Twins(), loss, sgd, {}, vlp::Context{});
  BOOST_TEST_REQUIRE(sgd.groups->size() == 2U);
  BOOST_TEST(((*sgd.groups)[0].names == Names{"image.weight", "text.weight"}));
  const vlp::ParameterGroup& exempt = (*sgd.groups)[1];
  BOOST_TEST((exempt.names == Names{"image.bias", "loss.scale", "loss.bias"}));
  BOOST_TEST(!exempt.decay);
  BOOST_TEST((exempt.parameters[1].unsafeGetTensorImpl() == loss.scale.unsafeGetTensorImpl()));
}

BOOST_AUTO_TEST_CASE(a_step_moves_them_down_their_gradient) {
  Twins model;
  const SigmoidLoss loss({.scale = 2, .bias = -1});
  const vlp::Batch batch = batch_of(4, 1);
  const ByHand expected(model, batch, 2, -1);
  vlp::Trainer trainer(model, loss, RecordingSgd{}, {}, vlp::Context{});
  BOOST_TEST(float32_distance(number(trainer.step(batch).loss), expected.value) < kRounding);
  BOOST_TEST(float32_distance(number(loss.scale), 2 - kLr * expected.scale_gradient) < kRounding);
  BOOST_TEST(float32_distance(number(loss.bias), -1 - kLr * expected.bias_gradient) < kRounding);
  BOOST_TEST(std::abs(expected.bias_gradient) > 0.1);  // so that a step that leaves it is seen
}

BOOST_AUTO_TEST_CASE(clipping_counts_them) {
  const vlp::Batch batch = batch_of(4, 1);
  Twins model;
  const SigmoidLoss loss({.scale = 2, .bias = -1});
  const ByHand own(model, batch, 2, -1);
  vlp::Trainer trainer(model, loss, RecordingSgd{}, {}, vlp::Context{});
  const double norm = number(trainer.step(batch).grad_norm);
  double square = own.scale_gradient * own.scale_gradient + own.bias_gradient * own.bias_gradient;
  for (const at::Tensor& parameter : model->parameters())
    square += number(parameter.grad().square().sum());
  BOOST_TEST(float32_distance(norm, std::sqrt(square)) < kRounding);
}

BOOST_AUTO_TEST_CASE(two_losses_of_one_kind_are_kept_apart) {
  Twins model;
  const SigmoidLoss one({.scale = 2, .bias = -1}), two({.scale = 5, .bias = -3});
  vlp::Objective losses = two_losses(one, two);
  Names names;
  for (const auto& item : losses.module()->named_parameters()) names.push_back(item.key());
  BOOST_TEST(
      (names == Names{"sigmoid_0.scale", "sigmoid_0.bias", "sigmoid_1.scale", "sigmoid_1.bias"}));
  const RecordingSgd sgd;
  vlp::Trainer trainer(model, losses, sgd, {}, vlp::Context{});
  BOOST_TEST(
      (sgd.groups->at(1).names == Names{"image.bias", "loss.sigmoid_0.scale", "loss.sigmoid_0.bias",
                                        "loss.sigmoid_1.scale", "loss.sigmoid_1.bias"}));
  const vlp::Batch batch = batch_of(4, 2);
  const ByHand first(model, batch, 2, -1), second(model, batch, 5, -3);
  const vlp::StepRecord record = trainer.step(batch);
  BOOST_TEST(float32_distance(number(record.loss), first.value + 0.5 * second.value) < kRounding);
  BOOST_TEST(float32_distance(number(one.bias), -1 - kLr * first.bias_gradient) < kRounding);
  BOOST_TEST(float32_distance(number(two.bias), -3 - kLr * 0.5 * second.bias_gradient) < kRounding);
  BOOST_TEST(float32_distance(number(two.scale), 5 - kLr * 0.5 * second.scale_gradient) <
             kRounding);
}

BOOST_AUTO_TEST_CASE(a_restored_trainer_continues_with_them_bit_for_bit) {
  struct Run {
    Twins model{0.3};
    SigmoidLoss one, two;
    vlp::Trainer<Twins, vlp::Objective> trainer;
    Run(double scale, double bias)
        : one({.scale = scale, .bias = bias}),
          two({.scale = bias, .bias = scale}),
          trainer(model, two_losses(one, two),
                  vlp::AdamW(vlp::AdamW::Options{.lr = 0.01, .weight_decay = 0.1}),
                  {.clip_norm = 0.5, .total_steps = 6}, vlp::Context{}) {}
    void steps(int count) {
      for (int i = 0; i < count; ++i) trainer.step(batch_like);
    }
    vlp::Batch batch_like = batch_of(4, 3);
  };
  Run run(2, -1), restored(7, 3);
  run.steps(3);
  vlp::State state;
  run.trainer.save(state);
  const double halfway = number(run.one.scale);
  run.steps(3);
  BOOST_TEST(number(run.one.scale) != halfway);
  at::manual_seed(999);
  restored.trainer.load(state);
  BOOST_TEST(number(restored.one.scale) == halfway);
  restored.steps(3);
  for (const auto& [mine, other] : {std::pair(run.one.scale, restored.one.scale),
                                    {run.one.bias, restored.one.bias},
                                    {run.two.scale, restored.two.scale},
                                    {run.two.bias, restored.two.bias}})
    BOOST_TEST(mine.equal(other));
  BOOST_TEST(run.model->image->weight.equal(restored.model->image->weight));
  BOOST_TEST(!run.one.scale.equal(run.two.scale));
}

BOOST_AUTO_TEST_CASE(a_state_without_them_is_refused) {
  Twins model;
  vlp::Trainer with(model, SigmoidLoss(), RecordingSgd{}, {}, vlp::Context{});
  vlp::State state, without;
  with.save(state);
  without.entries() = state.entries();
  std::erase_if(without.entries(),
                [](const auto& entry) { return entry.first.starts_with("loss_module"); });
  BOOST_TEST(without.entries().size() == state.entries().size() - 2);
  BOOST_CHECK_THROW(with.load(without), vlp::WeightsError);
}

BOOST_AUTO_TEST_CASE(an_objective_of_losses_without_parameters_has_none) {
  std::vector<vlp::Objective::Term> terms;
  terms.push_back({"plain", 1.0, Plain{}});
  BOOST_TEST(!vlp::Objective(std::move(terms)).module());
}

BOOST_AUTO_TEST_SUITE_END()
