// config.json of every age, and what is said of wrong ones.

#include "vlp/blip/config.hpp"

#include <string>

#include <boost/test/unit_test.hpp>

#include "tests/support/messages.hpp"
#include "tests/support/model_files.hpp"

BOOST_AUTO_TEST_SUITE(blip_config)

namespace {

using namespace vlp_test;

struct ConfigFolder {
  ScratchFolder scratch;
  fs::path file = scratch.path / "config.json";
  Heard heard;

  vlp::BlipConfig read(const std::string& text) {
    write_text(file, text);
    return vlp::read_blip_config(file, heard.console());
  }
  std::string refusal(const std::string& text) {
    return message_of<vlp::WeightsError>([&] { (void)read(text); });
  }
};

void check_caption_config(const vlp::BlipConfig& config) {
  const vlp::BlipConfig::Vision& vision = config.vision;
  const vlp::BlipConfig::Text& text = config.text;
  BOOST_TEST(vision.patches.image_size == 64);
  BOOST_TEST(vision.patches.patch == 16);
  BOOST_TEST(vision.sizes.width == 32);
  BOOST_TEST(vision.sizes.depth == 2);
  BOOST_TEST(vision.sizes.heads == 4);
  BOOST_TEST(vision.sizes.mlp == 64);
  BOOST_TEST(vision.layer_norm_eps == 1e-5);
  BOOST_TEST(text.options.vocabulary_size == 30524);
  BOOST_TEST(text.sizes.width == 32);
  BOOST_TEST(text.sizes.heads == 4);
  BOOST_TEST(text.options.max_positions == 64);
  BOOST_TEST(text.options.layer_norm_eps == 1e-12);
  BOOST_TEST(text.label_smoothing == 0.1);
  BOOST_TEST(text.bos == 30522);
  BOOST_TEST(text.sep == 102);
  BOOST_TEST(text.pad == 0);
  BOOST_TEST(config.tie_embeddings);
  BOOST_TEST((config.task == vlp::BlipTask::captioning));
}

}  // namespace

BOOST_AUTO_TEST_CASE(a_config_of_today_is_read) {
  Heard heard;
  check_caption_config(vlp::read_blip_config(parity("caption/model/config.json"), heard.console()));
  BOOST_TEST(heard.warnings.empty());
}

BOOST_AUTO_TEST_CASE(the_verbose_style_of_2022_is_read_alike) {
  Heard heard;
  check_caption_config(vlp::read_blip_config(parity("caption/config_2022.json"), heard.console()));
  BOOST_TEST(heard.warnings.empty());
}

BOOST_AUTO_TEST_CASE(missing_keys_take_transformers_defaults_and_eight_heads_are_warned_of) {
  ConfigFolder folder;
  const vlp::BlipConfig config = folder.read(
      R"({"model_type": "blip", "text_config": {}, "vision_config": {"hidden_size": 1024, "num_attention_heads": 16}})");
  BOOST_TEST(config.text.sizes.heads == 8);
  BOOST_TEST(config.text.options.vocabulary_size == 30524);
  BOOST_TEST(config.vision.sizes.width == 1024);
  BOOST_TEST(config.vision.patches.image_size == 384);
  BOOST_REQUIRE_EQUAL(folder.heard.warnings.size(), 1U);
  BOOST_TEST(contains(folder.heard.warnings,
                      "text_config.num_attention_heads is 8, transformers' default"));
  BOOST_TEST(contains(folder.heard.warnings, "April 2023"));
}

BOOST_AUTO_TEST_CASE(twelve_heads_of_768_are_not_warned_of) {
  ConfigFolder folder;
  (void)folder.read(
      R"({"model_type": "blip", "text_config": {"num_attention_heads": 12}, "vision_config": {}})");
  BOOST_TEST(folder.heard.warnings.empty());
}

