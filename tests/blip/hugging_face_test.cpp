// The files around a Hugging Face model's weights as tables of a recipe.

#include "vlp/blip/hugging_face.hpp"

#include <string>

#include <boost/test/unit_test.hpp>

#include "tests/support/messages.hpp"
#include "tests/support/model_files.hpp"
#include "vlp/text/wordpiece.hpp"

BOOST_AUTO_TEST_SUITE(hugging_face)

namespace {

using namespace vlp_test;

struct Files {
  ScratchFolder scratch;
  vlp::BlipConfig config = tiny_config();
  Heard heard;

  [[nodiscard]] std::string path(const std::string& name) const {
    return (scratch.path / name).string();
  }
  void write(const std::string& name, const std::string& text) const {
    write_text(scratch.path / name, text);
  }
  /// The transforms as TOML.
  [[nodiscard]] std::string transforms(const std::string& text) {
    write("preprocessor_config.json", text);
    vlp::Table table;
    table.set("transform",
              vlp::Value(vlp::read_image_processor(scratch.path, config, heard.console())));
    return vlp::write_toml(vlp::Value(std::move(table)));
  }
  [[nodiscard]] std::string refused_transforms(const std::string& text) {
    return message_of<vlp::WeightsError>([&] { (void)transforms(text); });
  }
  [[nodiscard]] std::string generation(const std::string& text, std::int64_t positions = 512) {
    vlp::Table table = vlp::generate_table(
        vlp::ConfigObject("generation_config.json", json::parse(text)), positions, heard.console());
    return vlp::write_toml(vlp::Value(std::move(table)));
  }
  [[nodiscard]] std::string refused_generation(const std::string& text) {
    return message_of<vlp::WeightsError>([&] { (void)generation(text); });
  }
};

}  // namespace

BOOST_AUTO_TEST_CASE(size_is_a_number_in_old_files_and_height_and_width_in_new_ones) {
  Files files;
  const std::string old = files.transforms(
      R"({"do_normalize": true, "do_resize": true, "image_processor_type": "BlipImageProcessor", "size": 96})");
  BOOST_TEST(contains(old, "size = 96\nkernel = \"torchvision\""));
  BOOST_TEST(contains(old, "mean = [0.48145466, 0.4578275, 0.40821073]"));
  BOOST_TEST(files.transforms(R"({"resample": 3, "size": {"height": 96, "width": 96}})") == old);
  BOOST_TEST(contains(
      files.heard.notes,
      "images become 96 pixels square; the model's positions, made for 32, are interpolated"));
}

BOOST_AUTO_TEST_CASE(mean_deviation_and_scale_are_taken_over) {
  Files files;
  BOOST_TEST(
      contains(files.transforms(R"({"image_mean": [0.5, 0.25, 0], "image_std": [0.5, 1, 2]})"),
               "mean = [0.5, 0.25, 0.0]\nstd = [0.5, 1.0, 2.0]"));
  BOOST_TEST(contains(files.transforms(R"({"do_normalize": false})"),
                      "mean = [0.0, 0.0, 0.0]\nstd = [1.0, 1.0, 1.0]"));
  // x - 51 over 255 levels is (x / 255 - 0.2) * 255
  BOOST_TEST(contains(
      files.transforms(
          R"({"do_rescale": false, "image_mean": [51, 51, 51], "image_std": [255, 255, 255]})"),
      "mean = [0.2, 0.2, 0.2]\nstd = [1.0, 1.0, 1.0]"));
}

BOOST_AUTO_TEST_CASE(the_nested_file_of_newer_versions_wins) {
  Files files;
  files.write(
      "processor_config.json",
      R"({"processor_class": "BlipProcessor", "image_processor": {"size": {"height": 40, "width": 40}}})");
  BOOST_TEST(contains(files.transforms(R"({"size": 96})"), "size = 40"));
}

