// BLIP for captioning against the numbers of transformers: hidden states, attention, logits, losses, all gradients,
// and generated ids with scores, in float32 and float64.

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <memory>
#include <string>
#include <vector>

#include <boost/test/unit_test.hpp>
#include <nlohmann/json.hpp>

#include "plugins/decoder/bert_cross_attention.hpp"
#include "plugins/encoder/vit.hpp"
#include "plugins/loss/lm.hpp"
#include "plugins/model/blip.hpp"
#include "vlp/weights/safetensors.hpp"

namespace {

using nlohmann::json;
using vlp::SafetensorsFile;

/// The reference's own float32 results lie 1e-5 to 2e-5 (hidden states), 1e-6 (loss), 1.3e-4 (gradients) from its float64 ones.
struct Tolerances {
  double absolute;  ///< hidden states, logits, attention
  double loss;
  double gradient;       ///< float32: relative 2-norm of a tensor; float64: absolute
  double zero_gradient;  ///< of gradients that are zero in exact arithmetic
};
constexpr Tolerances kFloat32{5e-5, 2e-6, 1e-3, 1e-5};
constexpr Tolerances kFloat64{1e-9, 1e-9, 1e-9, 1e-9};
constexpr double kScore = 1e-4;  // generate.json holds float32 scores

std::filesystem::path folder() {
  const char* other = std::getenv("VLP_PARITY_DIR");
  return other ? std::filesystem::path(other) : std::filesystem::path(VLP_TEST_DATA) / "parity";
}

at::Tensor tensor(const vlp::TensorBytes& bytes) {
  const at::ScalarType type = bytes.dtype == "F64" ? at::kDouble : bytes.dtype == "I64" ? at::kLong : at::kFloat;
  return at::from_blob(const_cast<std::byte*>(bytes.bytes.data()), bytes.shape, at::TensorOptions(type)).clone();
}

json read_json(const std::filesystem::path& path) {
  std::ifstream file(path);
  BOOST_REQUIRE_MESSAGE(file.good(), "missing " + path.string());
  return json::parse(file);
}

/// One stored model with its inputs, in one number format.
struct Case {
  Case(const std::string& name, at::ScalarType type)
      : dir(folder() / name), dtype(type), inputs(vlp::read_safetensors(dir / "inputs.safetensors")) {
    const json config = read_json(dir / "model/config.json");
    const json &vision = config["vision_config"], &text = config["text_config"];
    smoothing = text["label_smoothing"];
    vlp::Context ctx;
    ctx.tokens.pad = text["pad_token_id"];
    ctx.tokens.sep = text["sep_token_id"];
    ctx.tokens.decode = text["bos_token_id"];
    ctx.dimensions.vocabulary_size = text["vocab_size"];
    const SafetensorsFile weights = vlp::read_safetensors(dir / "model/model.safetensors");
    const bool tied = !weights.tensors.contains("text_decoder.cls.predictions.decoder.weight");

    vlp::VisionTransformerImpl::Options encoder_options;
    encoder_options.image_size = vision["image_size"];
    encoder_options.patch = vision["patch_size"];
    encoder_options.width = vision["hidden_size"];
    encoder_options.depth = vision["num_hidden_layers"];
    encoder_options.heads = vision["num_attention_heads"];
    encoder_options.mlp = vision["intermediate_size"];
    encoder_options.layer_norm_eps = vision["layer_norm_eps"];
    vlp::BertCrossAttentionImpl::Options decoder_options;
    decoder_options.width = text["hidden_size"];
    decoder_options.depth = text["num_hidden_layers"];
    decoder_options.heads = text["num_attention_heads"];
    decoder_options.mlp = text["intermediate_size"];
    decoder_options.max_positions = text["max_position_embeddings"];
    decoder_options.layer_norm_eps = text["layer_norm_eps"];
    decoder_options.tie_embeddings = tied;
    vlp::BlipImpl::Options options;
    options.encoder = vlp::Use<vlp::AnyEncoder>::of<vlp::VisionTransformer>(encoder_options);
    options.decoder = vlp::Use<vlp::AnyDecoder>::of<vlp::BertCrossAttention>(decoder_options);
    model = vlp::Blip(options, ctx);
    model->eval();
    encoder = std::dynamic_pointer_cast<vlp::VisionTransformerImpl>(model->named_children()["vision_model"]);
    decoder = std::dynamic_pointer_cast<vlp::BertCrossAttentionImpl>(model->named_children()["text_decoder"]);

    const at::NoGradGuard no_grad;
    std::size_t loaded = 0;
    for (const auto& item : model->named_parameters()) {
      const at::Tensor value = tensor(weights.tensor(item.key()));
      BOOST_REQUIRE_MESSAGE(value.sizes() == item.value().sizes(), "shape of " + item.key());
      item.value().detach().copy_(value);
      ++loaded;
    }
    loaded += weights.tensors.contains("text_decoder.cls.predictions.decoder.bias");  // a second copy of predictions.bias
    BOOST_TEST(loaded == weights.tensors.size());
    model->to(dtype);
    if (std::filesystem::exists(dir / "expected.safetensors"))
      expected = std::make_unique<SafetensorsFile>(vlp::read_safetensors(dir / "expected.safetensors"));
  }

