// Models with buffers, counters among them, that are trained, written and opened again.

#include "vlp/assemble/open_model.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include <ATen/ATen.h>
#include <torch/nn/module.h>
#include <torch/nn/modules/batchnorm.h>
#include <torch/nn/modules/conv.h>
#include <torch/nn/pimpl.h>
#include <boost/test/unit_test.hpp>

#include "plugins/optimizer/adamw.hpp"
#include "tests/support/model_files.hpp"
#include "vlp/assemble/write_model.hpp"
#include "vlp/concepts/encoder.hpp"
#include "vlp/train/trainer.hpp"

namespace {

using namespace vlp_test;

constexpr double kConvolution = 5e-5;  // float32 against float64, sums of 192 products of size 3

/// A convolution and a batch norm, which counts the batches that it has seen.
class NormedEncoderImpl : public torch::nn::Module {
 public:
  static constexpr std::string_view name = "normed";
  NormedEncoderImpl() {
    patches = register_module(
        "patches", torch::nn::Conv2d(torch::nn::Conv2dOptions(3, 6, /*kernel_size=*/8).stride(8)));
    norm = register_module("norm", torch::nn::BatchNorm2d(6));
  }
  at::Tensor forward(const at::Tensor& pixels) {
    return norm(patches(pixels)).flatten(2).transpose(1, 2);
  }
  [[nodiscard]] std::int64_t width() const { return 6; }
  torch::nn::Conv2d patches{nullptr};
  torch::nn::BatchNorm2d norm{nullptr};
};
TORCH_MODULE(NormedEncoder);
static_assert(vlp::Encoder<NormedEncoder>);

/// Mean square of the image states.
struct Square {
  static constexpr vlp::Parts needs = vlp::Parts::of<vlp::ImageStates, vlp::DecoderStates>();
  vlp::LossValue operator()(vlp::Forward& pass) const {
    return {(pass.image_states() - 1).square().mean() + pass.decoder_states().square().mean(), {}};
  }
};

constexpr const char* kRecipe = R"([[transform]]
use = "resize"
size = 16
[[transform]]
use = "normalize"
[model]
use = "blip"
[model.encoder]
use = "normed"
[model.decoder]
use = "bert_cross_attention"
vocabulary_size = 40
width = 8
depth = 1
heads = 2
)";

vlp::Batch batch_of(std::uint64_t seed) {
  at::manual_seed(seed);
  vlp::Batch batch;
  batch.pixels = at::randn({4, 3, 16, 16}) * 3 + 1;  // so that the running means move
  batch.texts.token_ids = at::arange(4, 16).view({4, 3});
  batch.texts.token_mask = at::ones({4, 3}, at::kBool);
  return batch;
}

/// Trained for five updates and written as a run writes it.
struct Trained : Opener {
  ScratchFolder scratch;
  vlp::AnyModel model;

  Trained() : model(built()) {
    vlp::Trainer trainer(model, Square{}, vlp::AdamW(vlp::AdamW::Options{.lr = 0.01}),
                         {.total_steps = 5}, vlp::Context{});
    for (std::uint64_t step = 0; step < 5; ++step) trainer.step(batch_of(step));
    model.ptr()->eval();
    vlp::write_model_weights(*model.ptr(), scratch.path / "model.safetensors", std::nullopt);
    write_text(scratch.path / "recipe.toml", kRecipe);
  }

 private:
  vlp::AnyModel built() {
    registry.add<vlp::AnyEncoder, NormedEncoder>("1", "a test");
    at::manual_seed(41);
    vlp::Context ctx;
    ctx.facts.tokens.decode = 38;
    return vlp::read_model_tables({vlp::parse_toml(kRecipe, "r.toml"), "r.toml", {}}, registry)
        .model.build(ctx);
  }
};

at::Tensor buffer(const vlp::AnyModel& model, const std::string& name) {
  return model.ptr()->named_buffers()["vision_model.norm." + name];
}

}  // namespace

BOOST_FIXTURE_TEST_SUITE(models_with_buffers, Trained)

BOOST_AUTO_TEST_CASE(running_means_and_counters_come_back_and_outputs_are_equal) {
  BOOST_TEST_REQUIRE(buffer(model, "num_batches_tracked").item<std::int64_t>() == 5);
  BOOST_TEST_REQUIRE(difference(buffer(model, "running_mean"), at::zeros({6})) > 0.01);
  const vlp::OpenedModel opened = open(scratch.path / "model.safetensors");
  for (const char* name : {"running_mean", "running_var", "num_batches_tracked"})
    BOOST_TEST(buffer(opened.model, name).equal(buffer(model, name)), name);
  const at::Tensor pixels = batch_of(9).pixels;
  const at::NoGradGuard no_grad;
  BOOST_TEST(opened.model.parts().call<vlp::ImageStates>(pixels).equal(
      model.parts().call<vlp::ImageStates>(pixels)));
}

BOOST_AUTO_TEST_CASE(a_model_in_float64_keeps_its_counters_as_integers) {
  const vlp::OpenedModel opened = open(scratch.path / "model.safetensors", at::kDouble);
  const at::Tensor count = buffer(opened.model, "num_batches_tracked");
  BOOST_TEST((count.scalar_type() == at::kLong));
  BOOST_TEST(count.item<std::int64_t>() == 5);
  BOOST_TEST((buffer(opened.model, "running_mean").scalar_type() == at::kDouble));
  const at::Tensor pixels = batch_of(9).pixels;
  const at::NoGradGuard no_grad;
  BOOST_TEST(difference(opened.model.parts().call<vlp::ImageStates>(pixels.to(at::kDouble)),
                        model.parts().call<vlp::ImageStates>(pixels)) < kConvolution);
}

BOOST_AUTO_TEST_CASE(images_are_read_as_the_recipe_of_the_run_says) {
  const auto reading = [&](const std::string& dataset) {
    write_text(scratch.path / "recipe.toml", dataset + kRecipe);
    return open(scratch.path / "model.safetensors").reading;
  };
  const vlp::ImageReading told =
      reading("[dataset]\nuse = \"gone\"\ntransparency = \"over_white\"\norient = true\n");
  BOOST_TEST((told.transparency == vlp::AlphaMode::over_white));
  BOOST_TEST(told.orient);
  const vlp::ImageReading before = reading("[dataset]\nuse = \"gone\"\n");
  BOOST_TEST((before.transparency == vlp::AlphaMode::drop), "as runs did that don't say it");
  BOOST_TEST(!before.orient);
}

BOOST_AUTO_TEST_SUITE_END()
