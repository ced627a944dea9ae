#pragma once
// Scores a model on a split: validation loss, generated captions and retrieval from one encoding of
// each image.

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <iterator>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <tuple>
#include <unordered_map>
#include <utility>
#include <vector>

#include <ATen/ATen.h>
#include <torch/nn/module.h>

#include "vlp/concepts/bad_sample.hpp"
#include "vlp/concepts/context.hpp"
#include "vlp/concepts/finite_tensor.hpp"
#include "vlp/concepts/generation.hpp"
#include "vlp/concepts/loss.hpp"
#include "vlp/concepts/metric.hpp"
#include "vlp/concepts/model.hpp"
#include "vlp/concepts/peers.hpp"
#include "vlp/core/error.hpp"
#include "vlp/core/non_finite.hpp"
#include "vlp/core/packed.hpp"
#include "vlp/core/parallel.hpp"
#include "vlp/core/printable.hpp"
#include "vlp/core/progress.hpp"
#include "vlp/core/random.hpp"
#include "vlp/data/collate.hpp"
#include "vlp/data/data.hpp"
#include "vlp/data/loader.hpp"
#include "vlp/data/to_device.hpp"
#include "vlp/evaluate/caption_ids.hpp"
#include "vlp/evaluate/evaluation.hpp"
#include "vlp/evaluate/retrieval.hpp"
#include "vlp/evaluate/validation_loss.hpp"
#include "vlp/nn/autocast.hpp"
#include "vlp/nn/device.hpp"
#include "vlp/nn/inference.hpp"
#include "vlp/report/observer.hpp"
#include "vlp/scoring/caption_set.hpp"
#include "vlp/scoring/ptb_tokens.hpp"
#include "vlp/text/clean_up.hpp"

namespace vlp {

/// Scores captions against their images' references, both cut into words as `vlp score` does: in
/// one stream each, in the order of the images.
/// @param captions  one an image
/// @param metrics   those of captions score them
/// @param threads   0 = all cores
/// @param ranks     `ranks(rerank)` for the metrics of retrieval, which give no score without it
[[nodiscard]] inline CaptionScores score_captions(
    std::span<const CaptionedImage> captions, std::span<const AnyMetric> metrics,
    std::int64_t threads, const std::function<RetrievalRanks(std::int64_t)>& ranks = {}) {
  CaptionScores all;
  std::optional<CaptionSet> words;
  const auto add = [](Scores& to, const Scores& found) {
    to.insert(to.end(), found.begin(), found.end());
  };
  for (const AnyMetric& metric : metrics) {
    if (metric.reads_ranks()) {
      if (ranks) add(all.scores, metric.scores(ranks(metric.rerank())));
      continue;
    }
    if (captions.empty()) continue;
    if (!words) {
      std::vector<ScoredCaption> images;
      images.reserve(captions.size());
      for (const CaptionedImage& image : captions) {
        images.push_back({image.record->image_id, image.caption, image.record->captions, {}});
        all.rows.push_back({image.record->image_id, {}});
      }
      words.emplace(ptb_tokens(std::move(images), {.threads = threads}),
                    threads_for(threads, captions.size(), kImagesWorthAThread));
    }
    const ImageStatistics rows = measured_by(metric, *words);
    add(all.scores, metric.scores(rows.sums()));
    for (std::size_t i = 0; i < all.rows.size(); ++i)
      add(all.rows[i].scores, metric.scores(rows.row(i)));
  }
  return all;
}

/// The caption that occurs most often in `records` (words compared as metrics see them; the first
/// wins a tie), for all images of `images`: what a captioner that never looks would say.
/// @param threads  0 = all cores
[[nodiscard]] inline std::vector<CaptionedImage> commonest_caption(
    std::span<const ImageRecord> records, std::span<const ImageRecord> images,
    std::int64_t threads) {
  std::vector<std::string_view> all;
  for (const ImageRecord& record : records)
    all.insert(all.end(), record.captions.begin(), record.captions.end());
  const std::vector<std::string> words = ptb_tokens(all, {.isolated = true, .threads = threads});
  std::unordered_map<std::string_view, std::int64_t> counts;
  for (const std::string& caption : words) ++counts[caption];
  std::string best;
  std::int64_t best_count = 0;
  for (std::size_t i = 0; i < all.size(); ++i)
    if (const std::int64_t count = counts[words[i]]; count > best_count)
      best_count = count, best = all[i];
  std::vector<CaptionedImage> captions;
  for (const ImageRecord& image : images) captions.push_back({&image, best, 0});
  return captions;
}

/// The first `limit` records; all for 0.
[[nodiscard]] inline std::span<const ImageRecord> first_images(std::span<const ImageRecord> records,
                                                               std::int64_t limit) {
  return limit > 0 ? records.first(std::min(records.size(), static_cast<std::size_t>(limit)))
                   : records;
}

/// Scores that the first process computes and all get: so they agree on what is best, whatever
/// metrics and machines they have, and nothing is counted twice.
/// @param work  () -> CaptionScores; makes no call of the group
/// @throws      what the work throws; PeerError in the other processes
template <class Work>
[[nodiscard]] CaptionScores scored_by_first(const Peers& peers, Work&& work) {
  CaptionScores scores;
  using Rows = std::vector<std::pair<ImageId, Scores>>;
  const std::vector<Bytes> told = together(peers, [&] {
    if (!peers.first()) return Bytes();
    scores = std::forward<Work>(work)();
    if (peers.size() == 1) return Bytes();
    Rows rows;
    for (const ImageScores& row : scores.rows) rows.emplace_back(row.image_id, row.scores);
    return pack(scores.scores, rows);
  });
  if (peers.first()) return scores;
  auto [all, rows] = unpack<Scores, Rows>(told.front());
  scores.scores = std::move(all);
  for (auto& [image_id, row] : rows) scores.rows.push_back({std::move(image_id), std::move(row)});
  return scores;
}

namespace detail {

/// Evaluation mode while it lives.
class EvaluationMode {
 public:
  explicit EvaluationMode(std::shared_ptr<torch::nn::Module> module)
      : module_(std::move(module)), was_training_(module_->is_training()) {
    module_->eval();
  }
  ~EvaluationMode() { module_->train(was_training_); }
  EvaluationMode(const EvaluationMode&) = delete;
  EvaluationMode& operator=(const EvaluationMode&) = delete;