  at::Tensor input(const std::string& name) const {
    const at::Tensor value = tensor(inputs.tensor(name));
    return value.is_floating_point() ? value.to(dtype) : value;
  }
  std::string stored(const std::string& name) const { return dtype == at::kDouble ? name + ".f64" : name; }
  bool has(const std::string& name) const { return expected->tensors.contains(stored(name)); }
  at::Tensor reference(const std::string& name) const { return tensor(expected->tensor(stored(name))); }
  const Tolerances& tolerances() const { return dtype == at::kDouble ? kFloat64 : kFloat32; }
  std::string label(const std::string& what) const {
    return dir.filename().string() + (dtype == at::kDouble ? " float64 " : " float32 ") + what;
  }

  /// Largest absolute difference from the stored tensor, or from those of its columns that are stored. What is stored as
  /// float32 only is compared with that.
  void compare(const std::string& name, at::Tensor actual, double tolerance) const {
    at::Tensor value;
    if (has(name)) {
      value = reference(name);
    } else if (has(name + ".columns")) {
      value = reference(name + ".columns");
      actual = actual.index_select(-1, tensor(expected->tensor("row_index")));
    } else {
      value = tensor(expected->tensor(name));
      tolerance = kFloat32.absolute;
    }
    BOOST_REQUIRE_MESSAGE(actual.sizes() == value.sizes(), "shape of " + label(name));
    report(name, (actual - value).abs().max().item<double>(), tolerance);
  }
  void report(const std::string& name, double difference, double tolerance) const {
    BOOST_TEST_MESSAGE(label(name) << ": " << difference);
    BOOST_CHECK_MESSAGE(difference <= tolerance, label(name) << ": difference " << difference << " above " << tolerance);
  }

  vlp::Batch batch(const std::string& labels_name) const {
    const at::Tensor labels = input(labels_name), next = labels.slice(1, 1);
    const at::Tensor supervised = at::cat({next.ne(-100), at::zeros({labels.size(0), 1}, at::kBool)}, 1).flatten().nonzero().squeeze(1);
    return {input("pixel_values"),
            input("input_ids"),
            input("attention_mask").to(at::kBool),
            supervised,
            at::cat({next, at::full({labels.size(0), 1}, -100, at::kLong)}, 1).flatten().index_select(0, supervised),
            {}};
  }
  vlp::LossValue loss(const std::string& labels_name, double label_smoothing) const {
    const vlp::ModelParts parts = vlp::parts_of(model);
    const vlp::Batch supervised = batch(labels_name);
    vlp::Forward pass(parts, supervised);
    return vlp::LanguageModelLoss({label_smoothing})(pass);
  }

