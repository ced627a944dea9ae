#include "plugins/loss/itm.hpp"

#include <cmath>
#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include <boost/test/unit_test.hpp>

#include <ATen/ATen.h>

#include "tests/support/gradient_check.hpp"
#include "tests/support/pairs.hpp"
#include "vlp/nn/autocast.hpp"

BOOST_AUTO_TEST_SUITE(itm)

namespace {

using vlp::ImageTextMatching;
using vlp::Parts;
using Options = ImageTextMatching::Options;

constexpr double kRounding = 1e-12;      // float64, a few dozen terms
constexpr double kHalfPrecision = 0.05;  // logits of size 1 in 8 bits

/// (text, image) of a pair.
using Asked = std::vector<std::pair<std::int64_t, std::int64_t>>;

/// Pairs whose grounded states are (text, image, text * image), and which remember what they were
/// asked for.
struct MatchingPairs : vlp_test::Pairs {
  explicit MatchingPairs(std::int64_t pairs, std::uint64_t seed = 1) : Pairs(pairs, 6, seed) {
    states = at::arange(pairs, at::kDouble).view({pairs, 1, 1}).set_requires_grad(true);
    weight = at::randn({2, 3}, at::kDouble).set_requires_grad(true);
    parts.set<vlp::ImageStates>([this](const at::Tensor&) { return states; });
    parts.set<vlp::GroundedStates>(
        [this](const at::Tensor& ids, const at::Tensor& mask, const at::Tensor& image) {
          BOOST_TEST(mask.sizes() == ids.sizes());
          for (std::int64_t i = 0; i < ids.size(0); ++i)
            asked.emplace_back(ids[i][0].item<std::int64_t>(),
                               std::llround(image[i][0][0].item<double>()));
          const at::Tensor text = ids.to(image.scalar_type()).unsqueeze(2);
          return at::cat({text, image, text * image}, 2) * 0.1;
        });
    parts.set<vlp::MatchLogits>(
        [this](const at::Tensor& grounded) { return at::linear(grounded.select(1, 0), weight); });
  }

  at::Tensor states, weight;
  Asked asked;
};

vlp::Facts seeded(std::uint64_t seed) {
  vlp::Facts facts;
  facts.seeds = vlp::RandomStream(seed);
  return facts;
}

double part(const vlp::LossValue& value, const std::string& name) {
  for (const auto& [key, tensor] : value.parts)
    if (key == name) return tensor.item<double>();
  return NAN;
}

/// What one pass asks for.
Asked asked_by(ImageTextMatching& loss, MatchingPairs& pairs, vlp::Forward pass) {
  pairs.asked.clear();
  (void)loss(pass);
  return pairs.asked;
}

}  // namespace

BOOST_AUTO_TEST_CASE(it_needs_pairs_to_compare_and_a_matching_head) {
  BOOST_TEST((ImageTextMatching::needs ==
              (vlp::Parts::of<vlp::ImageStates>() | vlp::parts::similarities |
               vlp::Parts::of<vlp::GroundedStates>() | vlp::Parts::of<vlp::MatchLogits>())));
  BOOST_TEST(ImageTextMatching::smallest_batch({}) == 2);
}

BOOST_AUTO_TEST_CASE(it_asks_for_the_pairs_then_for_each_text_and_each_image_with_a_wrong_partner) {
  MatchingPairs pairs(4);
  ImageTextMatching loss({}, seeded(3));
  const Asked asked = asked_by(loss, pairs, pairs.training());
  BOOST_TEST_REQUIRE(asked.size() == 12U);
  for (std::int64_t i = 0; i < 4; ++i) {
    const auto at_row = [&](std::int64_t row) { return asked[static_cast<std::size_t>(row)]; };
    BOOST_TEST((at_row(i) == std::pair(i, i)));
    BOOST_TEST(at_row(4 + i).first == i);
    BOOST_TEST(at_row(4 + i).second != i);
    BOOST_TEST(at_row(8 + i).second == i);
    BOOST_TEST(at_row(8 + i).first != i);
  }
}

BOOST_AUTO_TEST_CASE(value_and_parts_match_a_computation_by_hand) {
  MatchingPairs pairs(3);
  ImageTextMatching loss({}, seeded(4));
  vlp::Forward pass = pairs.training();
  const vlp::LossValue value = loss(pass);
  double sum = 0, right = 0, recalled = 0;
  for (std::size_t i = 0; i < pairs.asked.size(); ++i) {
    const auto [text, image] = pairs.asked[i];
    const at::Tensor features =
        at::tensor({0.1 * text, 0.1 * image, 0.1 * text * image}, at::kDouble);
    const at::Tensor log_p = pairs.weight.matmul(features).log_softmax(0);
    const int label = i < 3 ? 1 : 0;
    sum -= log_p[label].item<double>();
    const bool hit = log_p[label].item<double>() > log_p[1 - label].item<double>() ||
                     (label == 0 && log_p[0].item<double>() == log_p[1].item<double>());
    right += hit;
    if (label == 1) recalled += hit;
  }
  BOOST_TEST(value.total.item<double>() == sum / 9, boost::test_tools::tolerance(kRounding));
  BOOST_TEST(part(value, "accuracy") == right / 9, boost::test_tools::tolerance(1e-6));
  BOOST_TEST(part(value, "recall") == recalled / 3, boost::test_tools::tolerance(1e-6));
}

