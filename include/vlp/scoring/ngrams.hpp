#pragma once
// n-grams of words as numbers. An n-gram is known by its prefix's number and its last word, so that
// each order is numbered from the one before it. Occurrences are first dealt out to shards by a
// hash, then every shard is worked through by itself: its table fits the cache, and shards run on
// as many threads as there are. Includes no torch.
// @see Papineni et al. 2002; Vedantam et al. 2015

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "vlp/core/error.hpp"
#include "vlp/core/parallel.hpp"

namespace vlp {

/// The longest n-grams that caption metrics count, in words.
inline constexpr std::size_t kLongestNGram = 4;

/// One n-gram of a caption.
struct NGram {
  std::uint32_t id;  ///< where it first stands: the position of its first word among the words of
                     ///< all captions
  std::uint32_t documents;  ///< in how many documents it stands

  friend bool operator==(const NGram&, const NGram&) = default;
};

/// A caption's n-grams of one order, sorted by id, each as often as it occurs.
using NGramSpan = std::span<const NGram>;

namespace detail {

/// Where the run of equal n-grams that begins at `begin` ends.
inline std::size_t run_end(NGramSpan ngrams, std::size_t begin) {
  std::size_t end = begin + 1;
  while (end < ngrams.size() && ngrams[end].id == ngrams[begin].id) ++end;
  return end;
}

}  // namespace detail

/// Calls `visit(ngram, count)` for each distinct n-gram.
template <class Visit>
void for_each_distinct(NGramSpan ngrams, Visit&& visit) {
  for (std::size_t i = 0, next = 0; i < ngrams.size(); i = next) {
    next = detail::run_end(ngrams, i);
    visit(ngrams[i], static_cast<std::uint32_t>(next - i));
  }
}

/// Calls `visit(place, left_count, right_count)` for each distinct n-gram of both; left[place] is
/// its first occurrence.
template <class Visit>
void for_each_shared(NGramSpan left, NGramSpan right, Visit&& visit) {
  for (std::size_t i = 0, j = 0; i < left.size() && j < right.size();) {
    if (left[i].id < right[j].id) {
      ++i;
    } else if (left[i].id > right[j].id) {
      ++j;
    } else {
      const std::size_t i_end = detail::run_end(left, i), j_end = detail::run_end(right, j);
      visit(i, static_cast<std::uint32_t>(i_end - i), static_cast<std::uint32_t>(j_end - j));
      i = i_end, j = j_end;
    }
  }
}

/// The captions whose n-grams are to be numbered, as ids of words.
struct NumberedCaptions {
  std::span<const std::uint32_t> words;  ///< caption after caption; ids from 0, few
  std::span<const std::size_t>
      begin;  ///< where each caption begins in `words`; one entry more: the end
  std::span<const std::uint32_t>
      documents;  ///< of each caption, in rising order; kNoDocument = counts towards none

  /// A caption that counts towards no document.
  static constexpr std::uint32_t kNoDocument = std::numeric_limits<std::uint32_t>::max();
};

/// The n-grams of 1 to 4 words of many captions. 32 bytes a word, and 24 more while it is made.
class NGrams {
 public:
  /// @param threads  0 = all cores; changes nothing in the result
  /// @throws DataError if there are 2^32 - 1 words or more
  NGrams(const NumberedCaptions& captions, std::int64_t threads)
      : begin_(captions.begin.begin(), captions.begin.end()), threads_(threads) {
    const std::size_t words = captions.words.size();
    if (words >= kNone)
      throw DataError("captions: " + std::to_string(words) +
                      " words (expected fewer than 2^32 - 1). Score them in parts.");
    for (auto& ngrams : ngrams_)
      ngrams = std::make_unique_for_overwrite<NGram[]>(words);  // threads touch it first
    number_words(captions);
    const auto occurrences = std::make_unique_for_overwrite<Occurrence[]>(words);
    for (std::size_t order = 2; order <= kLongestNGram; ++order)
      number(captions, order, occurrences.get());
    parallel_for(threads, this->captions(), [&](std::size_t first, std::size_t last) {
      for (std::size_t caption = first; caption < last; ++caption)
        for (std::size_t order = 1; order <= kLongestNGram; ++order) {
          NGram* const ngrams = ngrams_[order - 1].get();
          std::sort(ngrams + begin_[caption], ngrams + end_of(caption, order),
                    [](NGram a, NGram b) { return a.id < b.id; });
        }
    });
  }

  /// How many captions there are.
  [[nodiscard]] std::size_t captions() const { return begin_.size() - 1; }
  /// Where a caption's words begin among all words. An n-gram whose id is not below it first stands
  /// in this caption or later.
  [[nodiscard]] std::size_t begin(std::size_t caption) const { return begin_[caption]; }
  /// How many words a caption has.
  [[nodiscard]] std::size_t words(std::size_t caption) const {
    return begin_[caption + 1] - begin_[caption];
  }
  /// A caption's n-grams of `order` words, 1 to 4.
  [[nodiscard]] NGramSpan of(std::size_t caption, std::size_t order) const {
    return {ngrams_[order - 1].get() + begin_[caption], end_of(caption, order) - begin_[caption]};
  }

 private:
  static constexpr std::uint32_t kNone = std::numeric_limits<std::uint32_t>::max();
  static constexpr std::size_t kShardBits = 8;
  static constexpr std::size_t kShards = std::size_t{1} << kShardBits;
  struct Occurrence {
    std::uint64_t key;  // prefix and last word; later the n-gram's place in its shard
    std::uint32_t position;
    std::uint32_t caption;
  };
  using Places = std::array<std::size_t, kShards>;  // a number for each shard

