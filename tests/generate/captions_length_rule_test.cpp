// The beam search of BLIP's time: by hand, and against a second implementation written out in full.

#include "vlp/generate/captions.hpp"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <ATen/ATen.h>
#include <torch/nn/module.h>

#include <boost/test/unit_test.hpp>

#include "vlp/generate/hypotheses.hpp"

BOOST_AUTO_TEST_SUITE(length_rule_original)

namespace {

using Ids = std::vector<std::int64_t>;
using Steps = std::vector<vlp::Hypotheses::Continuation>;
constexpr std::int64_t kEnd = 3;
constexpr double kRounding = 1e-12;  // float64 sums of at most nine log-probabilities

vlp::SearchLimits old_limits(vlp::EarlyStopping early = vlp::EarlyStopping::no) {
  return {.beams = 2,
          .prompt = 2,
          .longest = 4,
          .end = kEnd,
          .early_stopping = early,
          .length_rule = vlp::LengthRule::original};
}

/// A decoder whose logits are a table: those of position p behind token t are table[p][t].
struct TableDecoder {
  at::Tensor table;  ///< [L, V, V] float64

  TableDecoder* operator->() { return this; }
  at::Tensor states(const at::Tensor& ids, const at::Tensor&, const at::Tensor&) { return ids; }
  at::Tensor logits(const at::Tensor& states) { return states; }
  vlp::DecodingCache make_cache(const at::Tensor& image_states, std::int64_t beams,
                                std::int64_t longest) {
    vlp::DecodingCache cache;
    cache.beams = beams;
    cache.per_row = {at::zeros({image_states.size(0) * beams, 1, longest, 1})};
    cache.per_image = {image_states};
    return cache;
  }
  at::Tensor step(const at::Tensor& ids, vlp::DecodingCache& cache) {
    cache.length += ids.size(1);
    return table[cache.length - 1].index_select(0, ids.select(1, ids.size(1) - 1));
  }
  std::shared_ptr<torch::nn::Module> ptr() { return std::make_shared<torch::nn::Module>(); }
};
static_assert(vlp::Decoder<TableDecoder>);

/// Beam search as transformers 4.15 describes it: finished texts are kept without their end, all
/// lengths count the prompt, and what still runs at the longest length is finished too.
std::vector<vlp::Candidate> old_beam_search(const at::Tensor& table, const Ids& begin,
                                            const vlp::GenerateOptions& options) {
  const auto beams = static_cast<std::size_t>(options.beams);
  const auto longest = static_cast<std::size_t>(options.max_length);
  const auto vocabulary = static_cast<std::size_t>(table.size(1));
  const at::Tensor all = at::log_softmax(table, -1);
  std::vector<std::pair<double, Ids>> finished;
  const auto add = [&](const Ids& text, double sum) {
    finished.emplace_back(sum / std::pow(static_cast<double>(text.size()), options.length_penalty),
                          text);
    if (finished.size() > beams)
      finished.erase(std::ranges::min_element(finished, {}, &std::pair<double, Ids>::first));
  };
  const auto worst = [&] {
    return std::ranges::min_element(finished, {}, &std::pair<double, Ids>::first)->first;
  };

  std::vector<std::pair<double, Ids>> running(beams, {-1e9, begin});
  running[0].first = 0;
  bool done = false;
  while (!done && running[0].second.size() < longest) {
    const std::size_t length = running[0].second.size();
    std::vector<std::pair<double, Ids>> candidates;
    for (const auto& [sum, text] : running)
      for (std::size_t token = 0; token < vocabulary; ++token) {
        double value = all[static_cast<std::int64_t>(length) - 1][text.back()]
                          [static_cast<std::int64_t>(token)]
                              .item<double>();
        if (options.repetition_penalty != 1 &&
            std::ranges::find(text, static_cast<std::int64_t>(token)) != text.end())
          value *= options.repetition_penalty;
        if (token == kEnd && static_cast<std::int64_t>(length) < options.min_length) continue;
        Ids next = text;
        next.push_back(static_cast<std::int64_t>(token));
        candidates.emplace_back(sum + value, next);
      }
    std::ranges::stable_sort(candidates, std::greater{}, &std::pair<double, Ids>::first);
    candidates.resize(2 * beams);
    running.clear();
    for (std::size_t rank = 0; rank < candidates.size() && running.size() < beams; ++rank) {
      const auto& [sum, text] = candidates[rank];
      if (text.back() != kEnd)
        running.push_back(candidates[rank]);
      else if (rank < beams)
        add({text.begin(), text.end() - 1}, sum);
    }
    const double reachable =
        candidates[0].first / std::pow(static_cast<double>(length), options.length_penalty);
    done = finished.size() == beams &&
           (options.early_stopping == vlp::EarlyStopping::yes || worst() >= reachable);
  }
  if (!done)
    for (const auto& [sum, text] : running) add(text, sum);

  std::ranges::stable_sort(finished, {}, &std::pair<double, Ids>::first);
  std::vector<vlp::Candidate> result;
  for (auto best = finished.rbegin(); best != finished.rend(); ++best) {
    result.push_back({best->second, best->first});
    if (best->second.size() < longest) result.back().ids.push_back(kEnd);
  }
  return result;
}

}  // namespace