BOOST_AUTO_TEST_CASE(gradients_reach_the_states_of_drawn_images) {
  MatchingPairs pairs(3);
  const auto value = [&] {
    ImageTextMatching loss({}, seeded(4));  // the same draws each time
    vlp::Forward pass = pairs.training();
    return loss(pass).total;
  };
  BOOST_TEST(vlp_test::gradient_difference(value, {pairs.states, pairs.weight}) <
             vlp_test::kGradientTolerance);
  value().backward();
  BOOST_TEST(!pairs.image.grad().defined(), "choosing negatives has no gradient");
}

BOOST_AUTO_TEST_CASE(partners_are_never_negatives_over_many_seeds) {
  for (std::uint64_t seed = 0; seed < 60; ++seed) {
    MatchingPairs pairs(2 + static_cast<std::int64_t>(seed % 5), seed);
    ImageTextMatching loss({.floor = seed % 2 ? 1e-4 : 0.0}, vlp::Facts{});
    for (std::uint64_t step = 0; step < 5; ++step) {
      const Asked asked = asked_by(loss, pairs, pairs.training(1000, 60 * step + seed));
      for (std::size_t i = asked.size() / 3; i < asked.size(); ++i)
        BOOST_TEST(asked[i].first != asked[i].second);
    }
  }
}

BOOST_AUTO_TEST_CASE(captions_of_the_same_image_are_no_negatives_if_so_wanted) {
  MatchingPairs pairs(5);
  pairs.batch.image_index = at::tensor({8, 9, 8, 9, 8}, at::kLong);
  ImageTextMatching by_image({.positives = vlp::Positives::image}, seeded(5)),
      by_pair({}, seeded(5));
  bool met = false;
  for (std::uint64_t step = 0; step < 40; ++step) {
    const Asked asked = asked_by(by_image, pairs, pairs.training(1000, step));
    BOOST_TEST(asked.size() == 15U);
    for (std::size_t i = 5; i < asked.size(); ++i)
      BOOST_TEST((asked[i].first - asked[i].second) % 2 != 0);
    const Asked plain = asked_by(by_pair, pairs, pairs.training(1000, step));
    for (std::size_t i = 5; i < plain.size(); ++i)
      met |= (plain[i].first - plain[i].second) % 2 == 0;
  }
  BOOST_TEST(met);
}

BOOST_AUTO_TEST_CASE(negatives_are_drawn_by_similarity) {
  MatchingPairs pairs(3);
  pairs.with_momentum();
  ImageTextMatching online({.similarities = vlp::NegativesBy::online, .floor = 0}, seeded(6)),
      contrastive({.floor = 0}, seeded(6));
  vlp::Forward pass = pairs.training();
  const at::Tensor allowed = at::eye(3, at::kBool).logical_not();
  const at::Tensor own = vlp::negative_weights(pass.own_similarities().text_to_image, allowed, 0);
  const at::Tensor momentum_encoders =
      vlp::negative_weights(pass.similarities().text_to_image, allowed, 0);
  constexpr int kDraws = 3000;
  for (auto& [loss, weights] : {std::pair<ImageTextMatching*, at::Tensor>{&online, own},
                                {&contrastive, momentum_encoders}}) {
    std::map<std::pair<std::int64_t, std::int64_t>, int> found;
    for (std::uint64_t i = 0; i < kDraws; ++i) {
      const Asked asked = asked_by(*loss, pairs, pairs.training(1000, i));
      for (std::size_t row = 3; row < 6; ++row) ++found[asked[row]];
    }
    const at::Tensor expected = weights / weights.sum(1, /*keepdim=*/true) * kDraws;
    for (std::int64_t text = 0; text < 3; ++text)
      for (std::int64_t image = 0; image < 3; ++image)  // 5 deviations of at most 28
        BOOST_TEST(std::abs(found[std::pair(text, image)] - expected[text][image].item<double>()) <
                   140);
  }
}

