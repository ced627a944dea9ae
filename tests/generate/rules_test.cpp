// The rules against the scores that transformers' processors make, and in the searches.

#include "vlp/generate/rules.hpp"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <fstream>
#include <limits>
#include <map>
#include <string>
#include <vector>

#include <ATen/ATen.h>
#include <boost/test/unit_test.hpp>
#include <nlohmann/json.hpp>

#include "tests/support/messages.hpp"
#include "tests/support/stored_generation.hpp"
#include "tests/support/tiny_decoder.hpp"
#include "vlp/generate/captions.hpp"
#include "vlp/generate/sampling.hpp"
#include "vlp/nn/meta_tensors.hpp"

BOOST_AUTO_TEST_SUITE(rules)

namespace {

using nlohmann::json;
using vlp_test::says;
using Ids = std::vector<std::int64_t>;
constexpr double kImpossible = -std::numeric_limits<double>::infinity();
constexpr double kRounding = 1e-12;  // float64 products of two numbers below 20

/// A stored case.
struct Stored {
  explicit Stored(const json& stored, std::int64_t end)
      : so_far(stored["ids"].get<std::vector<Ids>>()),
        scores(matrix(stored["scores"])),
        expected(matrix(stored["expected"])),
        options(parity::generate_options(stored["options"])) {
    const json& given = stored["options"];
    limits.prompt = stored["prompt"];
    limits.longest = given.contains("max_new_tokens")
                         ? limits.prompt + given["max_new_tokens"].get<std::int64_t>()
                         : given["max_length"].get<std::int64_t>();
    limits.end = end;
  }
  static at::Tensor matrix(const json& rows) {
    std::vector<double> numbers;
    for (const json& row : rows)
      for (const json& x : row) numbers.push_back(x.is_null() ? kImpossible : x.get<double>());
    return at::tensor(numbers, at::kDouble).view({static_cast<std::int64_t>(rows.size()), -1});
  }

  std::vector<Ids> so_far;
  at::Tensor scores, expected;
  vlp::GenerateOptions options;
  vlp::SearchLimits limits;
};

vlp::GenerateOptions searched(std::int64_t beams, std::int64_t max_length) {
  vlp::GenerateOptions options;
  options.beams = beams;
  options.max_length = max_length;
  return options;
}

/// Eight captions an image drawn by these options.
vlp::GenerateOptions sampled(std::int64_t max_length) {
  vlp::GenerateOptions options = searched(1, max_length);
  options.sample = true;
  options.top_k = 0;
  options.num_captions = 8;
  return options;
}

std::vector<vlp::RandomStream> streams(std::int64_t count) {
  std::vector<vlp::RandomStream> result;
  for (std::int64_t i = 0; i < count; ++i)
    result.push_back(vlp::RandomStream(3).derive(static_cast<std::uint64_t>(i)));
  return result;
}

/// All captions of some images, sampled or searched.
std::vector<Ids> captions(std::int64_t images, const Ids& prompt,
                          const vlp::GenerateOptions& options) {
  std::vector<Ids> all;
  for (const auto& of_image : vlp::generate_captions(
           vlp_test::tiny_decoder(), vlp_test::tiny_images(images),
           {prompt, vlp_test::tiny_tokens(), options,
            options.sample ? streams(images) : std::vector<vlp::RandomStream>{}}))
    for (const vlp::Candidate& caption : of_image) all.push_back(caption.ids);
  return all;
}

/// Greedily, by beams, and sampled.
std::vector<vlp::GenerateOptions> all_searches(std::int64_t max_length) {
  return {searched(1, max_length), searched(3, max_length), sampled(max_length)};
}

bool repeats(const Ids& ids, std::size_t size) {
  for (std::size_t i = 0; i + size <= ids.size(); ++i)
    for (std::size_t j = i + 1; j + size <= ids.size(); ++j)
      if (std::equal(&ids[i], &ids[i] + size, &ids[j])) return true;
  return false;
}

}  // namespace

