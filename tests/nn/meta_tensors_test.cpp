// Shapes without memory.

#include "vlp/nn/meta_tensors.hpp"

#include <optional>
#include <string>
#include <vector>

#include <ATen/ATen.h>
#include <torch/nn/modules/batchnorm.h>
#include <torch/nn/modules/conv.h>
#include <torch/nn/modules/linear.h>
#include <torch/nn/modules/normalization.h>
#include <boost/test/unit_test.hpp>

#include "vlp/core/foreign_errors.hpp"

BOOST_AUTO_TEST_SUITE(meta_tensors)

namespace {

const auto kMeta = at::TensorOptions(at::kMeta);

std::string message_of(const auto& f) {
  try {
    f();
  } catch (const std::exception& error) {
    return vlp::without_stack(error.what()).message;
  }
  return {};
}

}  // namespace

BOOST_AUTO_TEST_CASE(what_is_made_lies_on_meta_while_the_guard_lives) {
  {
    const vlp::MetaTensors without_memory;
    BOOST_TEST(at::empty({3, 4}).is_meta());
    BOOST_TEST(at::randn({1 << 20, 1 << 20}).sizes() == (at::IntArrayRef{1 << 20, 1 << 20}));
    const torch::nn::Linear layer(7, 5);
    BOOST_TEST((layer->weight.is_meta() && layer->bias.is_meta()));
    BOOST_TEST(at::ones({2}, at::kLong).scalar_type() == at::kLong);
  }
  BOOST_TEST(at::empty({3}).is_cpu());
}

BOOST_AUTO_TEST_CASE(shapes_follow_through_operators_and_backward_as_on_the_cpu) {
  const auto shapes = [](bool meta) {
    torch::nn::Conv2d convolution{nullptr};
    torch::nn::BatchNorm2d batch_norm{nullptr};
    torch::nn::LayerNorm layer_norm{nullptr};
    at::Tensor rows;
    const auto make = [&] {
      convolution = torch::nn::Conv2d(torch::nn::Conv2dOptions(3, 6, 4).stride(2).padding(1));
      batch_norm = torch::nn::BatchNorm2d(6);
      layer_norm = torch::nn::LayerNorm(torch::nn::LayerNormOptions({6}));
      rows = at::zeros({9, 6}).set_requires_grad(true);
    };
    if (meta) {
      const vlp::MetaTensors without_memory;
      make();
    } else {
      make();
    }
    const auto options = at::TensorOptions(meta ? at::kMeta : at::kCPU);
    const at::Tensor pixels = at::zeros({2, 3, 10, 8}, options);
    const at::Tensor ids = at::zeros({2, 5}, options.dtype(at::kLong));
    at::Tensor x = batch_norm(convolution(pixels)).flatten(2).transpose(1, 2);
    x = layer_norm(at::cat({x, at::embedding(rows, ids)}, 1));
    x = at::scaled_dot_product_attention(x.unsqueeze(1), x.unsqueeze(1), x.unsqueeze(1));
    x = at::where(x.gt(0), x, at::zeros({}, x.options())).squeeze(1);
    x = at::gelu(x).index_select(1, at::zeros({4}, options.dtype(at::kLong)));
    const at::Tensor loss = at::cross_entropy_loss(x.flatten(0, 1), at::zeros({8}, ids.options()));
    loss.backward();
    return std::vector<std::vector<std::int64_t>>{x.sizes().vec(),
                                                  loss.sizes().vec(),
                                                  convolution->weight.grad().sizes().vec(),
                                                  batch_norm->weight.grad().sizes().vec(),
                                                  layer_norm->bias.grad().sizes().vec(),
                                                  rows.grad().sizes().vec()};
  };
  BOOST_TEST((shapes(true) == shapes(false)));
}

BOOST_AUTO_TEST_CASE(shapes_that_do_not_fit_are_refused_as_elsewhere) {
  vlp::MetaTensors();  // the rules are there
  const std::string message =
      message_of([] { (void)at::zeros({2, 3}, kMeta).matmul(at::zeros({4, 5}, kMeta)); });
  BOOST_TEST(message.find("shapes cannot be multiplied (2x3 and 4x5)") != message.npos, message);
  BOOST_TEST(!vlp::lacks_values(message));
}

BOOST_AUTO_TEST_CASE(rows_are_chosen_along_any_dimension) {
  vlp::MetaTensors();
  const at::Tensor x = at::zeros({2, 3, 4}, kMeta.dtype(at::kBFloat16)),
                   index = at::zeros({5}, kMeta.dtype(at::kLong));
  BOOST_TEST(x.index_select(0, index).sizes() == (at::IntArrayRef{5, 3, 4}));
  BOOST_TEST(x.index_select(-1, index).sizes() == (at::IntArrayRef{2, 3, 5}));
  BOOST_TEST(x.index_select(1, index).scalar_type() == at::kBFloat16);
  BOOST_TEST(message_of([&] {
               (void)x.index_select(0, index.view({5, 1}));
             }).find("got an index [5, 1], expected [K]") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(fused_updates_change_nothing_and_want_shapes_that_fit) {
  vlp::MetaTensors();
  const at::Tensor huge = at::zeros({1 << 20, 1 << 20}, kMeta), step = at::zeros({1}, kMeta);
  const auto update = [&](const at::Tensor& gradient) {
    at::_fused_adamw_({huge}, {gradient}, {huge.clone()}, {huge.clone()}, /*max_exp_avg_sqs=*/{},
                      {step}, /*lr=*/0.1, 0.9, 0.999, 0.01, 1e-8, /*amsgrad=*/false,
                      /*maximize=*/false, /*grad_scale=*/std::nullopt, /*found_inf=*/step);
  };
  BOOST_TEST(message_of([&] { update(huge.clone()); }) == "");
  const std::string message = message_of([&] { update(at::zeros({3}, kMeta)); });
  BOOST_TEST(
      message.find("_fused_adamw_: got grads [3], expected [1048576, 1048576]") != message.npos,
      message);
  BOOST_TEST(!vlp::lacks_values(message));
}

BOOST_AUTO_TEST_CASE(values_there_are_none_and_the_error_is_known) {
  vlp::MetaTensors();
  const at::Tensor number = at::zeros({}, kMeta);
  for (const std::string& message :
       {message_of([&] { (void)number.item<float>(); }), message_of([&] { (void)number.cpu(); }),
        message_of([&] { (void)number.data_ptr<float>()[0]; })})
    BOOST_TEST(vlp::lacks_values(message), message);
}

BOOST_AUTO_TEST_SUITE_END()
