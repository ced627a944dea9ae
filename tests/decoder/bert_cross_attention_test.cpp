#include "plugins/decoder/bert_cross_attention.hpp"

#include <string>

#include <boost/test/unit_test.hpp>

#include "tests/support/gradient_check.hpp"
#include "tests/support/messages.hpp"
#include "vlp/nn/autocast.hpp"

BOOST_AUTO_TEST_SUITE(bert_cross_attention)

namespace {

using vlp_test::difference;
using vlp_test::says;
constexpr double kRounding = 1e-12;  // float64, two layers of width 8
constexpr std::int64_t kVocabulary = 11;

vlp::BertCrossAttentionImpl::Options tiny() {
  vlp::BertCrossAttentionImpl::Options options;
  options.sizes.width = 8;
  options.sizes.depth = 2;
  options.sizes.heads = 2;
  options.text.max_positions = 10;
  return options;
}

vlp::Facts facts() {
  vlp::Facts known;
  known.dimensions.vocabulary_size = kVocabulary;
  known.dimensions.encoder_width = 6;
  return known;
}

vlp::BertCrossAttention decoder(const vlp::BertCrossAttentionImpl::Options& options = tiny()) {
  at::manual_seed(1);
  vlp::BertCrossAttention result(options, facts());
  result->to(at::kDouble);
  const at::NoGradGuard no_grad;
  for (at::Tensor p : result->parameters())
    p.add_(0.3 * at::randn_like(p));  // so that nothing is small or zero
  return result;
}

struct Texts {
  at::Tensor ids = at::tensor({4, 5, 6, 7, 3, 4, 8, 3, 0, 0}, at::kLong).view({2, 5});
  at::Tensor mask = ids.ne(0);
  at::Tensor image = at::randn({2, 7, 6}, at::kDouble);
};

}  // namespace

BOOST_AUTO_TEST_CASE(states_and_logits_have_their_shapes) {
  vlp::BertCrossAttention bert = decoder();
  const Texts t;
  const at::Tensor states = bert->states(t.ids, t.mask, t.image);
  BOOST_TEST((states.sizes() == at::IntArrayRef({2, 5, 8})));
  BOOST_TEST((bert->logits(states).sizes() == at::IntArrayRef({2, 5, kVocabulary})));
  BOOST_TEST(bert->hidden_states(t.ids, t.mask, t.image).size() == 3U);
}

BOOST_AUTO_TEST_CASE(later_tokens_and_padding_change_nothing_before_them) {
  vlp::BertCrossAttention bert = decoder();
  const Texts t;
  const at::Tensor states = bert->states(t.ids, t.mask, t.image);
  at::Tensor changed = t.ids.clone();
  changed.select(1, 4).fill_(9);
  BOOST_TEST(difference(bert->states(changed, t.mask, t.image).slice(1, 0, 4),
                        states.slice(1, 0, 4)) < kRounding);
  const at::Tensor alone = bert->states(t.ids.slice(0, 1).slice(1, 0, 3), {}, t.image.slice(0, 1));
  BOOST_TEST(difference(alone, states.slice(0, 1).slice(1, 0, 3)) < kRounding);
}

BOOST_AUTO_TEST_CASE(attention_probabilities_are_those_of_the_pass) {
  vlp::BertCrossAttention bert = decoder();
  const Texts t;
  const vlp::TextAttention attention = bert->attention_probabilities(t.ids, t.mask, t.image);
  BOOST_TEST((attention.self.at(1).sizes() == at::IntArrayRef({2, 2, 5, 5})));
  BOOST_TEST((attention.cross.at(1).sizes() == at::IntArrayRef({2, 2, 5, 7})));
  BOOST_TEST(difference(attention.cross[1].sum(-1), at::ones({2, 2, 5}, at::kDouble)) < kRounding);
  BOOST_TEST(attention.self[0].select(0, 1).slice(-1, 3).abs().max().item<double>() ==
             0);  // padding
}

BOOST_AUTO_TEST_CASE(steps_give_the_logits_of_teacher_forcing) {
  vlp::BertCrossAttention bert = decoder();
  const at::NoGradGuard no_grad;
  const at::Tensor image = at::randn({2, 7, 6}, at::kDouble);
  const std::int64_t beams = 3;
  const at::Tensor ids = at::randint(1, kVocabulary, {2 * beams, 6}, at::kLong);
  const at::Tensor forced = bert->logits(bert->states(ids, {}, image.repeat_interleave(beams, 0)));
  vlp::DecodingCache cache = bert->make_cache(image, beams, 6);
  BOOST_TEST((cache.per_image.at(0).sizes() == at::IntArrayRef({2, 2, 7, 4})));
  for (const auto& [from, to] : {std::pair{0, 2}, {2, 3}, {3, 5}, {5, 6}}) {
    const at::Tensor stepped = bert->step(ids.slice(1, from, to), cache);
    BOOST_TEST(cache.length == to);
    BOOST_TEST(difference(stepped, forced.select(1, to - 1)) < kRounding);
  }
  BOOST_CHECK_EXCEPTION(
      (void)bert->step(ids.slice(1, 0, 1), cache), vlp::ShapeError, [](const auto& error) {
        return std::string(error.what())
                   .find("the cache is full (got 7 tokens, expected at most 6)") !=
               std::string::npos;
      });
}

