#pragma once
// Retrieval over a split as BLIP evaluates it (Li et al. 2022, section 5.1): images and texts
// sorted by the similarity of their embeddings, and the best of each list once more by the matching
// head, which sees image and text together. Letters: I images, T texts, W wordings, N image tokens,
// D width, E width of embeddings, K re-ranked items of a list.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include <ATen/ATen.h>

#include "vlp/concepts/bad_sample.hpp"
#include "vlp/concepts/context.hpp"
#include "vlp/concepts/finite_tensor.hpp"
#include "vlp/concepts/forward.hpp"
#include "vlp/concepts/metric.hpp"
#include "vlp/concepts/model.hpp"
#include "vlp/concepts/peers.hpp"
#include "vlp/core/error.hpp"
#include "vlp/core/finite.hpp"
#include "vlp/core/non_finite.hpp"
#include "vlp/core/progress.hpp"
#include "vlp/evaluate/in_turn.hpp"
#include "vlp/evaluate/rerank.hpp"
#include "vlp/evaluate/similarity_ranks.hpp"
#include "vlp/evaluate/text_rows.hpp"
#include "vlp/nn/autocast.hpp"
#include "vlp/nn/device.hpp"

namespace vlp {

/// The texts of a split.
struct RetrievalTexts {
  std::vector<std::vector<std::int64_t>> ids;  ///< [T] rows of ids, [CLS] ... [SEP]
  std::vector<std::int64_t> images;            ///< [T] the image of each, ascending
  std::int64_t pad = 0;                        ///< id of [PAD]
};

/// Collects what retrieval needs while images pass by, then ranks. Each image and each wording is
/// encoded once, each pair matched once whichever direction asks for it. Processes take batches of
/// images in turn (`Peers::takes`), match the pairs of their own ones, and all get all ranks.
///
/// Memory: embeddings of both sides, a block of similarities (some hundred MB at most), and with
/// re-ranking every own image's states on the host, I * N * D numbers of the pass's format: 9 GB of
/// float32 for 5,000 images of 577 tokens of 768.
class Retrieval {
 public:
  /// @param parts   of the model; must outlive this
  /// @param texts   of all images
  /// @param images  I
  /// @param rerank  largest K that will be asked for; 0 = by similarity alone
  /// @param ctx     device, precision, peers and console; must outlive this
  /// @throws ContractError if the model doesn't serve what is needed
  Retrieval(const ModelParts& parts, const RetrievalTexts& texts, std::int64_t images,
            std::int64_t rerank, const Context& ctx)
      : parts_(parts),
        ctx_(ctx),
        images_(images),
        rerank_(rerank),
        texts_(texts),
        image_of_text_(texts.images),
        rows_(texts.ids, texts.pad, torch_device(ctx.machine.device)) {
    if (const Parts lacking =
            retrieval_needs(rerank).without(parts.serves() | Parts::of<ImageStates>());
        !lacking.empty())  // the states come from whoever encodes the images
      throw ContractError("retrieval: the model serves no part for " + in_words(lacking) +
                          ". Choose another model or rerank = 0.");
    require_texts(texts);
  }

  /// Images that none of the batches has, of any process: they and their texts are left out, as if
  /// they had never been in the split. To be called before `rank`, at most once.
  /// @param bad  in ascending order
  void leave_out(std::span<const BadSample> bad) {
    if (bad.empty()) return;
    std::vector<std::int64_t> before(static_cast<std::size_t>(images_) + 1);  // numbers now
    std::vector<bool> gone(static_cast<std::size_t>(images_));
    for (const BadSample& sample : bad) gone[static_cast<std::size_t>(sample.record)] = true;
    for (std::size_t i = 0; i < gone.size(); ++i) before[i + 1] = before[i] + (gone[i] ? 0 : 1);
    RetrievalTexts kept{.ids = {}, .images = {}, .pad = texts_.pad};
    for (std::size_t text = 0; text < texts_.ids.size(); ++text) {
      const auto image = static_cast<std::size_t>(texts_.images[text]);
      if (gone[image]) continue;
      kept.ids.push_back(texts_.ids[text]);
      kept.images.push_back(before[image]);
    }
    require_texts(kept);
    for (auto& [first, states] : states_) first = before[static_cast<std::size_t>(first)];
    images_ = before.back();
    image_of_text_ = kept.images;
    rows_ = TextRows(kept.ids, kept.pad, torch_device(ctx_.machine.device));
    texts_ = std::move(kept);
  }

