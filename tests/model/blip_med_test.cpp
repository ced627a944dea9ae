#include "plugins/model/blip.hpp"

#include <set>
#include <string>
#include <tuple>
#include <utility>

#include <boost/test/unit_test.hpp>

#include "plugins/optimizer/adamw.hpp"
#include "tests/support/gradient_check.hpp"
#include "tests/support/med_model.hpp"
#include "tests/support/messages.hpp"
#include "vlp/concepts/loss.hpp"
#include "vlp/nn/autocast.hpp"
#include "vlp/nn/inference.hpp"
#include "vlp/train/trainer.hpp"

#include <torch/csrc/autograd/autograd.h>

BOOST_AUTO_TEST_SUITE(med)

namespace {

using vlp_test::difference;
using vlp_test::med_context;
using vlp_test::med_model;
using vlp_test::med_options;
using vlp_test::MedTexts;
using vlp_test::says;
using Options = vlp::BlipImpl::Options;

constexpr double kReference = 1e-9;  // float64 against another library's float64, two layers each
constexpr double kRounding = 1e-12;  // float64, sums in another order

/// Weights, inputs and numbers of transformers; see tests/fixtures/model/README.md.
struct Stored {
  vlp::TensorMap expected =
      vlp::read_safetensors(VLP_TEST_DATA "/model/med_expected.safetensors").tensors;
  at::Tensor pixels = get("pixels"), ids = get("ids"), mask = ids.ne(0);

  [[nodiscard]] at::Tensor get(const std::string& name) const {
    return vlp::tensor_view(expected.at(name)).clone();
  }
  [[nodiscard]] double off(const std::string& name, const at::Tensor& found) const {
    return difference(found, get("expected." + name));
  }
};

vlp::Blip stored_model(const Options& options = med_options()) {
  vlp::Blip model(options, med_context());
  model->to(at::kDouble);
  vlp::load_module(*model, VLP_TEST_DATA "/model/med_weights.safetensors");
  model->eval();
  return model;
}

at::Tensor cross_entropy(const at::Tensor& logits, const at::Tensor& targets,
                         double smoothing = 0) {
  return at::cross_entropy_loss(logits, targets, {}, at::Reduction::Mean, -100, smoothing);
}

/// Matching of each pair with the next image and the next text as negatives, contrast within the
/// batch, language modelling.
struct Losses {
  at::Tensor match_logits, itm, itc, lm;

  Losses(vlp::Blip& model, const Stored& s) {
    const at::Tensor image = model->image_states(s.pixels), next = at::tensor({1, 2, 0}, at::kLong);
    const auto match = [&](const at::Tensor& ids, const at::Tensor& mask,
                           const at::Tensor& states) {
      return model->match_logits(model->grounded_states(ids, mask, states));
    };
    match_logits =
        at::cat({match(s.ids, s.mask, image), match(s.ids, s.mask, image.index_select(0, next)),
                 match(s.ids.index_select(0, next), s.mask.index_select(0, next), image)});
    itm = cross_entropy(match_logits, at::arange(9).lt(3).to(at::kLong));
    const at::Tensor similarity =
        model->image_embeddings(image).matmul(
            model->text_embeddings(model->text_states(s.ids, s.mask), s.mask).t()) /
        model->temperature();
    itc =
        (cross_entropy(similarity, at::arange(3)) + cross_entropy(similarity.t(), at::arange(3))) /
        2;
    const at::Tensor logits = model->decoder_logits(model->decoder_states(s.ids, s.mask, image));
    const at::Tensor targets = s.ids.masked_fill(s.mask.logical_not(), -100);
    lm = cross_entropy(logits.slice(1, 0, -1).flatten(0, 1), targets.slice(1, 1).flatten(), 0.1);
  }
};

/// Reaches shared weights by two ways.
struct SquaredStates {
  static constexpr vlp::Parts needs = vlp::parts::matching | vlp::parts::decoder;
  vlp::LossValue operator()(vlp::Forward& pass) const {
    return {pass.grounded_states().square().sum() + pass.decoder_states().square().sum(), {}};
  }
};

std::set<const void*> parameters_below(torch::nn::Module& module, const std::string& prefix) {
  std::set<const void*> found;
  for (const auto& item : module.named_parameters())
    if (item.key().starts_with(prefix)) found.insert(item.value().unsafeGetTensorImpl());
  return found;
}

}  // namespace

