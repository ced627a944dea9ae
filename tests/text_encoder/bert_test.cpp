#include "plugins/text_encoder/bert.hpp"

#include <string>
#include <vector>

#include <boost/test/unit_test.hpp>

#include "tests/support/gradient_check.hpp"
#include "tests/support/messages.hpp"
#include "vlp/nn/autocast.hpp"

BOOST_AUTO_TEST_SUITE(bert)

namespace {

using vlp_test::difference;
using vlp_test::says;
using Options = vlp::BertTextEncoderImpl::Options;
constexpr double kRounding = 1e-12;  // float64, two layers of width 8
constexpr std::int64_t kVocabulary = 11;

Options tiny() {
  Options options;
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

vlp::BertTextEncoder encoder(const Options& options = tiny()) {
  at::manual_seed(1);
  vlp::BertTextEncoder result(options, facts());
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

BOOST_AUTO_TEST_CASE(parameters_stand_under_hugging_faces_names) {
  const auto parameters = encoder()->named_parameters();
  for (const char* name :
       {"embeddings.word_embeddings.weight", "embeddings.position_embeddings.weight",
        "embeddings.LayerNorm.bias", "encoder.layer.1.attention.self.query.weight",
        "encoder.layer.0.crossattention.output.dense.bias",
        "encoder.layer.1.intermediate.dense.weight", "encoder.layer.1.output.LayerNorm.weight"})
    BOOST_TEST(parameters.contains(name), name);
  BOOST_TEST((parameters["encoder.layer.0.crossattention.self.key.weight"].sizes() ==
              at::IntArrayRef({8, 6})));
}

BOOST_AUTO_TEST_CASE(states_have_their_shapes_with_and_without_an_image) {
  vlp::BertTextEncoder bert = encoder();
  const Texts t;
  BOOST_TEST((bert->text_states(t.ids, t.mask).sizes() == at::IntArrayRef({2, 5, 8})));
  BOOST_TEST((bert->grounded_states(t.ids, t.mask, t.image).sizes() == at::IntArrayRef({2, 5, 8})));
  BOOST_TEST(bert->width() == 8);
}

BOOST_AUTO_TEST_CASE(every_token_sees_every_other) {
  vlp::BertTextEncoder bert = encoder();
  const Texts t;
  at::Tensor changed = t.ids.clone();
  changed.select(1, 2).fill_(9);
  BOOST_TEST(difference(bert->text_states(changed, t.mask).select(1, 0),
                        bert->text_states(t.ids, t.mask).select(1, 0)) > 1e-3);
}

BOOST_AUTO_TEST_CASE(padding_changes_nothing_that_it_pads) {
  vlp::BertTextEncoder bert = encoder();
  const Texts t;
  const at::Tensor short_ids = t.ids.slice(0, 1).slice(1, 0, 3), image = t.image.slice(0, 1);
  const auto short_of = [](const at::Tensor& states) { return states.slice(0, 1).slice(1, 0, 3); };
  BOOST_TEST(difference(bert->text_states(short_ids, {}),
                        short_of(bert->text_states(t.ids, t.mask))) < kRounding);
  BOOST_TEST(difference(bert->grounded_states(short_ids, short_ids.ne(0), image),
                        short_of(bert->grounded_states(t.ids, t.mask, t.image))) < kRounding);
}

BOOST_AUTO_TEST_CASE(a_text_of_padding_alone_has_finite_states_and_gradients) {
  vlp::BertTextEncoder bert = encoder();
  const Texts t;
  at::Tensor mask = t.mask.clone();
  mask.select(0, 1).fill_(false);
  const at::Tensor states = bert->grounded_states(t.ids, mask, t.image);
  BOOST_TEST(states.isfinite().all().item<bool>());
  BOOST_TEST(difference(states[0], bert->grounded_states(t.ids, t.mask, t.image)[0]) == 0);
  states.sum().backward();
  for (const auto& item : bert->named_parameters())
    BOOST_TEST(item.value().grad().isfinite().all().item<bool>(), item.key());
}

BOOST_AUTO_TEST_CASE(text_states_pass_over_the_cross_attention) {
  vlp::BertTextEncoder bert = encoder();
  const Texts t;
  bert->text_states(t.ids, t.mask).square().sum().backward();
  for (const auto& item : bert->named_parameters())
    BOOST_TEST(
        item.value().grad().defined() == (item.key().find("crossattention") == std::string::npos),
        item.key());
  Options options = tiny();
  options.cross_attention = false;
  vlp::BertTextEncoder blind = encoder(options);
  {
    const at::NoGradGuard no_grad;
    for (auto& item : blind->named_parameters())
      item.value().copy_(bert->named_parameters()[item.key()]);
  }
  BOOST_TEST(difference(blind->text_states(t.ids, t.mask), bert->text_states(t.ids, t.mask)) == 0);
}

BOOST_AUTO_TEST_CASE(texts_share_one_image) {
  vlp::BertTextEncoder bert = encoder();
  const Texts t;
  const at::Tensor one = t.image.slice(0, 0, 1);
  BOOST_TEST(difference(bert->grounded_states(t.ids, t.mask, one),
                        bert->grounded_states(t.ids, t.mask, one.repeat({2, 1, 1}))) < kRounding);
}

BOOST_AUTO_TEST_CASE(the_order_of_image_tokens_does_not_matter) {
  vlp::BertTextEncoder bert = encoder();
  const Texts t;
  BOOST_TEST(difference(bert->grounded_states(t.ids, t.mask, t.image),
                        bert->grounded_states(t.ids, t.mask, t.image.flip({1}))) < kRounding);
}

BOOST_AUTO_TEST_CASE(what_it_shows_is_what_it_computes) {
  vlp::BertTextEncoder bert = encoder();
  const Texts t;
  const std::vector<at::Tensor> hidden = bert->hidden_states(t.ids, t.mask, t.image);
  BOOST_TEST(hidden.size() == 3U);
  BOOST_TEST(difference(hidden.back(), bert->grounded_states(t.ids, t.mask, t.image)) == 0);
  const vlp::TextAttention grounded = bert->attention_probabilities(t.ids, t.mask, t.image);
  BOOST_TEST((grounded.self.at(1).sizes() == at::IntArrayRef({2, 2, 5, 5})));
  BOOST_TEST((grounded.cross.at(1).sizes() == at::IntArrayRef({2, 2, 5, 7})));
  BOOST_TEST(difference(grounded.cross[1].sum(-1), at::ones({2, 2, 5}, at::kDouble)) < kRounding);
  BOOST_TEST(grounded.self[0].select(0, 1).slice(-1, 3).abs().max().item<double>() ==
             0);  // padding
  BOOST_TEST(grounded.self[0].select(0, 0).min().item<double>() > 0);
  const vlp::TextAttention alone = bert->attention_probabilities(t.ids, t.mask, {});
  BOOST_TEST(alone.self.size() == 2U);
  BOOST_TEST(alone.cross.empty());
  BOOST_TEST(difference(bert->hidden_states(t.ids, t.mask, {}).back(),
                        bert->text_states(t.ids, t.mask)) == 0);
}

BOOST_AUTO_TEST_CASE(gradients_agree_with_differences) {
  vlp::BertTextEncoder bert = encoder();
  Texts t;
  t.image.set_requires_grad(true);
  const at::Tensor weights = at::randn({2, 5, 8}, at::kDouble);
  std::vector<at::Tensor> leaves = bert->parameters();
  leaves.front() =
      t.image;  // in the place of the word embedding, whose padding row has no gradient by design
  const auto loss = [&] { return (bert->grounded_states(t.ids, t.mask, t.image) * weights).sum(); };
  BOOST_TEST(vlp_test::gradient_difference(loss, leaves, 5) < vlp_test::kGradientTolerance);
}

BOOST_AUTO_TEST_CASE(dropout_acts_while_training_only) {
  Options options = tiny();
  options.text.dropout = 0.3;
  vlp::BertTextEncoder bert = encoder(options);
  const Texts t;
  BOOST_TEST(difference(bert->text_states(t.ids, t.mask), bert->text_states(t.ids, t.mask)) > 0);
  bert->eval();
  BOOST_TEST(difference(bert->text_states(t.ids, t.mask), bert->text_states(t.ids, t.mask)) == 0);
}

BOOST_AUTO_TEST_CASE(autocast_keeps_the_residual_in_float32) {
  vlp::BertTextEncoder bert = encoder();
  bert->to(at::kFloat);
  const Texts t;
  const at::Tensor image = t.image.to(at::kFloat),
                   exact = bert->grounded_states(t.ids, t.mask, image);
  const vlp::Autocast autocast(vlp::Precision::bf16, vlp::DeviceName{});
  const at::Tensor states = bert->grounded_states(t.ids, t.mask, image);
  BOOST_TEST((states.scalar_type() == at::kFloat));
  BOOST_TEST(difference(states, exact) <
             0.1);  // bfloat16 keeps 8 bits of values up to 3, through two layers
}

BOOST_AUTO_TEST_CASE(whether_it_sees_images_follows_from_cross_attention) {
  Options options = tiny();
  BOOST_TEST(vlp::AnyTextEncoder::traits<vlp::BertTextEncoder>(options).sees_images);
  options.cross_attention = false;
  BOOST_TEST(!vlp::AnyTextEncoder::traits<vlp::BertTextEncoder>(options).sees_images);
  vlp::Facts no_encoder = facts();
  no_encoder.dimensions.encoder_width = 0;
  BOOST_CHECK_NO_THROW(vlp::BertTextEncoder(options, no_encoder));
}

BOOST_AUTO_TEST_CASE(what_does_not_fit_is_refused) {
  vlp::Facts no_vocabulary = facts(), no_encoder = facts();
  no_vocabulary.dimensions.vocabulary_size = 0;
  no_encoder.dimensions.encoder_width = 0;
  Options uneven = tiny(), blind = tiny();
  uneven.sizes.heads = 3;
  blind.cross_attention = false;
  BOOST_CHECK_EXCEPTION(vlp::BertTextEncoder(tiny(), no_vocabulary), vlp::RecipeError,
                        says("the vocabulary's size isn't known"));
  BOOST_CHECK_EXCEPTION(vlp::BertTextEncoder(tiny(), no_encoder), vlp::RecipeError,
                        says("the image encoder's width isn't known"));
  BOOST_CHECK_EXCEPTION(vlp::BertTextEncoder(uneven, facts()), vlp::RecipeError,
                        says("heads don't divide width (got heads 3, width 8)"));
  vlp::BertTextEncoder bert = encoder();
  const Texts t;
  BOOST_CHECK_EXCEPTION(
      (void)bert->text_states(at::ones({1, 11}, at::kLong), {}), vlp::ShapeError,
      says("text encoder 'bert': the text is too long (got 11 tokens, expected at most 10)"));
  BOOST_CHECK_EXCEPTION(
      (void)bert->grounded_states(t.ids, t.mask, at::randn({2, 7, 5})), vlp::ShapeError,
      says("texts and images don't fit (got image states [2, 7, 5], expected [2 or 1, N, 6])"));
  BOOST_CHECK_EXCEPTION((void)encoder(blind)->grounded_states(t.ids, t.mask, t.image),
                        vlp::ContractError, says("it can't attend to images"));
}

BOOST_AUTO_TEST_SUITE_END()