 private:
  std::shared_ptr<torch::nn::Module> module_;
  bool was_training_;
};

/// For a loss that isn't finite. Waits for the device.
/// @throws NonFiniteError naming the first parameter that isn't finite
inline void require_finite_parameters(const torch::nn::Module& module, const std::string& task) {
  for (const auto& item : module.named_parameters())
    if (item.value().defined() && !is_finite(item.value()))
      throw NonFiniteError(task + ": the loss is not finite, and neither is parameter " +
                           item.key() + " (got " + range_of(item.value()) +
                           ", expected finite numbers). Check the model's weights.");
}

}  // namespace detail

/// What a batch gives besides what `Retrieval` keeps.
struct EvaluatedBatch {
  std::vector<PassLoss> losses;  ///< empty without a loss
  std::vector<std::pair<std::string, double>>
      captions;                       ///< with their scores, image by image;
                                      ///< empty for a model that doesn't generate
  std::vector<std::int64_t> records;  ///< positions of its images
  std::vector<BadSample> bad;         ///< images that it lacks

  auto members() { return std::tie(losses, captions, records, bad); }
  [[nodiscard]] auto members() const { return std::tie(losses, captions, records, bad); }
};

/// Evaluates a model on a split, in evaluation mode. Processes take batches in turn and put
/// together what they find, so that all have what one process alone would have found, bit by bit.
/// Images that are missing or broken are left out, if the context allows any: nothing is measured
/// of them. Where they are more than it allows, nothing is measured at all.
class Evaluator {
 public:
  /// @param data        tokenizer, transforms and prompt; must outlive the evaluator
  /// @param generate    how captions are generated
  /// @param batch_size  images a batch
  /// @param workers     threads that decode images
  /// @param ctx         device, precision, peers and console; must outlive the evaluator
  Evaluator(const Data& data, GenerateOptions generate, std::int64_t batch_size,
            std::int64_t workers, const Context& ctx)
      : data_(data), generate_(generate), batch_size_(batch_size), workers_(workers), ctx_(ctx) {}

