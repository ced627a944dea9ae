// Layers that are computed a second time in the backward pass: the same bits, less kept.

#include "vlp/nn/recompute.hpp"

#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include <ATen/ATen.h>
#include <torch/nn/modules/container/modulelist.h>
#include <boost/test/unit_test.hpp>

#include "plugins/loss/lm.hpp"
#include "tests/support/med_model.hpp"
#include "tests/support/recording_sgd.hpp"
#include "vlp/train/trainer.hpp"

BOOST_AUTO_TEST_SUITE(recompute)

namespace {

vlp::BlipImpl::Options with_dropout() {
  vlp::BlipImpl::Options options = vlp_test::med_options();
  options.encoder = vlp::Use<vlp::AnyEncoder>::of<vlp::VisionTransformer>(
      {.patches = {.patch = 8},
       .sizes = {.width = 8, .depth = 3, .heads = 2, .mlp = 16},
       .drop_path = 0.5});
  options.text_encoder.reset();
  options.decoder = vlp::Use<vlp::AnyDecoder>::of<vlp::BertCrossAttention>(
      {.sizes = {.width = 12, .depth = 2, .heads = 3, .mlp = 20},
       .text = {.max_positions = 12, .dropout = 0.3}});
  return options;
}

vlp::Batch some_captions() {
  at::manual_seed(5);
  vlp::Batch batch;
  batch.pixels = at::randn({4, 3, 16, 16});
  batch.texts.token_ids = at::randint(5, 22, {4, 6}, at::kLong);
  batch.texts.token_mask = at::ones({4, 6}, at::kBool);
  batch.texts.target_index = at::arange(20, at::kLong);
  batch.texts.targets = at::randint(5, 22, {20}, at::kLong);
  return batch;
}

struct Trained {
  double loss;
  std::vector<std::pair<std::string, at::Tensor>> gradients;
};

Trained trained(bool recompute, vlp::Precision precision, std::vector<std::string> freeze = {}) {
  vlp::Context ctx = vlp_test::med_context();
  ctx.machine.precision = precision;
  vlp::Blip model = vlp_test::med_model(with_dropout());
  vlp::Trainer trainer(model, vlp::LanguageModelLoss({}), vlp_test::RecordingSgd{},
                       {.gradient_checkpointing = recompute, .freeze = std::move(freeze)}, ctx);
  Trained result{trainer.step(some_captions()).loss.item<double>(), {}};
  for (const auto& item : model->named_parameters())
    if (item.value().grad().defined())
      result.gradients.emplace_back(item.key(), item.value().grad());
  return result;
}

/// Counts how often it is computed.
class CountedImpl : public torch::nn::Module, public vlp::Recomputable {
 public:
  CountedImpl() : weight(register_parameter("weight", at::ones({3}))) {}
  at::Tensor forward(const at::Tensor& x) {
    const auto compute = [this](at::TensorList given) {
      ++calls;
      return (given[0] * weight).sigmoid();
    };
    return recomputes() ? vlp::recomputed(*this, {x}, compute) : compute({x});
  }
  at::Tensor weight;
  int calls = 0;
};
TORCH_MODULE(Counted);

}  // namespace

BOOST_AUTO_TEST_CASE(gradients_are_the_same_bits_dropout_and_autocast_included) {
  for (const vlp::Precision precision : {vlp::Precision::fp32, vlp::Precision::bf16}) {
    const Trained plain = trained(false, precision), again = trained(true, precision);
    BOOST_TEST(plain.loss == again.loss);
    BOOST_TEST_REQUIRE(plain.gradients.size() == again.gradients.size());
    BOOST_TEST(plain.gradients.size() > 60U);
    for (std::size_t i = 0; i < plain.gradients.size(); ++i) {
      BOOST_TEST(plain.gradients[i].first == again.gradients[i].first);
      BOOST_TEST(plain.gradients[i].second.equal(again.gradients[i].second),
                 plain.gradients[i].first);
    }
  }
}

BOOST_AUTO_TEST_CASE(layers_learn_where_what_comes_in_does_not) {
  const std::vector<std::string> freeze{"vision_model.embeddings.*", "*.word_embeddings.weight"};
  const Trained plain = trained(false, vlp::Precision::fp32, freeze),
                again = trained(true, vlp::Precision::fp32, freeze);
  BOOST_TEST_REQUIRE(plain.gradients.size() == again.gradients.size());
  for (std::size_t i = 0; i < plain.gradients.size(); ++i)
    BOOST_TEST(plain.gradients[i].second.equal(again.gradients[i].second),
               plain.gradients[i].first);
}

BOOST_AUTO_TEST_CASE(a_layer_is_computed_twice_and_only_for_a_gradient) {
  Counted layer;
  BOOST_TEST(vlp::set_recompute(*layer, true) == 1U);
  const at::Tensor x = at::randn({2, 3}).set_requires_grad(true);
  const at::Tensor y = layer(x);
  BOOST_TEST(layer->calls == 1);
  y.sum().backward();
  BOOST_TEST(layer->calls == 2);
  const at::Tensor slope = (x * layer->weight).sigmoid() * (1 - (x * layer->weight).sigmoid());
  BOOST_TEST(at::allclose(x.grad(), slope));
  BOOST_TEST(at::allclose(layer->weight.grad(), (slope * x).sum(0)));
  {
    const at::NoGradGuard no_grad;
    (void)layer(x);
  }
  BOOST_TEST(layer->calls == 3);
}

BOOST_AUTO_TEST_CASE(layers_with_something_to_train_are_counted_once) {
  torch::nn::ModuleList all;
  const Counted shared, frozen;
  frozen->weight.set_requires_grad(false);
  for (const Counted& layer : {shared, frozen, shared}) all->push_back(layer);
  BOOST_TEST(vlp::trained_recomputable_layers(*all) == 1U);
  BOOST_TEST(vlp::set_recompute(*all, false) == 2U);
}

BOOST_AUTO_TEST_CASE(random_numbers_go_on_as_if_nothing_had_been_drawn_twice) {
  const auto drawn_after = [](bool recompute) {
    Counted layer;
    vlp::set_recompute(*layer, recompute);
    at::manual_seed(3);
    const at::Tensor y = layer(at::rand({2, 3}));
    y.sum().backward();
    return at::rand({3});
  };
  BOOST_TEST(drawn_after(true).equal(drawn_after(false)));
}

BOOST_AUTO_TEST_SUITE_END()