BOOST_AUTO_TEST_CASE(without_a_file_the_size_is_the_configs_and_that_is_said) {
  Files files;
  const vlp::Array transforms =
      vlp::read_image_processor(files.scratch.path, files.config, files.heard.console());
  BOOST_TEST(*transforms.at(0).as<vlp::Table>()->find("size")->value.as<std::int64_t>() == 32);
  BOOST_TEST(
      contains(files.heard.notes, "no preprocessor_config.json; images become 32 pixels square"));
}

BOOST_AUTO_TEST_CASE(processing_that_vlp_lacks_is_refused_with_its_key) {
  Files files;
  const std::string file = files.path("preprocessor_config.json");
  BOOST_TEST(
      files.refused_transforms(R"({"size": {"height": 96, "width": 64}})")
          .starts_with(
              file +
              R"(: size: not supported (got {"height":96,"width":64}, expected height and width, the same for both).)"));
  BOOST_TEST(files.refused_transforms(R"({"resample": 2})")
                 .starts_with(file + ": resample: not supported (got 2, expected 3)."));
  BOOST_TEST(
      contains(files.refused_transforms(R"({"size": 30})"),
               "size: not supported (got 30, expected a multiple of the model's patch_size, 8)"));
  BOOST_TEST(contains(files.refused_transforms(R"({"do_resize": false})"),
                      "do_resize: not supported (got false, expected true)"));
  BOOST_TEST(contains(files.refused_transforms(R"({"image_mean": [0.5]})"),
                      "image_mean: not supported (got [0.5], expected a list of 3 numbers)"));
  BOOST_TEST(contains(files.refused_transforms(R"({"image_std": [1, 0, 1]})"),
                      "image_std: not supported (got [1,0,1], expected numbers above 0)"));
  BOOST_TEST(contains(files.refused_transforms(R"({"image_processor_type": "CLIPImageProcessor"})"),
                      "image_processor_type: not supported"));
  BOOST_TEST(contains(files.refused_transforms(R"({"size": "big"})"),
                      R"(size: not supported (got "big", expected an integer, 1 to 4096))"));
}

BOOST_AUTO_TEST_CASE(tokenizer_json_alone_gives_the_same_ids_as_vocab_txt) {
  Files files;
  const std::vector<std::string> tokens{"[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]",
                                        "a",     "dog",   "##s",   "."};
  std::string lines;
  json vocabulary = json::object();
  for (std::size_t i = 0; i < tokens.size(); ++i)
    lines += tokens[i] + "\n", vocabulary[tokens[i]] = i;
  json tokenizer{
      {"added_tokens", {{{"id", 3}, {"content", "[SEP]"}}, {{"id", 9}, {"content", "[DEC]"}}}},
      {"normalizer",
       {{"type", "BertNormalizer"},
        {"lowercase", true},
        {"strip_accents", nullptr},
        {"handle_chinese_chars", true},
        {"clean_text", true}}},
      {"pre_tokenizer", {{"type", "BertPreTokenizer"}}},
      {"model",
       {{"type", "WordPiece"}, {"continuing_subword_prefix", "##"}, {"vocab", vocabulary}}}};
  files.write("tokenizer.json", tokenizer.dump());
  files.write("other/vocab.txt", lines);
  const vlp::WordPiece from_json(files.path("tokenizer.json")),
      from_text(files.path("other/vocab.txt"));
  BOOST_TEST(from_json.encode("A dogs zebra.") == from_text.encode("A dogs zebra."),
             boost::test_tools::per_element());
  BOOST_TEST(from_json.special().decode == 9);
  BOOST_TEST(from_json.special().encode == 10);
  BOOST_TEST(
      *vlp::read_tokenizer(files.scratch.path)->find("vocabulary")->value.as<std::string>() ==
      files.path("tokenizer.json"));

  const auto refusal = [&](const char* pointer, const json& value) {
    json other = tokenizer;
    other[json::json_pointer(pointer)] = value;
    files.write("tokenizer.json", other.dump());
    return message_of<vlp::DataError>([&] { vlp::WordPiece{files.path("tokenizer.json")}; });
  };
  BOOST_TEST(refusal("/model/type", "BPE")
                 .starts_with(files.path("tokenizer.json") +
                              R"(: model/type: not supported (got "BPE", expected "WordPiece").)"));
  BOOST_TEST(contains(refusal("/normalizer/lowercase", false),
                      "normalizer/lowercase: not supported (got false, expected true)"));
  BOOST_TEST(
      contains(refusal("/model/vocab/dog", 5), "the ids of model.vocab are not 0 to 8, each once"));
  BOOST_TEST(contains(refusal("/added_tokens/1/content", "<image>"),
                      "token '<image>' was added to the vocabulary"));
}

