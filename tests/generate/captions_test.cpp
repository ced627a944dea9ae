// The search against all texts of a small decoder, enumerated.

#include "vlp/generate/captions.hpp"

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include <boost/test/unit_test.hpp>

#include "tests/support/tiny_decoder.hpp"

BOOST_AUTO_TEST_SUITE(captions)

namespace {

using Ids = std::vector<std::int64_t>;
using vlp_test::tiny_decoder;
using vlp_test::tiny_images;
using vlp_test::tiny_tokens;
constexpr double kRounding = 1e-10;  // float64 log-probabilities, sums of four

vlp::GenerateOptions with_beams(std::int64_t beams, std::int64_t max_length) {
  vlp::GenerateOptions options;
  options.beams = beams;
  options.max_length = max_length;
  return options;
}

/// All texts that end at [SEP] or at the longest length, with the mean log-probability of their
/// tokens, best first.
std::vector<vlp::Candidate> all_texts(vlp::BertCrossAttention bert, const at::Tensor& image,
                                      std::int64_t longest) {
  const at::NoGradGuard no_grad;
  struct Part {
    Ids ids;
    double sum;
  };
  std::vector<Part> open{{{tiny_tokens().decode}, 0}};
  std::vector<vlp::Candidate> texts;
  while (!open.empty()) {
    const Part part = open.back();
    open.pop_back();
    const at::Tensor ids = at::tensor(part.ids, at::kLong).unsqueeze(0);
    const at::Tensor log_probabilities =
        at::log_softmax(bert->logits(bert->states(ids, {}, image).select(1, -1)), -1)[0];
    for (std::int64_t token = 0; token < vlp_test::kTinyVocabulary; ++token) {
      Part next = part;
      next.ids.push_back(token);
      next.sum += log_probabilities[token].item<double>();
      const auto length = static_cast<std::int64_t>(next.ids.size());
      if (token == tiny_tokens().sep || length == longest)
        texts.push_back({next.ids, next.sum / static_cast<double>(length - 1)});
      else
        open.push_back(next);
    }
  }
  std::ranges::sort(texts, std::greater{}, &vlp::Candidate::score);
  return texts;
}

}  // namespace

BOOST_AUTO_TEST_CASE(wide_beams_find_the_best_of_all_texts) {
  vlp::BertCrossAttention bert = tiny_decoder();
  const at::Tensor image = tiny_images(2);
  vlp::GenerateOptions options =
      with_beams(40, 4);  // more beams than texts run on at once: nothing is pruned
  options.early_stopping = vlp::EarlyStopping::never;
  const auto found = vlp::generate_captions(bert, image, {{}, tiny_tokens(), options});
  for (std::int64_t b = 0; b < 2; ++b) {
    const std::vector<vlp::Candidate> all = all_texts(bert, image.slice(0, b, b + 1), 4);
    for (std::size_t i = 0; i < 5; ++i) {
      BOOST_TEST((found[static_cast<std::size_t>(b)][i].ids == all[i].ids));
      BOOST_TEST(std::abs(found[static_cast<std::size_t>(b)][i].score - all[i].score) < kRounding);
    }
  }
}

BOOST_AUTO_TEST_CASE(greedy_takes_the_most_probable_token_each_time) {
  vlp::BertCrossAttention bert = tiny_decoder();
  const at::Tensor image = tiny_images(3);
  const auto found = vlp::generate_captions(bert, image, {{}, tiny_tokens(), with_beams(1, 8)});
  const at::NoGradGuard no_grad;
  for (std::int64_t b = 0; b < 3; ++b) {
    Ids ids{tiny_tokens().decode};
    double sum = 0;
    while (ids.size() < 8 && ids.back() != tiny_tokens().sep) {
      const at::Tensor states =
          bert->states(at::tensor(ids, at::kLong).unsqueeze(0), {}, image.slice(0, b, b + 1));
      const auto [best, token] = at::log_softmax(bert->logits(states.select(1, -1)), -1)[0].max(0);
      ids.push_back(token.item<std::int64_t>());
      sum += best.item<double>();
    }
    const auto& candidates = found[static_cast<std::size_t>(b)];
    BOOST_TEST(candidates.size() == 1U);
    BOOST_TEST((candidates[0].ids == ids));
    BOOST_TEST(std::abs(candidates[0].score - sum / static_cast<double>(ids.size() - 1)) <
               kRounding);
  }
}

