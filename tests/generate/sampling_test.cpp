// What is drawn from, against transformers' kept ids and probabilities; and the draws themselves.

#include "vlp/generate/sampling.hpp"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <iterator>
#include <limits>
#include <map>
#include <string>
#include <vector>

#include <boost/test/unit_test.hpp>

#include "tests/support/messages.hpp"
#include "tests/support/tiny_decoder.hpp"
#include "vlp/concepts/tensor_state.hpp"
#include "vlp/core/random.hpp"
#include "vlp/generate/captions.hpp"
#include "vlp/weights/safetensors.hpp"

BOOST_AUTO_TEST_SUITE(sampling)

namespace {

using vlp_test::says;
using Ids = std::vector<std::int64_t>;
constexpr double kNothing = -std::numeric_limits<double>::infinity();
constexpr double kProbability = 1e-6;  // float32 softmax over up to 30,524 tokens
constexpr double kRounding = 1e-10;    // float64

/// The elements of a contiguous tensor of T.
template <class T>
std::vector<T> values(const at::Tensor& tensor) {
  const auto* first = static_cast<const T*>(tensor.const_data_ptr());
  return {first, first + tensor.numel()};
}

/// The number behind `name_` in e.g. "temperature_0.7.top_k_50.probs", or what stands for its
/// absence.
double setting(const std::string& combination, const std::string& name, double absent) {
  const auto at = combination.find(name + "_");
  return at == combination.npos ? absent : std::stod(combination.substr(at + name.size() + 1));
}

vlp::GenerateOptions sampled(std::int64_t num_captions, std::int64_t max_length) {
  vlp::GenerateOptions options;
  options.beams = 1;
  options.sample = true;
  options.top_k = 0;
  options.num_captions = num_captions;
  options.max_length = max_length;
  return options;
}

std::vector<vlp::RandomStream> streams(std::int64_t count, std::uint64_t first = 0) {
  std::vector<vlp::RandomStream> result;
  for (std::int64_t i = 0; i < count; ++i)
    result.push_back(vlp::RandomStream(7).derive(first + static_cast<std::uint64_t>(i)));
  return result;
}

/// Compares one row's kept ids and probabilities with those stored.
void compare_row(const std::string& what, const at::Tensor& probabilities, const Ids& ids,
                 const std::vector<float>& expected, bool boundary_may_move) {
  Ids kept;
  const at::Tensor present = probabilities.nonzero().flatten();
  for (std::int64_t i = 0; i < present.size(0); ++i)
    kept.push_back(present[i].item<std::int64_t>());
  Ids apart;
  std::ranges::set_symmetric_difference(kept, ids, std::back_inserter(apart));
  BOOST_CHECK_MESSAGE(apart.size() <= (boundary_may_move ? 1U : 0U),
                      what << ": " << apart.size() << " ids differ");
  double worst = 0;
  const auto row = probabilities.accessor<float, 1>();
  for (std::size_t i = 0; i < ids.size(); ++i)
    if (std::ranges::find(apart, ids[i]) == apart.end())
      worst = std::max(worst, std::abs(double{row[ids[i]]} - double{expected[i]}));
  BOOST_CHECK_MESSAGE(worst <= kProbability, what << ": probabilities differ by " << worst);
  BOOST_TEST_MESSAGE(what << ": " << kept.size() << " kept, " << apart.size()
                          << " at the boundary, probabilities within " << worst);
}

}  // namespace

BOOST_AUTO_TEST_CASE(kept_ids_and_probabilities_are_those_of_transformers) {
  const auto file = vlp::read_safetensors(VLP_TEST_DATA "/parity/caption/topp.safetensors");
  const at::Tensor logits = vlp::tensor_view(file.tensor("logits")),
                   history = vlp::tensor_view(file.tensor("history"));
  std::vector<Ids> so_far;
  for (std::int64_t row = 0; row < history.size(0); ++row)
    so_far.push_back(values<std::int64_t>(history[row]));
  int combinations = 0;
  for (const auto& [name, tensor] : file.tensors) {
    if (!name.ends_with(".count")) continue;
    const std::string combination = name.substr(0, name.size() - 6);
    vlp::GenerateOptions options = sampled(1, 20);
    options.repetition_penalty = setting(combination, "repetition", 1);
    options.temperature = setting(combination, "temperature", 1);
    options.top_k = static_cast<std::int64_t>(setting(combination, "top_k", 0));
    options.top_p = setting(combination, "top_p", 1);
    const at::Tensor probabilities =
        at::softmax(vlp::sampling_logits(logits, so_far, options, {.longest = 20, .end = 102}), 1);

    const at::Tensor count = vlp::tensor_view(tensor),
                     ids = vlp::tensor_view(file.tensor(combination + ".ids")).to(at::kLong);
    const at::Tensor expected = vlp::tensor_view(file.tensor(combination + ".probs"));
    std::int64_t from = 0;
    for (std::int64_t row = 0; row < count.size(0); ++row) {
      const auto n = count[row].item<std::int64_t>();
      compare_row(combination + " row " + std::to_string(row), probabilities[row],
                  values<std::int64_t>(ids.slice(0, from, from + n)),
                  values<float>(expected.slice(0, from, from + n)), options.top_p < 1);
      from += n;
    }
    ++combinations;
  }
  BOOST_TEST(combinations == 6);
}