BOOST_AUTO_TEST_CASE(a_folder_without_vocabulary_has_no_tokenizer) {
  const Files files;
  BOOST_TEST(!vlp::read_tokenizer(files.scratch.path).has_value());
}

BOOST_AUTO_TEST_CASE(other_tokenizers_are_refused) {
  Files files;
  files.write("vocab.txt", "[PAD]\n");
  files.write("tokenizer_config.json",
              R"({"tokenizer_class": "GPT2Tokenizer", "do_lower_case": false})");
  BOOST_CHECK_EXCEPTION(
      (void)vlp::read_tokenizer(files.scratch.path), vlp::WeightsError,
      [&](const vlp::WeightsError& error) {
        return contains(error.what(), R"(tokenizer_class: not supported (got "GPT2Tokenizer")") &&
               contains(error.what(), "do_lower_case: not supported (got false, expected true)");
      });
}

BOOST_AUTO_TEST_CASE(generation_defaults_to_greedy_with_twenty_new_tokens) {
  Files files;
  const std::string table = files.generation("{}");
  for (const char* line : {"beams = 1\n", "max_new_tokens = 20\n", "min_length = 0\n",
                           "sample = false\n", "top_k = 50\n", "early_stopping = \"no\"\n"})
    BOOST_TEST(contains(table, line), line << "\nnot in\n" << table);
  BOOST_TEST(contains(files.generation("{}", 18),
                      "max_length = 18\nmax_new_tokens = 0\n"));  // as many as there are positions
}

BOOST_AUTO_TEST_CASE(generation_settings_are_taken_over) {
  Files files;
  const std::string table = files.generation(
      R"({"num_beams": 4, "max_length": 30, "min_length": 5, "length_penalty": 0.5, "early_stopping": "never",
    "repetition_penalty": 1.5, "do_sample": false, "top_k": 10, "top_p": 0.9, "temperature": 0.7, "num_return_sequences": 2, "eos_token_id": 2,
    "no_repeat_ngram_size": 0, "typical_p": 1.0, "bad_words_ids": null, "transformers_version": "4.30.0", "use_cache": true})");
  for (const char* line :
       {"beams = 4\n", "max_length = 30\n", "max_new_tokens = 0\n", "min_length = 5\n",
        "length_penalty = 0.5\n", "early_stopping = \"never\"\n", "repetition_penalty = 1.5\n",
        "top_k = 10\n", "top_p = 0.9\n", "temperature = 0.7\n", "num_captions = 2\n"})
    BOOST_TEST(contains(table, line), line << "\nnot in\n" << table);
  BOOST_TEST(contains(files.generation(R"({"max_new_tokens": 7, "max_length": 30})"),
                      "max_new_tokens = 7\n"));
  BOOST_TEST(
      contains(files.generation(R"({"early_stopping": true})"), "early_stopping = \"yes\"\n"));
}

