#pragma once
// Captions by sampling: several an image, each from a random stream of its own, so that what is
// drawn for one depends neither on the others nor on the batch. The captions of an image share its
// keys and values of cross-attention.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include <ATen/ATen.h>
#include <c10/core/InferenceMode.h>

#include "vlp/concepts/decoder.hpp"
#include "vlp/concepts/generation.hpp"
#include "vlp/core/error.hpp"
#include "vlp/core/random.hpp"
#include "vlp/core/special_tokens.hpp"
#include "vlp/generate/decoding.hpp"
#include "vlp/generate/finite_logits.hpp"
#include "vlp/generate/made_up_tokens.hpp"
#include "vlp/generate/rules.hpp"
#include "vlp/generate/sampling.hpp"

namespace vlp {

namespace detail {

/// A caption while it is drawn.
struct SampledText {
  RandomStream stream;            ///< of this caption alone
  std::vector<std::int64_t> ids;  ///< behind the end, filled up with [SEP]
  std::size_t length = 0;         ///< ids without filling, once it has ended; 0 = not ended
  double sum = 0;                 ///< of the drawn tokens' log-probabilities

  /// Adds what was drawn, or filling.
  void add(const Draw& draw, const SearchLimits& limits) {
    ids.push_back(length > 0 ? limits.end : draw.token);
    if (length > 0) return;
    sum += draw.log_probability;
    if (draw.token == limits.end || static_cast<std::int64_t>(ids.size()) == limits.longest)
      length = ids.size();
  }
  /// The caption without filling, with the mean log-probability of its drawn tokens.
  [[nodiscard]] Candidate caption(const SearchLimits& limits) const {
    return {{ids.begin(), ids.begin() + static_cast<std::ptrdiff_t>(length)},
            sum / static_cast<double>(static_cast<std::int64_t>(length) - limits.prompt)};
  }
};

/// The captions of a batch's images while they are drawn, K an image.
class SampledBatch {
 public:
  /// @param limits    lengths and the end
  /// @param captions  K
  /// @param begin     ids given, [DEC] first
  /// @param random    one stream an image
  SampledBatch(const SearchLimits& limits, std::int64_t captions,
               const std::vector<std::int64_t>& begin, const std::vector<RandomStream>& random)
      : limits_(limits), captions_(static_cast<std::size_t>(captions)), results_(random.size()) {
    for (std::size_t i = 0; i < random.size(); ++i) {
      image_of_.push_back(i);
      for (std::size_t k = 0; k < captions_; ++k)
        texts_.push_back({.stream = random[i].derive(k), .ids = begin});
    }
  }

  /// The ids of each row so far, all of one length.
  [[nodiscard]] std::vector<std::vector<std::int64_t>> ids() const {
    std::vector<std::vector<std::int64_t>> rows;
    for (const SampledText& text : texts_) rows.push_back(text.ids);
    return rows;
  }
  /// The next number of each row's stream.
  [[nodiscard]] std::vector<double> numbers() {
    std::vector<double> numbers;
    for (SampledText& text : texts_) numbers.push_back(text.stream.uniform());
    return numbers;
  }
  /// What stands for draws on the device `meta`.
  [[nodiscard]] std::vector<Draw> made_up() const {
    const MadeUpTokens tokens(limits_);
    std::vector<Draw> draws;
    for (std::size_t row = 0; row < texts_.size(); ++row)
      draws.push_back(
          {.token = tokens.next(row / captions_, static_cast<std::int64_t>(texts_[row].ids.size())),
           .log_probability = 0});
    return draws;
  }
  /// Behind the prompt, from 1, of what is drawn next.
  [[nodiscard]] std::int64_t next_token() const {
    return static_cast<std::int64_t>(texts_.front().ids.size()) - limits_.prompt + 1;
  }
  /// @param draws   with the logits' sums beside them
  /// @param logits  that they were drawn from
  /// @throws NonFiniteError if a token of a caption that goes on was drawn from what is no number
  void require_numbers(const std::vector<Draw>& draws, const FiniteLogits& logits) const {
    for (std::size_t row = 0; row < texts_.size(); ++row) {
      if (texts_[row].length > 0) continue;
      logits.require(draws[row].beside, static_cast<std::int64_t>(row),
                     static_cast<std::int64_t>(image_of_[row / captions_]));
      require_drawn(draws[row]);
    }
  }
  /// The newest id of each row.
  [[nodiscard]] std::vector<std::vector<std::int64_t>> last() const {
    std::vector<std::vector<std::int64_t>> rows;
    for (const SampledText& text : texts_) rows.push_back({text.ids.back()});
    return rows;
  }

