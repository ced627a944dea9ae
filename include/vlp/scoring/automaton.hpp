#pragma once
// Several patterns as one deterministic automaton, whose states are made when they are first
// visited: Thompson's construction, then subsets on demand (Aho, Sethi and Ullman 1986,
// sections 3.6 and 3.7).

#include "vlp/scoring/pattern.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <ranges>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

namespace vlp {

/// Which way an automaton reads.
enum class ReadingDirection {
  forward,   ///< from the first byte to the last
  backward,  ///< from the last byte to the first
};

/// Recognises which of several patterns match the bytes read so far. Reading makes states, so each
/// thread has its own.
class Automaton {
 public:
  /// What has been read so far, as far as it matters; valid until `trim`.
  using State = std::uint32_t;
  /// The state from which nothing can match any more.
  static constexpr State kDead = 0;
  /// In place of a pattern: none matches.
  static constexpr std::uint32_t kNone = ~std::uint32_t{0};

  /// An automaton for all of `patterns` at once.
  explicit Automaton(std::span<const Pattern> patterns,
                     ReadingDirection direction = ReadingDirection::forward)
      : direction_(direction) {
    std::vector<Index> entries;
    for (std::size_t index = 0; index < patterns.size(); ++index)
      entries.push_back(compile(
          patterns[index], add({.kind = Node::Kind::accept, .label = static_cast<Index>(index)})));
    root_ = add({.kind = Node::Kind::split, .targets = std::move(entries)});
    group_bytes();
    closures_.resize(nodes_.size());
    marked_.resize(nodes_.size());
    clear();
  }

  /// The state before the first byte.
  [[nodiscard]] State start() const noexcept { return start_; }
  /// The state after one more byte.
  [[nodiscard]] State next(State state, unsigned char byte) {
    const State known = rows_[state + group_of_[byte]];
    return known != kUnknown ? known : make_next(state, group_of_[byte]);
  }
  /// The first of the patterns that match exactly what has been read, or kNone.
  [[nodiscard]] std::uint32_t accepted(State state) const noexcept { return rows_[state]; }
  /// Number of states made so far.
  [[nodiscard]] std::size_t states() const noexcept { return members_.size(); }
  /// Forgets all states if there are more than `most`, which bounds the memory of a long run.
  /// @returns whether it did
  bool trim(std::size_t most) {
    if (states() <= most) return false;
    clear();
    return true;
  }

 private:
  using Index = std::uint32_t;
  static constexpr State kUnknown = ~State{0};

  struct Node {
    enum class Kind { bytes, split, accept };
    Kind kind;
    Index label = 0;                  // of bytes: the set; of accept: the pattern
    std::vector<Index> targets = {};  // where it leads to
  };

  Index add(Node node) {
    nodes_.push_back(std::move(node));
    return static_cast<Index>(nodes_.size() - 1);
  }

  // The node with which `pattern` begins if `then` is what follows it.
  Index compile(const Pattern& pattern, Index then) {
    switch (pattern.kind) {
      case Pattern::Kind::bytes:
        return add(
            {.kind = Node::Kind::bytes, .label = number_of(pattern.bytes), .targets = {then}});
      case Pattern::Kind::sequence:
        if (direction_ == ReadingDirection::forward) {
          for (const Pattern& part : pattern.parts | std::views::reverse)
            then = compile(part, then);
        } else {
          for (const Pattern& part : pattern.parts) then = compile(part, then);
        }
        return then;
      case Pattern::Kind::choice: {
        std::vector<Index> entries;
        for (const Pattern& part : pattern.parts) entries.push_back(compile(part, then));
        return add({.kind = Node::Kind::split, .targets = std::move(entries)});
      }
      case Pattern::Kind::repeat: return compile_repeat(pattern, then);
    }
    throw PatternError("automaton: a node of an unknown kind. Build patterns with PatternSyntax.");
  }

  Index compile_repeat(const Pattern& pattern, Index then) {
    const Pattern& part = pattern.parts.front();
    Index entry = then;
    if (pattern.most == Pattern::kUnlimited) {
      entry = add({.kind = Node::Kind::split});
      const Index again = compile(part, entry);
      nodes_[entry].targets = {again, then};
    } else {
      for (std::size_t count = pattern.least; count < pattern.most; ++count) {
        const Index once_more = compile(part, entry);
        entry = add({.kind = Node::Kind::split, .targets = {once_more, then}});
      }
    }
    for (std::size_t count = 0; count < pattern.least; ++count) entry = compile(part, entry);
    return entry;
  }

