// Samples a second of a training step (forward, backward, clipping, AdamW) and images a second of captioning, for the
// demo's model and for BLIP base at 384. Random weights and made-up batches; min, median and max over the repetitions.
//   ./dev bench train_step            BLIP base takes a minute on two cores; VLP_BENCH=demo leaves it out

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include <ATen/ATen.h>
#include <fmt/format.h>

#include "plugins/decoder/bert_cross_attention.hpp"
#include "plugins/encoder/vit.hpp"
#include "plugins/loss/lm.hpp"
#include "plugins/model/blip.hpp"
#include "plugins/optimizer/adamw.hpp"
#include "vlp/train/trainer.hpp"

namespace {

struct Case {
  const char* name;
  std::int64_t image, batch, length, vocabulary;
  vlp::VisionTransformerImpl::Options encoder;
  vlp::BertCrossAttentionImpl::Options decoder;
  int repetitions;
};

vlp::Batch made_up_batch(const Case& c) {
  vlp::Batch batch;
  batch.pixels = at::randn({c.batch, 3, c.image, c.image});
  batch.token_ids = at::randint(5, c.vocabulary, {c.batch, c.length}, at::kLong);
  batch.token_mask = at::ones({c.batch, c.length}, at::kBool);
  batch.target_index = at::arange(c.batch * c.length, at::kLong).view({c.batch, c.length}).narrow(1, 0, c.length - 1).flatten();
  batch.targets = batch.token_ids.narrow(1, 1, c.length - 1).flatten().contiguous();
  return batch;
}

template <class F>
void report(const char* name, const char* what, std::int64_t items, int repetitions, F&& work) {
  work();  // warm-up
  std::vector<double> rates;
  for (int i = 0; i < repetitions; ++i) {
    const auto begin = std::chrono::steady_clock::now();
    work();
    rates.push_back(static_cast<double>(items) / std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count());
  }
  std::ranges::sort(rates);
  fmt::print("{:<10} {:<28} {:>8.2f} {:>8.2f} {:>8.2f}  a second (min, median, max)\n", name, what, rates.front(), rates[rates.size() / 2],
             rates.back());
}

void run_case(const Case& c) {
  at::manual_seed(17);
  vlp::Context ctx;
  ctx.dimensions = {.image_height = c.image, .image_width = c.image, .vocabulary_size = c.vocabulary, .encoder_width = 0};
  ctx.tokens = {.pad = 0, .unknown = 1, .cls = 2, .sep = 3, .mask = 4, .decode = c.vocabulary - 2, .encode = c.vocabulary - 1};
  vlp::Blip model(vlp::BlipImpl::Options{vlp::Use<vlp::AnyEncoder>::of<vlp::VisionTransformer>(c.encoder),
                                         vlp::Use<vlp::AnyDecoder>::of<vlp::BertCrossAttention>(c.decoder)},
                  ctx);
  vlp::Trainer trainer(model, vlp::LanguageModelLoss(vlp::LanguageModelLoss::Options{}), vlp::AdamW(vlp::AdamW::Options{}),
                       vlp::AnySchedule([](const vlp::SchedulePosition&) { return 1.0; }), {.clip_norm = 1.0}, ctx);
  const vlp::Batch batch = made_up_batch(c);
  report(c.name, "training step, samples", c.batch, c.repetitions, [&] { trainer.step(batch); });

  model->eval();
  const at::NoGradGuard no_grad;
  for (const std::int64_t beams : {1, 3}) {
    const vlp::GenerateOptions options{.beams = beams, .max_length = c.length, .min_length = c.length};
    report(c.name, beams == 1 ? "greedy captions, images" : "captions with 3 beams, images", c.batch, c.repetitions,
           [&] { (void)model->generate(model->image_states(batch.pixels), {}, options); });
  }
}

}  // namespace

int main() {
  fmt::print("{} threads, fp32\n", at::get_num_threads());
  run_case({"demo", 48, 32, 20, 168, {.patch = 8, .width = 128, .depth = 3, .heads = 4}, {.width = 128, .depth = 2, .heads = 4}, 20});
  const char* only = std::getenv("VLP_BENCH");
  if (!only || std::string_view(only) != "demo") run_case({"BLIP base", 384, 2, 20, 30524, {}, {}, 3});
}
