#pragma once
// The rules that change scores before a token is chosen, in the order of transformers: repetition
// penalty (Keskar et al. 2019, section 4.1), n-grams that don't repeat (Paulus et al. 2017, section
// 2.5), forbidden sequences, least lengths, forced tokens, suppressed tokens.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include <ATen/ATen.h>

#include "vlp/concepts/generation.hpp"
#include "vlp/core/error.hpp"
#include "vlp/generate/decoding.hpp"
#include "vlp/generate/hypotheses.hpp"

namespace vlp {

namespace detail {

/// Ids on a device, which isn't waited for.
[[nodiscard]] inline at::Tensor ids_on(const at::Device& device,
                                       const std::vector<std::int64_t>& ids) {
  return at::tensor(ids, at::kLong).to(device, at::kLong, /*non_blocking=*/true);
}

/// Whether a text ends with the first `count` ids of a sequence.
[[nodiscard]] inline bool ends_with(const std::vector<std::int64_t>& text,
                                    const std::vector<std::int64_t>& sequence, std::size_t count) {
  return count <= text.size() &&
         std::equal(sequence.begin(), sequence.begin() + static_cast<std::ptrdiff_t>(count),
                    text.end() - static_cast<std::ptrdiff_t>(count));
}

/// The tokens that would complete a second time what already stands in a text.
/// @param size  tokens of an n-gram, above 0
/// @return      in the order of the text; one may occur several times
[[nodiscard]] inline std::vector<std::int64_t> repeated_ngram_ends(
    const std::vector<std::int64_t>& text, std::size_t size) {
  std::vector<std::int64_t> ends;
  for (std::size_t i = 0; i + size <= text.size(); ++i) {
    const auto begin = text.begin() + static_cast<std::ptrdiff_t>(i);
    const auto last = static_cast<std::ptrdiff_t>(size) - 1;
    if (std::equal(begin, begin + last, text.end() - last)) ends.push_back(begin[last]);
  }
  return ends;
}

/// Tokens that can't be chosen, as the rows and ids of scores.
class Forbidden {
 public:
  explicit Forbidden(std::int64_t vocabulary) : vocabulary_(vocabulary) {}

  /// For all rows.
  void everywhere(const std::vector<std::int64_t>& ids) {
    columns_.insert(columns_.end(), ids.begin(), ids.end());
  }
  /// For one row.
  void in_row(std::size_t row, std::int64_t id) {
    places_.push_back(static_cast<std::int64_t>(row) * vocabulary_ + id);
  }
  /// @param scores  [rows, V]; not changed themselves
  [[nodiscard]] at::Tensor applied(const at::Tensor& scores) const {
    if (columns_.empty() && places_.empty()) return scores;
    constexpr double nothing = -std::numeric_limits<double>::infinity();
    at::Tensor changed = scores.clone(at::MemoryFormat::Contiguous);
    if (!columns_.empty()) changed.index_fill_(1, ids_on(scores.device(), columns_), nothing);
    if (!places_.empty())
      changed.view({-1}).index_fill_(0, ids_on(scores.device(), places_), nothing);
    return changed;
  }

 private:
  std::int64_t vocabulary_;
  std::vector<std::int64_t> columns_, places_;
};

/// Divides positive scores of the ids present in a row, multiplies negative ones, once each.
[[nodiscard]] inline at::Tensor with_repetition_penalty(
    const at::Tensor& scores, const std::vector<std::vector<std::int64_t>>& so_far,
    double penalty) {
  const at::Tensor ids = ids_tensor(so_far).to(scores.device(), at::kLong, /*non_blocking=*/true);
  const at::Tensor present = scores.gather(1, ids);
  return scores.scatter(1, ids, at::where(present < 0, present * penalty, present / penalty));
}

/// The id that has to come next; -1 = any may.
[[nodiscard]] inline std::int64_t forced_token(std::int64_t length, const GenerateOptions& options,
                                               const SearchLimits& limits) {
  if (options.forced_eos_token_id >= 0 && length == limits.longest - 1)
    return options.forced_eos_token_id;
  return length == 1 ? options.forced_bos_token_id : -1;
}

/// What must not come next by the rules before those of forced tokens.
inline void forbid(const std::vector<std::vector<std::int64_t>>& so_far,
                   const GenerateOptions& options, const SearchLimits& limits,
                   Forbidden& forbidden) {
  for (std::size_t row = 0; options.no_repeat_ngram_size > 0 && row < so_far.size(); ++row)
    for (const std::int64_t id :
         repeated_ngram_ends(so_far[row], static_cast<std::size_t>(options.no_repeat_ngram_size)))
      forbidden.in_row(row, id);
  for (const auto& sequence : options.bad_words_ids) {
    if (sequence.size() > 1) {
      for (std::size_t row = 0; row < so_far.size(); ++row)
        if (ends_with(so_far[row], sequence, sequence.size() - 1))
          forbidden.in_row(row, sequence.back());
    } else if (sequence[0] != limits.end) {
      forbidden.everywhere(sequence);
    }
  }
  const std::int64_t shortest =
      options.min_new_tokens > 0 ? limits.prompt + options.min_new_tokens : options.min_length;
  if (static_cast<std::int64_t>(so_far[0].size()) < shortest) forbidden.everywhere({limits.end});
}

}  // namespace detail

/// @throws RecipeError if the options hold what is no id of a vocabulary of so many tokens
inline void check_rules(const GenerateOptions& options, std::int64_t vocabulary) {
  std::string problem = options.problem();
  if (problem.empty()) problem = vocabulary_problem(options, vocabulary);
  if (!problem.empty())
    throw RecipeError("generate: " + problem + ". Take the ids from the model's vocabulary.");
}

/// Changes scores before a token is chosen. A forced token has score 0 and all others are
/// impossible; nothing else is normalised again either.
/// @param scores   [rows, V] logits or log-probabilities; not changed themselves
/// @param so_far   the ids of each row, all of one length
/// @param options  penalties, forbidden and forced tokens, least lengths
/// @param limits   of the search
/// @throws RecipeError as `check_rules`, behind the prompt
[[nodiscard]] inline at::Tensor with_rules(at::Tensor scores,
                                           const std::vector<std::vector<std::int64_t>>& so_far,
                                           const GenerateOptions& options,
                                           const SearchLimits& limits) {
  const auto length = static_cast<std::int64_t>(so_far.at(0).size());
  if (length == limits.prompt) check_rules(options, scores.size(1));
  detail::Forbidden forbidden(scores.size(1));
  if (const std::int64_t forced = detail::forced_token(length, options, limits); forced >= 0) {
    scores = at::full_like(scores, -std::numeric_limits<double>::infinity());
    scores.select(1, forced).fill_(0);
  } else {
    if (options.repetition_penalty != 1)
      scores = detail::with_repetition_penalty(scores, so_far, options.repetition_penalty);
    detail::forbid(so_far, options, limits, forbidden);
  }
  forbidden.everywhere(options.suppress_tokens);
  const bool behind_forced = limits.prompt == 1 && options.forced_bos_token_id >= 0;
  if (length == limits.prompt + (behind_forced ? 1 : 0))
    forbidden.everywhere(options.begin_suppress_tokens);
  return forbidden.applied(scores);
}

}  // namespace vlp
