#include "vlp/nn/packed_linear.hpp"

#include <cstdint>
#include <limits>
#include <memory>
#include <string>

#include <ATen/ATen.h>
#include <boost/test/unit_test.hpp>

#include "plugins/decoder/bert_cross_attention.hpp"
#include "plugins/encoder/vit.hpp"
#include "plugins/model/blip.hpp"
#include "vlp/nn/inference.hpp"
#include "vlp/nn/layers.hpp"

BOOST_AUTO_TEST_SUITE(packed_linear)

namespace {

using vlp::WeightForm;

constexpr double kRounding =
    1e-5;  // float32 sums of a few hundred products of size one, added in another order
constexpr double kInt8 =
    0.02;  // relative 2-norm: 8 bits for weights and activations, errors that average out

double relative(const at::Tensor& actual, const at::Tensor& expected) {
  return ((actual - expected).norm() / expected.norm()).item<double>();
}

struct Layer {
  vlp::Linear linear{96, 160};
  at::Tensor x = at::randn({3, 7, 96}), residual = at::randn({3, 7, 160});
  Layer() {
    at::manual_seed(5);
    linear->weight.detach().normal_();
    linear->bias.detach().normal_();
    x.normal_();
  }
};

vlp::Blip small_blip() {
  at::manual_seed(7);
  vlp::Context ctx;
  ctx.facts.dimensions = {
      .image_height = 32, .image_width = 32, .vocabulary_size = 90, .encoder_width = 0};
  ctx.facts.tokens = {
      .pad = 0, .unknown = 1, .cls = 2, .sep = 3, .mask = 4, .decode = 88, .encode = 89};
  vlp::VisionTransformerImpl::Options encoder{.patches = {.patch = 8},
                                              .sizes = {.width = 48, .depth = 2, .heads = 4},
                                              .initializer_range = 0.2};
  vlp::BertCrossAttentionImpl::Options decoder{.sizes = {.width = 32, .depth = 2, .heads = 4},
                                               .initializer_range = 0.3};
  vlp::Blip model(
      vlp::BlipImpl::Options{
          .encoder = vlp::Use<vlp::AnyEncoder>::of<vlp::VisionTransformer>(encoder),
          .decoder = vlp::Use<vlp::AnyDecoder>::of<vlp::BertCrossAttention>(decoder)},
      ctx);
  model->eval();
  return model;
}

}  // namespace

BOOST_AUTO_TEST_CASE(packed_weights_give_the_same_up_to_rounding) {
  Layer l;
  const at::NoGradGuard no_grad;
  const at::Tensor plain = l.linear(l.x), gelu = l.linear->gelu(l.x),
                   plus = l.linear->plus(l.x, l.residual);
  l.linear->pack(WeightForm::packed);
  BOOST_TEST(l.linear(l.x).sizes() == plain.sizes());
  BOOST_TEST(relative(l.linear(l.x), plain) < kRounding);
  BOOST_TEST(relative(l.linear->gelu(l.x), gelu) < kRounding);
  BOOST_TEST(relative(l.linear->plus(l.x, l.residual), plus) < kRounding);
  BOOST_TEST(relative(gelu, at::gelu(plain)) < kRounding);
  BOOST_TEST(relative(plus, plain + l.residual) < kRounding);
}

BOOST_AUTO_TEST_CASE(one_row_and_strided_input_work) {
  Layer l;
  const at::NoGradGuard no_grad;
  const at::Tensor strided = at::randn({96, 5}).t(), row = at::randn({1, 96});
  const at::Tensor expected_strided = l.linear(strided), expected_row = l.linear(row);
  l.linear->pack(WeightForm::packed);
  BOOST_TEST(relative(l.linear(strided), expected_strided) < kRounding);
  BOOST_TEST(relative(l.linear(row), expected_row) < kRounding);
}

BOOST_AUTO_TEST_CASE(int8_comes_near) {
  Layer l;
  const at::NoGradGuard no_grad;
  const at::Tensor plain = l.linear(l.x), gelu = l.linear->gelu(l.x),
                   plus = l.linear->plus(l.x, l.residual);
  l.linear->pack(WeightForm::int8);
  BOOST_TEST(relative(l.linear(l.x), plain) < kInt8);
  BOOST_TEST(relative(l.linear(l.x), plain) > 0);
  BOOST_TEST(relative(l.linear->gelu(l.x), gelu) < kInt8);
  BOOST_TEST(relative(l.linear->plus(l.x, l.residual), plus) < kInt8);
}

BOOST_AUTO_TEST_CASE(a_row_of_zeros_can_be_quantized) {
  Layer l;
  const at::NoGradGuard no_grad;
  l.linear->weight[4].zero_();
  l.linear->bias[4] = 0.5;
  l.linear->pack(WeightForm::int8);
  BOOST_TEST((l.linear(l.x).select(-1, 4) - 0.5).abs().max().item<double>() < 1e-6);
}