BOOST_AUTO_TEST_CASE(the_length_counts_the_prompt_and_not_the_end) {
  vlp::Hypotheses h(old_limits(), {9, 8});
  h.advance(Steps{{-1.0, 0, 5}, {-3.0, 0, kEnd}, {-4.0, 0, 6}, {-5.0, 0, 7}});
  BOOST_TEST((h.finished().at(0).ids == Ids{9, 8, kEnd}));
  BOOST_TEST(h.finished()[0].score == -3.0 / 2);
}

BOOST_AUTO_TEST_CASE(what_runs_at_the_longest_length_is_finished_beside_what_ends) {
  vlp::Hypotheses h(old_limits(), {9, 8});
  h.advance(Steps{{-1.0, 0, 5}, {-2.0, 0, 6}, {-4.0, 0, 7}, {-5.0, 0, 4}});
  h.advance(Steps{{-3.0, 0, kEnd}, {-3.6, 0, 6}, {-3.8, 1, 7}, {-5.0, 0, 8}});
  BOOST_TEST(h.done());
  // The end at -3 / 3, the two best others at -3.6 / 4 and -3.8 / 4, of which the worst leaves. The
  // newer rule would have taken the two best continuations only: -3 / 2 and -3.6 / 2.
  BOOST_TEST(h.finished().size() == 2U);
  BOOST_TEST((h.finished()[0].ids == Ids{9, 8, 5, 6}));
  BOOST_TEST(h.finished()[0].score == -0.9);
  BOOST_TEST((h.finished()[1].ids == Ids{9, 8, 6, 7}));
  BOOST_TEST(h.finished()[1].score == -3.8 / 4);
}

BOOST_AUTO_TEST_CASE(
    waiting_helps_only_if_the_best_continuation_could_still_win_at_the_length_before_it) {
  vlp::SearchLimits longer = old_limits();
  longer.longest = 9;
  const auto done = [&](double best) {
    vlp::Hypotheses h(longer, {9, 8});
    h.advance(Steps{{-1.0, 0, 5}, {-2.0, 0, kEnd}, {-3.0, 0, 6}, {-4.0, 0, 7}});  // finished at -1
    h.advance(Steps{{best, 0, 5},
                    {best - 0.1, 0, kEnd},
                    {-9.0, 1, 5},
                    {-9.5, 1, 6}});  // finished at (best - 0.1) / 3
    return h.done();
  };
  BOOST_TEST(!done(-2.0));  // worst -1: -2 / 3 is above it
  BOOST_TEST(!done(-6.0));  // worst -6.1 / 3: -6 / 3 is above it, though the beam that runs on
                            // would need -6 / 4 to get there
}

BOOST_AUTO_TEST_CASE(an_end_counts_among_what_could_still_win) {
  vlp::SearchLimits longer = old_limits();
  longer.longest = 9;
  vlp::Hypotheses h(longer, {9, 8});
  h.advance(Steps{{-1.0, 0, 5}, {-2.0, 0, kEnd}, {-3.0, 0, 6}, {-4.0, 0, 7}});
  h.advance(Steps{{-2.5, 0, kEnd}, {-9.0, 0, 5}, {-9.5, 1, 5}, {-9.6, 1, 6}});
  BOOST_TEST(h.finished().size() == 2U);
  BOOST_TEST(
      !h.done());  // -2.5 / 3 is above the worst, -2 / 2; the best that runs on, -9 / 3, is not
}