  Index number_of(const ByteSet& set) {
    const auto [place, is_new] = set_numbers_.try_emplace(set, static_cast<Index>(sets_.size()));
    if (is_new) sets_.push_back(set);
    return place->second;
  }

  // Bytes that are in the same sets lead to the same states: they share a column of the rows.
  void group_bytes() {
    std::vector<ByteSet> groups{~ByteSet()};
    for (const ByteSet& set : sets_) {
      for (std::size_t group = 0, count = groups.size(); group < count; ++group) {
        const ByteSet inside = groups[group] & set;
        if (inside.none() || inside == groups[group]) continue;
        groups[group] &= ~set;
        groups.push_back(inside);
      }
    }
    for (std::size_t group = 0; group < groups.size(); ++group) {
      examples_.emplace_back();
      for (std::size_t byte = 0; byte < group_of_.size(); ++byte) {
        if (!groups[group][byte]) continue;
        group_of_[byte] = static_cast<Index>(group + 1);
        examples_.back() = byte;
      }
    }
    row_size_ = groups.size() + 1;  // column 0 is the accepted pattern
  }

  void clear() {
    rows_.assign(row_size_, kDead);
    rows_[kDead] = kNone;
    members_.assign(1, {});
    numbers_.clear();
    enter(root_);
    start_ = state_of_entered();
  }

  // Marks the nodes that read or accept and are reached from `node` without reading.
  void enter(Index node) {
    if (closures_[node].empty()) {
      std::vector<Index> open{node};
      std::vector<bool> seen(nodes_.size());
      while (!open.empty()) {
        const Index here = open.back();
        open.pop_back();
        if (seen[here]) continue;
        seen[here] = true;
        if (nodes_[here].kind == Node::Kind::split)
          open.insert(open.end(), nodes_[here].targets.begin(), nodes_[here].targets.end());
        else
          closures_[node].push_back(here);
      }
    }
    for (const Index reached : closures_[node]) {
      if (!marked_[reached]) entered_.push_back(reached);
      marked_[reached] = true;
    }
  }

  [[gnu::noinline]] State make_next(State state, Index group) {
    for (const Index node : members_[state / row_size_])
      if (nodes_[node].kind == Node::Kind::bytes && sets_[nodes_[node].label][examples_[group - 1]])
        enter(nodes_[node].targets.front());
    const State made = state_of_entered();
    rows_[state + group] = made;
    return made;
  }

  // The state of all marked nodes, which it unmarks.
  State state_of_entered() {
    std::sort(entered_.begin(), entered_.end());
    for (const Index node : entered_) marked_[node] = false;
    std::vector<Index> nodes = std::exchange(entered_, {});
    if (nodes.empty()) return kDead;
    const std::string_view key(reinterpret_cast<const char*>(nodes.data()),
                               nodes.size() * sizeof(Index));
    const auto [place, is_new] =
        numbers_.try_emplace(std::string(key), static_cast<State>(rows_.size()));
    if (is_new) {
      std::uint32_t first = kNone;
      for (const Index node : nodes)
        if (nodes_[node].kind == Node::Kind::accept) first = std::min(first, nodes_[node].label);
      rows_.resize(rows_.size() + row_size_, kUnknown);
      rows_[place->second] = first;
      members_.push_back(std::move(nodes));
    }
    return place->second;
  }

  ReadingDirection direction_;
  std::vector<Node> nodes_;
  std::vector<ByteSet> sets_;
  std::unordered_map<ByteSet, Index> set_numbers_;
  std::array<Index, 256> group_of_{};
  std::vector<std::size_t> examples_;  // a byte of each group
  std::size_t row_size_ = 0;
  Index root_ = 0;
  std::vector<std::vector<Index>> closures_;  // of each node, made when first needed
  std::vector<bool> marked_;
  std::vector<Index> entered_;

  State start_ = kDead;
  std::vector<std::uint32_t>
      rows_;  // [states, row_size_]: the accepted pattern, then the next state by group
  std::vector<std::vector<Index>> members_;  // of each state: its nodes
  std::unordered_map<std::string, State> numbers_;
};

}  // namespace vlp