BOOST_AUTO_TEST_CASE(gradients_pass_through_the_parameters_themselves) {
  Layer l;
  l.linear->pack(WeightForm::int8);
  l.linear->plus(l.x, l.residual).sum().backward();
  BOOST_TEST(l.linear->weight.grad().defined());
  BOOST_TEST(relative(l.linear->weight.grad()[0], l.x.sum(at::IntArrayRef{0, 1})) < kRounding);
}

BOOST_AUTO_TEST_CASE(a_whole_model_gives_the_same_captions_packed) {
  vlp::Blip model = small_blip();
  const at::Tensor pixels = at::randn({3, 3, 32, 32});
  const vlp::GenerateOptions options{.beams = 3, .max_length = 12};
  const at::NoGradGuard no_grad;
  const auto plain = model->generate(model->image_states(pixels), {}, options);
  const vlp::InferenceWeights packed(model.ptr(), WeightForm::packed);
  const auto fast = model->generate(model->image_states(pixels), {}, options);
  for (std::size_t i = 0; i < plain.size(); ++i) {
    BOOST_TEST(fast[i][0].ids == plain[i][0].ids);
    BOOST_TEST(std::abs(fast[i][0].score - plain[i][0].score) < kRounding);
  }
}

BOOST_AUTO_TEST_CASE(weights_are_plain_again_afterwards) {
  vlp::Blip model = small_blip();
  const at::Tensor pixels = at::randn({1, 3, 32, 32});
  const at::NoGradGuard no_grad;
  const at::Tensor before = model->image_states(pixels);
  {
    const vlp::InferenceWeights weights(model.ptr(), WeightForm::int8);
    BOOST_TEST(!model->image_states(pixels).equal(before));
  }
  BOOST_TEST(model->image_states(pixels).equal(before));
}

BOOST_AUTO_TEST_CASE(the_head_is_packed_too) {
  vlp::Blip model = small_blip();
  const at::Tensor states = at::randn({2, 32});
  const at::NoGradGuard no_grad;
  const at::Tensor before = model->decoder_logits(states);
  const vlp::InferenceWeights weights(model.ptr(), WeightForm::int8);
  const double error = relative(model->decoder_logits(states), before);
  BOOST_TEST(error > 0);
  BOOST_TEST(error < 2 * kInt8);  // two layers behind one another
}

BOOST_AUTO_TEST_CASE(other_dtypes_are_refused) {
  vlp::Blip model = small_blip();
  model->to(at::kDouble);
  BOOST_CHECK_EXCEPTION(vlp::InferenceWeights(model.ptr(), WeightForm::packed), vlp::ShapeError,
                        [](const vlp::ShapeError& e) {
                          return std::string(e.what()).find("CPUDoubleType") != std::string::npos;
                        });
}

BOOST_AUTO_TEST_CASE(eight_bits_give_nan_for_rows_that_are_not_finite_and_spoil_no_other) {
  Layer l;
  const at::NoGradGuard no_grad;
  l.linear->pack(WeightForm::int8);
  for (const double value :
       {std::numeric_limits<double>::quiet_NaN(), std::numeric_limits<double>::infinity(),
        -std::numeric_limits<double>::infinity()}) {
    at::Tensor bad = l.x.clone(), zeroed = l.x.clone();
    bad[1][3][95].fill_(value);
    zeroed[1][3].fill_(0);
    at::Tensor rows = at::ones({3, 7}, at::kBool);
    rows[1][3].fill_(false);
    for (const at::Tensor& y :
         {l.linear(bad), l.linear->gelu(bad), l.linear->plus(bad, l.residual)}) {
      BOOST_TEST(at::equal(y.isfinite().all(2), rows));
      BOOST_TEST(at::equal(y.isnan().any(2), rows.logical_not()));
    }
    BOOST_TEST(l.linear(bad)[1][2].equal(l.linear(zeroed)[1][2]));
    BOOST_TEST(l.linear(bad)[2].equal(l.linear(zeroed)[2]));
  }
}

BOOST_AUTO_TEST_CASE(eight_bits_give_nan_for_weights_that_are_not_finite) {
  Layer l;
  const at::NoGradGuard no_grad;
  l.linear->pack(WeightForm::int8);
  const at::Tensor clean = l.linear(l.x);
  l.linear->unpack();
  l.linear->weight.detach()[7][11].fill_(std::numeric_limits<float>::infinity());
  l.linear->weight.detach()[8][0].fill_(std::numeric_limits<float>::quiet_NaN());
  l.linear->bias.detach()[9].fill_(std::numeric_limits<float>::quiet_NaN());
  l.linear->pack(WeightForm::int8);
  const at::Tensor y = l.linear(l.x);
  for (std::int64_t out = 0; out < 160; ++out)
    if (out >= 7 && out <= 9)
      BOOST_TEST(y.select(2, out).isnan().all().item<bool>());
    else
      BOOST_TEST(y.select(2, out).equal(clean.select(2, out)));
}

BOOST_AUTO_TEST_SUITE_END()
