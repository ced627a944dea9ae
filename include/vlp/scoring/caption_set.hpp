#pragma once
// What metrics see: the captions of a set of images, cut into words, and whatever metrics share,
// computed once when first asked for. Includes no torch.

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_set>
#include <utility>
#include <vector>

#include "vlp/concepts/metric.hpp"
#include "vlp/core/error.hpp"
#include "vlp/core/parallel.hpp"
#include "vlp/scoring/ngrams.hpp"
#include "vlp/text/unicode.hpp"
#include "vlp/text/word_ids.hpp"

namespace vlp {

/// Another thread for fewer images takes longer to start than it spares.
inline constexpr std::size_t kImagesWorthAThread = 500;

/// Images with a generated caption and references each. Captions are numbered: an image's
/// candidate, then its references, then the next image's. Safe to read from several threads.
class CaptionSet {
 public:
  /// @param images   captions cut into tokens, which single blanks join, as `ptb_tokens` gives them
  /// @param threads  that whoever measures may use; 0 = all cores
  /// @throws DataError if an image comes twice or has no reference
  explicit CaptionSet(std::vector<ScoredCaption> images, std::int64_t threads = 1)
      : images_(std::move(images)), threads_(threads), shared_(std::make_unique<Shared>()) {
    std::unordered_set<std::string_view> ids;
    ids.reserve(images_.size());
    first_.reserve(images_.size() + 1);
    std::size_t captions = 0;
    for (const ScoredCaption& image : images_) {
      const auto where = [&] { return "captions: image '" + image.image_id.text() + "'"; };
      if (image.references.empty())
        throw DataError(where() +
                        " has no reference (expected at least 1). Leave it out or give it one.");
      if (!ids.insert(image.image_id.text()).second)
        throw DataError(where() +
                        " has a second candidate (expected one an image). Remove one of the two.");
      first_.push_back(captions);
      captions += 1 + image.references.size();
    }
    first_.push_back(captions);
  }

  /// Number of images.
  [[nodiscard]] std::size_t size() const { return images_.size(); }
  /// One image's captions as tokens, as whoever made the set cut them, and the candidate as it was.
  [[nodiscard]] const ScoredCaption& image(std::size_t i) const { return images_[i]; }
  /// Threads for the work on this set; 0 = all cores.
  [[nodiscard]] std::int64_t threads() const { return threads_; }

  /// Number of captions, candidates and references.
  [[nodiscard]] std::size_t captions() const { return first_.back(); }
  /// The number of an image's candidate; its references are the numbers between it and the next
  /// image's candidate.
  [[nodiscard]] std::size_t candidate(std::size_t image) const { return first_[image]; }

  /// A caption's tokens as numbers: what stands between single blanks, U+0020. An empty caption is
  /// one empty token.
  [[nodiscard]] std::span<const std::uint32_t> tokens(std::size_t caption) const {
    return std::span(words().tokens)
        .subspan(words().begin[caption], words().begin[caption + 1] - words().begin[caption]);
  }
  /// The n-grams of all captions; documents are the images, as far as their references go. Their
  /// words are cut at any white space, as Python's str.split does: a token with a no-break space
  /// inside, such as "2 1/2", is two of them.
  [[nodiscard]] const NGrams& ngrams() const {
    std::call_once(shared_->ngrams_once, [&] { number_ngrams(); });
    return *shared_->ngrams;
  }
  /// The words of an n-gram, joined by single blanks.
  /// @param id  see NGram
  [[nodiscard]] std::string ngram_text(std::size_t order, std::uint32_t id) const {
    std::string text;
    for (std::size_t i = 0; i < order; ++i)
      (text += i > 0 ? " " : "") += shared_->words.vocabulary.word(split_words()[id + i]);
    return text;
  }

 private:
  struct Words {
    WordIds vocabulary;                 // of tokens, and of words inside them
    std::vector<std::uint32_t> tokens;  // caption after caption
    std::vector<std::size_t> begin;     // by caption, one more
  };
  struct Shared {
    std::once_flag words_once, ngrams_once;
    Words words;
    std::optional<std::vector<std::uint32_t>>
        split_words;  // only if a token is not one word; else the tokens are the words
    std::optional<NGrams> ngrams;
  };

  [[nodiscard]] const std::string& text(std::size_t image, std::size_t caption) const {
    const std::size_t place = caption - first_[image];
    return place == 0 ? images_[image].candidate : images_[image].references[place - 1];
  }

  [[nodiscard]] const Words& words() const {
    std::call_once(shared_->words_once, [&] { number_words(); });
    return shared_->words;
  }

  [[nodiscard]] std::span<const std::uint32_t> split_words() const {
    return shared_->split_words ? *shared_->split_words : shared_->words.tokens;
  }

