#pragma once
// The bookkeeping of beam search for one image, by the rules of transformers' `generate` (version 5): which continuations
// run on, which are finished, and when to stop. Includes no torch.

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
};

/// The beams of one image.
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
  Hypotheses(const SearchLimits& limits, const std::vector<std::int64_t>& prompt) : limits_(limits) {
    running_.assign(static_cast<std::size_t>(limits.beams), {prompt, kImpossible, 0});
    running_[0].score = 0;  // all beams are still the same one
  }

  /// Takes one step; once done it only keeps the beams running, for the sake of the other images of a batch.
  /// @param best  the 2 * beams best continuations of all beams together, best first
  void advance(std::span<const Continuation> best) {
    const auto beams = static_cast<std::size_t>(limits_.beams);
    const auto length = static_cast<std::int64_t>(running_[0].ids.size()) + 1;
    std::vector<Running> next;
    for (std::size_t rank = 0; rank < best.size(); ++rank) {
      const Continuation& c = best[rank];
      const bool ends = c.token == limits_.end || length == limits_.longest;
      if (ends ? done_ || rank >= beams : next.size() == beams) continue;
      std::vector<std::int64_t> ids = running_[static_cast<std::size_t>(c.beam)].ids;
      ids.push_back(c.token);
      if (ends)
        finish(std::move(ids), c.score);
      else
        next.push_back({std::move(ids), c.score, c.beam});
    }
    if (next.size() < beams || (finished_.size() == beams && hopeless(next[0].score, length - limits_.prompt))) done_ = true;
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
  /// A sum of log-probabilities as the score of so many generated tokens.
  [[nodiscard]] double normalized(double score, std::int64_t generated) const {
    return score / std::pow(static_cast<double>(generated), limits_.length_penalty);
  }

  void finish(std::vector<std::int64_t> ids, double score) {
    const double final_score = normalized(score, static_cast<std::int64_t>(ids.size()) - limits_.prompt);
    const auto place = std::ranges::upper_bound(finished_, final_score, std::greater{}, &Candidate::score);
    finished_.insert(place, {std::move(ids), final_score});
    if (finished_.size() > static_cast<std::size_t>(limits_.beams)) finished_.pop_back();
  }

  [[nodiscard]] bool hopeless(double best_running, std::int64_t generated) const {
    if (limits_.early_stopping == EarlyStopping::yes) return true;
    const bool could_grow = limits_.early_stopping == EarlyStopping::never && limits_.length_penalty > 0;
    return normalized(best_running, could_grow ? limits_.longest - limits_.prompt : generated) <= finished_.back().score;
  }

  SearchLimits limits_;
  std::vector<Running> running_;
  std::vector<Candidate> finished_;
  bool done_ = false;
};

}  // namespace vlp
