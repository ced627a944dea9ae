#pragma once
// Lengths of longest common subsequences, 64 places of the one text a step. Includes no torch.
// @see Hyyrö 2004, "Bit-parallel LCS-length computation revisited"

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <numeric>
#include <span>
#include <utility>
#include <vector>

namespace vlp {

/// Compares one text with others. Time: the product of two lengths divided by 64; memory: of the
/// order of the text's length.
class CommonSubsequence {
 public:
  /// @param text  numbers of words; must outlive this
  explicit CommonSubsequence(std::span<const std::uint32_t> text)
      : text_(text), blocks_((text.size() + kBits - 1) / kBits) {
    if (text.size() <= kBits) return;
    places_.resize(text.size());
    std::iota(places_.begin(), places_.end(), std::size_t{0});
    const auto word_at = [&](std::size_t place) { return text_[place]; };
    std::ranges::sort(places_, {}, word_at);
    for (std::size_t begin = 0, end = 0; begin < places_.size(); begin = end) {
      end = static_cast<std::size_t>(
          std::ranges::upper_bound(places_, text_[places_[begin]], {}, word_at) - places_.begin());
      Word word{.id = text_[places_[begin]], .begin = begin, .end = end, .matches = {}};
      if (end - begin > blocks_) word.matches = matches_of(word);
      words_.push_back(std::move(word));
    }
  }

  /// Length of the longest sequence of words that stands in both texts in the same order, with or
  /// without gaps.
  [[nodiscard]] std::size_t length(std::span<const std::uint32_t> other) const {
    return text_.size() <= kBits ? length_in_one_block(other) : length_in_blocks(other);
  }

 private:
  static constexpr std::size_t kBits = 64;

  /// A cleared bit at a place says that the common subsequence of the text up to there grows by
  /// one.
  [[nodiscard]] std::size_t length_in_one_block(std::span<const std::uint32_t> other) const {
    std::uint64_t rows = ~std::uint64_t{0};
    for (const std::uint32_t word : other) {
      std::uint64_t matches = 0;
      for (std::size_t place = 0; place < text_.size(); ++place)
        matches |= static_cast<std::uint64_t>(text_[place] == word) << place;
      const std::uint64_t both = rows & matches;
      rows = (rows + both) | (rows & ~matches);
    }
    return static_cast<std::size_t>(std::popcount(~rows));
  }

  [[nodiscard]] std::size_t length_in_blocks(std::span<const std::uint32_t> other) const {
    std::vector<std::uint64_t> rows(blocks_, ~std::uint64_t{0});
    for (const std::uint32_t id : other) {
      const auto word = std::ranges::lower_bound(words_, id, {}, &Word::id);
      if (word == words_.end() || word->id != id) continue;
      if (word->matches.empty())
        step(rows, matches_of(*word));
      else
        step(rows, word->matches);
    }
    std::size_t length = 0;
    for (const std::uint64_t row : rows) length += static_cast<std::size_t>(std::popcount(~row));
    return length;
  }

  using Bits = std::vector<std::uint64_t>;
  struct Word {
    std::uint32_t id;
    std::size_t begin, end;  // in places_
    Bits matches;            // made once for words that are frequent
  };

  [[nodiscard]] Bits matches_of(const Word& word) const {
    Bits matches(blocks_);
    for (std::size_t i = word.begin; i < word.end; ++i)
      matches[places_[i] / kBits] |= std::uint64_t{1} << places_[i] % kBits;
    return matches;
  }

  static void step(Bits& rows, const Bits& matches) {
    bool carry = false;
    for (std::size_t block = 0; block < rows.size(); ++block) {
      std::uint64_t sum = 0;
      const bool first = __builtin_add_overflow(rows[block], rows[block] & matches[block], &sum);
      const bool second = __builtin_add_overflow(sum, static_cast<std::uint64_t>(carry), &sum);
      rows[block] = sum | (rows[block] & ~matches[block]);
      carry = first || second;
    }
  }

  std::span<const std::uint32_t> text_;
  std::size_t blocks_;
  std::vector<std::size_t> places_;  // sorted by their words; only for texts of several blocks
  std::vector<Word> words_;          // sorted by id; the same
};

}  // namespace vlp
