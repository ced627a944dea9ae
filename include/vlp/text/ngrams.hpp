#pragma once
// n-grams of words as small numbers. An n-gram is known by its prefix's number and its last word, so that each order is
// numbered from the one before it. Occurrences are first dealt out to shards by a hash, then every shard is numbered by
// itself: its table fits the cache, and shards run on as many threads as there are. Includes no torch.
// @see Papineni et al. 2002; Vedantam et al. 2015

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "vlp/core/error.hpp"
#include "vlp/core/parallel.hpp"
#include "vlp/core/random.hpp"

namespace vlp {

/// The longest n-grams that caption metrics count, in words.
inline constexpr std::size_t kLongestNGram = 4;

/// A caption's n-grams of one order: their numbers, sorted, each as often as it occurs.
using NGramSpan = std::span<const std::uint32_t>;

/// Calls `visit(id, count)` for each distinct n-gram.
template <class Visit>
void for_each_distinct(NGramSpan ngrams, Visit&& visit) {
  for (std::size_t i = 0, next = 0; i < ngrams.size(); i = next) {
    while (next < ngrams.size() && ngrams[next] == ngrams[i]) ++next;
    visit(ngrams[i], static_cast<std::uint32_t>(next - i));
  }
}

/// Calls `visit(id, left_count, right_count)` for each distinct n-gram of both.
template <class Visit>
void for_each_shared(NGramSpan left, NGramSpan right, Visit&& visit) {
  const auto run = [](NGramSpan ngrams, std::size_t begin) {
    std::size_t end = begin + 1;
    while (end < ngrams.size() && ngrams[end] == ngrams[begin]) ++end;
    return end;
  };
  for (std::size_t i = 0, j = 0; i < left.size() && j < right.size();) {
    if (left[i] < right[j]) {
      ++i;
    } else if (left[i] > right[j]) {
      ++j;
    } else {
      const std::size_t i_end = run(left, i), j_end = run(right, j);
      visit(left[i], static_cast<std::uint32_t>(i_end - i), static_cast<std::uint32_t>(j_end - j));
      i = i_end, j = j_end;
    }
  }
}

/// The n-grams of 1 to 4 words of many captions. Numbers don't depend on the number of threads. 16 bytes a word, and 4
/// bytes a number; while it is made 16 bytes a word more.
class NGrams {
 public:
  /// @param words    the words' ids, caption after caption
  /// @param begin    where each caption begins in `words`; one entry more: the end
  /// @param threads  0 = all cores
  /// @throws DataError if there are 2^32 words or more
  NGrams(std::span<const std::uint32_t> words, std::span<const std::size_t> begin, std::int64_t threads)
      : begin_(begin.begin(), begin.end()) {
    if (words.size() >= kNone)
      throw DataError("captions: " + std::to_string(words.size()) + " words (expected fewer than 2^32). Score them in parts.");
    std::vector<Occurrence> occurrences(words.size());
    for (std::size_t order = 1; order <= kLongestNGram; ++order) number(words, order, threads, occurrences);
    parallel_for(threads, begin_.size() - 1, [&](std::size_t first, std::size_t last) {
      for (std::size_t caption = first; caption < last; ++caption)
        for (std::size_t order = 1; order <= kLongestNGram; ++order) {
          std::uint32_t* const ids = orders_[order - 1].ids.data();
          std::sort(ids + begin_[caption], ids + end_of(caption, order));
        }
    });
  }

  /// How many captions there are.
  [[nodiscard]] std::size_t captions() const { return begin_.size() - 1; }
  /// How many words a caption has.
  [[nodiscard]] std::size_t words(std::size_t caption) const { return begin_[caption + 1] - begin_[caption]; }
  /// A caption's n-grams of `order` words, 1 to 4.
  [[nodiscard]] NGramSpan of(std::size_t caption, std::size_t order) const {
    return std::span(orders_[order - 1].ids).subspan(begin_[caption], end_of(caption, order) - begin_[caption]);
  }
  /// Every number of this order is below it; not every number below it is in use.
  [[nodiscard]] std::size_t bound(std::size_t order) const { return orders_[order - 1].first.size(); }
  /// Where in `words` an n-gram first stands; kNone for a number that is not in use.
  [[nodiscard]] std::uint32_t first_position(std::size_t order, std::uint32_t id) const { return orders_[order - 1].first[id]; }

  /// No position.
  static constexpr std::uint32_t kNone = std::numeric_limits<std::uint32_t>::max();

  /// A number's remainder by this tells its shard: threads that share numbers out by it never meet.
  static constexpr std::size_t kShards = 256;

