#pragma once
// Scores a model on a split: validation loss and generated captions from one encoding of each image.

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include <ATen/ATen.h>
#include <torch/nn/module.h>

#include "vlp/concepts/generation.hpp"
#include "vlp/concepts/loss.hpp"
#include "vlp/concepts/metric.hpp"
#include "vlp/concepts/model.hpp"
#include "vlp/core/context.hpp"
#include "vlp/core/parallel.hpp"
#include "vlp/core/random.hpp"
#include "vlp/data/collate.hpp"
#include "vlp/data/data.hpp"
#include "vlp/data/loader.hpp"
#include "vlp/data/to_device.hpp"
#include "vlp/nn/autocast.hpp"
#include "vlp/nn/inference.hpp"
#include "vlp/text/caption_set.hpp"
#include "vlp/text/clean_up.hpp"
#include "vlp/text/ptb_tokens.hpp"

namespace vlp {

/// One image with the caption that the model wrote.
struct CaptionedImage {
  const ImageRecord* record;  ///< belongs to the dataset
  std::string caption;        ///< as generated
  double score = 0;           ///< see Candidate::score
};

/// What an evaluation found.
struct Evaluation {
  std::optional<double> loss;            ///< mean over all supervised tokens; none without a loss
  Scores scores;                         ///< of all metrics, in the recipe's order
  std::vector<CaptionedImage> captions;  ///< in the dataset's order; empty for a model that doesn't generate
};

/// Scores captions against their images' references, both cut into words as `vlp score` does: in one stream each, in the
/// order of the images.
/// @param captions  one an image
/// @param threads   0 = all cores
[[nodiscard]] inline Scores score_captions(std::span<const CaptionedImage> captions, std::span<const AnyMetric> metrics,
                                           std::int64_t threads) {
  Scores scores;
  if (captions.empty() || metrics.empty()) return scores;
  std::vector<ScoredCaption> images;
  images.reserve(captions.size());
  for (const CaptionedImage& image : captions) images.push_back({image.record->image_id, image.caption, image.record->captions});
  const CaptionSet words(ptb_tokens(images, {.threads = threads}), threads_for(threads, images.size(), kImagesWorthAThread));
  for (const AnyMetric& metric : metrics)
    for (auto& score : scores_of(metric, words)) scores.push_back(std::move(score));
  return scores;
}

/// The caption that occurs most often in `records` (words compared as metrics see them; the first wins a tie), for all
/// images of `images`: what a captioner that never looks would say.
/// @param threads  0 = all cores
[[nodiscard]] inline std::vector<CaptionedImage> commonest_caption(std::span<const ImageRecord> records,
                                                                   std::span<const ImageRecord> images, std::int64_t threads) {
  std::vector<std::string_view> all;
  for (const ImageRecord& record : records) all.insert(all.end(), record.captions.begin(), record.captions.end());
  const std::vector<std::string> words = ptb_tokens(all, {.isolated = true, .threads = threads});
  std::unordered_map<std::string_view, std::int64_t> counts;
  for (const std::string& caption : words) ++counts[caption];
  std::string best;
  std::int64_t best_count = 0;
  for (std::size_t i = 0; i < all.size(); ++i)
    if (const std::int64_t count = counts[words[i]]; count > best_count) best_count = count, best = all[i];
  std::vector<CaptionedImage> captions;
  for (const ImageRecord& image : images) captions.push_back({&image, best, 0});
  return captions;
}

/// The first `limit` records; all for 0.
[[nodiscard]] inline std::span<const ImageRecord> first_images(std::span<const ImageRecord> records, std::int64_t limit) {
  return limit > 0 ? records.first(std::min(records.size(), static_cast<std::size_t>(limit))) : records;
}

/// Captions and scores a split. The model is in evaluation mode meanwhile.
class Evaluator {
 public:
  /// @param data        tokenizer, transforms and prompt; must outlive the evaluator
  /// @param generate    how captions are generated
  /// @param batch_size  images a batch
  /// @param workers     threads that decode images
  /// @param ctx         device, precision and console; must outlive the evaluator
  Evaluator(const Data& data, GenerateOptions generate, std::int64_t batch_size, std::int64_t workers, const Context& ctx)
      : data_(data),
        generate_(generate),
        batch_size_(batch_size),
        workers_(workers),
        ctx_(ctx),
        prompt_(prompt_ids(data.tokenizer, data.prompt)) {}