BOOST_AUTO_TEST_CASE(among_equal_scores_the_later_comes_first) {
  vlp::Hypotheses h(old_limits(), {9, 8});
  h.advance(Steps{{-1.0, 0, 5}, {-2.0, 0, kEnd}, {-3.0, 0, 6}, {-4.0, 0, 7}});  // -2 / 2
  h.advance(Steps{{-3.0, 0, kEnd}, {-9.0, 0, 5}, {-9.5, 1, 5}, {-9.6, 1, 6}});  // -3 / 3
  BOOST_TEST(h.finished().at(0).score == h.finished().at(1).score);
  BOOST_TEST(h.finished()[0].ids.size() == 4U);
}

BOOST_AUTO_TEST_CASE(random_decoders_agree_with_the_rule_written_out) {
  int apart = 0;
  for (std::uint64_t seed = 0; seed < 120; ++seed) {
    at::manual_seed(seed);
    const std::int64_t vocabulary = 5 + static_cast<std::int64_t>(seed % 3);
    at::Tensor table =
        at::randn({10, vocabulary, vocabulary}, at::kDouble) * (1 + static_cast<double>(seed % 4));
    vlp::GenerateOptions options;
    options.beams = 2 + static_cast<std::int64_t>(seed % 4);
    options.max_length = 5 + static_cast<std::int64_t>(seed % 5);
    options.min_length = seed % 7 == 0 ? 4 : 0;
    options.length_penalty = std::vector{1.0, 0.6, 2.0, 0.0, -1.0}[seed % 5];
    options.repetition_penalty = seed % 6 == 0 ? 1.3 : 1.0;
    options.early_stopping = seed % 8 < 2 ? vlp::EarlyStopping::yes : vlp::EarlyStopping::no;
    options.length_rule = vlp::LengthRule::original;
    vlp::SpecialTokens tokens;
    tokens.sep = kEnd;
    tokens.decode = 4;
    Ids prompt(seed % 3, 1), begin{tokens.decode};
    begin.insert(begin.end(), prompt.begin(), prompt.end());

    const auto found =
        vlp::generate_captions(TableDecoder{table}, at::zeros({1, 1, 1}), {prompt, tokens, options})
            .at(0);
    const auto expected = old_beam_search(table, begin, options);
    BOOST_TEST_REQUIRE(found.size() == expected.size(), "seed " << seed);
    for (std::size_t i = 0; i < found.size(); ++i) {
      BOOST_TEST((found[i].ids == expected[i].ids), "seed " << seed << ", caption " << i);
      BOOST_TEST(std::abs(found[i].score - expected[i].score) < kRounding,
                 "seed " << seed << ", caption " << i);
    }
    options.length_rule = vlp::LengthRule::transformers;
    const auto newer =
        vlp::generate_captions(TableDecoder{table}, at::zeros({1, 1, 1}), {prompt, tokens, options})
            .at(0);
    apart += !std::ranges::equal(newer, found, {}, &vlp::Candidate::ids, &vlp::Candidate::ids);
  }
  BOOST_TEST(apart > 20);  // the two rules do find different captions
}

BOOST_AUTO_TEST_CASE(never_stopping_early_is_refused) {
  vlp::GenerateOptions options;
  options.length_rule = vlp::LengthRule::original;
  options.early_stopping = vlp::EarlyStopping::never;
  vlp::SpecialTokens tokens;
  tokens.sep = kEnd;
  BOOST_CHECK_EXCEPTION(
      (void)vlp::generate_captions(TableDecoder{at::zeros({30, 5, 5}, at::kDouble)},
                                   at::zeros({1, 1, 1}), {{}, tokens, options}),
      vlp::RecipeError, [](const auto& e) {
        return std::string(e.what()).find("length_rule original knows no early_stopping never") !=
               std::string::npos;
      });
}

BOOST_AUTO_TEST_SUITE_END()
