#include "plugins/model/blip.hpp"

#include <string>

#include <boost/test/unit_test.hpp>

#include "plugins/decoder/bert_cross_attention.hpp"
#include "plugins/encoder/vit.hpp"
#include "plugins/loss/lm.hpp"
#include "tests/support/gradient_check.hpp"
#include "tests/support/messages.hpp"
#include "vlp/nn/autocast.hpp"

BOOST_AUTO_TEST_SUITE(blip)

namespace {

using vlp_test::difference;
using vlp_test::says;
constexpr std::int64_t kDecode = 10;

vlp::Blip model() {
  vlp::VisionTransformerImpl::Options encoder;
  encoder.patches.patch = 4;
  encoder.sizes.width = 8;
  encoder.sizes.depth = 2;
  encoder.sizes.heads = 2;
  vlp::BertCrossAttentionImpl::Options decoder;
  decoder.sizes.width = 12;  // another width than the encoder's
  decoder.sizes.depth = 2;
  decoder.sizes.heads = 3;
  decoder.text.max_positions = 16;
  vlp::BlipImpl::Options options;
  options.encoder = vlp::Use<vlp::AnyEncoder>::of<vlp::VisionTransformer>(encoder);
  options.decoder = vlp::Use<vlp::AnyDecoder>::of<vlp::BertCrossAttention>(decoder);
  vlp::Context ctx;
  ctx.facts.dimensions = {.image_height = 8, .image_width = 8, .vocabulary_size = 12};
  ctx.facts.tokens.sep = 3;
  ctx.facts.tokens.decode = kDecode;
  at::manual_seed(4);
  return vlp::Blip(options, ctx);
}

vlp::Batch batch() {
  vlp::Batch b;
  b.pixels = at::randn({2, 3, 8, 8});
  b.texts.token_ids = at::tensor({2, 5, 6, 3, 2, 7, 3, 0}, at::kLong).view({2, 4});
  b.texts.token_mask = b.texts.token_ids.ne(0);
  b.texts.target_index = at::tensor({0, 1, 2, 4, 5}, at::kLong);
  b.texts.targets = at::tensor({5, 6, 3, 7, 3}, at::kLong);
  return b;
}

}  // namespace

BOOST_AUTO_TEST_CASE(parts_stand_under_hugging_faces_names) {
  vlp::Blip blip = model();
  const auto parameters = blip->named_parameters();
  for (const char* name :
       {"vision_model.embeddings.patch_embedding.weight",
        "text_decoder.bert.embeddings.word_embeddings.weight",
        "text_decoder.bert.encoder.layer.1.crossattention.self.key.weight",
        "text_decoder.bert.encoder.layer.0.attention.output.LayerNorm.bias",
        "text_decoder.cls.predictions.transform.dense.weight", "text_decoder.cls.predictions.bias"})
    BOOST_TEST(parameters.contains(name), name);
  BOOST_TEST(
      (parameters["text_decoder.bert.encoder.layer.0.crossattention.self.key.weight"].sizes() ==
       at::IntArrayRef({12, 8})));
}

BOOST_AUTO_TEST_CASE(position_zero_is_read_as_dec_and_the_batch_stays) {
  vlp::Blip blip = model();
  const vlp::Batch b = batch();
  const at::Tensor before = b.texts.token_ids.clone(), image = blip->image_states(b.pixels);
  at::Tensor begun = b.texts.token_ids.clone();
  begun.select(1, 0).fill_(kDecode);
  BOOST_TEST(at::equal(blip->decoder_states(b.texts.token_ids, b.texts.token_mask, image),
                       blip->decoder_states(begun, b.texts.token_mask, image)));
  BOOST_TEST(at::equal(b.texts.token_ids, before));
}

BOOST_AUTO_TEST_CASE(every_parameter_gets_a_gradient_from_the_loss) {
  vlp::Blip blip = model();
  const vlp::Batch b = batch();
  const vlp::ModelParts parts = vlp::parts_of(blip);
  vlp::Forward pass(parts, b);
  vlp::LanguageModelLoss({0.1})(pass).total.backward();
  for (const auto& item : blip->named_parameters())
    BOOST_TEST(item.value().grad().defined(), item.key());
}

BOOST_AUTO_TEST_CASE(losing_a_row_of_the_batch_changes_no_other) {
  vlp::Blip blip = model();
  blip->to(at::kDouble);
  const vlp::Batch b = batch();
  const at::Tensor pixels = b.pixels.to(at::kDouble);
  const at::Tensor both =
      blip->decoder_states(b.texts.token_ids, b.texts.token_mask, blip->image_states(pixels));
  const at::Tensor one =
      blip->decoder_states(b.texts.token_ids.slice(0, 1), b.texts.token_mask.slice(0, 1),
                           blip->image_states(pixels.slice(0, 1)));
  BOOST_TEST(difference(one, both.slice(0, 1)) < 1e-12);  // float64, the order of sums may differ
}

BOOST_AUTO_TEST_CASE(bfloat16_autocast_stays_near_float32) {
  vlp::Blip blip = model();
  const vlp::Batch b = batch();
  const vlp::ModelParts parts = vlp::parts_of(blip);
  vlp::Forward exact(parts, b);
  const double expected = vlp::LanguageModelLoss({0.0})(exact).total.item<double>();
  const at::Tensor loss = [&] {
    const vlp::Autocast autocast(vlp::Precision::bf16, vlp::DeviceName{});
    vlp::Forward pass(parts, b);
    return vlp::LanguageModelLoss({0.0})(pass).total;
  }();
  loss.backward();
  BOOST_TEST(loss.item<double>() == expected,
             boost::test_tools::tolerance(0.02));  // 8 bits of mantissa
}

BOOST_AUTO_TEST_CASE(captions_begin_with_dec_and_the_prompt) {
  vlp::Blip blip = model();
  blip->eval();
  vlp::GenerateOptions options;
  options.max_length = 8;
  const auto captions =
      blip->generate(blip->image_states(at::randn({2, 3, 8, 8})), {5, 6}, options);
  BOOST_TEST(captions.size() == 2U);
  for (const auto& candidates : captions) {
    BOOST_TEST(candidates.size() == 3U);
    for (const vlp::Candidate& c : candidates) {
      BOOST_TEST((c.ids.at(0) == kDecode && c.ids.at(1) == 5 && c.ids.at(2) == 6));
      BOOST_TEST((c.ids.back() == 3 || c.ids.size() == 8));
    }
  }
}

BOOST_AUTO_TEST_CASE(tensors_that_do_not_fit_are_refused) {
  vlp::Blip blip = model();
  const vlp::Batch b = batch();
  const at::Tensor image = blip->image_states(b.pixels);
  BOOST_CHECK_EXCEPTION(
      (void)blip->decoder_states(b.texts.token_ids, b.texts.token_mask, image.slice(0, 1)),
      vlp::ShapeError,
      says("texts and images don't fit (got ids [2, 4], image states [1, 5, 8], expected [B, T] "
           "and [B, N, D])"));
  BOOST_CHECK_EXCEPTION(
      (void)blip->decoder_states(b.texts.token_ids, b.texts.token_mask.slice(1, 1), image),
      vlp::ShapeError, says("ids and mask don't fit (got ids [2, 4], mask [2, 3]"));
  BOOST_CHECK_THROW(vlp::Blip(vlp::BlipImpl::Options{}, vlp::Context{}),
                    vlp::RecipeError);  // no encoder chosen
}

BOOST_AUTO_TEST_SUITE_END()
