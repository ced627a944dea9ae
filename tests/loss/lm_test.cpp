#include "plugins/loss/lm.hpp"

#include <cmath>
#include <string>

#include <boost/test/unit_test.hpp>

#include "tests/support/gradient_check.hpp"
#include "tests/support/messages.hpp"

BOOST_AUTO_TEST_SUITE(lm)

namespace {

using vlp_test::says;

constexpr double kRounding = 1e-12;  // float64, a handful of terms

/// A model whose decoder states are given; its logits are the states.
vlp::ModelParts parts(const at::Tensor& states) {
  vlp::ModelParts result;
  result.set<vlp::ImageStates>([](const at::Tensor& pixels) { return pixels; });
  result.set<vlp::DecoderStates>(
      [states](const at::Tensor&, const at::Tensor&, const at::Tensor&) { return states; });
  result.set<vlp::DecoderLogits>([](const at::Tensor& x) { return x; });
  return result;
}

vlp::Batch supervised(const at::Tensor& index, const at::Tensor& targets) {
  vlp::Batch batch;
  batch.pixels = at::zeros({1});
  batch.texts.target_index = index;
  batch.texts.targets = targets;
  return batch;
}

vlp::LossValue loss(const at::Tensor& states, const at::Tensor& index, const at::Tensor& targets,
                    double smoothing) {
  const vlp::ModelParts served = parts(states);
  const vlp::Batch batch = supervised(index, targets);
  vlp::Forward pass(served, batch);
  return vlp::LanguageModelLoss({.label_smoothing = smoothing})(pass);
}

at::Tensor ids(std::initializer_list<std::int64_t> values) {
  return at::tensor(at::ArrayRef<std::int64_t>(values), at::kLong);
}

}  // namespace

BOOST_AUTO_TEST_CASE(matches_a_hand_computation) {
  // Probabilities (1/2, 1/4, 1/4) at position 0 with target 1, and (1/8, 1/8, 3/4) at position 2
  // with target 2.
  const at::Tensor states =
      at::tensor({0.5, 0.25, 0.25, 1.0, 0.0, 0.0, 0.125, 0.125, 0.75}, at::kDouble)
          .view({1, 3, 3})
          .log();
  const at::Tensor index = ids({0, 2}), targets = ids({1, 2});
  const double plain = (std::log(4.0) + std::log(4.0 / 3)) / 2;
  BOOST_TEST(loss(states, index, targets, 0).total.item<double>() == plain,
             boost::test_tools::tolerance(kRounding));
  const double spread =
      ((std::log(2.0) + 2 * std::log(4.0)) / 3 + (2 * std::log(8.0) + std::log(4.0 / 3)) / 3) / 2;
  BOOST_TEST(loss(states, index, targets, 0.1).total.item<double>() == 0.9 * plain + 0.1 * spread,
             boost::test_tools::tolerance(kRounding));
}

BOOST_AUTO_TEST_CASE(uniform_logits_cost_the_logarithm_of_the_vocabulary) {
  for (const double smoothing : {0.0, 0.3, 1.0})
    BOOST_TEST(loss(at::zeros({2, 2, 7}, at::kDouble), ids({0, 3}), ids({5, 6}), smoothing)
                       .total.item<double>() == std::log(7.0),
               boost::test_tools::tolerance(kRounding));
}

BOOST_AUTO_TEST_CASE(only_supervised_positions_count) {
  at::Tensor states = at::randn({1, 3, 4}, at::kDouble);
  const double before = loss(states, ids({1}), ids({2}), 0.1).total.item<double>();
  states[0][0].fill_(100);
  states[0][2][1] = -50;
  BOOST_TEST(loss(states, ids({1}), ids({2}), 0.1).total.item<double>() == before);
}