  /// Adds a token to each row. @return  whether any caption goes on
  bool add(const std::vector<Draw>& draws) {
    for (std::size_t row = 0; row < texts_.size(); ++row) texts_[row].add(draws[row], limits_);
    open_.clear();
    for (std::size_t i = 0; i < image_of_.size(); ++i) {
      const auto own = std::span(texts_).subspan(i * captions_, captions_);
      std::vector<Candidate>& result = results_[image_of_[i]];
      if (!std::ranges::all_of(own, [](const SampledText& text) { return text.length > 0; }))
        open_.push_back(static_cast<std::int64_t>(i));
      else if (result.empty())
        for (const SampledText& text : own) result.push_back(text.caption(limits_));
    }
    return !open_.empty();
  }
  /// Images whose captions have all ended leave, once they are half of the batch: fewer copies of
  /// the cache.
  void shrink(DecodingCache& cache) {
    if (2 * open_.size() > image_of_.size()) return;
    std::vector<std::int64_t> rows;
    std::vector<std::size_t> images;
    std::vector<SampledText> texts;
    for (const std::int64_t i : open_) {
      images.push_back(image_of_[static_cast<std::size_t>(i)]);
      for (std::size_t k = 0; k < captions_; ++k) {
        const std::size_t row = static_cast<std::size_t>(i) * captions_ + k;
        rows.push_back(static_cast<std::int64_t>(row));
        texts.push_back(std::move(texts_[row]));
      }
    }
    texts_ = std::move(texts);
    image_of_ = std::move(images);
    select_rows(cache, rows, open_);
  }
  /// The captions of all images.
  [[nodiscard]] std::vector<std::vector<Candidate>> results() && { return std::move(results_); }

 private:
  SearchLimits limits_;
  std::size_t captions_;
  std::vector<SampledText> texts_;     // `captions_` for each image still in the batch
  std::vector<std::size_t> image_of_;  // those images
  std::vector<std::int64_t> open_;  // positions in the batch of images with a caption that goes on
  std::vector<std::vector<Candidate>> results_;
};

}  // namespace detail

/// @param decoder       in evaluation mode
/// @param image_states  [B, N, De]
/// @param request       of its options num_captions (K), lengths, rules, temperature, top_k, top_p;
///                      B random streams
/// @return              for each image K candidates in the order of drawing, with the mean
///                      log-probability of their generated tokens, under the probabilities that
///                      they were drawn by
/// @throws RecipeError     if the prompt leaves no room, beams are asked for too, or an id is
/// outside
///                         the vocabulary
/// @throws ContractError      if there isn't one random stream an image
/// @throws NonFiniteError  if the rules leave no token to draw; a NonFiniteRow where the decoder's
///                         logits aren't finite
template <Decoder Dec>
[[nodiscard]] std::vector<std::vector<Candidate>> sample_captions(Dec decoder,
                                                                  const at::Tensor& image_states,
                                                                  const CaptionRequest& request) {
  const auto& [prompt, tokens, options, random] = request;
  if (options.beams != 1)
    throw RecipeError("generate: beams can't be sampled (got beams " +
                      std::to_string(options.beams) +
                      ", expected 1). Set beams = 1, or sample = false.");
  const auto images = static_cast<std::size_t>(image_states.size(0));
  if (random.size() != images)
    throw ContractError("generate: sampling needs a random stream for each image (got " +
                        std::to_string(random.size()) + ", expected " + std::to_string(images) +
                        "). Derive one an image.");
  const c10::InferenceMode inference;
  if (images == 0) return {};
  const std::vector<std::int64_t> begin = begin_ids(prompt, tokens);
  const SearchLimits limits =
      search_limits(options, static_cast<std::int64_t>(begin.size()), tokens);
  detail::SampledBatch batch(limits, options.num_captions, begin, random);

  // The prompt is the same for all captions of an image: it goes through the decoder once.
  DecodingCache cache = decoder->make_cache(image_states, 1, limits.longest);
  at::Tensor logits =
      decoder->step(ids_tensor(std::vector(images, begin)).to(image_states.device()), cache);
  check_rules(options, logits.size(1));
  expand_beams(cache, options.num_captions);
  logits = logits.repeat_interleave(options.num_captions, 0);
  const auto draws = [&] {
    if (logits.is_meta()) return batch.made_up();
    const FiniteLogits given(logits, image_states, batch.next_token());
    std::vector<Draw> drawn = draw_tokens(sampling_logits(logits, batch.ids(), options, limits),
                                          batch.numbers(), given.sums());
    batch.require_numbers(drawn, given);
    return drawn;
  };
  while (batch.add(draws())) {
    batch.shrink(cache);
    logits = decoder->step(ids_tensor(batch.last()).to(image_states.device()), cache);
  }
  return std::move(batch).results();
}

}  // namespace vlp
