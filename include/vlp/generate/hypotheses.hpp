#pragma once
// The bookkeeping of beam search for one image: which continuations run on, which are finished, and
// when to stop, by the rules of transformers' `generate` in version 5 or, for BLIP's published
// numbers, in version 4.15. Includes no torch.

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <utility>
#include <vector>

#include "vlp/concepts/generation.hpp"

namespace vlp {

/// What bounds a search.
struct SearchLimits {
  std::int64_t beams = 1;    ///< of one image
  std::int64_t prompt = 1;   ///< tokens given, [DEC] included
  std::int64_t longest = 2;  ///< tokens in all
  std::int64_t end = 0;      ///< id of [SEP]
  double length_penalty = 1;
  EarlyStopping early_stopping = EarlyStopping::no;
  LengthRule length_rule = LengthRule::transformers;
};

/// The beams of one image. `LengthRule::original` differs from `transformers` in four things:
/// - a caption's length is all its tokens but [SEP], prompt included, not the generated ones with
///   [SEP];
/// - at the longest length [SEP] ends captions as before, and the `beams` best others end without
///   it; in `transformers` the `beams` best continuations end, whatever they are;
/// - whether waiting could still help is asked of the best continuation, even if that is [SEP], by
///   the length before it; in `transformers` of the best one that runs on, by the length with it;
/// - among equal scores the later caption comes first, not the earlier one.
class Hypotheses {
 public:
  /// A beam that goes on.
  struct Running {
    std::vector<std::int64_t> ids;  ///< prompt included
    double score = 0;               ///< sum of log-probabilities
    std::int64_t parent = 0;        ///< the beam of the step before that it continues
  };
  /// One token behind one beam.
  struct Continuation {
    double score = 0;        ///< sum of log-probabilities, that token's included
    std::int64_t beam = 0;   ///< which is continued
    std::int64_t token = 0;  ///< by which
  };

  /// Begins with the prompt, [DEC] included, in every beam.
  Hypotheses(const SearchLimits& limits, const std::vector<std::int64_t>& prompt)
      : limits_(limits) {
    running_.assign(static_cast<std::size_t>(limits.beams), {prompt, kImpossible, 0});
    running_[0].score = 0;  // all beams are still the same one
  }

  /// Takes one step; once done it only keeps the beams running, for the sake of the other images of
  /// a batch.
  /// @param best  the 2 * beams best continuations of all beams together, best first
  void advance(std::span<const Continuation> best) {
    const auto beams = static_cast<std::size_t>(limits_.beams);
    const auto length = static_cast<std::int64_t>(running_[0].ids.size()) + 1;
    const bool last = length == limits_.longest;
    std::vector<Running> next;
    for (std::size_t rank = 0; rank < best.size(); ++rank) {
      const Continuation& c = best[rank];
      const bool ends = c.token == limits_.end || (last && !original());
      if (ends ? done_ || rank >= beams : next.size() == beams) continue;
      std::vector<std::int64_t> ids = running_[static_cast<std::size_t>(c.beam)].ids;
      ids.push_back(c.token);
      if (ends)
        finish(std::move(ids), c.score, original() ? length - 1 : length - limits_.prompt);
      else
        next.push_back({std::move(ids), c.score, c.beam});
    }
    if (next.size() < beams) done_ = true;
    if (finished_.size() == beams)
      done_ = done_ || (original() ? hopeless(best[0].score, length - 1)
                                   : hopeless(next[0].score, length - limits_.prompt));
    if (last && !done_)
      for (const Running& beam : next) finish(beam.ids, beam.score, length);
    done_ = done_ || last;
    if (next.size() == beams) running_ = std::move(next);
  }

  /// No further step can change the result.
  [[nodiscard]] bool done() const { return done_; }
  /// As many as beams, best first.
  [[nodiscard]] const std::vector<Running>& running() const { return running_; }
  /// Best first, at most as many as beams.
  [[nodiscard]] const std::vector<Candidate>& finished() const { return finished_; }

  /// The score of beams that don't exist yet.
  static constexpr double kImpossible = -1e9;

 private:
  [[nodiscard]] bool original() const { return limits_.length_rule == LengthRule::original; }

  /// A sum of log-probabilities as the score of so many tokens.
  [[nodiscard]] double normalized(double score, std::int64_t tokens) const {
    return score / std::pow(static_cast<double>(tokens), limits_.length_penalty);
  }

  void finish(std::vector<std::int64_t> ids, double score, std::int64_t tokens) {
    const double final_score = normalized(score, tokens);
    const bool full = finished_.size() == static_cast<std::size_t>(limits_.beams);
    if (full && !(final_score > finished_.back().score)) return;
    if (full) finished_.pop_back();
    const auto place =
        original()
            ? std::ranges::lower_bound(finished_, final_score, std::greater{}, &Candidate::score)
            : std::ranges::upper_bound(finished_, final_score, std::greater{}, &Candidate::score);
    finished_.insert(place, {std::move(ids), final_score});
  }

  /// Whether continuations of this sum of log-probabilities and length can't get above the worst
  /// that is finished.
  [[nodiscard]] bool hopeless(double score, std::int64_t tokens) const {
    if (limits_.early_stopping == EarlyStopping::yes) return true;
    const bool could_grow =
        limits_.early_stopping == EarlyStopping::never && limits_.length_penalty > 0;
    return normalized(score, could_grow ? limits_.longest - limits_.prompt : tokens) <=
           finished_.back().score;
  }

  SearchLimits limits_;
  std::vector<Running> running_;
  std::vector<Candidate> finished_;
  bool done_ = false;
};

}  // namespace vlp