BOOST_AUTO_TEST_CASE(evaluation_repeats_its_draws_and_leaves_those_of_training_alone) {
  MatchingPairs pairs(8);
  ImageTextMatching loss({}, seeded(7)), undisturbed({}, seeded(7));
  const Asked first = asked_by(loss, pairs, pairs.evaluation());
  BOOST_TEST((asked_by(loss, pairs, pairs.evaluation()) == first));
  for (std::uint64_t step = 0; step < 4; ++step) {
    BOOST_TEST((asked_by(loss, pairs, pairs.training(1000, step)) ==
                asked_by(undisturbed, pairs, pairs.training(1000, step))));
    BOOST_TEST((asked_by(loss, pairs, pairs.evaluation()) == first));
  }
}

BOOST_AUTO_TEST_CASE(training_draws_by_the_random_stream_of_the_micro_batch_alone) {
  MatchingPairs pairs(8);
  ImageTextMatching loss({}, seeded(8)), other_seed({}, seeded(9));
  const Asked first = asked_by(loss, pairs, pairs.training(1000, 5));
  BOOST_TEST((asked_by(loss, pairs, pairs.training(1000, 6)) != first));
  BOOST_TEST((asked_by(loss, pairs, pairs.training(1000, 5)) == first), "whatever came between");
  BOOST_TEST((asked_by(other_seed, pairs, pairs.training(1000, 5)) == first),
             "the stream holds the seed already");
}

BOOST_AUTO_TEST_CASE(pairs_without_negatives_count_as_true_pairs_only) {
  MatchingPairs one(1);
  ImageTextMatching loss({}, seeded(2)), by_image({.positives = vlp::Positives::image}, seeded(2));
  const auto positives_alone = [](const MatchingPairs& pairs) {
    vlp::Forward pass = pairs.evaluation();
    const at::Tensor logits = pass.match_logits(pass.grounded_states());
    return at::cross_entropy_loss(logits, at::ones({logits.size(0)}, at::kLong)).item<double>();
  };
  vlp::Forward alone = one.evaluation();
  BOOST_TEST(loss(alone).total.item<double>() == positives_alone(one),
             boost::test_tools::tolerance(kRounding));

  MatchingPairs same(3);
  same.batch.image_index.fill_(4);
  vlp::Forward pass = same.training();
  const vlp::LossValue value = by_image(pass);
  BOOST_TEST(value.total.item<double>() == positives_alone(same),
             boost::test_tools::tolerance(kRounding));
  BOOST_TEST(part(value, "accuracy") == part(value, "recall"), boost::test_tools::tolerance(1e-6));
  value.total.backward();
  BOOST_TEST(same.states.grad().isfinite().all().item<bool>());
}

BOOST_AUTO_TEST_CASE(a_diverged_model_gives_no_number_and_no_crash) {
  MatchingPairs pairs(4);
  pairs.parts.set<vlp::ImageEmbeddings>(
      [&](const at::Tensor&) { return at::full_like(pairs.image, NAN); });
  pairs.parts.set<vlp::MatchLogits>(
      [](const at::Tensor& grounded) { return at::full({grounded.size(0), 2}, NAN, at::kDouble); });
  ImageTextMatching loss({}, seeded(2));
  vlp::Forward pass = pairs.training();
  BOOST_TEST(std::isnan(loss(pass).total.item<double>()));
}

BOOST_AUTO_TEST_CASE(logits_in_half_precision_are_judged_in_float32) {
  for (const vlp::Precision precision : {vlp::Precision::bf16, vlp::Precision::fp16}) {
    MatchingPairs pairs(4);
    for (at::Tensor* tensor :
         {&pairs.states, &pairs.weight, &pairs.image, &pairs.text, &pairs.temperature})
      *tensor = tensor->detach().to(at::kFloat).set_requires_grad(true);
    ImageTextMatching half({}, seeded(2)), full({}, seeded(2));
    at::Tensor total;
    {
      const vlp::Autocast autocast(precision, {});
      vlp::Forward pass = pairs.training();
      total = half(pass).total;
    }
    vlp::Forward pass = pairs.training();
    BOOST_TEST(total.scalar_type() == at::kFloat);
    BOOST_TEST(std::abs(total.item<double>() - full(pass).total.item<double>()) < kHalfPrecision);
    total.backward();
    BOOST_TEST(pairs.weight.grad().isfinite().all().item<bool>());
  }
}

BOOST_AUTO_TEST_CASE(a_head_with_another_number_of_logits_is_refused) {
  MatchingPairs pairs(3);
  pairs.parts.set<vlp::MatchLogits>(
      [](const at::Tensor& grounded) { return at::zeros({grounded.size(0), 1}, at::kDouble); });
  ImageTextMatching loss({}, seeded(2));
  vlp::Forward pass = pairs.training();
  BOOST_CHECK_EXCEPTION(loss(pass), vlp::ShapeError, [](const auto& error) {
    return std::string(error.what()) ==
           "loss 'itm': a matching head gives two logits a pair (got 1, expected 2: no match, "
           "match).";
  });
}

BOOST_AUTO_TEST_SUITE_END()