  /// What is known of an n-gram while documents are counted.
  struct Count {
    NGram ngram{.id = kNone, .documents = 0};
    std::uint32_t last_document = NumberedCaptions::kNoDocument;

    void add(std::uint32_t position, std::uint32_t document) {
      if (ngram.id == kNone) ngram.id = position;
      if (document != NumberedCaptions::kNoDocument &&
          std::exchange(last_document, document) != document)
        ++ngram.documents;
    }
  };

  /// Numbers keys from 0 as they come: open addressing with linear probing, at most half full.
  class Table {
   public:
    void clear(std::size_t most_keys) {
      slots_.assign(std::bit_ceil(2 * most_keys + 1), kNone);
      keys_.clear();
    }
    std::uint32_t number(std::uint64_t key) {
      std::size_t at = hash_of(key) << kShardBits >>
                       (64 - static_cast<std::size_t>(std::countr_zero(slots_.size())));
      while (slots_[at] != kNone && keys_[slots_[at]] != key) at = (at + 1) & (slots_.size() - 1);
      if (slots_[at] == kNone) {
        slots_[at] = static_cast<std::uint32_t>(keys_.size());
        keys_.push_back(key);
      }
      return slots_[at];
    }

   private:
    std::vector<std::uint32_t> slots_;
    std::vector<std::uint64_t> keys_;  // by number
  };

  /// Fibonacci hashing: the upper bits are the good ones.
  static std::uint64_t hash_of(std::uint64_t key) {
    return (key ^ key >> 29) * 0x9e3779b97f4a7c15ULL;
  }
  static std::size_t shard_of(std::uint64_t key) { return hash_of(key) >> (64 - kShardBits); }

  [[nodiscard]] std::size_t end_of(std::size_t caption, std::size_t order) const {
    return std::max(begin_[caption],
                    begin_[caption + 1] - std::min(begin_[caption + 1], order - 1));
  }

  void number_words(const NumberedCaptions& captions) {
    std::vector<Count> counts;
    for (std::size_t caption = 0; caption < this->captions(); ++caption)
      for (std::size_t at = begin_[caption]; at < begin_[caption + 1]; ++at) {
        const std::uint32_t word = captions.words[at];
        if (word >= counts.size()) counts.resize(std::size_t{word} + 1);
        counts[word].add(static_cast<std::uint32_t>(at), captions.documents[caption]);
      }
    parallel_for(threads_, captions.words.size(), [&](std::size_t first, std::size_t last) {
      for (std::size_t at = first; at < last; ++at)
        ngrams_[0][at] = counts[captions.words[at]].ngram;
    });
  }

  /// Calls `visit(key, position, caption)` for the n-grams of captions [first, last).
  template <class Visit>
  void for_each_key(const NumberedCaptions& captions, std::size_t order, std::size_t first,
                    std::size_t last, Visit&& visit) const {
    const NGram* const prefixes = ngrams_[order - 2].get();
    for (std::size_t caption = first; caption < last; ++caption)
      for (std::size_t at = begin_[caption]; at < end_of(caption, order); ++at)
        visit(std::uint64_t{prefixes[at].id} << 32 | captions.words[at + order - 1], at, caption);
  }

  /// @param occurrences  a place for each word; its content doesn't matter
  void number(const NumberedCaptions& captions, std::size_t order, Occurrence* occurrences) {
    // Count, then deal out: a shard's occurrences lie together, in the order of the captions.
    std::vector<Places> places(block_count(threads_, this->captions()));
    parallel_blocks(
        threads_, this->captions(), [&](std::size_t block, std::size_t first, std::size_t last) {
          for_each_key(
              captions, order, first, last,
              [&](std::uint64_t key, std::size_t, std::size_t) { ++places[block][shard_of(key)]; });
        });
    std::array<std::size_t, kShards + 1> shard_begin{};
    std::size_t place = 0;
    for (std::size_t shard = 0; shard < kShards; ++shard) {
      shard_begin[shard] = place;
      for (Places& counts : places) place += std::exchange(counts[shard], place);
    }
    shard_begin[kShards] = place;
    parallel_blocks(threads_, this->captions(),
                    [&](std::size_t block, std::size_t first, std::size_t last) {
                      for_each_key(captions, order, first, last,
                                   [&](std::uint64_t key, std::size_t at, std::size_t caption) {
                                     occurrences[places[block][shard_of(key)]++] = {
                                         key, static_cast<std::uint32_t>(at),
                                         static_cast<std::uint32_t>(caption)};
                                   });
                    });

    parallel_for(threads_, kShards, [&](std::size_t first_shard, std::size_t last_shard) {
      Table table;
      std::vector<Count> counts;
      for (std::size_t shard = first_shard; shard < last_shard; ++shard) {
        const auto own =
            std::span(occurrences + shard_begin[shard], occurrences + shard_begin[shard + 1]);
        table.clear(own.size());
        counts.clear();
        for (Occurrence& occurrence : own) {
          occurrence.key = table.number(occurrence.key);
          if (occurrence.key == counts.size()) counts.emplace_back();
          counts[occurrence.key].add(occurrence.position, captions.documents[occurrence.caption]);
        }
        for (const Occurrence& occurrence : own)
          ngrams_[order - 1][occurrence.position] = counts[occurrence.key].ngram;
      }
    });
  }

  std::vector<std::size_t> begin_;
  std::int64_t threads_;
  std::array<std::unique_ptr<NGram[]>, kLongestNGram>
      ngrams_;  // by order and position of the first word; sorted in each caption
};

}  // namespace vlp
