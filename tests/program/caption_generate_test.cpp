// The program's captions for every stored set of options, against the ids and scores of
// transformers.
#include <algorithm>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include <boost/test/unit_test.hpp>

#include "tests/support/caption_program.hpp"

BOOST_AUTO_TEST_SUITE(caption_generate)

namespace {

using nlohmann::json;
using vlp_test::stored;
constexpr double kScore = 1e-4;  // generate.json holds float32 scores

std::vector<std::string> words_of(const json& stored_case) {
  std::vector<std::string> words;
  for (const auto& [name, value] : stored_case["options"].items()) {
    const std::string text = value.is_string() ? value.get<std::string>() : value.dump();
    if (name == "num_beams") words.insert(words.end(), {"--beams", text});
    if (name == "max_length") words.insert(words.end(), {"--max-length", text});
    if (name == "max_new_tokens") words.insert(words.end(), {"--max-new-tokens", text});
    if (name == "min_length") words.insert(words.end(), {"--min-length", text});
    if (name == "length_penalty") words.insert(words.end(), {"--length-penalty", text});
    if (name == "repetition_penalty") words.insert(words.end(), {"--repetition-penalty", text});
    if (name == "early_stopping") words.insert(words.end(), {"--early-stopping", text});
    if (name == "num_return_sequences") words.insert(words.end(), {"--num-captions", text});
    for (const char* rule :
         {"min_new_tokens", "no_repeat_ngram_size", "bad_words_ids", "suppress_tokens",
          "begin_suppress_tokens", "forced_bos_token_id", "forced_eos_token_id"}) {
      if (name != rule) continue;
      std::string flag = "--" + name;
      std::ranges::replace(flag, '_', '-');
      words.insert(words.end(), {flag, text});
    }
  }
  if (stored_case["prompt"].is_null()) return words;
  std::string ids;
  for (const json& id : stored_case["prompt"]) ids += (ids.empty() ? "" : ",") + id.dump();
  words.insert(words.end(), {"--prompt-ids", ids});
  return words;
}

double score_of(const json& stored_scores) {
  if (stored_scores.is_number()) return stored_scores;
  double sum = 0;
  for (const double value : stored_scores) sum += value;
  return sum / static_cast<double>(stored_scores.size());
}

/// @param model  with a vocabulary where the stored cases have texts
void compare_case(const std::string& name, const std::filesystem::path& model, const json& c) {
  std::vector<std::string> words{VLP_PROGRAM,      "caption",
                                 "--model",        model.string(),
                                 "--pixel-values", (stored(name) / "inputs.safetensors").string(),
                                 "--format",       "json",
                                 "--batch",        "2",
                                 "--device",       "cpu",
                                 "--threads",      "1"};
  for (const std::string& word : words_of(c)) words.push_back(word);
  const auto outcome = vlp_test::run_process(words);
  BOOST_TEST_REQUIRE(outcome.code == 0, c["options"].dump() << ": " << outcome.err);
  const auto lines = vlp_test::json_lines(outcome);
  BOOST_TEST_REQUIRE(lines.size() == c["ids"].size());
  const bool several = c["options"].contains("num_return_sequences");
  const json& scores = c[c["mode"] == "greedy" ? "processed_token_logprobs" : "sequences_scores"];
  for (std::size_t i = 0; i < lines.size(); ++i) {
    BOOST_TEST(lines[i]["image"] == i);
    const json ids = several ? c["ids"][i] : json::array({c["ids"][i]});
    const json expected = several ? scores[i] : json::array({scores[i]});
    BOOST_TEST_REQUIRE(lines[i]["captions"].size() == ids.size());
    for (std::size_t k = 0; k < ids.size(); ++k) {
      const json& caption = lines[i]["captions"][k];
      BOOST_TEST(caption["ids"] == ids[k], name << " " << c["options"].dump());
      BOOST_TEST(std::abs(caption["score"].get<double>() - score_of(expected[k])) < kScore,
                 name << " " << c["options"].dump());
      const json text = !c.contains("text") ? json() : several ? c["text"][i][k] : c["text"][i];
      BOOST_TEST(caption["text"] == text, name << " " << c["options"].dump());
    }
  }
}

void compare_all_cases(const std::string& name, const std::filesystem::path& model) {
  std::ifstream file(stored(name) / "generate.json");
  const json cases = json::parse(file)["cases"];
  BOOST_TEST(cases.size() == 15U);
  for (const json& c : cases) compare_case(name, model, c);
}

/// Those stored cases in which all rules come together.
void compare_joint_rules(const std::string& name, const std::filesystem::path& model) {
  constexpr std::size_t joint = 7;  // options at least
  std::ifstream file(stored(name) / "generate_rules.json");
  const json cases = json::parse(file)["cases"];
  std::size_t compared = 0;
  for (const json& c : cases) {
    if (c["options"].size() < joint) continue;
    compare_case(name, model, c);
    ++compared;
  }
  BOOST_TEST(compared == 4U);
}

}  // namespace

BOOST_FIXTURE_TEST_CASE(tied_model_gives_the_stored_ids_and_texts, vlp_test::ModelFolder) {
  compare_all_cases("caption", folder.path);
}

BOOST_AUTO_TEST_CASE(untied_model_without_vocabulary_gives_the_stored_ids) {
  compare_all_cases("caption_untied", stored("caption_untied") / "model");
}

BOOST_FIXTURE_TEST_CASE(rules_give_the_stored_ids_and_texts, vlp_test::ModelFolder) {
  compare_joint_rules("caption", folder.path);
  compare_joint_rules("caption_untied", stored("caption_untied") / "model");
}

BOOST_FIXTURE_TEST_CASE(text_lines_name_the_row_and_the_caption, vlp_test::ModelFolder) {
  std::ifstream file(stored("caption") / "generate.json");
  for (const json& c : json::parse(file)["cases"]) {
    if (c["options"] != json{{"max_length", 20}, {"min_length", 5}, {"num_beams", 3}}) continue;
    std::vector<std::string> words{
        "--pixel-values", (stored("caption") / "inputs.safetensors").string(),
        "--beams",        "3",
        "--min-length",   "5",
        "--max-length",   "20"};
    if (!c["prompt"].is_null()) words.insert(words.end(), {"--prompt", "a picture of"});
    std::string expected;
    for (std::size_t i = 0; i < c["text"].size(); ++i)
      expected += std::to_string(i) + ": " + c["text"][i].get<std::string>() + "\n";
    BOOST_TEST(caption(words).out == expected);
  }
}

BOOST_AUTO_TEST_SUITE_END()