BOOST_AUTO_TEST_CASE(scores_are_those_of_transformers) {
  std::ifstream file(VLP_TEST_DATA "/generate/rules.json");
  const json stored = json::parse(file);
  BOOST_TEST(stored["cases"].size() == 37U);
  for (const json& one : stored["cases"]) {
    const Stored c(one, stored["sep"]);
    const at::Tensor before = c.scores.clone();
    const at::Tensor changed = c.options.sample
                                   ? vlp::sampling_logits(c.scores, c.so_far, c.options, c.limits)
                                   : vlp::with_rules(c.scores, c.so_far, c.options, c.limits);
    const std::string what = one["options"].dump() + " behind " + one["ids"].dump();
    BOOST_TEST(c.scores.equal(before), what);
    BOOST_TEST(changed.isinf().equal(c.expected.isinf()), what);
    const at::Tensor possible = c.expected.isfinite();
    BOOST_TEST(
        (changed - c.expected).masked_select(possible).abs().max().item<double>() < kRounding,
        what);
  }
}

BOOST_AUTO_TEST_CASE(without_rules_scores_stay_the_same_tensor) {
  const at::Tensor scores = at::randn({2, 6}, at::kDouble);
  BOOST_TEST(vlp::with_rules(scores, {{5}, {5}}, searched(1, 9), {.longest = 9, .end = 3})
                 .is_same(scores));
}

BOOST_AUTO_TEST_CASE(no_sequence_repeats_in_any_search) {
  for (vlp::GenerateOptions options : all_searches(12))
    for (const std::int64_t size : {1, 2, 3}) {
      options.no_repeat_ngram_size = size;
      options.max_length = size == 1 ? 6 : 12;  // six tokens are all that there are
      for (const Ids& ids : captions(6, {}, options))
        BOOST_TEST(!repeats(ids, static_cast<std::size_t>(size)), json(ids).dump());
    }
}

BOOST_AUTO_TEST_CASE(forbidden_tokens_and_sequences_never_come) {
  for (vlp::GenerateOptions options : all_searches(10)) {
    options.bad_words_ids = {{2}, {4, 0}};
    options.suppress_tokens = {1};
    options.begin_suppress_tokens = {0, 3};
    for (const Ids& ids : captions(8, {4}, options)) {
      BOOST_TEST(std::ranges::count(ids, 2) == 0);
      BOOST_TEST(std::ranges::count(ids, 1) == 0);
      BOOST_TEST((ids.at(2) != 0 && ids.at(2) != 3));
      for (std::size_t i = 1; i < ids.size(); ++i) BOOST_TEST(!(ids[i - 1] == 4 && ids[i] == 0));
    }
  }
}

BOOST_AUTO_TEST_CASE(forced_tokens_are_first_and_last) {
  for (vlp::GenerateOptions options : all_searches(7)) {
    options.forced_bos_token_id = 2;
    options.forced_eos_token_id = 4;
    for (const Ids& ids : captions(6, {}, options)) {
      BOOST_TEST(ids.at(1) == 2);
      BOOST_TEST((ids.size() == 7U ? ids.back() == 4 : ids.back() == 3), json(ids).dump());
    }
    bool other = false;  // behind a prompt the first token is free
    for (const Ids& ids : captions(6, {1}, options)) other |= ids.at(2) != 2;
    BOOST_TEST(other);
  }
}

BOOST_AUTO_TEST_CASE(least_new_tokens_are_counted_behind_the_prompt) {
  for (vlp::GenerateOptions options : all_searches(12)) {
    options.min_new_tokens = 6;
    options.min_length = 12;  // without effect beside it
    bool ended = false;
    for (const Ids& ids : captions(8, {1, 2}, options)) {
      BOOST_TEST((std::ranges::find(ids, 3) >= ids.begin() + 9));
      ended |= ids.size() < 12;
    }
    BOOST_TEST((ended || !options.sample));
  }
}

