// Trains a model of one's own with a loss of one's own, without recipe, registry or dataset: only
// the trainer. The model looks at pictures of one colour and writes the colour's name.

#include <cstdint>
#include <cstdio>

#include <ATen/ATen.h>
#include <torch/nn/module.h>
#include <torch/nn/modules/embedding.h>
#include <torch/nn/modules/linear.h>
#include <torch/nn/pimpl.h>

#include "plugins/optimizer/adamw.hpp"
#include "plugins/schedule/linear.hpp"
#include "vlp/train/trainer.hpp"

namespace {

// The vocabulary: three special tokens, then one word for each of three colours.
constexpr std::int64_t kBegin = 0, kEnd = 1, kPad = 2, kFirstColour = 3, kColours = 3,
                       kVocabulary = kFirstColour + kColours;

/// Any module holder with functions of parts, `image_states` among them, is a vlp::Model; no base
/// class of vlp is needed.
struct ColourNamerImpl : torch::nn::Module {
  explicit ColourNamerImpl(std::int64_t width)
      : see(register_module("see", torch::nn::Linear(3, width))),
        read(register_module("read", torch::nn::Embedding(kVocabulary, width))),
        write(register_module("write", torch::nn::Linear(width, kVocabulary))) {}

  static vlp::Parts serves() { return vlp::Parts::of<vlp::ImageStates>() | vlp::parts::decoder; }
  /// [B, 3, H, W] -> [B, 1, D]
  at::Tensor image_states(const at::Tensor& pixels) {
    return see(pixels.mean({2, 3})).unsqueeze(1);
  }
  /// ids [B, T], image states [B, 1, D] -> [B, T, D]; the mask is not needed here
  at::Tensor decoder_states(const at::Tensor& ids, const at::Tensor&, const at::Tensor& image) {
    return at::tanh(read(ids) + image);
  }
  /// [M, D] -> [M, V]
  at::Tensor decoder_logits(const at::Tensor& states) { return write(states); }

  torch::nn::Linear see;
  torch::nn::Embedding read;
  torch::nn::Linear write;
};
TORCH_MODULE(ColourNamer);
static_assert(vlp::Model<ColourNamer>);

/// Focal loss (Lin et al. 2017, equation 4): cross-entropy that cares less about tokens that are
/// right already.
struct FocalLoss {
  static constexpr auto needs = vlp::parts::decoder;

  vlp::LossValue operator()(vlp::Forward& pass) const {
    // [M]: the log-probability of each supervised token. The pass runs encoder and decoder when
    // first asked.
    const at::Tensor log_p = pass.target_logits()
                                 .log_softmax(1)
                                 .gather(1, pass.batch().texts.targets.unsqueeze(1))
                                 .squeeze(1);
    return {-((1 - log_p.exp()).pow(focus) * log_p).mean(), {}};
  }
  double focus = 2;
};
static_assert(vlp::Loss<FocalLoss>);

/// `size` pictures of random colours, each with the text "[begin] colour [end]".
vlp::Batch made_up_batch(std::int64_t size) {
  const at::Tensor colour = at::randint(kColours, {size}, at::kLong);
  vlp::Batch batch;
  batch.pixels = at::one_hot(colour, 3).to(at::kFloat).view({size, 3, 1, 1}) +
                 0.1 * at::randn({size, 3, 4, 4});
  batch.texts.token_ids = at::stack({at::full({size}, kBegin, at::kLong), colour + kFirstColour,
                                     at::full({size}, kEnd, at::kLong)},
                                    1);
  batch.texts.token_mask = batch.texts.token_ids != kPad;
  // Supervised: what follows [begin] and what follows the colour, by position in the flattened [B *
  // T].
  const at::Tensor begins = at::arange(size, at::kLong) * 3;
  batch.texts.target_index = at::stack({begins, begins + 1}, 1).flatten();
  batch.texts.targets = batch.texts.token_ids.slice(1, 1).flatten();
  return batch;
}

}  // namespace

int main() {
  at::manual_seed(17);
  const vlp::Context ctx;  // the CPU, float32
  constexpr std::int64_t kSteps = 100;
  vlp::Trainer trainer(ColourNamer(16), FocalLoss{}, vlp::AdamW({.lr = 0.03, .weight_decay = 0.01}),
                       {.schedule = vlp::LinearSchedule({}), .clip_norm = 1, .total_steps = kSteps},
                       ctx);

  double first = 0, last = 0;
  while (trainer.steps_done() < kSteps) {
    last = trainer.step(made_up_batch(32)).loss.item<double>();
    if (trainer.steps_done() == 1) first = last;
  }
  std::printf("loss %.4f -> %.4f\n", first, last);
  return last < first / 20 ? 0 : 1;
}
