// Models opened from whatever they lie in, against transformers' numbers and against each other.

#include "vlp/assemble/open_model.hpp"

#include <cstdint>
#include <fstream>
#include <string>

#include <boost/test/unit_test.hpp>

#include "tests/support/messages.hpp"
#include "tests/support/model_files.hpp"
#include "vlp/hub/settings.hpp"
#include "vlp/start/model_source.hpp"
#include "vlp/weights/safetensors.hpp"

namespace {

using namespace vlp_test;

constexpr double kFloat32 = 5e-5;   // transformers' own float32 lies 2e-5 from its float64
constexpr double kFloat64 = 1e-9;   // two float64 implementations agree to 1e-14
constexpr double kRounding = 1e-5;  // the same sums in another order, float32

/// A random captioner and its tensors, which tests change before they write them.
struct Captioner : Opener {
  ScratchFolder scratch;
  vlp::BlipConfig config = tiny_config();
  vlp::AnyModel model = random_model(config, registry);
  vlp::TensorMap tensors = tensors_of(*model.ptr());
  fs::path folder = scratch.path / "model";

  [[nodiscard]] at::Tensor get(const std::string& name) const {
    return vlp::tensor_view(tensors.at(name)).clone();
  }
  void set(const std::string& name, const at::Tensor& value) { tensors[name] = bytes_of(value); }
  [[nodiscard]] vlp::OpenedModel written() {
    write_folder(folder, config, tensors);
    return open(folder);
  }
  [[nodiscard]] std::string refused() {
    write_folder(folder, config, tensors);
    return refusal(folder);
  }
  [[nodiscard]] static bool tied(const vlp::OpenedModel& opened) {
    return opened.model.ptr()->named_parameters().find(vlp::detail::kHead) == nullptr;
  }
};

/// The same for a retrieval model.
struct Retrieval : Captioner {
  Retrieval() {
    config = tiny_config(vlp::BlipTask::retrieval);
    model = random_model(config, registry);
    tensors = tensors_of(*model.ptr());
  }
};

/// Sizes that a lone file of weights shows: heads of 64, BERT's vocabulary.
vlp::BlipConfig lone_config(vlp::BlipTask task) {
  vlp::BlipConfig config;
  config.task = task;
  config.vision = {.patches = {.image_size = 48, .patch = 16},
                   .sizes = {.width = 128, .depth = 2, .heads = 2, .mlp = 96},
                   .layer_norm_eps = 1e-6};
  config.text.sizes = {.width = 64, .depth = 1, .heads = 1, .mlp = 80};
  config.text.options.vocabulary_size = 30524;
  config.text.options.max_positions = 30;
  config.embedding_width = 16;
  config.match_token = vlp::BlipMatchToken::enc;
  return config;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(open_model)

BOOST_AUTO_TEST_CASE(a_folder_gives_transformers_numbers_in_float32_and_float64) {
  Opener opener;
  const auto inputs = vlp::read_safetensors(parity("caption_untied/inputs.safetensors"));
  const auto expected = vlp::read_safetensors(parity("caption_untied/expected.safetensors"));
  const at::NoGradGuard no_grad;
  for (const auto& [dtype, suffix, tolerance] :
       {std::tuple(at::kFloat, "", kFloat32), {at::kDouble, ".f64", kFloat64}}) {
    const vlp::OpenedModel opened = opener.open(parity("caption_untied/model"), dtype);
    const vlp::ModelParts& parts = opened.model.parts();
    const auto in = [&](const char* name) { return vlp::tensor_view(inputs.tensor(name)); };
    const auto out = [&, suffix = suffix](const std::string& name) {
      return vlp::tensor_view(expected.tensor(name + suffix));
    };
    const at::Tensor states = parts.call<vlp::ImageStates>(in("pixel_values").to(dtype));
    BOOST_TEST(difference(states, out("vision_last_hidden_state")) < tolerance);
    BOOST_TEST(difference(parts.call<vlp::DecoderLogits>(parts.call<vlp::DecoderStates>(
                              in("input_ids"), in("attention_mask").to(at::kBool), states)),
                          out("logits")) < tolerance);
    BOOST_TEST(difference(parts.call<vlp::ImageStates>(in("interp_pixel_values").to(dtype)),
                          out("interp_vision_last_hidden_state")) < tolerance);
    BOOST_TEST(!opened.model.ptr()->is_training());
  }
}

BOOST_AUTO_TEST_CASE(tokens_and_defaults_come_from_the_folder) {
  Opener opener;
  const vlp::OpenedModel opened = opener.open(parity("caption_untied/model"));
  BOOST_TEST(opened.imported);
  BOOST_TEST((opened.reading.transparency == vlp::AlphaMode::over_white));
  BOOST_TEST(!opened.tokenizer.has_value());
  BOOST_TEST(opened.ctx.facts.tokens.decode == 1198);
  BOOST_TEST(opened.ctx.facts.tokens.sep == 102);
  BOOST_TEST(opened.ctx.facts.dimensions.image_height == 48);
  BOOST_TEST(opened.ctx.facts.dimensions.vocabulary_size == 1200);
  BOOST_TEST(opened.generate.beams == 1);
  BOOST_TEST(opened.generate.max_new_tokens == 20);
  BOOST_TEST(opened.transforms.images.size() == 2U);
  BOOST_REQUIRE_EQUAL(opened.plan.loss.size(), 1U);
  BOOST_TEST(opened.plan.loss[0].name() == "lm");
}

BOOST_AUTO_TEST_CASE(the_vocabulary_of_the_folder_is_used_with_the_configs_special_tokens) {
  Captioner captioner;
  write_text(captioner.folder / "vocab.txt", "[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\na\ndog\n");
  const vlp::OpenedModel opened = captioner.written();
  BOOST_REQUIRE(opened.tokenizer.has_value());
  BOOST_TEST(opened.tokenizer->encode("a dog") == (std::vector<std::int64_t>{2, 5, 6, 3}),
             boost::test_tools::per_element());
  BOOST_TEST(opened.ctx.facts.tokens.decode == 48);  // the vocabulary alone would say 7
  BOOST_TEST(opened.ctx.facts.tokens.pad == 1);
  BOOST_TEST(opened.ctx.facts.tokens.cls == 2);
}

BOOST_AUTO_TEST_CASE(a_vocabulary_larger_than_the_model_is_refused) {
  Captioner captioner;
  std::string lines = "[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\n";
  for (int i = 0; i < 50; ++i) lines += "word" + std::to_string(i) + "\n";
  write_text(captioner.folder / "vocab.txt", lines);
  BOOST_TEST(contains(captioner.refused(),
                      "the tokenizer has more tokens than the model (got 57 with [DEC] and [ENC], "
                      "expected at most 50)"));
}

BOOST_AUTO_TEST_CASE(equal_matrices_or_a_single_one_are_one_parameter) {
  Captioner both;
  BOOST_REQUIRE(both.tensors.contains(vlp::detail::kHead));
  BOOST_TEST(both.tied(both.written()));
  Captioner no_head;
  no_head.tensors.erase(vlp::detail::kHead);
  BOOST_TEST(no_head.tied(no_head.written()));
  Captioner no_words;
  no_words.tensors.erase(vlp::detail::kWords);
  const vlp::OpenedModel opened = no_words.written();
  BOOST_TEST(no_words.tied(opened));
  BOOST_TEST(equal_parameters(opened.model, both.model));
}

BOOST_AUTO_TEST_CASE(different_matrices_are_two_parameters_whatever_the_config_says) {
  Captioner captioner;
  const at::Tensor head = captioner.get(vlp::detail::kHead) + 1;
  captioner.set(vlp::detail::kHead, head);
  const vlp::OpenedModel opened = captioner.written();
  BOOST_TEST(!captioner.tied(opened));
  BOOST_TEST(at::equal(opened.model.ptr()->named_parameters()[vlp::detail::kHead], head));
  BOOST_TEST(!at::equal(logits(opened.model, at::ones({1, 3, 32, 32})),
                        logits(captioner.model, at::ones({1, 3, 32, 32}))));
}

BOOST_AUTO_TEST_CASE(equal_matrices_are_two_parameters_if_the_config_asks_for_that) {
  Captioner captioner;
  captioner.config.tie_embeddings = false;
  BOOST_TEST(!captioner.tied(captioner.written()));
}

BOOST_AUTO_TEST_CASE(the_heads_bias_may_have_either_name_or_both) {
  Captioner both;
  Captioner twin;
  twin.tensors.erase(vlp::detail::kHeadBias);
  BOOST_TEST(equal_parameters(twin.written().model, both.model));
  Captioner own;
  own.tensors.erase(vlp::detail::kHeadBiasCopy);
  BOOST_TEST(equal_parameters(own.written().model, both.model));
  Captioner different;
  const at::Tensor bias = different.get(vlp::detail::kHeadBiasCopy) + 1;
  different.set(vlp::detail::kHeadBiasCopy, bias);
  const vlp::OpenedModel opened = different.written();
  BOOST_TEST(at::equal(opened.model.ptr()->named_parameters()[vlp::detail::kHeadBias], bias));
  BOOST_TEST(contains(different.heard.warnings,
                      "cls.predictions.bias and cls.predictions.decoder.bias differ"));
}

BOOST_AUTO_TEST_CASE(weights_of_half_precision_become_float32) {
  Captioner captioner;
  for (auto& [name, tensor] : captioner.tensors)
    tensor = bytes_of(vlp::tensor_view(tensor).to(at::kBFloat16));
  const vlp::OpenedModel opened = captioner.written();
  for (const auto& item : opened.model.ptr()->named_parameters()) {
    BOOST_TEST((item.value().scalar_type() == at::kFloat));
    BOOST_TEST(at::equal(
        item.value(),
        captioner.model.ptr()->named_parameters()[item.key()].to(at::kBFloat16).to(at::kFloat)));
  }
}

BOOST_AUTO_TEST_CASE(a_config_of_another_size_than_the_weights_is_refused_key_by_key) {
  Captioner captioner;
  captioner.config.text.sizes.width = 60;
  captioner.config.vision.sizes.depth = 3;
  const std::string what = captioner.refused();
  BOOST_TEST(contains(
      what,
      "config.json: text_config.hidden_size: doesn't fit the weights (got 60, expected 12 as in "
      "text_decoder.bert.embeddings.word_embeddings.weight [50, 12] of "));
  BOOST_TEST(contains(
      what,
      "config.json: vision_config.num_hidden_layers: doesn't fit the weights (got 3, expected 2"));
}

BOOST_AUTO_TEST_CASE(missing_unexpected_and_misshaped_tensors_are_listed_by_name) {
  Captioner captioner;
  captioner.tensors.erase("vision_model.post_layernorm.bias");
  captioner.set("vision_model.post_layernorm.weight", at::ones({5}));
  captioner.set("text_decoder.more", at::ones({2}));
  const std::string what = captioner.refused();
  BOOST_TEST(contains(what, "missing: vision_model.post_layernorm.bias"));
  BOOST_TEST(contains(
      what, "mis-shaped: vision_model.post_layernorm.weight (got F32 [5], expected F32 [16])"));
  BOOST_TEST(contains(what, "unexpected: text_decoder.more"));
}

BOOST_AUTO_TEST_CASE(models_for_other_tasks_are_refused_by_their_parts) {
  Captioner other;
  std::erase_if(other.tensors,
                [](const auto& named) { return named.first.starts_with("text_decoder."); });
  other.set("text_model.embeddings.LayerNorm.bias", at::ones({12}));
  BOOST_TEST(contains(
      other.refused(),
      "no BLIP for captioning or image-text retrieval (got text_model (1 tensor), vision_model ("));
  Captioner questions;
  questions.set("text_encoder.embeddings.LayerNorm.bias", at::ones({12}));
  BOOST_TEST(contains(questions.refused(), "the model has no place for text_encoder (1 tensor)"));
}

BOOST_AUTO_TEST_CASE(words_that_wrap_a_model_are_taken_off_in_every_layout) {
  for (const bool original : {false, true})
    for (const std::string before : {"module.", "_orig_mod.module.", "model."}) {
      Captioner captioner;
      vlp::TensorMap wrapped;
      for (const auto& [name, tensor] :
           original ? with_original_names(captioner.tensors) : captioner.tensors)
        wrapped.emplace(before + name, tensor);
      captioner.tensors = std::move(wrapped);
      BOOST_TEST(equal_parameters(captioner.written().model, captioner.model));
      BOOST_TEST(contains(captioner.heard.notes, "names begin with '" + before + "', which is"));
    }
}

BOOST_AUTO_TEST_CASE(a_wrapped_run_opens_with_its_recipe) {
  Captioner captioner;
  vlp::TensorMap wrapped;
  for (const auto& [name, tensor] : captioner.tensors) wrapped.emplace("module." + name, tensor);
  write_tensors(captioner.folder / "model.safetensors", wrapped);
  write_text(captioner.folder / "recipe.toml",
             vlp::write_toml(plan_for(captioner.config, captioner.registry).resolved));
  const vlp::OpenedModel opened = captioner.open(captioner.folder);
  BOOST_TEST(!opened.imported);
  BOOST_TEST(equal_parameters(opened.model, captioner.model));
  BOOST_TEST(contains(captioner.heard.notes, "names begin with 'module.', which is taken off"));
}

BOOST_AUTO_TEST_CASE(a_wrapped_model_that_does_not_fit_is_refused_with_its_real_mistakes) {
  Captioner captioner;
  captioner.tensors.erase("vision_model.post_layernorm.bias");
  vlp::TensorMap wrapped;
  for (const auto& [name, tensor] : captioner.tensors) wrapped.emplace("module." + name, tensor);
  captioner.tensors = wrapped;
  BOOST_TEST(contains(captioner.refused(), "missing: vision_model.post_layernorm.bias"));
  captioner.tensors.clear();
  for (const auto& [name, tensor] : wrapped) captioner.tensors.emplace("x" + name, tensor);
  captioner.set("loss.scale", at::ones({1}));
  const std::string what = captioner.refused();
  BOOST_TEST(contains(what, "None of its names ("), what);
  BOOST_TEST(contains(what, ") begins as a BLIP's (got 'loss.scale', "), what);
  BOOST_TEST(!contains(what, "another task"), what);
}

BOOST_AUTO_TEST_CASE(
    a_file_of_the_original_repository_is_translated_and_its_other_heads_are_left_out) {
  Captioner captioner;
  captioner.tensors = with_original_names(captioner.tensors);
  captioner.set("vision_proj.bias", at::ones({4}));
  captioner.set("visual_encoder_m.cls_token", at::ones({1, 1, 16}));
  captioner.set("image_queue", at::ones({4, 6}));
  const vlp::OpenedModel opened = captioner.written();
  BOOST_TEST(equal_parameters(opened.model, captioner.model));
  BOOST_TEST(contains(captioner.heard.notes, "vision_proj (1 tensor)"));
}

BOOST_AUTO_TEST_CASE(an_original_file_for_question_answering_is_warned_of) {
  Captioner captioner;
  captioner.tensors = with_original_names(captioner.tensors);
  captioner.set("text_encoder.embeddings.LayerNorm.bias", at::ones({12}));
  (void)captioner.written();
  BOOST_TEST(contains(captioner.heard.warnings, "looks like a model for question answering"));
}

BOOST_AUTO_TEST_CASE(the_architecture_of_a_lone_original_file_is_told_from_its_tensors) {
  Opener opener;
  const ScratchFolder scratch;
  const vlp::BlipConfig config = lone_config(vlp::BlipTask::captioning);
  const vlp::AnyModel model = random_model(config, opener.registry);
  write_tensors(scratch.path / "original.pth", with_original_names(tensors_of(*model.ptr())));
  const vlp::OpenedModel opened = opener.open(scratch.path / "original.pth");
  const at::Tensor pixels = at::rand({1, 3, 48, 48});
  BOOST_TEST(difference(logits(opened.model, pixels), logits(model, pixels)) < kRounding);
  const std::string recipe = vlp::write_toml(opened.plan.resolved);
  BOOST_TEST(contains(recipe, "heads = 2\nmlp = 96\nlayer_norm_eps = 1e-06"), recipe);
  BOOST_TEST(contains(recipe, "size = 48\nkernel = \"pillow\""), recipe);
  BOOST_TEST((opened.reading.transparency == vlp::AlphaMode::drop), "as Pillow does");
  BOOST_TEST(opened.ctx.facts.tokens.decode == 30522);
  BOOST_TEST(opened.ctx.facts.tokens.sep == 102);
  BOOST_REQUIRE(opened.tokenizer.has_value());
  BOOST_TEST(contains(opener.heard.notes, "no config.json beside it"));
}

BOOST_AUTO_TEST_CASE(a_lone_file_that_cannot_be_understood_asks_for_its_config) {
  Captioner captioner;
  const fs::path file = captioner.scratch.path / "alone" / "weights.safetensors";
  write_tensors(file, captioner.tensors);
  BOOST_TEST(captioner.refusal(file) == file.string() +
                                            ": the architecture can't be told from the tensors: an "
                                            "image encoder of width 16 can't have heads of 64. "
                                            "Put the model's config.json beside it.");
  vlp::BlipConfig config = captioner.config;
  config.vision.sizes.width = 64;
  config.text.sizes.width = 64;
  config.text.sizes.heads = 1;
  write_tensors(file, tensors_of(*random_model(config, captioner.registry).ptr()));
  BOOST_TEST(captioner.refusal(file) == file.string() +
                                            ": its vocabulary isn't known (got 50 tokens, expected "
                                            "the 30524 of bert-base-uncased with [DEC] and [ENC]). "
                                            "Put the model's config.json beside it.");
}

BOOST_AUTO_TEST_CASE(a_retrieval_folder_compares_images_with_texts) {
  Retrieval model;
  const vlp::OpenedModel opened = model.written();
  BOOST_TEST(opened.imported);
  BOOST_TEST(
      opened.model.serves().covers(vlp::parts::similarities | vlp::Parts::of<vlp::MatchLogits>()));
  BOOST_TEST(!opened.model.serves().covers(vlp::parts::decoder));
  BOOST_TEST(opened.plan.loss.empty());
  BOOST_TEST(opened.ctx.facts.tokens.decode == 48);
  BOOST_TEST(opened.ctx.facts.tokens.encode == 49);
  BOOST_TEST(contains(vlp::write_toml(opened.plan.resolved), "match_token = \"cls\""));
  BOOST_TEST(equal_parameters(opened.model, model.model));
}

BOOST_AUTO_TEST_CASE(without_architectures_the_tensors_tell_the_task) {
  Retrieval model;
  write_folder(model.folder, model.config, model.tensors);
  json config = read_json(model.folder / "config.json");
  config.erase("architectures");
  write_text(model.folder / "config.json", config.dump());
  BOOST_TEST(equal_parameters(model.open(model.folder).model, model.model));
}

BOOST_AUTO_TEST_CASE(a_model_that_lacks_what_it_is_opened_for_says_what_it_is_good_for) {
  Retrieval retrieval;
  write_folder(retrieval.folder, retrieval.config, retrieval.tensors);
  const std::string caption =
      retrieval.refusal<vlp::RecipeError>(retrieval.folder, vlp::parts::captions);
  BOOST_TEST(caption.starts_with(retrieval.folder.string() +
                                 ": model 'blip' lacks what is asked of it (got "),
             caption);
  BOOST_TEST(
      contains(caption,
               "expected a decoder). It compares images with texts: use it with `vlp match`"),
      caption);
  Captioner captioner;
  write_folder(captioner.folder, captioner.config, captioner.tensors);
  const std::string match = captioner.refusal<vlp::RecipeError>(
      captioner.folder, vlp::parts::similarities | vlp::Parts::of<vlp::MatchLogits>());
  BOOST_TEST(
      contains(match,
               "expected a text encoder and image and text embeddings and a temperature and a "
               "matching head). It writes captions: use "
               "it with `vlp caption`"),
      match);
}

BOOST_AUTO_TEST_CASE(a_retrieval_folder_without_one_of_its_parts_is_refused) {
  for (const char* part : {"vision_proj", "text_proj", "itm_head", "text_encoder"}) {
    Retrieval model;
    std::erase_if(model.tensors, [&](const auto& named) { return named.first.starts_with(part); });
    BOOST_TEST(model.refused() != "", part);
  }
  Retrieval layer;
  layer.tensors.erase("text_encoder.encoder.layer.0.crossattention.self.key.weight");
  BOOST_TEST(contains(layer.refused(),
                      "missing: text_encoder.encoder.layer.0.crossattention.self.key.weight"));
  Retrieval size;
  size.config.embedding_width = 11;
  BOOST_TEST(
      contains(size.refused(),
               "config.json: image_text_hidden_size: doesn't fit the weights (got 11, expected "
               "10 as in text_proj.weight"));
}

BOOST_AUTO_TEST_CASE(the_learned_temperature_is_written_beside_the_tensors_and_taken_back) {
  Retrieval model;
  const auto temperature = [](const vlp::OpenedModel& opened) {
    return opened.model.parts().call<vlp::Temperature>().item<float>();
  };
  BOOST_TEST(temperature(model.written()) == 0.07F);  // transformers' files have none
  {
    const at::NoGradGuard no_grad;
    model.model.parts().call<vlp::Temperature>().fill_(0.0437219F);
  }
  write_text(model.folder / "config.json", vlp::config_json(model.config).dump());
  vlp::write_model_weights(*model.model.ptr(), model.folder / "model.safetensors", blip_format());
  const auto file = vlp::read_safetensors(model.folder / "model.safetensors");
  BOOST_TEST(!file.tensors.contains("temp"));
  BOOST_TEST(temperature(model.open(model.folder)) == 0.0437219F);
  for (const std::string wrong : {"warm", "-1", "0", "0.07x", "nan"}) {
    vlp::write_safetensors(model.folder / "model.safetensors",
                           {model.tensors.begin(), model.tensors.end()}, {{"temp", wrong}});
    BOOST_TEST(contains(model.refusal(model.folder), "metadata 'temp' is no temperature (got \"" +
                                                         wrong + "\", expected a number above 0)"));
  }
}

BOOST_AUTO_TEST_CASE(
    a_lone_original_file_for_pretraining_opens_whole_or_as_far_as_it_is_asked_for) {
  Opener opener;
  const ScratchFolder scratch;
  for (const auto& [sharing, self_attention, feed_forward] :
       {std::tuple("all", true, true),
        {"all_but_self_attention", false, true},
        {"nothing", false, false}}) {
    vlp::BlipConfig config = lone_config(vlp::BlipTask::pretraining);
    const vlp::AnyModel model = random_model(config, opener.registry);
    vlp::TensorMap tensors = tensors_of(*model.ptr());
    for (auto& [name, tensor] : tensors) {
      const std::string decoder =
          "text_decoder.bert." +
          name.substr(std::min(name.size(), std::string("text_encoder.").size()));
      const bool own = name.find(".attention.") != name.npos ? !self_attention : !feed_forward;
      if (name.starts_with("text_encoder.") && tensors.contains(decoder))
        tensor = own ? bytes_of(vlp::tensor_view(tensors.at(decoder)) + 1) : tensors.at(decoder);
    }
    tensors = with_original_names(tensors);
    tensors["visual_encoder_m.cls_token"] = bytes_of(at::ones({1, 1, 128}));
    tensors["image_queue"] = bytes_of(at::ones({16, 6}));
    tensors["temp"] = bytes_of(at::full({}, 0.05));
    const fs::path file = scratch.path / "original.pth";
    write_tensors(file, tensors);
    const vlp::OpenedModel whole = opener.open(file);
    const std::string recipe = vlp::write_toml(whole.plan.resolved);
    BOOST_TEST(contains(recipe, std::string("sharing = \"") + sharing + "\""), recipe);
    BOOST_TEST(contains(recipe, "match_token = \"enc\""));
    BOOST_TEST(contains(recipe, "embedding_width = 16"));
    BOOST_TEST(whole.model.serves().covers(
        vlp::parts::decoder | vlp::Parts::of<vlp::MatchLogits>() | vlp::parts::similarities));
    BOOST_TEST(whole.model.parts().call<vlp::Temperature>().item<float>() == 0.05F);
    const vlp::OpenedModel captioner = opener.open(file, at::kFloat, vlp::parts::captions);
    BOOST_TEST(!captioner.model.serves().covers(vlp::parts::similarities));
    const vlp::OpenedModel retrieval = opener.open(
        file, at::kFloat, vlp::parts::similarities | vlp::Parts::of<vlp::MatchLogits>());
    BOOST_TEST(!retrieval.model.serves().covers(vlp::parts::decoder));
    const at::Tensor pixels = at::rand({2, 3, 48, 48});
    BOOST_TEST(difference(logits(whole.model, pixels), logits(captioner.model, pixels)) <
               kRounding);
    BOOST_TEST(difference(match_logits(whole.model, pixels),
                          match_logits(retrieval.model, pixels)) < kRounding);
  }
}

BOOST_AUTO_TEST_CASE(a_mixed_model_is_written_under_both_names_and_opens_again) {
  Opener opener;
  const ScratchFolder scratch;
  const vlp::AnyModel model =
      random_model(lone_config(vlp::BlipTask::pretraining), opener.registry);
  const fs::path file = scratch.path / "model.safetensors";
  vlp::write_model_weights(*model.ptr(), file, blip_format());
  const vlp::TensorMap tensors = vlp::read_safetensors(file).tensors;
  for (const char* name :
       {"embeddings.word_embeddings.weight", "encoder.layer.0.crossattention.self.key.weight",
        "encoder.layer.0.output.dense.weight"})
    BOOST_TEST(std::ranges::equal(tensors.at(std::string("text_encoder.") + name).bytes,
                                  tensors.at(std::string("text_decoder.bert.") + name).bytes),
               name);
  BOOST_TEST(equal_parameters(opener.open(file).model, model));
}

BOOST_AUTO_TEST_CASE(a_file_with_its_config_beside_it_is_opened_like_the_folder) {
  Captioner captioner;
  write_folder(captioner.folder, captioner.config, captioner.tensors);
  BOOST_TEST(equal_parameters(captioner.open(captioner.folder / "model.safetensors").model,
                              captioner.model));
}

BOOST_AUTO_TEST_CASE(positions_are_interpolated_when_the_config_asks_for_a_larger_image) {
  Captioner captioner;
  captioner.config.vision.patches.image_size = 48;
  const vlp::OpenedModel opened = captioner.written();
  const at::Tensor pixels = at::rand({2, 3, 48, 48});
  BOOST_TEST(opened.model.ptr()->named_parameters()[vlp::detail::kPositions].size(1) == 37);
  BOOST_TEST(difference(logits(opened.model, pixels), logits(captioner.model, pixels)) <
             kRounding);  // which interpolates in each pass
  BOOST_TEST(contains(captioner.heard.notes, "positions of 4 x 4 patches interpolated to 6 x 6"));
}

BOOST_FIXTURE_TEST_CASE(a_run_whose_plugin_was_not_opened_says_which_one_it_was, Captioner) {
  write_folder(folder, config, tensors);
  std::ofstream(folder / "recipe.toml")
      << "[model]\nuse = \"blip\"\n[model.encoder]\nuse = \"convnet\"\n";
  const std::string hint = "; this run was made with convnet.so, version 1.0";
  const std::string before = refusal<vlp::RecipeError>(folder);
  BOOST_TEST(before.find("no encoder named 'convnet'") != std::string::npos, before);
  BOOST_TEST(before.find("this run was made with") == std::string::npos, "nothing tells");
  std::ofstream(scratch.path / "environment.json") << R"({"torch": "2.11.0"})";
  BOOST_TEST(refusal<vlp::RecipeError>(folder) == before, "as runs were written before");
  std::ofstream(scratch.path / "environment.json") << R"({"vlp": "0.1.0",
             "plugins": [{"file": "plugins/convnet.so", "name": "convnet", "version": "1.0"}]})";
  BOOST_TEST(contains(refusal<vlp::RecipeError>(folder), hint));
  BOOST_TEST(contains(refusal<vlp::RecipeError>(scratch.path), hint), "by the run's folder too");
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_AUTO_TEST_SUITE(model_source)

BOOST_AUTO_TEST_CASE(a_name_is_looked_up_in_the_cache_and_a_path_wins) {
  Captioner captioner;
  vlp::HubSettings hub;
  hub.cache = captioner.scratch.path / "hub";
  const std::string commit(40, 'a'), name = "someone/captioner";
  const fs::path model = hub.cache / "models--someone--captioner";
  write_text(model / "refs" / "main", commit);
  write_folder(model / "snapshots" / commit, captioner.config, captioner.tensors);
  const vlp::ModelSource found = vlp::find_model(name, hub);
  BOOST_TEST(found.weights == model / "snapshots" / commit / "model.safetensors");
  BOOST_TEST(found.config == model / "snapshots" / commit / "config.json");
  BOOST_TEST(equal_parameters(captioner.open(found.folder()).model, captioner.model));

  const fs::path before = fs::current_path();
  fs::current_path(captioner.scratch.path);
  write_folder(name, captioner.config, captioner.tensors);
  const vlp::ModelSource path = vlp::find_model(name, hub);
  fs::current_path(before);
  BOOST_TEST(path.weights == fs::path(name) / "model.safetensors");
}

BOOST_AUTO_TEST_CASE(what_is_not_there_is_refused_with_what_to_do) {
  const ScratchFolder scratch;
  vlp::HubSettings hub;
  hub.cache = scratch.path / "hub";
  const auto refusal = [&](const std::string& name) {
    return message_of<vlp::WeightsError>([&] { (void)vlp::find_model(name, hub); });
  };
  BOOST_TEST(refusal("someone/absent") ==
             "someone/absent: not in the Hugging Face cache (looked in " + hub.cache.string() +
                 "). Bring it with: vlp download someone/absent. If it is a path, there is no such "
                 "file or folder.");
  BOOST_TEST(refusal("/no/such/folder").starts_with("/no/such/folder: no such file or folder."));
  BOOST_TEST(contains(refusal(scratch.path.string()), "no weights in this folder"));
}

BOOST_AUTO_TEST_SUITE_END()
