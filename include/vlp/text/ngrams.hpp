#pragma once
// n-grams of words as small numbers. Words and n-grams are numbered when first met, an n-gram by its prefix's number and
// its last word, so that counting them costs one look-up of a 64-bit key each. @see Papineni et al. 2002; Vedantam et al. 2015

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <iterator>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "vlp/text/unicode.hpp"

namespace vlp {

/// The longest n-grams that caption metrics count, in words.
inline constexpr std::size_t kLongestNGram = 4;

/// One n-gram of a caption and how often it stands there.
struct NGramCount {
  std::uint32_t id;     ///< given by NGramIds
  std::uint32_t count;  ///< how often it occurs
};

/// The n-grams of one caption, of 1 to 4 words.
struct NGramCounts {
  std::size_t words = 0;                               ///< length of the caption
  std::vector<NGramCount> entries;                     ///< order by order, inside an order by id
  std::array<std::size_t, kLongestNGram + 1> begin{};  ///< where each order begins in `entries`; the last one is its end

  /// The distinct n-grams of `order` words, 1 to 4, sorted by id.
  [[nodiscard]] std::span<const NGramCount> of_order(std::size_t order) const {
    return std::span(entries).subspan(begin[order - 1], begin[order] - begin[order - 1]);
  }
};

/// Calls `visit(a, b)` for each id that stands in both lists, which are sorted by id.
template <class Visit>
void for_each_shared(std::span<const NGramCount> left, std::span<const NGramCount> right, Visit&& visit) {
  for (auto a = left.begin(), b = right.begin(); a != left.end() && b != right.end();) {
    if (a->id == b->id)
      visit(*a++, *b++);
    else if (a->id < b->id)
      ++a;
    else
      ++b;
  }
}

/// Numbers words and n-grams, from 0, in the order in which they come. Not thread-safe.
class NGramIds {
 public:
  /// @param caption  words between Unicode white space, cut as Python's str.split does
  [[nodiscard]] NGramCounts count(std::string_view caption) {
    words_.clear();
    for_each_word(caption, [this](std::string_view word) { words_.push_back(word_id(word)); });

    NGramCounts counts{.words = words_.size(), .entries = {}, .begin = {}};
    counts.entries.reserve(kLongestNGram * words_.size());
    prefixes_.assign(words_.size(), kNoPrefix);
    for (std::size_t order = 1; order <= kLongestNGram; ++order) {
      reserve_for(words_.size());
      for (std::size_t last = order - 1; last < words_.size(); ++last)  // waiting for memory is most of the work
        __builtin_prefetch(&slots_[first_place(key_of(prefixes_[last - (order - 1)], words_[last]))]);
      for (std::size_t last = order - 1; last < words_.size(); ++last) {
        std::uint32_t& id = prefixes_[last - (order - 1)];  // now that of the n-gram which starts there
        id = ngram_id(id, words_[last]);
        counts.entries.push_back({id, 1});
      }
      merge_equal(counts.entries, counts.begin[order - 1]);
      counts.begin[order] = counts.entries.size();
    }
    return counts;
  }

  /// Forgets all words and n-grams; ids begin at 0 again.
  void clear() {
    word_ids_.clear();
    std::ranges::fill(slots_, Slot{});
    size_ = 0;
  }

  /// How many n-grams have been met; every id is below it.
  [[nodiscard]] std::size_t size() const { return size_; }

 private:
  struct Hash {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const { return std::hash<std::string_view>{}(text); }
  };
  struct Slot {
    std::uint64_t key = kFree;
    std::uint32_t id = 0;
  };
  static constexpr std::uint32_t kNoPrefix = 0xffffffff;
  static constexpr std::uint64_t kFree = 0xffffffffffffffff;  // prefix and word of no n-gram

  std::uint32_t word_id(std::string_view word) {
    if (const auto found = word_ids_.find(word); found != word_ids_.end()) return found->second;
    const auto id = static_cast<std::uint32_t>(word_ids_.size());
    word_ids_.emplace(word, id);
    return id;
  }

  static std::uint64_t key_of(std::uint32_t prefix, std::uint32_t word) { return (static_cast<std::uint64_t>(prefix) << 32) | word; }

  std::uint32_t ngram_id(std::uint32_t prefix, std::uint32_t word) {
    const std::uint64_t key = key_of(prefix, word);
    Slot& slot = slot_of(key);
    if (slot.key == kFree) slot = {key, static_cast<std::uint32_t>(size_++)};
    return slot.id;
  }

  /// Where the search for `key` begins: Fibonacci hashing.
  [[nodiscard]] std::size_t first_place(std::uint64_t key) const {
    constexpr std::uint64_t kGoldenRatio = 0x9e3779b97f4a7c15ULL;
    return ((key ^ (key >> 29)) * kGoldenRatio) >> (64 - std::countr_zero(slots_.size()));
  }

  /// Where `key` is or belongs: open addressing with linear probing, at most half full.
  Slot& slot_of(std::uint64_t key) {
    std::size_t at = first_place(key);
    while (slots_[at].key != key && slots_[at].key != kFree) at = (at + 1) & (slots_.size() - 1);
    return slots_[at];
  }

  /// Makes room for `more` n-grams, so that references to slots stay valid while they are added.
  void reserve_for(std::size_t more) {
    constexpr std::size_t kSmallest = 256;
    const std::size_t wanted = std::bit_ceil(std::max(kSmallest, 2 * (size_ + more)));
    if (wanted <= slots_.size()) return;
    std::vector<Slot> old(wanted);
    old.swap(slots_);
    for (const Slot& slot : old)
      if (slot.key != kFree) slot_of(slot.key) = slot;
  }

  static void merge_equal(std::vector<NGramCount>& entries, std::size_t begin) {
    const auto first = entries.begin() + static_cast<std::ptrdiff_t>(begin);
    std::ranges::sort(first, entries.end(), {}, &NGramCount::id);
    auto kept = first;
    for (auto entry = first; entry != entries.end(); ++entry) {
      if (kept != first && std::prev(kept)->id == entry->id)
        ++std::prev(kept)->count;
      else
        *kept++ = *entry;
    }
    entries.erase(kept, entries.end());
  }

  std::unordered_map<std::string, std::uint32_t, Hash, std::equal_to<>> word_ids_;
  std::vector<Slot> slots_;  // a power of two of them
  std::size_t size_ = 0;
  std::vector<std::uint32_t> words_, prefixes_;  // of the caption at hand; kept to spare allocations
};

}  // namespace vlp