  /// A batch of images, after all earlier ones of this process.
  /// @param features  memory of [B, N, D]; embeddings [B, E] where they are known already
  /// @param first     number of its first image among all
  void add_images(const ImageFeatures& features, std::int64_t first) {
    const at::Tensor& states = features.memory.states();
    embeddings_.push_back(
        (features.embeddings.defined() ? features.embeddings : parts_.call<ImageEmbeddings>(states))
            .to(at::kFloat));
    if (rerank_ == 0) return;
    const at::Tensor kept =
        at::empty(states.sizes(), at::TensorOptions().dtype(kept_dtype(states.scalar_type())));
    kept.copy_(states);
    states_.push_back({first, kept});
  }

  /// A batch whose images are all left out.
  void add_no_images() {
    embeddings_.emplace_back();
    if (rerank_ > 0) states_.push_back({0, at::empty({0})});
  }

  /// Ranks by similarity and matches the pairs that re-ranking needs.
  /// @param task  what the progress of the matching is called
  /// @throws NonFiniteRow if embeddings or logits of a match aren't finite, with the image's number
  void rank(const std::string& task) {
    const Peers& peers = ctx_.machine.peers;
    const at::Device device = torch_device(ctx_.machine.device);
    const at::Tensor wordings = at::tensor(rows_.wording_of_text(), at::kLong).to(device);
    RetrievalSide images, texts;
    {
      const Autocast autocast(ctx_.machine.precision, ctx_.machine.device);
      texts.embeddings = rows_.embeddings(parts_, peers).index_select(0, wordings);
    }
    texts.images = at::tensor(image_of_text_, at::kLong).to(texts.embeddings.device());
    for (at::Tensor& block : embeddings_)
      if (!block.defined()) block = texts.embeddings.new_empty({0, texts.embeddings.size(1)});
    images.embeddings = in_turn(peers, 1, device, [&] { return Columns{embeddings_}; }).front();
    images.images = at::arange(images_, texts.images.options());
    require_finite(images.embeddings, texts.embeddings);
    texts_of_images_ = rank_by_similarity(images, texts, rerank_, peers);
    images_of_texts_ = rank_by_similarity(texts, images, rerank_, peers);
    if (rerank_ == 0) return;
    pairs_.emplace(texts_of_images_.best, images_of_texts_.best, rows_.wording_of_text());
    match(task);
  }

  /// @param rerank  K of this look, up to the one of the constructor; 0 = by similarity alone
  [[nodiscard]] RetrievalRanks ranks(std::int64_t rerank) const {
    RetrievalRanks ranks;
    ranks.by_similarity = {with_caption(texts_of_images_.ranks), images_of_texts_.ranks};
    if (rerank == 0) return ranks;
    const auto logit = [&](std::int64_t image, std::int64_t text) {
      return logits_[pairs_->pair(image, rows_.wording_of_text()[static_cast<std::size_t>(text)])];
    };
    const auto right = [&](std::int64_t image, std::int64_t text) {
      return image_of_text_[static_cast<std::size_t>(text)] == image;
    };
    const auto swapped = [](const auto& f) {
      return [&f](std::int64_t a, std::int64_t b) { return f(b, a); };
    };
    ranks.reranked = {with_caption(reranked(texts_of_images_, rerank, right, logit)),
                      reranked(images_of_texts_, rerank, swapped(right), swapped(logit))};
    return ranks;
  }

 private:
  static void require_texts(const RetrievalTexts& texts) {
    if (texts.ids.empty())
      throw ContractError(
          "retrieval: there are no texts (expected at least 1). Use images with captions.");
  }

  /// Under autocast the states are rounded to half precision wherever they are read: keeping them
  /// so changes nothing.
  [[nodiscard]] at::ScalarType kept_dtype(at::ScalarType states) const {
    if (ctx_.machine.precision == Precision::bf16) return at::kBFloat16;
    return ctx_.machine.precision == Precision::fp16 ? at::kHalf : states;
  }

