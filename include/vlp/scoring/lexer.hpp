#pragma once
// Longest match among rules with look-ahead, in time linear in the text (Reps 1998, "Maximal-munch"
// tokenization in linear time): what has failed once at a place is not tried again there.

#include "vlp/scoring/automaton.hpp"
#include "vlp/scoring/pattern.hpp"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_set>
#include <utility>
#include <vector>

namespace vlp {

/// What a lexer looks for: a body, and what must follow it without becoming part of it.
struct LexerRule {
  Pattern body;                            ///< matches at least one byte
  std::optional<Pattern> look_ahead = {};  ///< what has to follow, if anything does
};

/// The rule that won at a place of the text.
struct LexerMatch {
  std::uint32_t rule =
      Automaton::kNone;  ///< the rule's number, or Automaton::kNone where no rule matches
  std::size_t size = 0;  ///< bytes of the body
  bool at_end = false;   ///< whether more text behind the end could have changed the answer
};

/// Finds the next token of a text. The rule whose body and look-ahead together are longest wins,
/// among equals the one listed first; then the body takes as much as it can. Matching makes states,
/// so each thread has its own lexer.
class Lexer {
 public:
  /// @throws PatternError for a body that matches the empty text
  explicit Lexer(std::vector<LexerRule> rules) : automaton_(joined(rules)) {
    for (LexerRule& rule : rules) borders_.emplace_back(std::move(rule));
  }

  /// Has to be called before the first match in another text; a text that only grew is the same
  /// text.
  void begin() {
    if (!failed_.empty()) failed_.clear();  // clearing takes time even if there is nothing to clear
  }

  /// The match that begins at `begin`, a place inside `text`. @param complete whether nothing
  /// follows `text`
  [[nodiscard]] LexerMatch match(std::string_view text, std::size_t begin, bool complete = true) {
    if (automaton_.trim(kMostStates)) failed_.clear();
    LexerMatch best;
    std::size_t end = begin;  // of body and look-ahead
    Automaton::State state = automaton_.start();
    for (std::size_t place = begin;;) {
      if (place == text.size()) {
        best.at_end = !complete;
        break;
      }
      state = automaton_.next(state, static_cast<unsigned char>(text[place++]));
      if (state == Automaton::kDead) break;
      if (const std::uint32_t rule = automaton_.accepted(state); rule != Automaton::kNone) {
        best.rule = rule;
        end = place;
        tried_.clear();
      } else if (place - end >= kPatience && place % kStride == 0) {
        const std::uint64_t attempt = (static_cast<std::uint64_t>(place) << 32) | state;
        if (failed_.contains(attempt)) break;
        tried_.push_back(attempt);
      }
    }
    if (!best.at_end) failed_.insert(tried_.begin(), tried_.end());
    tried_.clear();
    if (best.rule != Automaton::kNone)
      best.size = borders_[best.rule].find(text.substr(begin, end - begin));
    return best;
  }

 private:
  static constexpr std::size_t kMostStates = 20'000;  // some 10 MB
  static constexpr std::size_t kPatience =
      128;  // bytes read in vain before a scan takes notes: ordinary text pays nothing
  static constexpr std::size_t kStride = 64;  // a note every so many bytes

  // Where a rule's body ends, given body and look-ahead together.
  class Border {
   public:
    explicit Border(LexerRule rule) : rule_(std::move(rule)) {
      if (!rule_.look_ahead) return;
      const std::size_t ahead = rule_.look_ahead->shortest();
      if (ahead == rule_.look_ahead->longest()) ahead_size_ = ahead;
    }

    std::size_t find(std::string_view matched) {
      if (!rule_.look_ahead) return matched.size();
      if (ahead_size_) return matched.size() - *ahead_size_;
      if (!body_) {
        body_ = std::make_unique<Automaton>(std::span(&rule_.body, 1));
        ahead_ = std::make_unique<Automaton>(std::span(&*rule_.look_ahead, 1),
                                             ReadingDirection::backward);
      }
      ends_.clear();
      Automaton::State state = body_->start();
      for (std::size_t place = 0; place < matched.size() && state != Automaton::kDead;) {
        state = body_->next(state, static_cast<unsigned char>(matched[place++]));
        if (body_->accepted(state) != Automaton::kNone) ends_.push_back(place);
      }
      state = ahead_->start();
      std::size_t place = matched.size();
      while (ahead_->accepted(state) == Automaton::kNone || ends_.back() != place) {
        state = ahead_->next(state, static_cast<unsigned char>(matched[--place]));
        while (ends_.back() > place) ends_.pop_back();
      }
      return place;
    }

   private:
    LexerRule rule_;
    std::optional<std::size_t> ahead_size_;  // where all look-aheads of the rule are equally long
    std::unique_ptr<Automaton> body_;        // made when first needed
    std::unique_ptr<Automaton> ahead_;
    std::vector<std::size_t> ends_;  // of the body, as far as the body alone decides it
  };

  static std::vector<Pattern> joined(const std::vector<LexerRule>& rules) {
    std::vector<Pattern> patterns;
    for (std::size_t index = 0; index < rules.size(); ++index) {
      const LexerRule& rule = rules[index];
      if (rule.body.shortest() == 0)
        throw PatternError(
            "lexer: rule " + std::to_string(index) +
            " matches the empty text (expected at least one byte). Correct its body.");
      patterns.push_back(rule.body);
      if (rule.look_ahead)
        patterns.back() = {.kind = Pattern::Kind::sequence, .parts = {rule.body, *rule.look_ahead}};
    }
    return patterns;
  }

  Automaton automaton_;
  std::vector<Border> borders_;               // of each rule
  std::unordered_set<std::uint64_t> failed_;  // (place, state) from which no match is reached
  std::vector<std::uint64_t> tried_;          // by the present scan since its last match
};

}  // namespace vlp
