#pragma once
// Words as small numbers. Includes no torch.

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>
#include <vector>

namespace vlp {

/// Numbers words from 0 in the order in which they are first met. Keeps views: the texts must
/// outlive it. Not thread-safe.
class WordIds {
 public:
  /// The word's number, a new one if it was not met before.
  std::uint32_t id(std::string_view word) {
    if (2 * (words_.size() + 1) > slots_.size()) grow();
    const std::uint64_t hash = hash_of(word);
    std::size_t at = hash & (slots_.size() - 1);
    const auto tag = static_cast<std::uint32_t>(hash >> 32);
    for (; slots_[at].id != kFree; at = (at + 1) & (slots_.size() - 1))
      if (slots_[at].tag == tag && words_[slots_[at].id] == word) return slots_[at].id;
    slots_[at] = {tag, static_cast<std::uint32_t>(words_.size())};
    words_.push_back(word);
    return slots_[at].id;
  }

  /// How many words have been met; every id is below it.
  [[nodiscard]] std::size_t size() const { return words_.size(); }
  /// The word of an id.
  [[nodiscard]] std::string_view word(std::uint32_t id) const { return words_[id]; }

 private:
  static constexpr std::uint32_t kFree = 0xffffffff;
  struct Slot {
    std::uint32_t tag = 0;
    std::uint32_t id = kFree;
  };

  /// Eight bytes a step, each step a multiplication and a fold of its halves.
  static std::uint64_t hash_of(std::string_view word) {
    constexpr std::uint64_t kGoldenRatio = 0x9e3779b97f4a7c15ULL;
    std::uint64_t hash = word.size() * kGoldenRatio;
    const auto mix = [&hash](std::uint64_t bits) {
      const auto product = static_cast<unsigned __int128>(hash ^ bits) * 0xd6e8feb86659fd93ULL;
      hash = static_cast<std::uint64_t>(product) ^ static_cast<std::uint64_t>(product >> 64) ^
             kGoldenRatio;
    };
    std::uint64_t bits = 0;
    for (; word.size() >= sizeof bits; word.remove_prefix(sizeof bits)) {
      std::memcpy(&bits, word.data(), sizeof bits);
      mix(bits);
    }
    bits = 0;
    std::memcpy(&bits, word.data(), word.size());
    mix(bits);
    return hash;
  }

  void grow() {
    constexpr std::size_t kSmallest = 256;
    slots_.assign(slots_.empty() ? kSmallest : 2 * slots_.size(), Slot{});
    for (std::uint32_t id = 0; id < words_.size(); ++id) {
      const std::uint64_t hash = hash_of(words_[id]);
      std::size_t at = hash & (slots_.size() - 1);
      while (slots_[at].id != kFree) at = (at + 1) & (slots_.size() - 1);
      slots_[at] = {static_cast<std::uint32_t>(hash >> 32), id};
    }
  }

  std::vector<Slot> slots_;  // a power of two of them, at most half full
  std::vector<std::string_view> words_;
};

}  // namespace vlp