BOOST_AUTO_TEST_CASE(rules_of_tokens_are_taken_over) {
  Files files;
  const std::string table = files.generation(
      R"({"no_repeat_ngram_size": 3, "bad_words_ids": [[7], [8, 9]], "suppress_tokens": [1, 2],
    "begin_suppress_tokens": [4], "forced_bos_token_id": 5, "forced_eos_token_id": [102],
    "min_new_tokens": 6})");
  for (const char* line :
       {"no_repeat_ngram_size = 3\n", "bad_words_ids = [[7], [8, 9]]\n",
        "suppress_tokens = [1, 2]\n", "begin_suppress_tokens = [4]\n", "forced_bos_token_id = 5\n",
        "forced_eos_token_id = 102\n", "min_new_tokens = 6\n"})
    BOOST_TEST(contains(table, line), line << "\nnot in\n" << table);
  const std::string off = files.generation(
      R"({"no_repeat_ngram_size": null, "bad_words_ids": null, "suppress_tokens": [],
    "forced_bos_token_id": null})");
  for (const char* line : {"no_repeat_ngram_size = 0\n", "bad_words_ids = []\n",
                           "suppress_tokens = []\n", "forced_bos_token_id = -1\n"})
    BOOST_TEST(contains(off, line), line << "\nnot in\n" << off);
  BOOST_TEST(files.heard.warnings.empty());
}

BOOST_AUTO_TEST_CASE(generation_settings_that_vlp_lacks_are_named_in_a_warning) {
  for (const char* setting :
       {"num_beam_groups\": 2", "typical_p\": 0.5", "renormalize_logits\": true", "max_time\": 2.5",
        "sequence_bias\": [[[7], -1.0]]", "forced_eos_token_id\": [102, 7]", "what_is_this\": 1"}) {
    Files files;
    const std::string key(setting, std::string(setting).find('"'));
    const std::string value = json::parse(std::string("{\"") + setting + "}")[key].dump();
    (void)files.generation(std::string("{\"") + setting + "}");
    BOOST_TEST_REQUIRE(files.heard.warnings.size() == 1U, setting);
    BOOST_TEST(files.heard.warnings[0] == "generation_config.json: " + key +
                                              ": not supported (got " + value +
                                              "), left aside; captions may differ from "
                                              "transformers'");
  }
}

BOOST_AUTO_TEST_CASE(settings_without_effect_are_passed_over_in_silence) {
  Files files;
  (void)files.generation(
      R"({"eos_token_id": 2, "use_cache": false, "output_scores": true, "num_beam_groups": 1,
    "diversity_penalty": 0.0, "typical_p": 1.0, "max_time": null, "remove_invalid_values": false,
    "transformers_version": "5.23.0", "_from_model_config": true, "epsilon_cutoff": 0})");
  BOOST_TEST(files.heard.warnings.empty());
}

BOOST_AUTO_TEST_CASE(values_that_a_setting_cannot_have_are_refused_with_its_key) {
  Files files;
  const auto refused = [&](const std::string& text, const std::string& words) {
    const std::string message = files.refused_generation(text);
    BOOST_TEST(contains(message, "generation_config.json: " + words), message);
  };
  refused(R"({"num_beams": "many"})",
          R"(num_beams: not supported (got "many", expected an integer, 1 to 64))");
  refused(R"({"no_repeat_ngram_size": -1})",
          "no_repeat_ngram_size: not supported (got -1, expected an integer, at least 0)");
  refused(R"({"bad_words_ids": [7]})",
          "bad_words_ids: not supported (got [7], expected a list of lists of ids, none of them "
          "empty)");
  refused(R"({"bad_words_ids": [[]]})", "bad_words_ids: not supported (got [[]]");
  refused(R"({"suppress_tokens": [1.5]})",
          "suppress_tokens: not supported (got [1.5], expected a list of ids)");
  refused(R"({"forced_bos_token_id": -4})",
          "forced_bos_token_id: not supported (got -4, expected an id)");
}

BOOST_AUTO_TEST_SUITE_END()