  /// @param model    on the context's device
  /// @param loss     null = no validation loss
  /// @param records  the split, or its beginning
  /// @param metrics  of the captions
  /// @param task     what the progress is called
  template <Model M, Loss L>
  [[nodiscard]] Evaluation operator()(M model, L* loss, std::span<const ImageRecord> records, std::span<const AnyMetric> metrics,
                                      const std::string& task) const {
    const at::NoGradGuard no_grad;
    const std::shared_ptr<torch::nn::Module> module = model.ptr();
    const bool was_training = module->is_training();
    module->eval();
    std::optional<InferenceWeights> packed;
    if (ctx_.device.type == DeviceName::Type::cpu && ctx_.precision == Precision::fp32) packed.emplace(module, WeightForm::packed);
    const ModelParts parts = parts_of(model);
    const auto begin = std::chrono::steady_clock::now();

    Evaluation result;
    double loss_sum = 0;
    std::int64_t targets = 0;
    Loader loader(
        records, CaptionsPerImage::all, data_.transforms, data_.tokenizer, data_.prompt,
        {.batch_size = batch_size_, .shuffle = false, .drop_last = false, .workers = workers_, .prefetch = 2, .images_only = true}, ctx_);
    loader.start_epoch(0);
    while (auto loaded = loader.next()) {
      const Autocast autocast(ctx_.precision, ctx_.device);
      const Batch images = to_device(std::move(loaded->batch), torch_device(ctx_.device));
      const at::Tensor image_states = parts.image_states(images.pixels);
      if (loss && parts.decoder_states) {
        const auto [sum, count] = batch_loss(parts, *loss, image_states, records, loaded->record_index);
        loss_sum += sum;
        targets += count;
      }
      if (parts.generate) caption(parts, image_states, records, loaded->record_index, result.captions);
      const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
      const auto done = loaded->record_index.empty() ? 0 : loaded->record_index.back() + 1;
      ctx_.console.progress({.task = task,
                             .done = done,
                             .total = static_cast<std::int64_t>(records.size()),
                             .per_second = static_cast<double>(done) / seconds,
                             .unit = "images",
                             .seconds_left = seconds / static_cast<double>(std::max<std::int64_t>(done, 1)) *
                                             static_cast<double>(static_cast<std::int64_t>(records.size()) - done)});
    }
    if (targets > 0) result.loss = loss_sum / static_cast<double>(targets);
    result.scores = score_captions(result.captions, metrics, ctx_.threads);
    module->train(was_training);
    return result;
  }

 private:
  /// Sum of the loss over all captions of the images, each image encoded once, and the number of supervised tokens.
  template <Loss L>
  std::pair<double, std::int64_t> batch_loss(const ModelParts& parts, L& loss, const at::Tensor& image_states,
                                             std::span<const ImageRecord> records, const std::vector<std::int64_t>& index) const {
    std::vector<std::string> texts;
    std::vector<std::int64_t> owners;
    for (std::size_t i = 0; i < index.size(); ++i)
      for (const std::string& text : records[static_cast<std::size_t>(index[i])].captions) {
        texts.push_back(text);
        owners.push_back(static_cast<std::int64_t>(i));
      }
    TextBatch text = collate_texts(data_.tokenizer, data_.prompt, texts);
    Batch batch;
    batch.token_ids = text.token_ids;
    batch.token_mask = text.token_mask;
    batch.target_index = text.target_index;
    batch.targets = text.targets;
    const std::int64_t count = batch.targets.size(0);
    batch = to_device(std::move(batch), image_states.device());
    const at::Tensor owner = at::tensor(owners, at::kLong).to(image_states.device());
    Forward pass(parts, batch, {.states = image_states.index_select(0, owner), .embeddings = {}, .momentum_embeddings = {}});
    return {loss(pass).total.template item<double>() * static_cast<double>(count), count};
  }

  void caption(const ModelParts& parts, const at::Tensor& image_states, std::span<const ImageRecord> records,
               const std::vector<std::int64_t>& index, std::vector<CaptionedImage>& out) const {
    std::vector<RandomStream> random;  // by image, so that what is sampled for one depends on no other
    for (const std::int64_t i : index)
      random.push_back(ctx_.seeds.derive("captions").derive(records[static_cast<std::size_t>(i)].image_id));
    const auto candidates = parts.generate(image_states, prompt_, generate_, random);
    for (std::size_t i = 0; i < index.size(); ++i) {
      const Candidate& best = candidates[i].front();
      const auto generated = std::span(best.ids).subspan(std::min(best.ids.size(), prompt_.size() + 1));  // without [DEC] and prompt
      std::string text = data_.tokenizer.decode(generated);
      if (generate_.clean_up == CleanUp::old) text = cleaned_up(std::move(text));
      out.push_back({&records[static_cast<std::size_t>(index[i])], std::move(text), best.score});
    }
  }

  const Data& data_;
  GenerateOptions generate_;
  std::int64_t batch_size_;
  std::int64_t workers_;
  const Context& ctx_;
  std::vector<std::int64_t> prompt_;
};

}  // namespace vlp