BOOST_AUTO_TEST_CASE(top_k_keeps_ties_and_can_be_off) {
  const at::Tensor logits = at::tensor({3.0, 1.0, 2.0, 2.0, 0.0}, at::kDouble).unsqueeze(0);
  BOOST_TEST((vlp::keep_top_k(logits, 2) > kNothing).sum().item<std::int64_t>() == 3);
  BOOST_TEST(vlp::keep_top_k(logits, 0).equal(logits));
  BOOST_TEST(vlp::keep_top_k(logits, 9).equal(logits));
}

BOOST_AUTO_TEST_CASE(top_p_keeps_the_token_that_crosses_and_always_one) {
  const at::Tensor logits = at::tensor({0.5, 0.3, 0.2}, at::kDouble).log().unsqueeze(0);
  const auto kept = [&](double top_p) {
    return (vlp::keep_top_p(logits, top_p) > kNothing).sum().item<std::int64_t>();
  };
  BOOST_TEST(kept(0.0) == 1);
  BOOST_TEST(kept(0.4) == 1);
  BOOST_TEST(kept(0.6) == 2);
  BOOST_TEST(kept(0.9) == 3);
  BOOST_TEST(kept(1.0) == 3);
}

BOOST_AUTO_TEST_CASE(an_impossible_end_stays_impossible) {
  vlp::GenerateOptions options = sampled(1, 20);
  options.min_length = 3;
  options.top_p = 0.99;
  const at::Tensor logits = at::tensor({0.0, 9.0, 1.0}, at::kDouble).unsqueeze(0);
  const at::Tensor kept =
      vlp::sampling_logits(logits, {{0, 2}}, options, {.longest = 20, .end = 1});
  BOOST_TEST(kept[0][1].item<double>() == kNothing);
  BOOST_TEST((kept > kNothing).sum().item<std::int64_t>() == 2);
}

BOOST_AUTO_TEST_CASE(a_number_chooses_the_token_whose_share_it_falls_into) {
  at::Tensor logits =
      at::tensor({0.5, 1.0, 0.25, 1.0, 0.25}, at::kDouble).log().unsqueeze(0).repeat({5, 1});
  logits.select(1, 1).fill_(kNothing);
  logits.select(1, 3).fill_(kNothing);
  const auto draws = vlp::draw_tokens(logits, {0.0, 0.4999, 0.5001, 0.7501, 1 - 0x1.0p-53});
  const Ids expected{0, 0, 2, 4, 4};
  for (std::size_t i = 0; i < expected.size(); ++i) BOOST_TEST(draws[i].token == expected[i]);
  BOOST_TEST(std::abs(draws[2].log_probability - std::log(0.25)) < kRounding);
}

BOOST_AUTO_TEST_CASE(logits_that_are_not_numbers_are_refused) {
  const at::Tensor logits = at::full({1, 4}, std::numeric_limits<double>::quiet_NaN(), at::kDouble);
  BOOST_CHECK_THROW((void)vlp::draw_tokens(logits, {0.5}), vlp::NonFiniteError);
}

BOOST_AUTO_TEST_CASE(captions_occur_as_often_as_they_are_probable) {
  vlp::BertCrossAttention bert = vlp_test::tiny_decoder();
  constexpr std::int64_t kImages = 64, kCaptions = 64;
  const at::Tensor image = vlp_test::tiny_images(1);
  vlp::GenerateOptions options = sampled(kCaptions, 3);  // [DEC] and two tokens
  options.temperature = 1.5;
  std::map<Ids, double> counted;
  for (const auto& captions :
       vlp::generate_captions(bert, image.expand({kImages, -1, -1}),
                              {{}, vlp_test::tiny_tokens(), options, streams(kImages)}))
    for (const vlp::Candidate& caption : captions) ++counted[caption.ids];

  const at::NoGradGuard no_grad;
  const auto probabilities = [&](const Ids& ids) {
    const at::Tensor states =
        bert->states(at::tensor(ids, at::kLong).unsqueeze(0), {}, image).select(1, -1);
    return at::softmax(bert->logits(states) / options.temperature, -1)[0];
  };
  double chi_square = 0, all = 0;
  const auto compare = [&](const Ids& ids, double probability) {
    const double expected = probability * kImages * kCaptions;
    chi_square += std::pow(counted[ids] - expected, 2) / expected;
    all += counted[ids];
  };
  const at::Tensor first = probabilities({5});
  for (std::int64_t a = 0; a < vlp_test::kTinyVocabulary; ++a) {
    if (a == vlp_test::tiny_tokens().sep) {
      compare({5, a}, first[a].item<double>());
      continue;
    }
    const at::Tensor second = probabilities({5, a});
    for (std::int64_t b = 0; b < vlp_test::kTinyVocabulary; ++b)
      compare({5, a, b}, first[a].item<double>() * second[b].item<double>());
  }
  BOOST_TEST(all == kImages * kCaptions);
  BOOST_TEST(chi_square <
             59.7);  // 30 degrees of freedom: exceeded once in a thousand; the seed is fixed
}

