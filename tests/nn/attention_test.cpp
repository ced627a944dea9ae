#include "vlp/nn/attention.hpp"

#include <cmath>
#include <cstdint>
#include <limits>

#include <boost/test/unit_test.hpp>

#include "tests/support/gradient_check.hpp"

BOOST_AUTO_TEST_SUITE(attention)

namespace {

using vlp_test::difference;
constexpr double kRounding = 1e-12;  // float64, sums of tens of terms

struct Heads {
  at::Tensor q = at::randn({2, 3, 5, 4}, at::kDouble), k = at::randn({2, 3, 5, 4}, at::kDouble),
             v = at::randn({2, 3, 5, 4}, at::kDouble);
  Heads() { at::manual_seed(3); }
};

}  // namespace

BOOST_AUTO_TEST_CASE(merging_undoes_splitting) {
  const at::Tensor x = at::randn({2, 5, 12});
  BOOST_TEST((vlp::split_heads(x, 3).sizes() == at::IntArrayRef({2, 3, 5, 4})));
  BOOST_TEST(at::equal(vlp::merge_heads(vlp::split_heads(x, 3)), x));
}

BOOST_AUTO_TEST_CASE(one_query_over_two_keys_matches_a_hand_computation) {
  // d = 1: scores ln 3 and 0, so the weights are 3/4 and 1/4, and the result is 3/4 * 8 + 1/4 * 4
  // = 7.
  const at::Tensor q = at::ones({1, 1, 1, 1}, at::kDouble),
                   k = at::tensor({std::log(3.0), 0.0}, at::kDouble).view({1, 1, 2, 1});
  const at::Tensor v = at::tensor({8.0, 4.0}, at::kDouble).view({1, 1, 2, 1});
  BOOST_TEST(vlp::attend(q, k, v).item<double>() == 7.0, boost::test_tools::tolerance(kRounding));
}

BOOST_AUTO_TEST_CASE(fused_attention_equals_probabilities_times_values) {
  const Heads h;
  for (const bool causal : {false, true}) {
    const vlp::AttentionMask mask{std::nullopt, causal};
    const at::Tensor explicit_result =
        vlp::merge_heads(at::matmul(vlp::attention_probabilities(h.q, h.k, mask), h.v));
    BOOST_TEST(difference(vlp::attend(h.q, h.k, h.v, mask), explicit_result) < kRounding);
  }
}

BOOST_AUTO_TEST_CASE(padding_and_later_keys_get_probability_zero) {
  const Heads h;
  const at::Tensor tokens = at::tensor({1, 1, 1, 0, 0, 1, 1, 1, 1, 1}).view({2, 5}).to(at::kBool);
  const at::Tensor p =
      vlp::attention_probabilities(h.q, h.k, vlp::causal_padding_mask(tokens, at::kDouble));
  BOOST_TEST(difference(p.sum(-1), at::ones_like(p.sum(-1))) < kRounding);
  for (std::int64_t t = 0; t < 5; ++t)
    for (std::int64_t s = 0; s < 5; ++s) {
      BOOST_TEST((p[0][0][t][s].item<double>() > 0) == (s <= t && s < 3));
      BOOST_TEST((p[1][0][t][s].item<double>() > 0) == (s <= t));
    }
}

BOOST_AUTO_TEST_CASE(a_row_of_padding_alone_stays_finite) {
  const Heads h;
  const vlp::AttentionMask mask =
      vlp::causal_padding_mask(at::zeros({2, 5}, at::kBool), at::kDouble);
  BOOST_TEST(vlp::attend(h.q, h.k, h.v, mask).isfinite().all().item<bool>());
}