  /// @param model    on the context's device; serves what the loss and the metrics need
  /// @param loss     null = no validation loss
  /// @param records  the split, or its beginning
  /// @param metrics  of captions and of retrieval
  /// @param task     what the progress is called
  /// @throws InterruptedError if the context's `stop` says so
  /// @throws PeerError if another process failed
  /// @throws NonFiniteError naming image and tensor if captions or ranks would be made of what
  /// isn't
  ///                        finite; a loss that isn't is an error only where a parameter isn't, too
  template <Model M, Loss L>
  [[nodiscard]] Evaluation operator()(M model, L* loss, std::span<const ImageRecord> records,
                                      std::span<const AnyMetric> metrics,
                                      const std::string& task) const {
    const at::NoGradGuard no_grad;
    const std::shared_ptr<torch::nn::Module> module = model.ptr();
    const detail::EvaluationMode evaluation(module);
    std::optional<detail::EvaluationMode> evaluation_of_loss;
    if (loss)
      if (const auto own = module_of(*loss)) evaluation_of_loss.emplace(own);
    std::optional<InferenceWeights> packed;
    if (ctx_.machine.device.type == DeviceName::Type::cpu &&
        ctx_.machine.precision == Precision::fp32)
      packed.emplace(module, WeightForm::packed);
    const ModelParts parts = parts_of(model);

    const Peers& peers = ctx_.machine.peers;
    std::optional<Retrieval> retrieval = retrieval_for(parts, records, metrics);
    const ProgressMeter progress(ctx_.machine.console, task,
                                 static_cast<std::int64_t>(records.size()), "images");
    const std::vector<EvaluatedBatch> batches =
        all_batches([&] { return own_batches(parts, loss, records, retrieval, progress); });
    if (peers.size() > 1) progress.done(progress.total());

    Evaluation result;
    std::vector<PassLoss> passes;
    for (const EvaluatedBatch& batch : batches) {
      passes.insert(passes.end(), batch.losses.begin(), batch.losses.end());
      result.bad.insert(result.bad.end(), batch.bad.begin(), batch.bad.end());
      for (std::size_t i = 0; i < batch.captions.size(); ++i)
        result.captions.push_back({&records[static_cast<std::size_t>(batch.records[i])],
                                   batch.captions[i].first, batch.captions[i].second});
    }
    const std::int64_t bad = std::ssize(result.bad);
    result.measured.images = std::ssize(records) - bad;
    result.measured.bad = bad;
    if (too_many(bad, records)) {
      result.captions.clear();
      return result;
    }
    MeanLoss mean = mean_loss(passes);
    result.measured.loss = mean.total;
    result.measured.losses = std::move(mean.parts);
    if (retrieval) {
      retrieval->leave_out(result.bad);
      naming_rows([&](std::int64_t row) { return image_name(records, row); },
                  [&] { retrieval->rank(task + ", re-ranking"); });
    }
    if (result.measured.loss && !std::isfinite(*result.measured.loss))
      detail::require_finite_parameters(*module, task);
    CaptionScores scores = scored_by_first(peers, [&] {
      return score_captions(result.captions, metrics, ctx_.machine.threads,
                            [&](std::int64_t rerank) { return retrieval->ranks(rerank); });
    });
    result.measured.scores = std::move(scores.scores);
    result.measured.rows = std::move(scores.rows);
    return result;
  }