BOOST_AUTO_TEST_CASE(every_part_gives_the_numbers_of_transformers) {
  const Stored s;
  vlp::Blip model = stored_model();
  const at::NoGradGuard no_grad;
  const at::Tensor image = model->image_states(s.pixels), text = model->text_states(s.ids, s.mask);
  BOOST_TEST(s.off("text_states", text) < kReference);
  BOOST_TEST(s.off("image_embeddings", model->image_embeddings(image)) < kReference);
  BOOST_TEST(s.off("text_embeddings", model->text_embeddings(text, s.mask)) < kReference);
  BOOST_TEST(s.off("grounded", model->grounded_states(s.ids, s.mask, image)) < kReference);
  BOOST_TEST(s.off("decoder_logits", model->decoder_logits(model->decoder_states(
                                         s.ids, s.mask, image))) < kReference);
}

BOOST_AUTO_TEST_CASE(losses_and_gradients_through_shared_weights_are_those_of_transformers) {
  const Stored s;
  vlp::Blip model = stored_model();
  const Losses losses(model, s);
  BOOST_TEST(s.off("match_logits", losses.match_logits.detach()) < kReference);
  BOOST_TEST(s.off("itm", losses.itm.detach()) < kReference);
  BOOST_TEST(s.off("itc", losses.itc.detach()) < kReference);
  BOOST_TEST(s.off("lm", losses.lm.detach()) < kReference);
  (losses.itm + losses.itc + losses.lm).backward();
  for (const auto& item : model->named_parameters())
    BOOST_TEST(difference(item.value().grad(), s.get("grad." + item.key())) < kReference,
               item.key());
}

BOOST_AUTO_TEST_CASE(all_but_self_attention_is_one_parameter_under_two_names) {
  vlp::Blip model = med_model();
  const auto of = [&](const std::string& prefix) { return parameters_below(*model, prefix); };
  for (const char* part : {"embeddings.", "encoder.layer.1.crossattention.",
                           "encoder.layer.0.intermediate.", "encoder.layer.1.output."})
    BOOST_TEST(
        (of(std::string("text_encoder.") + part) == of(std::string("text_decoder.bert.") + part)),
        part);
  for (const std::string part :
       {"encoder.layer.0.attention.self.", "encoder.layer.1.attention.output."})
    for (const void* parameter : of("text_encoder." + part))
      BOOST_TEST(!of("text_decoder.").contains(parameter), part);
}

BOOST_AUTO_TEST_CASE(all_and_nothing_share_that_much) {
  Options options = med_options();
  options.sharing = vlp::Sharing::all;
  vlp::Blip all = med_model(options);
  BOOST_TEST(
      (parameters_below(*all, "text_encoder.") == parameters_below(*all, "text_decoder.bert.")));
  options.sharing = vlp::Sharing::nothing;
  vlp::Blip nothing = med_model(options);
  for (const void* parameter : parameters_below(*nothing, "text_encoder."))
    BOOST_TEST(!parameters_below(*nothing, "text_decoder.").contains(parameter));
}

BOOST_AUTO_TEST_CASE(a_blind_text_encoder_shares_all_else) {
  Options options = med_options();
  options.text_encoder = vlp::Use<vlp::AnyTextEncoder>::of<vlp::BertTextEncoder>(
      {.sizes = {.width = 12, .depth = 2, .heads = 3, .mlp = 20},
       .text = {.max_positions = 12},
       .cross_attention = false});
  vlp::Blip model = med_model(options);
  BOOST_TEST((parameters_below(*model, "text_encoder.encoder.layer.1.output.") ==
              parameters_below(*model, "text_decoder.bert.encoder.layer.1.output.")));
  for (const auto& item : model->named_parameters()) {
    BOOST_TEST(!item.key().starts_with("itm_head"));
    BOOST_TEST((item.key().find("text_encoder") == std::string::npos ||
                item.key().find("crossattention") == std::string::npos),
               item.key());
  }
  BOOST_TEST(!model->serves().covers(vlp::Parts::of<vlp::MatchLogits>()));
}