BOOST_AUTO_TEST_CASE(all_mistakes_are_shown_with_file_key_value_and_expectation) {
  ConfigFolder folder;
  const std::string what = folder.refusal(R"({"model_type": "blip",
    "text_config": {"hidden_act": "relu", "is_decoder": false, "hidden_size": "wide", "bos_token_id": 30524},
    "vision_config": {"hidden_act": "gelu_new", "image_size": 100, "num_hidden_layers": -1, "layer_norm_eps": null}})");
  const std::string file = folder.file.string();
  for (
      const std::string line :
      {R"(text_config.hidden_act: not supported (got "relu", expected "gelu").)",
       R"(text_config.is_decoder: not supported (got false, expected true).)",
       R"(text_config.hidden_size: not supported (got "wide", expected an integer, 1 to 65536).)",
       R"(text_config.bos_token_id: not supported (got 30524, expected an id below vocab_size, 30524).)",
       R"(vision_config.hidden_act: not supported (got "gelu_new", expected "gelu").)",
       R"(vision_config.image_size: not supported (got 100, expected a multiple of patch_size, 16).)",
       R"(vision_config.num_hidden_layers: not supported (got -1, expected an integer, 1 to 1024).)",
       R"(vision_config.layer_norm_eps: not supported (got null, expected a number, above 0).)"})
    BOOST_TEST(what.find(file + ": " + line) != what.npos, line << "\nnot in\n" << what);
}