BOOST_AUTO_TEST_CASE(an_images_captions_depend_on_its_stream_alone) {
  vlp::BertCrossAttention bert = vlp_test::tiny_decoder();
  const at::Tensor images = vlp_test::tiny_images(9);
  const auto together = vlp::generate_captions(
      bert, images, {{1, 2}, vlp_test::tiny_tokens(), sampled(3, 12), streams(9)});
  bool any_differ = false;
  for (std::int64_t b = 0; b < 9; ++b) {
    const auto& mine = together[static_cast<std::size_t>(b)];
    const auto alone = vlp::generate_captions(bert, images.slice(0, b, b + 1),
                                              {{1, 2},
                                               vlp_test::tiny_tokens(),
                                               sampled(2, 12),
                                               streams(1, static_cast<std::uint64_t>(b))});
    BOOST_TEST_REQUIRE(mine.size() == 3U);
    BOOST_TEST_REQUIRE(alone[0].size() == 2U);
    for (std::size_t k = 0; k < 2; ++k) BOOST_TEST((mine[k].ids == alone[0][k].ids));
    any_differ = any_differ || mine[0].ids != mine[1].ids;
  }
  BOOST_TEST(any_differ);
}

BOOST_AUTO_TEST_CASE(scores_are_mean_log_probabilities_and_captions_end_once) {
  vlp::BertCrossAttention bert = vlp_test::tiny_decoder();
  const at::Tensor images = vlp_test::tiny_images(4);
  const auto found = vlp::generate_captions(
      bert, images, {{1}, vlp_test::tiny_tokens(), sampled(4, 9), streams(4)});
  const at::NoGradGuard no_grad;
  for (std::int64_t b = 0; b < 4; ++b)
    for (const vlp::Candidate& caption : found[static_cast<std::size_t>(b)]) {
      const auto length = static_cast<std::int64_t>(caption.ids.size());
      const at::Tensor ids = at::tensor(caption.ids, at::kLong);
      const at::Tensor log_probabilities =
          at::log_softmax(bert->logits(bert->states(ids.slice(0, 0, -1).unsqueeze(0), {},
                                                    images.slice(0, b, b + 1))),
                          -1)[0];
      const at::Tensor own = log_probabilities.gather(1, ids.slice(0, 1).unsqueeze(1))
                                 .slice(0, 1);  // [DEC] and one prompt id are given
      BOOST_TEST(std::abs(own.mean().item<double>() - caption.score) < kRounding);
      BOOST_TEST((length == 9 || caption.ids.back() == 3));
      BOOST_TEST(std::count(caption.ids.begin(), caption.ids.end() - 1, 3) == 0);
    }
}

BOOST_AUTO_TEST_CASE(one_token_to_choose_from_is_greedy_decoding) {
  vlp::BertCrossAttention bert = vlp_test::tiny_decoder();
  vlp::GenerateOptions options = sampled(1, 12);
  options.top_k = 1;
  vlp::GenerateOptions greedy = options;
  greedy.sample = false;
  const at::Tensor images = vlp_test::tiny_images(5);
  const auto drawn =
      vlp::generate_captions(bert, images, {{}, vlp_test::tiny_tokens(), options, streams(5)});
  const auto best = vlp::generate_captions(bert, images, {{}, vlp_test::tiny_tokens(), greedy});
  for (std::size_t b = 0; b < 5; ++b) BOOST_TEST((drawn[b][0].ids == best[b][0].ids));
}

BOOST_AUTO_TEST_CASE(wrong_calls_are_refused) {
  vlp::BertCrossAttention bert = vlp_test::tiny_decoder();
  vlp::GenerateOptions beams = sampled(1, 9);
  beams.beams = 3;
  BOOST_CHECK_EXCEPTION(
      (void)vlp::generate_captions(bert, vlp_test::tiny_images(1),
                                   {{}, vlp_test::tiny_tokens(), beams, streams(1)}),
      vlp::RecipeError, says("beams can't be sampled (got beams 3, expected 1)"));
  BOOST_CHECK_EXCEPTION((void)vlp::generate_captions(bert, vlp_test::tiny_images(2),
                                                     {{}, vlp_test::tiny_tokens(), sampled(1, 9)}),
                        vlp::ContractError, says("got 0, expected 2"));
}

BOOST_AUTO_TEST_SUITE_END()