BOOST_AUTO_TEST_CASE(sharing_survives_a_change_of_dtype) {
  vlp::Blip model = med_model();
  const std::size_t before = vlp::distinct_parameters(*model).size();
  model->to(at::kDouble);
  BOOST_TEST(vlp::distinct_parameters(*model).size() == before);
  BOOST_TEST((parameters_below(*model, "text_encoder.embeddings.") ==
              parameters_below(*model, "text_decoder.bert.embeddings.")));
  for (const auto& item : model->named_parameters())
    BOOST_TEST((item.value().scalar_type() == at::kDouble), item.key());
}

BOOST_AUTO_TEST_CASE(a_checkpoint_holds_a_shared_tensor_once_and_gives_everything_back) {
  vlp::Blip model = med_model(med_options(), vlp::parts::momentum_embeddings),
            other = med_model(med_options(), vlp::parts::momentum_embeddings);
  {
    const at::NoGradGuard no_grad;
    for (const auto& [name, parameter] : vlp::distinct_parameters(*model)) parameter.add_(0.1);
  }
  vlp::State state;
  vlp::save_module(*model, state);
  vlp::load_module(*other, state);
  for (const auto& item : model->named_parameters())
    BOOST_TEST(at::equal(item.value(), other->named_parameters()[item.key()]), item.key());
  BOOST_TEST(vlp::module_tensors(*model).size() == vlp::distinct_parameters(*model).size());
}

BOOST_AUTO_TEST_CASE(adamw_moves_a_shared_parameter_once) {
  constexpr double lr = 1e-3;
  vlp::Blip model = med_model();
  vlp::Batch batch;
  const MedTexts t;
  batch.pixels = at::randn({3, 3, 16, 16});
  batch.texts.token_ids = t.ids;
  batch.texts.token_mask = t.mask;
  const at::Tensor shared =
      model->named_parameters()
          ["text_decoder.bert.encoder.layer.0.crossattention.self.value.weight"];
  const at::Tensor before = shared.detach().clone();
  vlp::Trainer trainer(model, SquaredStates{},
                       vlp::AnyOptimizer(vlp::AdamW({.lr = lr, .weight_decay = 0.0})), {},
                       vlp::Context{});
  trainer.step(batch);
  const double moved = difference(shared.detach(), before);
  BOOST_TEST(moved >
             0.99 *
                 lr);  // Adam's first step is the learning rate for every gradient that isn't tiny
  BOOST_TEST(moved < 1.01 * lr);
}

BOOST_AUTO_TEST_CASE(packed_weights_serve_every_part) {
  vlp::Blip model = med_model();
  model->eval();
  const Stored s;
  const at::NoGradGuard no_grad;
  const auto parts = [&] {
    const at::Tensor image = model->image_states(s.pixels.to(at::kFloat)),
                     text = model->text_states(s.ids, s.mask);
    return std::tuple{model->match_logits(model->grounded_states(s.ids, s.mask, image)),
                      model->text_embeddings(text, s.mask),
                      model->decoder_logits(model->decoder_states(s.ids, s.mask, image))};
  };
  const auto [match, embeddings, logits] = parts();
  const vlp::InferenceWeights packed(model.ptr(), vlp::WeightForm::packed);
  const auto [fast_match, fast_embeddings, fast_logits] = parts();
  constexpr double rounding =
      1e-5;  // float32 sums of a few dozen products of size one, in another order
  BOOST_TEST(difference(fast_match, match) < rounding);
  BOOST_TEST(difference(fast_embeddings, embeddings) < rounding);
  BOOST_TEST(difference(fast_logits, logits) < rounding);
}

BOOST_AUTO_TEST_CASE(match_token_is_written_into_a_copy_or_left_alone) {
  const MedTexts t;
  Options options = med_options();
  vlp::Blip model = med_model(options);
  options.match_token = vlp::MatchToken::cls;
  vlp::Blip plain = med_model(options);
  const at::Tensor before = t.ids.clone(), image = at::randn({3, 5, 8});
  at::Tensor marked = t.ids.clone();
  marked.select(1, 0).fill_(vlp_test::kMedEncode);
  const at::NoGradGuard no_grad;
  BOOST_TEST(at::equal(model->grounded_states(t.ids, t.mask, image),
                       plain->grounded_states(marked, t.mask, image)));
  BOOST_TEST(!at::equal(model->grounded_states(t.ids, t.mask, image),
                        plain->grounded_states(t.ids, t.mask, image)));
  BOOST_TEST(at::equal(t.ids, before));
}

