#pragma once
// Counter-based random streams: the n-th draw of a stream is a pure function of its key and n, so
// results never depend on threads, and the state to save is two numbers. Mixing: SplitMix64
// (Steele, Lea, Flood 2014).

#include <cstdint>
#include <span>
#include <string_view>
#include <utility>

#include "vlp/core/state.hpp"

namespace vlp {

namespace detail {

/// SplitMix64's finaliser: a bijection of 64-bit numbers that passes BigCrush on counters.
[[nodiscard]] constexpr std::uint64_t mix64(std::uint64_t x) {
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9ULL;
  x = (x ^ (x >> 27)) * 0x94d049bb133111ebULL;
  return x ^ (x >> 31);
}

}  // namespace detail

/// A reproducible stream of random numbers; streams derived under different names or numbers are
/// independent.
class RandomStream {
 public:
  /// Equal seeds make equal streams.
  explicit constexpr RandomStream(std::uint64_t seed) : key_(detail::mix64(seed + kStep)) {}

  /// A stream of its own for a purpose, e.g. `seeds.derive("loader")`; does not advance this one.
  [[nodiscard]] constexpr RandomStream derive(std::string_view purpose) const {
    std::uint64_t hash = 0xcbf29ce484222325ULL;  // FNV-1a
    for (const char c : purpose) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3ULL;
    return derive(hash);
  }
  /// A stream of its own for a number, e.g. an epoch or a sample; does not advance this one.
  [[nodiscard]] constexpr RandomStream derive(std::uint64_t number) const {
    return RandomStream(detail::mix64(key_ ^ detail::mix64(number + kStep)));
  }

  /// 64 uniformly random bits.
  constexpr std::uint64_t next() { return detail::mix64(key_ + kStep * ++counter_); }
  /// Uniform in [0, 1), 53 bits.
  constexpr double uniform() { return static_cast<double>(next() >> 11) * 0x1.0p-53; }
  /// Uniform in [low, high).
  constexpr double uniform(double low, double high) { return low + (high - low) * uniform(); }
  /// Uniform in [0, bound) without bias; `bound` must be positive.
  constexpr std::uint64_t below(std::uint64_t bound) {
    const std::uint64_t reject = (0 - bound) % bound;
    std::uint64_t bits = next();
    while (bits < reject) bits = next();
    return bits % bound;
  }
  /// Fisher-Yates shuffle in place.
  template <class T>
  constexpr void shuffle(std::span<T> items) {
    for (std::size_t i = items.size(); i > 1; --i) std::swap(items[i - 1], items[below(i)]);
  }

  /// Saves key and position under `name`.
  void save(State& state) const {
    state.put("key", static_cast<std::int64_t>(key_));
    state.put("counter", static_cast<std::int64_t>(counter_));
  }
  /// @throws WeightsError if an entry is missing
  void load(const State& state) {
    key_ = static_cast<std::uint64_t>(state.integer("key"));
    counter_ = static_cast<std::uint64_t>(state.integer("counter"));
  }

 private:
  static constexpr std::uint64_t kStep = 0x9e3779b97f4a7c15ULL;
  std::uint64_t key_;
  std::uint64_t counter_ = 0;
};

}  // namespace vlp