  /// Threads number the words of their own images; then each one's numbers are translated. As
  /// threads are asked in the order of their images, a word's number tells when it was first met,
  /// whatever the number of threads.
  void number_words() const {
    struct Part {
      WordIds ids;
      std::vector<std::uint32_t> tokens;
      std::vector<std::size_t> lengths;  // by caption
    };
    std::vector<Part> parts(block_count(threads_, size()));
    parallel_blocks(threads_, size(), [&](std::size_t block, std::size_t first, std::size_t last) {
      Part& part = parts[block];
      for (std::size_t image = first; image < last; ++image)
        for (std::size_t caption = first_[image]; caption < first_[image + 1]; ++caption) {
          const std::size_t before = part.tokens.size();
          for_each_token(text(image, caption), [&](std::string_view token) {
            part.tokens.push_back(part.ids.id(token));
          });
          part.lengths.push_back(part.tokens.size() - before);
        }
    });

    Words& words = shared_->words;
    words.begin.reserve(captions() + 1);
    words.begin.push_back(0);
    std::vector<std::vector<std::uint32_t>> translations(parts.size());
    for (std::size_t block = 0; block < parts.size(); ++block) {
      for (const std::size_t length : parts[block].lengths)
        words.begin.push_back(words.begin.back() + length);
      for (std::uint32_t id = 0; id < parts[block].ids.size(); ++id)
        translations[block].push_back(words.vocabulary.id(parts[block].ids.word(id)));
    }
    words.tokens.resize(words.begin.back());
    parallel_blocks(threads_, size(), [&](std::size_t block, std::size_t first, std::size_t) {
      auto token = words.tokens.begin() + static_cast<std::ptrdiff_t>(words.begin[first_[first]]);
      for (const std::uint32_t id : parts[block].tokens) *token++ = translations[block][id];
    });
  }

  void number_ngrams() const {
    const Words& tokens = words();
    WordIds& vocabulary = shared_->words.vocabulary;
    std::vector<std::vector<std::uint32_t>> parts(
        vocabulary.size());  // of tokens that are not just one word
    std::vector<bool> whole(vocabulary.size());
    for (std::uint32_t token = 0; token < parts.size(); ++token) {
      const std::string_view text = vocabulary.word(token);
      for_each_word(text, [&](std::string_view word) {
        if (word.size() == text.size())
          whole[token] = true;
        else
          parts[token].push_back(vocabulary.id(word));
      });
    }
    std::vector<std::size_t> begin;
    if (std::find(whole.begin(), whole.end(), false) != whole.end()) {
      std::vector<std::uint32_t>& split = shared_->split_words.emplace();
      begin.push_back(0);
      for (std::size_t caption = 0; caption < captions(); ++caption) {
        for (const std::uint32_t token : this->tokens(caption))
          if (whole[token])
            split.push_back(token);
          else
            split.insert(split.end(), parts[token].begin(), parts[token].end());
        begin.push_back(split.size());
      }
    }
    std::vector<std::uint32_t> documents(captions(), NumberedCaptions::kNoDocument);
    for (std::size_t image = 0; image < size(); ++image)
      std::fill(documents.begin() + static_cast<std::ptrdiff_t>(first_[image] + 1),
                documents.begin() + static_cast<std::ptrdiff_t>(first_[image + 1]),
                static_cast<std::uint32_t>(image));
    shared_->ngrams.emplace(NumberedCaptions{.words = split_words(),
                                             .begin = shared_->split_words ? begin : tokens.begin,
                                             .documents = documents},
                            threads_);
  }

  template <class Visit>
  static void for_each_token(std::string_view caption, Visit&& visit) {
    for (std::size_t end = 0; end != caption.npos;
         caption.remove_prefix(end == caption.npos ? 0 : end + 1)) {
      end = caption.find(' ');
      visit(caption.substr(0, end));
    }
  }

  std::vector<ScoredCaption> images_;
  std::int64_t threads_;
  std::vector<std::size_t> first_;  // caption numbers by image, one more
  std::unique_ptr<Shared> shared_;
};

/// What a metric counts, checked: one row an image, each at least one number wide, all finite.
/// @throws ContractError, NonFiniteError naming the metric
[[nodiscard]] inline ImageStatistics measured_by(const AnyMetric& metric,
                                                 const CaptionSet& captions) {
  ImageStatistics rows = metric.measure(captions);
  if (captions.size() > 0 &&
      (rows.columns == 0 || rows.values.size() != captions.size() * rows.columns))
    throw ContractError(metric.shown() + ": measure gave " + std::to_string(rows.values.size()) +
                        " numbers in rows of " + std::to_string(rows.columns) + " (expected " +
                        std::to_string(captions.size()) +
                        " rows, one an image, of at least one number). Fill a row for each image.");
  for (std::size_t i = 0; i < rows.values.size(); ++i)
    if (!std::isfinite(rows.values[i]))
      throw NonFiniteError(metric.shown() + ": measure gave a number that is none (got " +
                           std::to_string(rows.values[i]) + " in column " +
                           std::to_string(i % rows.columns) + " of image '" +
                           captions.image(i / rows.columns).image_id.text() + "').");
  return rows;
}

/// Fills a row for each image on the set's threads.
/// @param columns  numbers an image
/// @param fill     called as fill(image, row), from several threads
template <class Fill>
[[nodiscard]] ImageStatistics measure_images(const CaptionSet& captions, std::size_t columns,
                                             const Fill& fill) {
  ImageStatistics statistics(captions.size(), columns);
  parallel_for(captions.threads(), captions.size(), [&](std::size_t begin, std::size_t end) {
    for (std::size_t image = begin; image < end; ++image) fill(image, statistics.row(image));
  });
  return statistics;
}

}  // namespace vlp