BOOST_AUTO_TEST_CASE(images_that_finish_and_leave_change_no_other) {
  vlp::BertCrossAttention bert = tiny_decoder();
  const at::Tensor image = tiny_images(9);
  for (const std::int64_t beams : {1, 3}) {
    const auto together =
        vlp::generate_captions(bert, image, {{1, 2}, tiny_tokens(), with_beams(beams, 12)});
    for (std::int64_t b = 0; b < image.size(0); ++b) {
      const auto alone = vlp::generate_captions(bert, image.slice(0, b, b + 1),
                                                {{1, 2}, tiny_tokens(), with_beams(beams, 12)});
      for (std::size_t i = 0; i < alone[0].size(); ++i)
        BOOST_TEST((together[static_cast<std::size_t>(b)][i].ids == alone[0][i].ids));
    }
  }
}

BOOST_AUTO_TEST_CASE(no_end_comes_before_min_length) {
  vlp::BertCrossAttention bert = tiny_decoder();
  for (const std::int64_t beams : {1, 3}) {
    vlp::GenerateOptions options = with_beams(beams, 9);
    options.min_length = 8;
    for (const auto& candidates :
         vlp::generate_captions(bert, tiny_images(4), {{}, tiny_tokens(), options}))
      for (const vlp::Candidate& c : candidates) BOOST_TEST(c.ids.size() == 9U);
  }
}

BOOST_AUTO_TEST_CASE(a_huge_repetition_penalty_forbids_repetition) {
  vlp::BertCrossAttention bert = tiny_decoder();
  vlp::GenerateOptions options = with_beams(2, 6);
  options.repetition_penalty = 1e6;
  options.min_length = 6;
  for (const auto& candidates :
       vlp::generate_captions(bert, tiny_images(3), {{}, tiny_tokens(), options})) {
    Ids ids = candidates.at(0).ids;
    ids.pop_back();  // the last token has only [SEP] left beside those present
    std::ranges::sort(ids);
    BOOST_TEST((std::ranges::adjacent_find(ids) == ids.end()));
  }
}

BOOST_AUTO_TEST_CASE(new_tokens_are_counted_behind_the_prompt) {
  vlp::BertCrossAttention bert = tiny_decoder();
  vlp::GenerateOptions options = with_beams(2, 4);
  options.max_new_tokens = 3;
  options.min_length = 12;
  for (const auto& candidates :
       vlp::generate_captions(bert, tiny_images(2), {{1, 2, 4}, tiny_tokens(), options}))
    for (const vlp::Candidate& c : candidates) BOOST_TEST(c.ids.size() == 7U);
}

BOOST_AUTO_TEST_CASE(no_images_give_no_captions) {
  BOOST_TEST(
      vlp::generate_captions(tiny_decoder(), tiny_images(0), {{}, tiny_tokens(), with_beams(3, 6)})
          .empty());
}

BOOST_AUTO_TEST_CASE(a_prompt_that_fills_the_caption_is_refused) {
  for (const std::int64_t beams : {1, 3})
    BOOST_CHECK_EXCEPTION(
        (void)vlp::generate_captions(tiny_decoder(), tiny_images(1),
                                     {{1, 2, 4}, tiny_tokens(), with_beams(beams, 4)}),
        vlp::RecipeError, [](const auto& error) {
          return std::string(error.what())
                     .find(
                         "the prompt fills the caption (got 4 tokens with [DEC], "
                         "expected fewer than max_length = 4)") != std::string::npos;
        });
}

BOOST_AUTO_TEST_SUITE_END()