BOOST_AUTO_TEST_CASE(extra_captions_of_the_images_count_like_their_own) {
  // A text's states are looked up in its images' and scaled by its tokens, so that each batch of
  // texts has logits of its own.
  const at::Tensor images = at::randn({2, 3, 5}, at::kDouble);
  std::int64_t encoded = 0;
  vlp::ModelParts parts;
  parts.set<vlp::ImageStates>([&](const at::Tensor&) { return ++encoded, images; });
  parts.set<vlp::DecoderStates>([](const at::Tensor& tokens, const at::Tensor&,
                                   const at::Tensor& seen) { return seen * tokens.unsqueeze(2); });
  parts.set<vlp::DecoderLogits>([](const at::Tensor& x) { return x; });
  vlp::Batch batch = supervised(ids({0, 1, 4}), ids({1, 0, 3}));
  batch.texts.token_ids = ids({1, 2, 3, 4, 5, 6}).view({2, 3});
  batch.extra_captions = {
      {.token_ids = batch.texts.token_ids + 6, .target_index = ids({2, 3}), .targets = ids({4, 4})},
      {.token_ids = ids({7, 1, 3}).view({1, 3}),
       .target_index = ids({1}),
       .targets = ids({2}),
       .image_rows = ids({1})}};
  const auto value = [&](std::int64_t captions) {
    vlp::Forward pass(parts, batch);
    return vlp::LanguageModelLoss({.label_smoothing = 0.1, .captions = captions})(pass)
        .total.item<double>();
  };
  const auto alone = [&](const at::Tensor& seen, const vlp::Texts& texts) {
    return loss(seen * texts.token_ids.unsqueeze(2), texts.target_index, texts.targets, 0.1)
        .total.item<double>();
  };
  const double own = loss(images * batch.texts.token_ids.unsqueeze(2), batch.texts.target_index,
                          batch.texts.targets, 0.1)
                         .total.item<double>();
  const double second = alone(images, batch.extra_captions[0]),
               third = alone(images.narrow(0, 1, 1), batch.extra_captions[1]);
  BOOST_TEST(value(1) == own, boost::test_tools::tolerance(kRounding));
  BOOST_TEST(value(2) == (3 * own + 2 * second) / 5, boost::test_tools::tolerance(kRounding));
  BOOST_TEST(value(3) == (3 * own + 2 * second + third) / 6,
             boost::test_tools::tolerance(kRounding));
  BOOST_TEST(value(64) == value(3));
  BOOST_TEST(encoded == 5);  // once a pass
  BOOST_TEST(vlp::LanguageModelLoss::captions_per_image({.captions = 3}) == 3);
}

BOOST_AUTO_TEST_CASE(order_of_positions_does_not_matter) {
  const at::Tensor states = at::randn({2, 3, 4}, at::kDouble);
  BOOST_TEST(loss(states, ids({0, 4, 5}), ids({1, 2, 3}), 0.1).total.item<double>() ==
                 loss(states, ids({5, 0, 4}), ids({3, 1, 2}), 0.1).total.item<double>(),
             boost::test_tools::tolerance(kRounding));
}

BOOST_AUTO_TEST_CASE(gradients_agree_with_differences) {
  at::manual_seed(2);
  const at::Tensor states = at::randn({2, 3, 5}, at::kDouble).set_requires_grad(true);
  BOOST_TEST(vlp_test::gradient_difference(
                 [&] { return loss(states, ids({0, 1, 4}), ids({1, 0, 3}), 0.1).total; }, {states},
                 30) < vlp_test::kGradientTolerance);
}

BOOST_AUTO_TEST_CASE(half_precision_logits_are_summed_in_float32) {
  const at::Tensor states = at::randn({1, 64, 50}).to(at::kBFloat16);
  const at::Tensor index = at::arange(64, at::kLong),
                   targets = at::arange(64, at::kLong).remainder(50);
  const vlp::LossValue value = loss(states, index, targets, 0.1);
  BOOST_TEST((value.total.scalar_type() == at::kFloat));
  BOOST_TEST(value.total.item<double>() ==
                 loss(states.to(at::kDouble), index, targets, 0.1).total.item<double>(),
             boost::test_tools::tolerance(1e-5));
}

BOOST_AUTO_TEST_CASE(the_part_for_the_log_is_the_detached_total) {
  const vlp::LossValue value =
      loss(at::randn({1, 2, 4}).set_requires_grad(true), ids({0}), ids({2}), 0);
  BOOST_TEST(value.parts.size() == 1U);
  BOOST_TEST(value.parts[0].first == "lm");
  BOOST_TEST(!value.parts[0].second.requires_grad());
  BOOST_TEST(value.parts[0].second.item<float>() == value.total.item<float>());
}

BOOST_AUTO_TEST_CASE(batches_that_supervise_nothing_or_do_not_fit_are_refused) {
  BOOST_CHECK_EXCEPTION((void)loss(at::zeros({1, 2, 3}), ids({}), ids({}), 0), vlp::ShapeError,
                        says("supervises no token (got 0 targets"));
  BOOST_CHECK_EXCEPTION((void)loss(at::zeros({1, 2, 3}), ids({0, 1}), ids({1}), 0), vlp::ShapeError,
                        says("logits and targets don't fit (got 2 rows, expected 1)"));
}

BOOST_AUTO_TEST_SUITE_END()