  /// Logits of all pairs, image by image. The device is waited for once, at the end.
  void match(const std::string& task) {
    const at::Device device = torch_device(ctx_.machine.device);
    std::vector<std::int64_t> wordings(pairs_->size());
    for (std::size_t pair = 0; pair < wordings.size(); ++pair)
      wordings[pair] = pairs_->wording(pair);
    const at::Tensor all = at::tensor(wordings, at::kLong).to(device);
    const ProgressMeter pace(ctx_.machine.console, task, images_, "images");
    const auto logits_of = [&](const at::Tensor& states, std::int64_t image,
                               std::vector<at::Tensor>& logits) {
      ctx_.machine.end_if_asked();
      const auto first = static_cast<std::int64_t>(pairs_->first(image)),
                 end = static_cast<std::int64_t>(pairs_->first(image + 1));
      const ImageMemory seen = states.to(device);  // one set of keys and values for all its texts
      for (std::int64_t begin = first; begin < end; begin += kTextsAPass) {
        const std::int64_t n = std::min(kTextsAPass, end - begin);
        const std::int64_t last = wordings[static_cast<std::size_t>(begin + n - 1)];
        logits.push_back(
            rows_.match_logits(parts_, seen, all.narrow(0, begin, n), last).select(1, 1));
      }
      pace.done(image + 1);
    };
    const auto batches = [&] {
      const Autocast autocast(
          ctx_.machine.precision,
          ctx_.machine.device);  // one for all images: it keeps the rounded weights
      std::vector<at::Tensor> matched;
      for (const auto& [first, states] : states_) {
        std::vector<at::Tensor> logits{at::empty({0}, all.options().dtype(at::kFloat))};
        for (std::int64_t i = 0; i < states.size(0); ++i)
          logits_of(states.narrow(0, i, 1), first + i, logits);
        matched.push_back(at::cat(logits));
      }
      return Columns{std::move(matched)};
    };
    const Peers& peers = ctx_.machine.peers;
    const at::Tensor host = in_turn(peers, 1, device, batches).front().cpu();
    if (peers.size() > 1) pace.done(images_);
    const auto* first = static_cast<const float*>(host.const_data_ptr());
    logits_.assign(first, first + host.numel());
    if (all_finite(logits_)) return;
    for (std::int64_t image = 0; image < images_; ++image) {
      const auto begin = static_cast<std::int64_t>(pairs_->first(image)),
                 end = static_cast<std::int64_t>(pairs_->first(image + 1));
      if (const at::Tensor own = host.narrow(0, begin, end - begin); !is_finite(own))
        throw NonFiniteRow(image, not_finite_text("the match logits with its texts", own));
    }
  }

  /// Looks at the embeddings of all images and of all texts. Waits for the device.
  void require_finite(const at::Tensor& images, const at::Tensor& texts) const {
    const auto image_of = [this](std::int64_t text) {
      return image_of_text_[static_cast<std::size_t>(text)];
    };
    require_finite_rows(
        images, [](std::int64_t) { return std::string("the image embeddings"); },
        [](std::int64_t image) { return image; });
    require_finite_rows(
        texts,
        [&](std::int64_t text) {
          const auto first = std::ranges::find(image_of_text_, image_of(text));
          return "the text embeddings of its caption " +
                 std::to_string(text - (first - image_of_text_.begin()) + 1);
        },
        image_of);
  }

  /// Without the images that have no caption: nothing could be right for them.
  [[nodiscard]] std::vector<std::int64_t> with_caption(
      const std::vector<std::int64_t>& ranks) const {
    std::vector<std::int64_t> kept;
    for (std::size_t text = 0; text < image_of_text_.size(); ++text)
      if (text == 0 || image_of_text_[text] != image_of_text_[text - 1])
        kept.push_back(ranks[static_cast<std::size_t>(image_of_text_[text])]);
    return kept;
  }

  const ModelParts& parts_;
  const Context& ctx_;
  std::int64_t images_;
  std::int64_t rerank_;
  RetrievalTexts texts_;
  std::vector<std::int64_t> image_of_text_;
  TextRows rows_;
  std::vector<at::Tensor> embeddings_;  // of this process's images, a part a batch
  std::vector<std::pair<std::int64_t, at::Tensor>>
      states_;  // likewise: first image, [B, N, D] on the host; empty without re-ranking
  RankedQueries texts_of_images_, images_of_texts_;
  std::optional<RerankPairs> pairs_;
  std::vector<float> logits_;  // [pairs] of a match
};

}  // namespace vlp
