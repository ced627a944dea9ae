// Torch-free: the bookkeeping of one image's beams by hand.

#include "vlp/generate/hypotheses.hpp"

#include <vector>

#include <boost/test/unit_test.hpp>

BOOST_AUTO_TEST_SUITE(hypotheses)

namespace {

using Ids = std::vector<std::int64_t>;
using Steps = std::vector<vlp::Hypotheses::Continuation>;
constexpr std::int64_t kEnd = 3;

vlp::SearchLimits limits(vlp::EarlyStopping early = vlp::EarlyStopping::no,
                         double length_penalty = 1) {
  return {.beams = 2,
          .prompt = 1,
          .longest = 4,
          .end = kEnd,
          .length_penalty = length_penalty,
          .early_stopping = early};
}

}  // namespace

BOOST_AUTO_TEST_CASE(the_best_that_have_not_ended_run_on) {
  vlp::Hypotheses h(limits(), {9});
  h.advance(Steps{{-1.0, 0, 5}, {-2.0, 0, kEnd}, {-3.0, 0, 6}, {-4.0, 0, 7}});
  BOOST_TEST(h.running().size() == 2U);
  BOOST_TEST((h.running()[0].ids == Ids{9, 5}));
  BOOST_TEST((h.running()[1].ids == Ids{9, 6}));
  BOOST_TEST(h.finished().size() == 1U);
  BOOST_TEST(h.finished()[0].score == -2.0);
  h.advance(Steps{{-3.5, 1, 7}, {-4.0, 0, 8}, {-5.0, 0, 5}, {-6.0, 1, 5}});
  BOOST_TEST((h.running()[0].ids == Ids{9, 6, 7}));
  BOOST_TEST(h.running()[0].parent == 1);
  BOOST_TEST(h.running()[1].parent == 0);
}

BOOST_AUTO_TEST_CASE(an_end_below_the_beams_rank_is_not_taken) {
  vlp::Hypotheses h(limits(), {9});
  h.advance(Steps{{-1.0, 0, 5}, {-2.0, 0, 6}, {-2.5, 0, kEnd}, {-4.0, 0, 7}});
  BOOST_TEST(h.finished().empty());
}

BOOST_AUTO_TEST_CASE(scores_are_divided_by_the_generated_length) {
  vlp::Hypotheses h(limits(vlp::EarlyStopping::never, 2.0), {9});
  h.advance(Steps{{-1.0, 0, 5}, {-2.0, 0, 6}, {-3.0, 0, 7}, {-4.0, 0, 8}});
  h.advance(Steps{{-2.0, 0, kEnd}, {-3.0, 0, 6}, {-4.0, 1, 7}, {-5.0, 0, 8}});
  BOOST_TEST(h.finished().at(0).score == -2.0 / 4);  // two tokens behind the prompt, squared
}

BOOST_AUTO_TEST_CASE(at_the_longest_length_everything_ends) {
  vlp::Hypotheses h(limits(), {9});
  h.advance(Steps{{-1.0, 0, 5}, {-2.0, 0, 6}, {-3.0, 0, 7}, {-4.0, 0, 8}});
  h.advance(Steps{{-2.0, 0, 5}, {-3.0, 0, 6}, {-4.0, 1, 7}, {-5.0, 0, 8}});
  BOOST_TEST(!h.done());
  h.advance(Steps{{-3.0, 0, 5}, {-4.5, 0, 6}, {-5.0, 1, 7}, {-6.0, 0, 8}});
  BOOST_TEST(h.done());
  BOOST_TEST(h.finished().size() == 2U);
  BOOST_TEST((h.finished()[0].ids == Ids{9, 5, 5, 5}));
  BOOST_TEST(h.finished()[0].score == -1.0);
  BOOST_TEST(h.finished()[1].score == -1.5);
}

BOOST_AUTO_TEST_CASE(early_stopping_decides_when_enough_is_finished) {
  // Two finished at -2 and -2.5; the best running sum is -3 after two tokens: -1.5 now, -1 at the
  // longest length.
  const auto finished = [](vlp::EarlyStopping early, double best_running) {
    vlp::Hypotheses h(limits(early), {9});
    h.advance(Steps{{-1.0, 0, 5}, {-2.0, 0, kEnd}, {-3.0, 0, 6}, {-4.0, 0, 7}});
    h.advance(Steps{{best_running, 0, 5}, {-5.0, 0, kEnd}, {-6.0, 1, 5}, {-7.0, 1, 6}});
    return h.done();
  };
  BOOST_TEST(finished(vlp::EarlyStopping::yes, -3.0));
  BOOST_TEST(!finished(vlp::EarlyStopping::no, -3.0));
  BOOST_TEST(finished(vlp::EarlyStopping::no, -5.0));      // -2.5 is not above -2.5
  BOOST_TEST(!finished(vlp::EarlyStopping::never, -5.0));  // -5 / 3 could still be reached
}

BOOST_AUTO_TEST_CASE(once_done_nothing_more_is_accepted) {
  vlp::SearchLimits longer = limits(vlp::EarlyStopping::yes);
  longer.longest = 9;
  vlp::Hypotheses h(longer, {9});
  h.advance(Steps{{-1.0, 0, kEnd}, {-2.0, 0, 5}, {-3.0, 0, 6}, {-4.0, 0, 7}});
  h.advance(Steps{{-1.5, 0, kEnd}, {-3.0, 0, 6}, {-4.0, 1, 7}, {-5.0, 0, 8}});
  BOOST_TEST(h.done());
  h.advance(Steps{{-0.1, 0, kEnd}, {-0.2, 0, 6}, {-4.0, 1, 7}, {-5.0, 0, 8}});
  BOOST_TEST(h.finished().size() == 2U);
  BOOST_TEST(h.finished()[0].score == -0.75);
  BOOST_TEST(h.running()[0].ids.size() == 4U);
}

BOOST_AUTO_TEST_SUITE_END()
