// What `vlp caption`, `vlp match`, `vlp trace` and `vlp run` make of weights with NaN or infinity:
// exit code 6 and a place, never words.

#include <filesystem>
#include <fstream>
#include <limits>
#include <string>
#include <vector>

#include <boost/test/unit_test.hpp>

#include "tests/support/caption_program.hpp"
#include "tests/support/planted.hpp"

namespace {

namespace fs = std::filesystem;
using vlp_test::image;
using vlp_test::Outcome;
using vlp_test::plant;
using vlp_test::stored;

constexpr float kNaN = std::numeric_limits<float>::quiet_NaN(),
                kInfinity = std::numeric_limits<float>::infinity();

bool has(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

/// Whether it ended with exit code 6, without words, and said all of this and no stack.
void check_refused(const Outcome& outcome, const std::vector<std::string>& said,
                   const std::string& of) {
  BOOST_TEST(outcome.code == 6, of << ": " << outcome.out << outcome.err);
  BOOST_TEST(outcome.out == "", of);
  for (const std::string& part : said)
    BOOST_TEST(has(outcome.err, part), of << ": " << outcome.err);
  BOOST_TEST(!has(outcome.err, "frame #"), outcome.err);
  BOOST_TEST(!has(outcome.err, "VLP_STACK"), outcome.err);
}

/// Every way of writing captions.
const std::vector<std::vector<std::string>> kModes{
    {},
    {"--beams", "3", "--num-captions", "2", "--repetition-penalty", "1.3"},
    {"--sample", "--num-captions", "2", "--seed", "3"},
    {"--precision", "bf16"},
    {"--precision", "int8"},
    {"--precision", "int8", "--beams", "3"}};

/// The stored captioning model with something planted.
struct PlantedCaptioner : vlp_test::ModelFolder {
  [[nodiscard]] std::string weights() const { return (folder.path / "model.safetensors").string(); }
  void check_all_modes(const std::string& tensor, float value, std::size_t count,
                       const std::string& said) const {
    plant(weights(), tensor, value, count);
    for (std::vector<std::string> words : kModes) {
      words.insert(words.end(), {image("07_rgb.png"), image("01_420.jpg"), "--format", "json"});
      check_refused(caption(words),
                    {"error: " + image("07_rgb.png") + ": ", said, weights() + ": 1 of ",
                     " tensors hold NaN or infinity: " + tensor},
                    tensor);
    }
  }
};

}  // namespace

BOOST_AUTO_TEST_SUITE(not_finite_program)

BOOST_AUTO_TEST_CASE(no_captions_come_of_image_states_that_are_not_finite) {
  for (const char* tensor :
       {"vision_model.post_layernorm.weight", "vision_model.embeddings.patch_embedding.bias",
        "vision_model.encoder.layers.0.self_attn.qkv.bias"})
    PlantedCaptioner().check_all_modes(tensor, kNaN, 0, "the image states are not finite (got [");
  PlantedCaptioner().check_all_modes("vision_model.encoder.layers.1.mlp.fc2.weight", kInfinity, 1,
                                     "the image states are not finite (got [");
}

BOOST_AUTO_TEST_CASE(no_captions_come_of_logits_that_are_not_finite) {
  for (const char* tensor : {"text_decoder.bert.encoder.layer.0.attention.self.query.weight",
                             "text_decoder.bert.encoder.layer.1.attention.self.key.weight",
                             "text_decoder.bert.encoder.layer.1.crossattention.self.value.bias",
                             "text_decoder.cls.predictions.transform.dense.weight"})
    PlantedCaptioner().check_all_modes(tensor, kNaN, 0,
                                       "the decoder's logits of token 1 of the caption are not");
  for (const float value : {kNaN, kInfinity, -kInfinity})
    PlantedCaptioner().check_all_modes("text_decoder.cls.predictions.bias", value, 1,
                                       "the decoder's logits of token 1 of the caption are not");
  PlantedCaptioner().check_all_modes("text_decoder.bert.encoder.layer.1.intermediate.dense.weight",
                                     kNaN, 1,
                                     "the decoder's logits of token 1 of the caption are not");
}

BOOST_AUTO_TEST_CASE(pixels_that_are_not_finite_are_named_by_their_row) {
  const vlp_test::ModelFolder model;
  const fs::path inputs = model.folder.path / "inputs.safetensors";
  fs::copy_file(stored("caption") / "inputs.safetensors", inputs);
  plant(inputs, "pixel_values", kNaN, 1);
  const Outcome outcome = model.caption({"--pixel-values", inputs.string()});
  check_refused(outcome, {"error: row 0 of the pixel values: the image states are not finite"}, "");
  BOOST_TEST(!has(outcome.err, "tensors hold NaN"), outcome.err);
}

BOOST_AUTO_TEST_CASE(a_trace_is_written_and_its_first_tensors_that_are_not_finite_are_named) {
  const PlantedCaptioner model;
  plant(model.weights(), "vision_model.post_layernorm.weight", kNaN);
  const fs::path out = model.folder.path / "trace.safetensors";
  const Outcome outcome = vlp_test::run_process(
      {VLP_PROGRAM, "trace", "--model", model.folder.path.string(), "--device", "cpu", "--inputs",
       (stored("caption") / "inputs.safetensors").string(), "--out", out.string()});
  BOOST_TEST(outcome.code == 6, outcome.err);
  BOOST_TEST(has(outcome.out, "trace.safetensors: "), outcome.out);
  BOOST_TEST(has(outcome.err, "tensors hold NaN or infinity: vision_last_hidden_state, "),
             outcome.err);
  BOOST_TEST(has(outcome.err, model.weights() + ": 1 of "), outcome.err);
  BOOST_TEST(vlp::read_safetensors(out).tensors.contains("vision_last_hidden_state"));
}

BOOST_AUTO_TEST_CASE(no_matches_come_of_what_is_not_finite) {
  const auto check = [](const std::string& tensor, float value, const std::string& said) {
    const ScratchFolder folder;
    fs::copy_file(stored("retrieval") / "model" / "config.json", folder.path / "config.json");
    fs::copy_file(stored("retrieval") / "model" / "model.safetensors",
                  folder.path / "model.safetensors");
    fs::copy_file(fs::path(VLP_SOURCE_ROOT) / "share/vocabularies/bert-base-uncased.txt",
                  folder.path / "vocab.txt");
    plant(folder.path / "model.safetensors", tensor, value);
    for (const char* format : {"json", "text"})
      check_refused(vlp_test::run_process({VLP_PROGRAM, "match", "--model", folder.path.string(),
                                           "--device", "cpu", "--format", format, "--image",
                                           image("07_rgb.png"), "--text", "two dogs", "a cat"}),
                    {said, "model.safetensors: 1 of ", " tensors hold NaN or infinity: " + tensor},
                    tensor);
  };
  const std::string of_image = "error: " + image("07_rgb.png") + ": ";
  check("vision_model.post_layernorm.weight", kNaN, of_image + "the image states are not finite");
  check("vision_proj.bias", kInfinity, of_image + "the image embeddings are not finite");
  check("text_proj.bias", kNaN, "error: text \"two dogs\": the text embeddings are not finite");
  check("itm_head.bias", kInfinity,
        of_image + "the match logits with the texts are not finite (got [2, 2]");
}

BOOST_AUTO_TEST_SUITE_END()