BOOST_AUTO_TEST_CASE(nan_in_queries_or_keys_comes_out_however_few_keys_there_are) {
  const at::NoGradGuard no_grad;
  at::manual_seed(4);
  const double nan = std::numeric_limits<double>::quiet_NaN();
  for (const at::ScalarType dtype : {at::kDouble, at::kFloat, at::kBFloat16})
    for (const std::int64_t queries : {1, 5, 20})
      for (const std::int64_t keys : {1, 2, 7, 8, 9, 15, 16, 17, 40}) {
        const at::Tensor q = at::randn({2, 3, queries, 4}).to(dtype),
                         k = at::randn({2, 3, keys, 4}).to(dtype),
                         v = at::randn({2, 3, keys, 4}).to(dtype);
        at::Tensor bad_q = q.clone(), bad_k = k.clone();
        bad_q[1][2][queries - 1].fill_(nan);
        bad_k[0][1].fill_(nan);
        // [B, T, H, d]
        const auto finite = [&](const at::Tensor& y) {
          return y.view({2, queries, 3, 4}).isfinite().all(3);
        };
        at::Tensor of_q = at::ones({2, queries, 3}, at::kBool), of_k = of_q.clone();
        of_q[1][queries - 1][2].fill_(false);
        of_k[0].select(1, 1).fill_(false);
        BOOST_TEST(at::equal(finite(vlp::attend(bad_q, k, v)), of_q), queries << " x " << keys);
        BOOST_TEST(at::equal(finite(vlp::attend(q, bad_k, v)), of_k), queries << " x " << keys);
      }
}

BOOST_AUTO_TEST_CASE(a_query_that_sees_no_key_gets_zeros_still) {
  const at::NoGradGuard no_grad;
  const Heads h;
  const at::Tensor hidden =
      at::full({1, 1, 5, 5}, -std::numeric_limits<double>::infinity(), at::kDouble);
  const at::Tensor y = vlp::attend(h.q, h.k, h.v, {hidden, false});
  BOOST_TEST(y.equal(at::zeros_like(y)));
}

BOOST_AUTO_TEST_CASE(continued_queries_see_what_they_see_in_one_pass) {
  const Heads h;
  const at::Tensor whole = vlp::attend(h.q, h.k, h.v, {std::nullopt, true});
  const auto part = [&](std::int64_t past, std::int64_t fresh) {
    return vlp::attend(h.q.narrow(2, past, fresh), h.k.narrow(2, 0, past + fresh),
                       h.v.narrow(2, 0, past + fresh),
                       vlp::continuation_mask(fresh, past, h.q.options()));
  };
  BOOST_TEST(difference(part(0, 2), whole.narrow(1, 0, 2)) < kRounding);
  BOOST_TEST(difference(part(2, 2), whole.narrow(1, 2, 2)) < kRounding);
  BOOST_TEST(difference(part(4, 1), whole.narrow(1, 4, 1)) < kRounding);
}

BOOST_AUTO_TEST_CASE(gradients_agree_with_differences) {
  Heads h;
  for (at::Tensor* x : {&h.q, &h.k, &h.v}) x->set_requires_grad(true);
  const at::Tensor weights = at::randn({2, 5, 12}, at::kDouble);
  const vlp::AttentionMask mask = vlp::causal_padding_mask(
      at::tensor({1, 1, 1, 0, 0, 1, 1, 1, 1, 1}).view({2, 5}).to(at::kBool), at::kDouble);
  BOOST_TEST(vlp_test::gradient_difference(
                 [&] { return (vlp::attend(h.q, h.k, h.v, mask) * weights).sum(); },
                 {h.q, h.k, h.v}) < vlp_test::kGradientTolerance);
}

BOOST_AUTO_TEST_CASE(order_of_keys_does_not_matter_without_a_mask) {
  const Heads h;
  const at::Tensor order = at::tensor({3, 1, 4, 0, 2}, at::kLong);
  BOOST_TEST(difference(vlp::attend(h.q, h.k.index_select(2, order), h.v.index_select(2, order)),
                        vlp::attend(h.q, h.k, h.v)) < kRounding);
}

BOOST_AUTO_TEST_SUITE_END()