BOOST_AUTO_TEST_CASE(one_image_with_many_texts_is_as_with_copies_of_it) {
  vlp::Blip model = med_model();
  model->to(at::kDouble);
  const MedTexts t;
  const at::Tensor image = at::randn({1, 5, 8}, at::kDouble).set_requires_grad(true);
  const at::Tensor one = model->grounded_states(t.ids, t.mask, image);
  const at::Tensor copies = model->grounded_states(t.ids, t.mask, image.repeat({3, 1, 1}));
  BOOST_TEST(difference(one, copies) < kRounding);
  const at::Tensor weights = at::randn_like(one);
  const auto gradient = [&](const at::Tensor& states) {
    return torch::autograd::grad({(states * weights).sum()}, {image}).at(0);
  };
  BOOST_TEST(difference(gradient(one), gradient(copies)) < kRounding);
}

BOOST_AUTO_TEST_CASE(embeddings_are_unit_rows_in_float32_under_autocast) {
  vlp::Blip model = med_model();
  const MedTexts t;
  const at::Tensor pixels = at::randn({3, 3, 16, 16});
  const vlp::Autocast autocast(vlp::Precision::bf16, vlp::DeviceName{});
  for (const at::Tensor& rows :
       {model->image_embeddings(model->image_states(pixels)),
        model->text_embeddings(model->text_states(t.ids, t.mask), t.mask)}) {
    BOOST_TEST((rows.scalar_type() == at::kFloat));
    BOOST_TEST((rows.sizes() == at::IntArrayRef({3, 6})));
    BOOST_TEST(difference(rows.norm(2, {1}), at::ones({3})) < 1e-6);  // float32
  }
}

BOOST_AUTO_TEST_CASE(a_state_of_zeros_has_an_embedding_and_a_gradient) {
  vlp::Blip model = med_model();
  model->named_parameters()["vision_proj.bias"].detach().zero_();
  const at::Tensor states = at::zeros({1, 5, 8}).set_requires_grad(true);
  const at::Tensor row = model->image_embeddings(states);
  row.sum().backward();
  BOOST_TEST(at::equal(row.detach(), at::zeros({1, 6})));
  BOOST_TEST(states.grad().isfinite().all().item<bool>());
}

BOOST_AUTO_TEST_CASE(momentum_encoders_exist_only_where_they_are_needed) {
  BOOST_TEST(!med_model()->has_momentum());
  BOOST_TEST(parameters_below(*med_model(), "vision_model_m").empty());
  vlp::Blip model = med_model(med_options(), vlp::parts::momentum_embeddings);
  BOOST_TEST(model->has_momentum());
  for (const char* part : {"vision_model", "text_encoder", "vision_proj", "text_proj"}) {
    const std::string online = std::string(part) + ".",
                      momentum_encoder = std::string(part) + "_m.";
    BOOST_TEST(parameters_below(*model, momentum_encoder).size() ==
               parameters_below(*model, online).size());
    for (const void* parameter : parameters_below(*model, momentum_encoder))
      BOOST_TEST(!parameters_below(*model, online).contains(parameter));
  }
  for (const auto& item : model->named_parameters())
    BOOST_TEST(item.value().requires_grad() == (item.key().find("_m.") == std::string::npos),
               item.key());
  const vlp::ModelParts parts = vlp::parts_of(model);
  BOOST_TEST((parts.has<vlp::MomentumImageEmbeddings>() &&
              parts.has<vlp::MomentumTextEmbeddings>() && parts.begin_step));
}

BOOST_AUTO_TEST_CASE(momentum_encoders_begin_equal_and_follow_slowly) {
  vlp::Blip model = med_model(med_options(), vlp::parts::momentum_embeddings);
  model->to(at::kDouble);
  const Stored s;
  const auto distance = [&] {
    const at::NoGradGuard no_grad;
    return difference(model->momentum_image_embeddings(s.pixels),
                      model->image_embeddings(model->image_states(s.pixels))) +
           difference(model->momentum_text_embeddings(s.ids, s.mask),
                      model->text_embeddings(model->text_states(s.ids, s.mask), s.mask));
  };
  BOOST_TEST(distance() == 0);
  const at::Tensor online =
      model->named_parameters()["text_encoder.encoder.layer.0.attention.self.query.weight"];
  const at::Tensor momentum_encoder =
      model->named_parameters()["text_encoder_m.encoder.layer.0.attention.self.query.weight"];
  const at::Tensor before = momentum_encoder.clone();
  online.detach().add_(1);
  BOOST_TEST(distance() > 0);
  model->begin_step();
  BOOST_TEST(difference(momentum_encoder - before, at::full_like(momentum_encoder, 0.005)) <
             kRounding);
  model->copy_to_momentum_encoders();
  BOOST_TEST(distance() == 0);
  BOOST_TEST(!model->momentum_image_embeddings(s.pixels).requires_grad());
}

