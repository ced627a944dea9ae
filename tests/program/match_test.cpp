// `vlp match`: its numbers are transformers', and what it makes of images, texts and of what is
// wrong with them.

#include <cmath>
#include <cstddef>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include <boost/test/unit_test.hpp>
#include <nlohmann/json.hpp>

#include "tests/support/caption_program.hpp"

namespace {

namespace fs = std::filesystem;
using nlohmann::json;
using vlp_test::image;
using vlp_test::json_lines;
using vlp_test::Outcome;
using vlp_test::stored;

constexpr double kFloat32 =
    5e-5;  // what two implementations of this model in float32 may differ by; 1e-5 was seen

bool has(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

/// The stored retrieval model with a vocabulary, and what transformers says of it.
struct RetrievalFolder {
  RetrievalFolder() {
    for (const char* name : {"config.json", "model.safetensors"})
      fs::create_symlink(stored("retrieval") / "model" / name, folder.path / name);
    fs::create_symlink(fs::path(VLP_SOURCE_ROOT) / "share/vocabularies/bert-base-uncased.txt",
                       folder.path / "vocab.txt");
    expected = json::parse(vlp_test::text_of(fs::path(VLP_TEST_DATA) / "match" / "retrieval.json"));
  }
  [[nodiscard]] Outcome match(std::vector<std::string> words) const {
    words.insert(words.begin(),
                 {VLP_PROGRAM, "match", "--model", folder.path.string(), "--device", "cpu"});
    return vlp_test::run_process(words);
  }
  /// The stored pixel values with the stored texts.
  [[nodiscard]] Outcome match_stored(std::vector<std::string> words) const {
    words.insert(words.end(),
                 {"--pixel-values", (stored("retrieval") / "inputs.safetensors").string(),
                  "--format", "json", "--text"});
    for (const json& text : expected["texts"]) words.push_back(text);
    return match(words);
  }
  void check(const Outcome& outcome, const char* token) const {
    BOOST_TEST_REQUIRE(outcome.code == 0, outcome.err);
    const auto lines = json_lines(outcome);
    BOOST_TEST_REQUIRE(lines.size() == 4U);
    for (std::size_t i = 0; i < 4; ++i) {
      BOOST_TEST(lines[i]["image"] == i);
      BOOST_TEST_REQUIRE(lines[i]["matches"].size() == 6U);
      for (std::size_t t = 0; t < 6; ++t) {
        const json& match = lines[i]["matches"][t];
        const json& logits = expected[token][i][t];
        const double no = logits[0], yes = logits[1];
        BOOST_TEST(match["text"] == expected["texts"][t]);
        BOOST_TEST(std::abs(match["logits"][0].get<double>() - no) < kFloat32);
        BOOST_TEST(std::abs(match["logits"][1].get<double>() - yes) < kFloat32);
        BOOST_TEST(std::abs(match["probability"].get<double>() - 1 / (1 + std::exp(no - yes))) <
                   kFloat32);
        BOOST_TEST(std::abs(match["similarity"].get<double>() -
                            expected["similarity"][i][t].get<double>()) < kFloat32);
      }
    }
  }

  ScratchFolder folder;
  json expected;
};

}  // namespace

BOOST_FIXTURE_TEST_SUITE(match_program, RetrievalFolder)

BOOST_AUTO_TEST_CASE(numbers_are_those_of_transformers_for_every_image_with_every_text) {
  check(match_stored({}), "cls");
}

BOOST_AUTO_TEST_CASE(the_match_token_can_be_chosen) {
  check(match_stored({"--match-token", "enc"}), "enc");
  check(match_stored({"--match-token", "cls"}), "cls");
}

BOOST_AUTO_TEST_CASE(batches_do_not_change_the_numbers) {
  check(match_stored({"--batch", "1"}), "cls");
}

BOOST_AUTO_TEST_CASE(a_table_has_a_line_a_text_in_the_order_given) {
  const Outcome outcome = match({"--image", image("01_420.jpg"), image("07_rgb.png"), "--text",
                                 "two dogs", "a cat", "two dogs"});
  BOOST_TEST_REQUIRE(outcome.code == 0, outcome.err);
  const auto lines = vlp_test::lines_of(outcome.out);
  BOOST_TEST_REQUIRE(lines.size() == 10U);
  BOOST_TEST(lines[0] == image("01_420.jpg"));
  BOOST_TEST(lines[1] == "  probability  similarity  text");
  BOOST_TEST(lines[2].ends_with("  two dogs"));
  BOOST_TEST(lines[3].ends_with("  a cat"));
  BOOST_TEST(lines[4] == lines[2]);
  BOOST_TEST(lines[5] == image("07_rgb.png"));
}

BOOST_AUTO_TEST_CASE(broken_images_are_named_and_the_others_go_on) {
  const Outcome outcome = match({"--image", image("broken_text.jpg"), image("01_420.jpg"), "--text",
                                 "a cat", "--format", "json"});
  BOOST_TEST(outcome.code == 4);
  BOOST_TEST(json_lines(outcome).size() == 1U);
  BOOST_TEST(has(outcome.err, "error: " + image("broken_text.jpg")));
}

BOOST_AUTO_TEST_CASE(images_and_texts_come_from_lists_as_well) {
  std::ofstream(folder.path / "images.txt") << image("07_rgb.png") << "\n\n"
                                            << image("01_420.jpg") << "\n";
  std::ofstream(folder.path / "texts.txt") << "\xEF\xBB\xBF" << "a cat\r\n \n\ntwo dogs";
  const Outcome outcome =
      match({"--list", (folder.path / "images.txt").string(), "--text-list",
             (folder.path / "texts.txt").string(), "--text", "a boat", "--format", "json"});
  BOOST_TEST_REQUIRE(outcome.code == 0, outcome.err);
  const auto lines = json_lines(outcome);
  BOOST_TEST_REQUIRE(lines.size() == 2U);
  BOOST_TEST(lines[0]["image"] == image("07_rgb.png"));
  BOOST_TEST(lines[0]["matches"][0]["text"] == "a boat");
  BOOST_TEST(lines[0]["matches"][1]["text"] == "a cat");
  BOOST_TEST(lines[0]["matches"][2]["text"] == "two dogs");
}

BOOST_AUTO_TEST_CASE(wrong_calls_are_refused_in_words) {
  BOOST_TEST(match({"--image", image("01_420.jpg")}).code == 2);
  BOOST_TEST(match({"--text", "a cat"}).code == 2);
  BOOST_TEST(
      match({"--image", image("01_420.jpg"), "--text", "a cat", "--match-token", "dec"}).code == 2);
  const Outcome missing =
      match({"--image", image("01_420.jpg"), "--text-list", (folder.path / "none.txt").string()});
  BOOST_TEST(missing.code == 4);
  BOOST_TEST(has(missing.err, "none.txt: no texts could be read"));
}

BOOST_AUTO_TEST_CASE(a_captioner_is_refused_and_told_what_it_is_for) {
  const vlp_test::ModelFolder captioner;
  const Outcome outcome =
      vlp_test::run_process({VLP_PROGRAM, "match", "--model", captioner.folder.path.string(),
                             "--device", "cpu", "--image", image("01_420.jpg"), "--text", "a cat"});
  BOOST_TEST(outcome.code == 2);
  BOOST_TEST(has(outcome.err, "image and text embeddings"), outcome.err);
  BOOST_TEST(has(outcome.err, "vlp caption"), outcome.err);
}

BOOST_AUTO_TEST_CASE(a_retrieval_model_writes_no_captions_and_says_so) {
  const Outcome outcome =
      vlp_test::run_process({VLP_PROGRAM, "caption", "--model", folder.path.string(), "--device",
                             "cpu", image("01_420.jpg")});
  BOOST_TEST(outcome.code == 2);
  BOOST_TEST(has(outcome.err, "vlp match"), outcome.err);
}

BOOST_AUTO_TEST_SUITE_END()