 private:
  /// The batches that this process takes, in order.
  template <Loss L>
  [[nodiscard]] std::vector<EvaluatedBatch> own_batches(const ModelParts& parts, L* loss,
                                                        std::span<const ImageRecord> records,
                                                        std::optional<Retrieval>& retrieval,
                                                        const ProgressMeter& progress) const {
    const Peers& peers = ctx_.machine.peers;
    ValidationLoss losses(data_.tokenizer.special().pad);
    Loader loader(records, CaptionsPerImage::all,
                  {data_.transforms.evaluate, data_.tokenizer, data_.prompt},
                  {.batch_size = batch_size_,
                   .shuffle = false,
                   .drop_last = false,
                   .workers = workers_,
                   .prefetch = 2,
                   .images_only = true,
                   .share = {.rank = peers.rank(), .size = peers.size(), .even = false},
                   .bad_row = ctx_.facts.bad.skips() ? BadRow::leave_out : BadRow::stop,
                   .decode = data_.images},
                  ctx_);
    loader.start_epoch(0);
    std::vector<EvaluatedBatch> batches;
    std::vector<std::size_t> ends;  // of each batch's passes
    std::int64_t bad = 0, done = 0;
    while (auto loaded = loader.next()) {
      ctx_.machine.end_if_asked();
      EvaluatedBatch& batch = batches.emplace_back();
      batch.records = loaded->record_index;
      batch.bad = loader.take_bad();
      for (const std::int64_t record : batch.records) done = std::max(done, record + 1);
      for (const BadSample& sample : batch.bad) done = std::max(done, sample.record + 1);
      bad += std::ssize(batch.bad);
      if (batch.records.empty() || too_many(bad, records)) {  // the rest is read to list them all
        if (retrieval) retrieval->add_no_images();
        ends.push_back(losses.size());
        progress.done(done);
        continue;
      }
      const Autocast autocast(ctx_.machine.precision, ctx_.machine.device);
      const Batch images = to_device(std::move(loaded->batch), torch_device(ctx_.machine.device));
      ImageFeatures features{.memory = parts.call<ImageStates>(images.pixels),
                             .embeddings = {},
                             .momentum_embeddings = {}};
      if (loss)
        features = losses.add(parts, *loss, images, std::move(features),
                              texts_of(records, loaded->record_index));
      if (retrieval) retrieval->add_images(features, loaded->record_index.front());
      if (parts.has<Generate>())
        batch.captions = captions(parts, features.memory.states(), records, loaded->record_index);
      ends.push_back(losses.size());
      progress.done(done);
    }
    const std::vector<PassLoss> passes = losses.passes();
    std::size_t begin = 0;
    for (std::size_t i = 0; i < batches.size(); begin = ends[i++])
      batches[i].losses.assign(passes.begin() + static_cast<std::ptrdiff_t>(begin),
                               passes.begin() + static_cast<std::ptrdiff_t>(ends[i]));
    return batches;
  }

  /// Whether more images can't be used than the context allows.
  [[nodiscard]] bool too_many(std::int64_t bad, std::span<const ImageRecord> records) const {
    return bad > ctx_.facts.bad.allowed(std::ssize(records));
  }

  /// The batches of all processes, in order.
  /// @param own  () -> std::vector<EvaluatedBatch> of this process
  template <class Own>
  [[nodiscard]] std::vector<EvaluatedBatch> all_batches(const Own& own) const {
    const Peers& peers = ctx_.machine.peers;
    std::vector<EvaluatedBatch> batches;
    const std::vector<Bytes> told = together(peers, [&] {
      batches = own();
      return peers.size() == 1 ? Bytes() : pack(batches);
    });
    if (peers.size() == 1) return batches;
    std::vector<std::vector<EvaluatedBatch>> of_all;
    std::size_t count = 0;
    for (const Bytes& bytes : told) {
      of_all.push_back(std::get<0>(unpack<std::vector<EvaluatedBatch>>(bytes)));
      count += of_all.back().size();
    }
    std::vector<EvaluatedBatch> ordered;
    for (std::size_t i = 0; i < count; ++i)
      ordered.push_back(std::move(of_all[i % of_all.size()].at(i / of_all.size())));
    return ordered;
  }

  /// How messages call an image.
  [[nodiscard]] static std::string image_name(std::span<const ImageRecord> records,
                                              std::int64_t index) {
    return "image " + records[static_cast<std::size_t>(index)].image_id.text();
  }

  /// All captions of some images.
  [[nodiscard]] std::vector<ImageTexts> texts_of(std::span<const ImageRecord> records,
                                                 const std::vector<std::int64_t>& index) const {
    std::vector<ImageTexts> texts(index.size());
    for (std::size_t i = 0; i < index.size(); ++i) {
      const ImageRecord& record = records[static_cast<std::size_t>(index[i])];
      texts[i].unsupervised = prompt_length(data_.tokenizer, record.prompt_or(data_.prompt));
      for (std::size_t c = 0; c < record.captions.size(); ++c)
        texts[i].ids.push_back(caption_ids(data_, record, c, ctx_.facts.seeds));
    }
    return texts;
  }