BOOST_AUTO_TEST_CASE(sizes_may_be_lists_if_they_are_square) {
  ConfigFolder folder;
  const std::string before =
      R"({"model_type": "blip", "text_config": {"num_attention_heads": 12}, "vision_config": {"image_size": )";
  BOOST_TEST(folder.read(before + "[224, 224]}}").vision.patches.image_size == 224);
  BOOST_TEST(folder.refusal(before + "[224, 192]}}")
                 .find("vision_config.image_size: not supported (got [224,192], expected one "
                       "integer, or two that are equal)") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(other_models_and_files_that_are_no_config_are_refused) {
  ConfigFolder folder;
  const std::string file = folder.file.string();
  BOOST_TEST(
      folder.refusal(R"({"model_type": "vit"})") ==
      file +
          R"(: model_type: not supported (got "vit", expected "blip"). Choose a BLIP model for captioning or for image-text retrieval.)");
  BOOST_TEST(folder.refusal("{}").starts_with(
      file + R"(: model_type: not supported (got nothing, expected "blip").)"));
  BOOST_TEST(folder.refusal(R"({"model_type": "blip", "text_config": {}})") ==
             file +
                 ": vision_config: not supported (got nothing, expected an object). Correct the "
                 "file, or choose another model.");
  BOOST_TEST(folder.refusal("[1]").starts_with(file + ": not a JSON object (got array)."));
  BOOST_TEST(folder.refusal("{\"a\": ").starts_with(file + ": not JSON at byte"));
  BOOST_TEST(folder.refusal("{\"a\": 1e999}")
                 .starts_with(file + ": holds a number that is out of range."));
  BOOST_CHECK_THROW((void)vlp::read_blip_config(folder.scratch.path / "absent.json", {}),
                    vlp::WeightsError);
}

BOOST_AUTO_TEST_CASE(the_head_is_configured_untied_only_if_both_keys_say_so) {
  ConfigFolder folder;
  const auto tied = [&](const std::string& top, const std::string& text) {
    return folder
        .read(
            R"({"model_type": "blip", "tie_word_embeddings": )" + top +
            R"(, "vision_config": {}, "text_config": {"num_attention_heads": 12, "tie_word_embeddings": )" +
            text + "}}")
        .tie_embeddings;
  };
  BOOST_TEST(tied("true", "false"));
  BOOST_TEST(tied("false", "true"));
  BOOST_TEST(!tied("false", "false"));
}

BOOST_AUTO_TEST_CASE(the_architecture_tells_the_task) {
  ConfigFolder folder;
  const auto with = [&](const std::string& more) {
    return R"({"model_type": "blip", "vision_config": {}, "text_config": {"num_attention_heads": 12})" +
           more + "}";
  };
  const vlp::BlipConfig retrieval = folder.read(
      with(R"(, "architectures": ["BlipForImageTextRetrieval"], "image_text_hidden_size": 96)"));
  BOOST_TEST((retrieval.task == vlp::BlipTask::retrieval));
  BOOST_TEST(retrieval.embedding_width == 96);
  BOOST_TEST((retrieval.match_token == vlp::BlipMatchToken::cls));
  BOOST_TEST(
      folder.read(with(R"(, "architectures": ["BlipForImageTextRetrieval"])")).embedding_width ==
      256);
  BOOST_TEST((folder.read(with("")).task == vlp::BlipTask::captioning));
  write_text(folder.file, with(""));
  BOOST_TEST((vlp::read_blip_config(folder.file, {}, vlp::BlipTask::retrieval).task ==
              vlp::BlipTask::retrieval));
  BOOST_TEST(folder.refusal(with(R"(, "architectures": ["BlipForQuestionAnswering"])")) ==
             folder.file.string() +
                 R"(: architectures: not supported (got ["BlipForQuestionAnswering"], expected )" +
                 R"(["BlipForConditionalGeneration"] or ["BlipForImageTextRetrieval"]). )" +
                 "Choose a BLIP model for captioning or for image-text retrieval.");
}

BOOST_AUTO_TEST_CASE(wrong_keys_of_a_retrieval_model_are_named) {
  ConfigFolder folder;
  const std::string what = folder.refusal(
      R"({"model_type": "blip", "architectures": ["BlipForImageTextRetrieval"], "image_text_hidden_size": 0,
    "match_token": "sep", "vision_config": {}, "text_config": {"num_attention_heads": 12, "is_decoder": false}})");
  for (const std::string line :
       {R"(: image_text_hidden_size: not supported (got 0, expected an integer, 1 to 65536).)",
        R"(: match_token: not supported (got "sep", expected "cls" or "enc").)",
        R"(: text_config.is_decoder: not supported (got false, expected true).)"})
    BOOST_TEST(what.find(folder.file.string() + line) != what.npos, line << "\nnot in\n" << what);
}

BOOST_AUTO_TEST_CASE(eight_heads_are_warned_of_in_a_retrieval_model_too) {
  ConfigFolder folder;
  (void)folder.read(
      R"({"model_type": "blip", "architectures": ["BlipForImageTextRetrieval"], "vision_config": {}, "text_config": {}})");
  BOOST_TEST(contains(folder.heard.warnings,
                      "text_config.num_attention_heads is 8, transformers' default"));
}

BOOST_AUTO_TEST_CASE(a_written_retrieval_config_is_read_back) {
  ConfigFolder folder;
  for (const auto token : {vlp::BlipMatchToken::enc, vlp::BlipMatchToken::cls}) {
    vlp::BlipConfig config = tiny_config(vlp::BlipTask::retrieval);
    config.match_token = token;
    const auto json = vlp::config_json(config);
    BOOST_TEST(json["architectures"][0] == "BlipForImageTextRetrieval");
    const vlp::BlipConfig again = folder.read(json.dump());
    BOOST_TEST(vlp::write_toml(vlp::Value(vlp::model_table(again))) ==
               vlp::write_toml(vlp::Value(vlp::model_table(config))));
    BOOST_TEST((again.match_token == token));
    BOOST_TEST(again.embedding_width == 10);
  }
}

BOOST_AUTO_TEST_CASE(what_is_written_is_read_back) {
  ConfigFolder folder;
  vlp::BlipConfig config = tiny_config();
  config.text.label_smoothing = 0.25;
  config.text.options.dropout = 0.1;
  config.tie_embeddings = false;
  const std::string text = vlp::config_json(config).dump();
  const vlp::BlipConfig again = folder.read(text);
  BOOST_TEST(vlp::write_toml(vlp::Value(vlp::model_table(again))) ==
             vlp::write_toml(vlp::Value(vlp::model_table(config))));
  BOOST_TEST(again.text.label_smoothing == 0.25);
  BOOST_TEST(again.text.bos == 48);
  BOOST_TEST(again.text.sep == 3);
  BOOST_TEST(again.text.pad == 1);
}

BOOST_AUTO_TEST_SUITE_END()