  std::filesystem::path dir;
  at::ScalarType dtype;
  SafetensorsFile inputs;
  std::unique_ptr<SafetensorsFile> expected;
  double smoothing = 0;
  vlp::Blip model{nullptr};
  std::shared_ptr<vlp::VisionTransformerImpl> encoder;
  std::shared_ptr<vlp::BertCrossAttentionImpl> decoder;
};

void compare_forward(Case& c) {
  const at::NoGradGuard no_grad;
  const double tolerance = c.tolerances().absolute;
  const std::vector<at::Tensor> vision = c.encoder->hidden_states(c.input("pixel_values"));
  for (std::size_t i = 0; i < vision.size(); ++i) c.compare("vision_hidden." + std::to_string(i), vision[i], tolerance);
  const at::Tensor image = c.model->image_states(c.input("pixel_values"));
  c.compare("image_embeds", image, tolerance);
  c.compare("vision_last_hidden_state", image, tolerance);
  c.compare("vision_pooler_output", c.encoder->post_layernorm(image.select(1, 0)), tolerance);
  c.compare("interp_vision_last_hidden_state", c.model->image_states(c.input("interp_pixel_values")), tolerance);

  const at::Tensor ids = c.input("input_ids"), mask = c.input("attention_mask").to(at::kBool);
  const std::vector<at::Tensor> text = c.decoder->hidden_states(ids, mask, image);
  for (std::size_t i = 0; i < text.size(); ++i) c.compare("decoder_hidden." + std::to_string(i), text[i], tolerance);
  const vlp::DecoderAttention attention = c.decoder->attention_probabilities(ids, mask, image);
  for (std::size_t i = 0; i < attention.self.size(); ++i) {
    c.compare("self_attention." + std::to_string(i), attention.self[i], tolerance);
    c.compare("cross_attention." + std::to_string(i), attention.cross[i], tolerance);
  }
  const at::Tensor logits = c.model->decoder_logits(c.model->decoder_states(ids, mask, image));
  c.compare("logits", logits, tolerance);
  c.compare("logits_logsumexp", logits.logsumexp(-1), tolerance);
}

void compare_losses(Case& c) {
  const at::NoGradGuard no_grad;
  c.compare("loss", c.loss("labels", c.smoothing).total, c.tolerances().loss);
  c.compare("loss_smoothing_0", c.loss("labels", 0).total, c.tolerances().loss);
  c.compare("loss_smoothing_0.1", c.loss("labels", 0.1).total, c.tolerances().loss);
  c.compare("loss_prompt_masked_smoothing_0.1", c.loss("labels_prompt_masked", 0.1).total, c.tolerances().loss);
}

/// Gradients of key biases are zero in exact arithmetic: a constant added to all scores changes no probability.
bool is_key_bias(const std::string& name) { return name.ends_with("key.bias"); }

void compare_gradients(Case& c) {
  c.model->zero_grad();
  c.loss("labels", c.smoothing).total.backward();
  const bool relative = c.dtype == at::kFloat;
  double worst = 0, zeros = 0, norm = 0;
  for (const auto& item : c.model->named_parameters()) {
    at::Tensor actual = item.value().grad();
    BOOST_REQUIRE_MESSAGE(actual.defined(), "no gradient for " + item.key());
    norm += actual.to(at::kDouble).square().sum().item<double>();
    const std::string name = "grad." + item.key();
    const bool whole = c.has(name);
    at::Tensor value = c.reference(whole ? name : name + ".rows");
    if (!whole) actual = actual.index_select(0, tensor(c.expected->tensor("row_index")));
    if (is_key_bias(item.key())) {
      zeros = std::max(zeros, actual.abs().max().item<double>());
      continue;
    }
    if (item.key().ends_with("qkv.bias")) {
      zeros = std::max(zeros, actual.chunk(3)[1].abs().max().item<double>());
      actual = at::cat({actual.chunk(3)[0], actual.chunk(3)[2]});
      value = at::cat({value.chunk(3)[0], value.chunk(3)[2]});
    }
    const double difference =
        relative ? ((actual - value).norm() / value.norm()).item<double>() : (actual - value).abs().max().item<double>();
    BOOST_CHECK_MESSAGE(difference <= c.tolerances().gradient, c.label(name) << ": " << difference);
    worst = std::max(worst, difference);
  }
  c.report(relative ? "gradients, relative" : "gradients", worst, c.tolerances().gradient);
  c.report("gradients that are zero", zeros, c.tolerances().zero_gradient);
  const double norm_reference = c.reference("grad_norm").item<double>();
  c.report("grad_norm", std::abs(std::sqrt(norm) - norm_reference) / norm_reference, c.tolerances().gradient);
}

vlp::GenerateOptions generate_options(const json& given) {
  vlp::GenerateOptions options;
  options.beams = given.value("num_beams", 1);
  options.max_length = given.value("max_length", options.max_length);
  options.max_new_tokens = given.value("max_new_tokens", 0);
  options.min_length = given.value("min_length", 0);
  options.length_penalty = given.value("length_penalty", 1.0);
  options.repetition_penalty = given.value("repetition_penalty", 1.0);
  if (const auto early = given.find("early_stopping"); early != given.end())
    options.early_stopping = *early == "never" ? vlp::EarlyStopping::never
                             : *early == true  ? vlp::EarlyStopping::yes
                                               : vlp::EarlyStopping::no;
  return options;
}

/// The stored score of a caption: sequences_scores of beams, the mean of processed_token_logprobs of greedy decoding.
double stored_score(const json& scores) {
  if (scores.is_number()) return scores;
  double sum = 0;
  for (const double value : scores) sum += value;
  return sum / static_cast<double>(scores.size());
}

void compare_generation(Case& c) {
  const at::Tensor pixels = c.input("pixel_values");
  const json file = read_json(c.dir / "generate.json");
  for (const json& stored : file["cases"]) {
    const bool greedy = stored["mode"] == "greedy";
    std::vector<std::int64_t> prompt;
    if (!stored["prompt"].is_null()) prompt.assign(stored["prompt"].begin() + 1, stored["prompt"].end());
    const auto results = c.model->generate(c.model->image_states(pixels), prompt, generate_options(stored["options"]));
    const json& scores = stored[greedy ? "processed_token_logprobs" : "sequences_scores"];
    const bool several = stored["options"].contains("num_return_sequences");
    double worst = 0;
    BOOST_REQUIRE(results.size() == stored["ids"].size());
    for (std::size_t image = 0; image < results.size(); ++image) {
      const json ids = several ? stored["ids"][image] : json::array({stored["ids"][image]});
      const json values = several ? scores[image] : json::array({scores[image]});
      BOOST_REQUIRE(results[image].size() >= ids.size());
      for (std::size_t i = 0; i < ids.size(); ++i) {
        BOOST_CHECK_MESSAGE(results[image][i].ids == ids[i].get<std::vector<std::int64_t>>(),
                            c.label(stored["options"].dump()) << ": got " << json(results[image][i].ids) << ", expected " << ids[i]);
        worst = std::max(worst, std::abs(results[image][i].score - stored_score(values[i])));
      }
    }
    c.report("generate " + stored["mode"].get<std::string>() + " " + stored["options"].dump() + (prompt.empty() ? "" : " with prompt"),
             worst, kScore);
  }
}

void compare_all(Case c) {
  if (c.expected) {
    compare_forward(c);
    compare_losses(c);
    compare_gradients(c);
  } else {
    BOOST_TEST_MESSAGE(c.label("no expected.safetensors: only generation is compared"));
  }
  compare_generation(c);
}

}  // namespace

BOOST_AUTO_TEST_SUITE(blip_caption_parity)

BOOST_AUTO_TEST_CASE(tied_model_agrees_in_float32) { compare_all(Case("caption", at::kFloat)); }
BOOST_AUTO_TEST_CASE(tied_model_agrees_in_float64) { compare_all(Case("caption", at::kDouble)); }
BOOST_AUTO_TEST_CASE(untied_model_agrees_in_float32) { compare_all(Case("caption_untied", at::kFloat)); }
BOOST_AUTO_TEST_CASE(untied_model_agrees_in_float64) { compare_all(Case("caption_untied", at::kDouble)); }

BOOST_AUTO_TEST_SUITE_END()