BOOST_AUTO_TEST_CASE(second_tokens_occur_as_often_as_the_rules_leave_them_probable) {
  vlp::BertCrossAttention bert = vlp_test::tiny_decoder();
  constexpr std::int64_t kImages = 64, kDraws = 64;
  const at::Tensor image = vlp_test::tiny_images(1);
  vlp::GenerateOptions options = sampled(3);
  options.num_captions = kDraws;
  options.forced_bos_token_id = 2;
  options.begin_suppress_tokens = {4};
  options.bad_words_ids = {{2, 0}};
  options.no_repeat_ngram_size = 1;  // neither [DEC] nor 2 again
  std::map<std::int64_t, double> counted;
  for (const auto& of_image :
       vlp::generate_captions(bert, image.expand({kImages, -1, -1}),
                              {{}, vlp_test::tiny_tokens(), options, streams(kImages)}))
    for (const vlp::Candidate& caption : of_image) ++counted[caption.ids.at(2)];

  const at::NoGradGuard no_grad;
  const at::Tensor states = bert->states(at::tensor({5, 2}, at::kLong).unsqueeze(0), {}, image);
  const at::Tensor p = at::softmax(bert->logits(states.select(1, -1))[0], 0);
  const double left = p[1].item<double>() + p[3].item<double>();
  BOOST_TEST(counted.size() == 2U);
  for (const std::int64_t token : {1, 3}) {
    const double expected = p[token].item<double>() / left, n = kImages * kDraws;
    // four standard deviations
    BOOST_TEST(std::abs(counted[token] / n - expected) <=
               4 * std::sqrt(expected * (1 - expected) / n));
  }
}

BOOST_AUTO_TEST_CASE(ids_outside_the_vocabulary_are_refused) {
  for (vlp::GenerateOptions options : all_searches(6)) {
    options.suppress_tokens = {0, 6};
    BOOST_CHECK_EXCEPTION((void)captions(1, {}, options), vlp::RecipeError,
                          says("generate: suppress_tokens: an id is outside the vocabulary (got 6, "
                               "expected 0 to 5)"));
    options.suppress_tokens = {};
    options.bad_words_ids = {{}};
    BOOST_CHECK_EXCEPTION((void)captions(1, {}, options), vlp::RecipeError,
                          says("generate: bad_words_ids holds an empty sequence"));
  }
}

BOOST_AUTO_TEST_CASE(rules_that_leave_no_token_are_an_error) {
  for (const std::int64_t beams : {1, 3}) {
    vlp::GenerateOptions options = searched(beams, 8);
    options.suppress_tokens = {0, 1, 2, 3, 4, 5};
    BOOST_CHECK_EXCEPTION((void)captions(2, {}, options), vlp::RecipeError,
                          says("generate: the rules leave no token to choose"));
  }
  vlp::GenerateOptions options = sampled(8);
  options.suppress_tokens = {0, 1, 2, 3, 4, 5};
  BOOST_CHECK_EXCEPTION((void)captions(2, {}, options), vlp::NonFiniteError,
                        says("no token can be drawn"));
}

BOOST_AUTO_TEST_CASE(scores_without_values_pass_through) {
  vlp::MetaTensors();  // the rules of tensors without values
  vlp::GenerateOptions options = searched(1, 9);
  options.repetition_penalty = 1.2;
  options.no_repeat_ngram_size = 1;
  options.bad_words_ids = {{2}, {5, 1}};
  options.min_length = 4;
  options.forced_eos_token_id = 3;
  const at::Tensor scores = at::zeros({2, 6}, at::TensorOptions(at::kMeta));
  for (const std::int64_t longest : {2, 9})
    BOOST_TEST(vlp::with_rules(scores, {{5}, {5}}, options, {.longest = longest, .end = 3})
                   .sizes()
                   .equals({2, 6}));
}

BOOST_AUTO_TEST_SUITE_END()