 private:
  struct Occurrence {
    std::uint64_t key;  // prefix and last word
    std::uint32_t position;
  };
  struct Order {
    std::vector<std::uint32_t> ids;    // by position of the first word; nothing where a caption has too few words left
    std::vector<std::uint32_t> first;  // by id
  };
  using Places = std::array<std::size_t, kShards>;  // a number for each shard

  [[nodiscard]] std::size_t end_of(std::size_t caption, std::size_t order) const {
    return std::max(begin_[caption], begin_[caption + 1] - std::min(begin_[caption + 1], order - 1));
  }
  static std::size_t shard_of(std::uint64_t key) { return detail::mix64(key) % kShards; }

  /// Calls `visit(position, key)` for the n-grams of captions [first, last).
  template <class Visit>
  void for_each_key(std::span<const std::uint32_t> words, std::size_t order, std::size_t first, std::size_t last, Visit&& visit) const {
    const std::uint32_t* const prefixes = order > 1 ? orders_[order - 2].ids.data() : nullptr;
    for (std::size_t caption = first; caption < last; ++caption)
      for (std::size_t at = begin_[caption]; at < end_of(caption, order); ++at)
        visit(at, static_cast<std::uint64_t>(prefixes ? prefixes[at] : 0) << 32 | words[at + order - 1]);
  }

  void number(std::span<const std::uint32_t> words, std::size_t order, std::int64_t threads, std::vector<Occurrence>& occurrences) {
    // Count, then deal out: a shard's occurrences lie together, in the order of the captions.
    const auto blocks = static_cast<std::size_t>(threads_for(threads));
    const auto first_of = [&](std::size_t block) { return captions() * block / blocks; };
    std::vector<Places> places(blocks);
    parallel_for(threads, blocks, [&](std::size_t first_block, std::size_t last_block) {
      for (std::size_t block = first_block; block < last_block; ++block)
        for_each_key(words, order, first_of(block), first_of(block + 1),
                     [&](std::size_t, std::uint64_t key) { ++places[block][shard_of(key)]; });
    });
    std::array<std::size_t, kShards + 1> shard_begin{};
    std::size_t end = 0;
    for (std::size_t shard = 0; shard < kShards; ++shard) {
      shard_begin[shard] = end;
      for (Places& counts : places) end += std::exchange(counts[shard], end);
    }
    shard_begin[kShards] = end;
    parallel_for(threads, blocks, [&](std::size_t first_block, std::size_t last_block) {
      for (std::size_t block = first_block; block < last_block; ++block)
        for_each_key(words, order, first_of(block), first_of(block + 1), [&](std::size_t at, std::uint64_t key) {
          occurrences[places[block][shard_of(key)]++] = {key, static_cast<std::uint32_t>(at)};
        });
    });

    Order& result = orders_[order - 1];
    result.ids.resize(words.size());
    std::vector<std::vector<std::uint32_t>> first(kShards);  // positions, by number inside the shard
    parallel_for(threads, kShards, [&](std::size_t first_shard, std::size_t last_shard) {
      Table table;
      for (std::size_t shard = first_shard; shard < last_shard; ++shard) {
        const auto own = std::span(occurrences).subspan(shard_begin[shard], shard_begin[shard + 1] - shard_begin[shard]);
        table.clear(own.size());
        for (const Occurrence& occurrence : own) {
          std::uint32_t& number = table[occurrence.key];
          if (number == kNone) {
            number = static_cast<std::uint32_t>(first[shard].size());
            first[shard].push_back(occurrence.position);
          }
          result.ids[occurrence.position] = static_cast<std::uint32_t>(number * kShards + shard);
        }
      }
    });
    std::size_t most = 0;
    for (const auto& positions : first) most = std::max(most, positions.size());
    if (most * kShards >= kNone) throw DataError("captions: too many different word sequences to number. Score them in parts.");
    result.first.assign(most * kShards, kNone);
    for (std::size_t shard = 0; shard < kShards; ++shard)
      for (std::size_t number = 0; number < first[shard].size(); ++number) result.first[number * kShards + shard] = first[shard][number];
  }

  /// Keys to numbers: open addressing with linear probing, at most half full.
  class Table {
   public:
    void clear(std::size_t keys) { slots_.assign(std::bit_ceil(2 * keys + 1), Slot{}); }
    std::uint32_t& operator[](std::uint64_t key) {
      std::size_t at = (detail::mix64(key) / kShards) & (slots_.size() - 1);
      while (slots_[at].number != kNone && slots_[at].key != key) at = (at + 1) & (slots_.size() - 1);
      slots_[at].key = key;
      return slots_[at].number;
    }

   private:
    struct Slot {
      std::uint64_t key = 0;
      std::uint32_t number = kNone;
    };
    std::vector<Slot> slots_;
  };

  std::vector<std::size_t> begin_;
  std::array<Order, kLongestNGram> orders_;
};

}  // namespace vlp