BOOST_AUTO_TEST_CASE(the_temperature_returns_to_its_bounds_before_a_step) {
  vlp::Blip model = med_model();
  for (const auto& [set, expected] : {std::pair{2.0, 0.5}, {-1.0, 0.001}, {0.3, 0.3}}) {
    model->temperature().detach().fill_(set);
    model->begin_step();
    BOOST_TEST(model->temperature().item<double>() == expected,
               boost::test_tools::tolerance(1e-6));  // float32
  }
}

BOOST_AUTO_TEST_CASE(what_is_served_follows_from_the_parts) {
  using vlp::Parts;
  Options options = med_options();
  const Parts med = vlp::BlipImpl::serves(options);
  BOOST_TEST(med.covers(vlp::parts::matching | vlp::parts::similarities |
                        vlp::parts::momentum_embeddings | vlp::parts::decoder |
                        vlp::parts::captions));
  options.decoder.reset();
  BOOST_TEST(
      (med.without(vlp::BlipImpl::serves(options)) ==
       (vlp::parts::decoder | vlp::parts::captions).without(vlp::Parts::of<vlp::ImageStates>())));
  BOOST_TEST(!vlp::parts_of(med_model(options)).has<vlp::DecoderStates>());
  options = med_options();
  options.text_encoder.reset();
  BOOST_TEST((vlp::BlipImpl::serves(options) == (vlp::parts::decoder | vlp::parts::captions)));
  const vlp::ModelParts captioner = vlp::parts_of(med_model(options));
  BOOST_TEST((!captioner.has<vlp::TextStates>() && !captioner.has<vlp::GroundedStates>() &&
              !captioner.has<vlp::Temperature>() && captioner.has<vlp::Generate>()));
  BOOST_TEST(parameters_below(*med_model(options), "temp").empty());
}

BOOST_AUTO_TEST_CASE(what_does_not_fit_is_refused) {
  Options options = med_options();
  options.text_encoder.reset();
  BOOST_CHECK_EXCEPTION((void)med_model(options)->text_states(MedTexts().ids, MedTexts().mask),
                        vlp::ContractError, says("it has no text encoder"));
  options.decoder.reset();
  BOOST_CHECK_EXCEPTION((void)med_model(options), vlp::RecipeError,
                        says("a text_encoder, a decoder or both are missing"));
  options = med_options();
  options.text_encoder = vlp::Use<vlp::AnyTextEncoder>::of<vlp::BertTextEncoder>(
      {.sizes = {.width = 12, .depth = 2, .heads = 3, .mlp = 24}, .text = {.max_positions = 12}});
  BOOST_CHECK_EXCEPTION(
      (void)med_model(options), vlp::RecipeError,
      says("text_encoder and decoder can't share weights, their mlp differs (got 24 "
           "and 20)"));
  vlp::Blip model = med_model();
  const MedTexts t;
  BOOST_CHECK_EXCEPTION((void)model->grounded_states(t.ids, t.mask, at::randn({2, 5, 8})),
                        vlp::ShapeError,
                        says("texts and images don't fit (got ids [3, 5], image states [2, 5, 8], "
                             "expected [B, T] and [B, N, D] or [1, N, D])"));
  BOOST_CHECK_EXCEPTION((void)model->decoder_states(t.ids, t.mask, at::randn({1, 5, 8})),
                        vlp::ShapeError, says("texts and images don't fit"));
  BOOST_CHECK_EXCEPTION((void)model->text_states(t.ids, t.mask.slice(1, 1)), vlp::ShapeError,
                        says("ids and mask don't fit"));
  BOOST_CHECK_EXCEPTION((void)model->momentum_text_embeddings(t.ids, t.mask), vlp::ContractError,
                        says("it has no momentum encoder"));
}

BOOST_AUTO_TEST_SUITE_END()