  /// A retrieval that re-ranks as deep as any metric wants; none if none wants ranks.
  [[nodiscard]] std::optional<Retrieval> retrieval_for(const ModelParts& parts,
                                                       std::span<const ImageRecord> records,
                                                       std::span<const AnyMetric> metrics) const {
    std::int64_t rerank = -1;
    for (const AnyMetric& metric : metrics)
      if (metric.reads_ranks()) rerank = std::max(rerank, metric.rerank());
    if (rerank < 0) return std::nullopt;
    for (const ImageRecord& record : records)
      if (!record.prompt.empty())
        throw RecipeError(
            "metric: retrieval can't be measured where images have prompts of their "
            "own (got '" +
            printable(record.prompt) + "' for image '" + printable(record.image_id.text()) +
            "', expected none), as a text would tell its image by its prompt. Leave "
            "the metric or the prompts out.");
    RetrievalTexts texts;
    texts.pad = data_.tokenizer.special().pad;
    for (std::size_t image = 0; image < records.size(); ++image)
      for (std::size_t c = 0; c < records[image].captions.size(); ++c) {
        texts.ids.push_back(caption_ids(data_, records[image], c, ctx_.facts.seeds));
        texts.images.push_back(static_cast<std::int64_t>(image));
      }
    return std::optional<Retrieval>(std::in_place, parts, texts,
                                    static_cast<std::int64_t>(records.size()), rerank, ctx_);
  }

  /// The best candidate for each image, without [DEC] and prompt, and its score.
  [[nodiscard]] std::vector<std::pair<std::string, double>> captions(
      const ModelParts& parts, const at::Tensor& image_states, std::span<const ImageRecord> records,
      const std::vector<std::int64_t>& index) const {
    std::map<std::string_view, std::vector<std::int64_t>> rows_by_prompt;  // as a search has one
    for (std::size_t i = 0; i < index.size(); ++i)
      rows_by_prompt[records[static_cast<std::size_t>(index[i])].prompt_or(data_.prompt)].push_back(
          static_cast<std::int64_t>(i));
    std::vector<std::pair<std::string, double>> best_of_all(index.size());
    for (const auto& [prompt, rows] : rows_by_prompt) {
      std::vector<std::int64_t> of_group;
      for (const std::int64_t row : rows) of_group.push_back(index[static_cast<std::size_t>(row)]);
      const bool whole = rows.size() == index.size();
      const at::Tensor states =
          whole
              ? image_states
              : image_states.index_select(0, at::tensor(rows, at::kLong).to(image_states.device()));
      auto found = captions_after(prompt, parts, states, records, of_group);
      for (std::size_t i = 0; i < rows.size(); ++i)
        best_of_all[static_cast<std::size_t>(rows[i])] = std::move(found[i]);
    }
    return best_of_all;
  }

  /// The same of images that have one prompt.
  [[nodiscard]] std::vector<std::pair<std::string, double>> captions_after(
      std::string_view prompt, const ModelParts& parts, const at::Tensor& image_states,
      std::span<const ImageRecord> records, const std::vector<std::int64_t>& index) const {
    const std::vector<std::int64_t> begin = prompt_ids(data_.tokenizer, prompt);
    std::vector<RandomStream>
        random;  // by image, so that what is sampled for one depends on no other
    for (const std::int64_t i : index)
      random.push_back(ctx_.facts.seeds.derive("captions")
                           .derive(records[static_cast<std::size_t>(i)].image_id.text()));
    const auto candidates = naming_rows(
        [&](std::int64_t row) {
          return image_name(records, index.at(static_cast<std::size_t>(row)));
        },
        [&] { return parts.call<Generate>(image_states, begin, generate_, random); });
    std::vector<std::pair<std::string, double>> best_of_all;
    for (std::size_t i = 0; i < index.size(); ++i) {
      const Candidate& best = candidates[i].front();
      const auto generated =
          std::span(best.ids).subspan(std::min(best.ids.size(), begin.size() + 1));
      std::string text = data_.tokenizer.decode(generated);
      if (generate_.clean_up == CleanUp::old) text = cleaned_up(std::move(text));
      best_of_all.emplace_back(std::move(text), best.score);
    }
    return best_of_all;
  }

  const Data& data_;
  GenerateOptions generate_;
  std::int64_t batch_size_;
  std::int64_t workers_;
  const Context& ctx_;
};

}  // namespace vlp