BOOST_AUTO_TEST_CASE(tied_head_is_the_word_embedding_and_stands_once) {
  vlp::BertCrossAttention tied = decoder();
  for (const auto& item : tied->named_parameters())
    BOOST_TEST(item.key().find("predictions.decoder") == std::string::npos);
  auto options = tiny();
  options.tie_embeddings = false;
  vlp::BertCrossAttention untied = decoder(options);
  BOOST_TEST(untied->named_parameters().contains("cls.predictions.decoder.weight"));
  BOOST_TEST(untied->named_parameters().size() == tied->named_parameters().size() + 1);
}

BOOST_AUTO_TEST_CASE(gradient_of_a_tied_head_is_the_sum_of_both_uses) {
  auto options = tiny();
  options.tie_embeddings = false;
  vlp::BertCrossAttention tied = decoder(), untied = decoder(options);
  {
    const at::NoGradGuard no_grad;
    for (const auto& item : tied->named_parameters())
      untied->named_parameters()[item.key()].copy_(item.value());
    untied->head_weight.copy_(tied->bert->embeddings->word_embeddings->weight);
  }
  const Texts t;
  const at::Tensor weights = at::randn({2, 5, kVocabulary}, at::kDouble);
  for (vlp::BertCrossAttention* bert : {&tied, &untied})
    ((*bert)->logits((*bert)->states(t.ids, t.mask, t.image)) * weights).sum().backward();
  BOOST_TEST(difference(tied->bert->embeddings->word_embeddings->weight.grad(),
                        untied->bert->embeddings->word_embeddings->weight.grad() +
                            untied->head_weight.grad()) < kRounding);
}

BOOST_AUTO_TEST_CASE(gradients_agree_with_differences) {
  vlp::BertCrossAttention bert = decoder();
  Texts t;
  t.image.set_requires_grad(true);
  const at::Tensor weights = at::randn({2, 5, kVocabulary}, at::kDouble);
  std::vector<at::Tensor> leaves = bert->parameters();
  leaves.front() =
      t.image;  // in the place of the word embedding, whose padding row has no gradient by design
  const auto loss = [&] {
    return (bert->logits(bert->states(t.ids, t.mask, t.image)) * weights).sum();
  };
  BOOST_TEST(vlp_test::gradient_difference(loss, leaves, 5) <
             10 * vlp_test::kGradientTolerance);  // 110 logits are summed
}

BOOST_AUTO_TEST_CASE(dropout_acts_while_training_only) {
  auto options = tiny();
  options.text.dropout = 0.3;
  vlp::BertCrossAttention bert = decoder(options);
  const Texts t;
  BOOST_TEST(
      difference(bert->states(t.ids, t.mask, t.image), bert->states(t.ids, t.mask, t.image)) > 0);
  bert->eval();
  BOOST_TEST(
      difference(bert->states(t.ids, t.mask, t.image), bert->states(t.ids, t.mask, t.image)) == 0);
}

BOOST_AUTO_TEST_CASE(autocast_keeps_the_residual_in_float32) {
  vlp::BertCrossAttention bert = decoder();
  bert->to(at::kFloat);
  const Texts t;
  const at::Tensor image = t.image.to(at::kFloat), exact = bert->states(t.ids, t.mask, image);
  const vlp::Autocast autocast(vlp::Precision::bf16, vlp::DeviceName{});
  const at::Tensor states = bert->states(t.ids, t.mask, image), logits = bert->logits(states);
  vlp::DecodingCache cache = bert->make_cache(image, 1, 5);
  const at::Tensor stepped = bert->step(t.ids, cache);
  BOOST_TEST((states.scalar_type() == at::kFloat));
  BOOST_TEST((logits.scalar_type() == at::kBFloat16));
  BOOST_TEST(difference(states, exact) <
             0.1);  // bfloat16 keeps 8 bits of values up to 3, through two layers
  BOOST_TEST((stepped[0].to(at::kFloat) - logits[0][4].to(at::kFloat)).abs().max().item<double>() <
             0.1);
}

BOOST_AUTO_TEST_CASE(what_does_not_fit_is_refused) {
  vlp::Facts no_vocabulary = facts(), no_encoder = facts();
  no_vocabulary.dimensions.vocabulary_size = 0;
  no_encoder.dimensions.encoder_width = 0;
  auto uneven = tiny();
  uneven.sizes.heads = 3;
  BOOST_CHECK_EXCEPTION(vlp::BertCrossAttention(tiny(), no_vocabulary), vlp::RecipeError,
                        says("the vocabulary's size isn't known"));
  BOOST_CHECK_EXCEPTION(vlp::BertCrossAttention(tiny(), no_encoder), vlp::RecipeError,
                        says("the encoder's width isn't known"));
  BOOST_CHECK_EXCEPTION(vlp::BertCrossAttention(uneven, facts()), vlp::RecipeError,
                        says("heads don't divide width (got heads 3, width 8)"));
  vlp::BertCrossAttention bert = decoder();
  const at::Tensor image = at::randn({1, 7, 6}, at::kDouble);
  BOOST_CHECK_EXCEPTION((void)bert->states(at::ones({1, 11}, at::kLong), {}, image),
                        vlp::ShapeError,
                        says("the text is too long (got 11 tokens, expected at most 10)"));
  BOOST_CHECK_EXCEPTION((void)bert->make_cache(image, 1, 11), vlp::RecipeError,
                        says("captions may not be so long"));
}

BOOST_AUTO_TEST_SUITE_END()
