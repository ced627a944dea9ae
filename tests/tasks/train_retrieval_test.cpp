// Recipes that are scored by retrieval: what they print, write and choose, and `vlp match` on their
// folders.

#include "vlp/tasks/train.hpp"

#include <cmath>
#include <sstream>
#include <string>
#include <vector>

#include <boost/test/unit_test.hpp>
#include <nlohmann/json.hpp>

#include "tests/support/process.hpp"
#include "tests/support/score_named.hpp"
#include "tests/support/tiny_run.hpp"

namespace {

using vlp_test::score;
namespace fs = std::filesystem;
using nlohmann::json;
using vlp_test::read_file;

/// Replaces the recipe's decoder, losses and metrics by those of retrieval.
struct RetrievalRun : vlp_test::TinyRun {
  RetrievalRun() {
    std::string toml = read_file(root / "recipe.toml");
    const auto replace = [&](const std::string& from, const std::string& to,
                             const std::string& by) {
      const std::size_t begin = toml.find(from);
      toml.replace(begin, toml.find(to) - begin, by);
    };
    replace("[model.decoder]", "[optimizer]",
            "[model.text_encoder]\nuse = 'bert'\nwidth = 16\ndepth = 1\nheads = 2\n"
            "[[loss]]\nuse = 'itc'\nqueue_size = 0\nalpha = 0.0\npositives = "
            "'image'\n[[loss]]\nuse = 'itm'\npositives = 'image'\n"
            "[[metric]]\nuse = 'recall'\nrerank = 4\n");
    toml.insert(toml.find("[model.encoder]"), "embedding_width = 8\n");
    toml.replace(toml.find("\"CIDEr\""), 7, "\"R_mean\"");
    write("recipe.toml", toml);
  }
  [[nodiscard]] std::string image(int number) const {
    return (root / "data" / "flickr30k_images" / (std::to_string(number) + ".jpg")).string();
  }
};

/// The lines of a JSON-lines file.
std::vector<json> json_lines(const fs::path& file) {
  std::vector<json> lines;
  std::istringstream text(read_file(file));
  for (std::string line; std::getline(text, line);) lines.push_back(json::parse(line));
  return lines;
}

}  // namespace

BOOST_FIXTURE_TEST_SUITE(retrieval_run, RetrievalRun)

BOOST_AUTO_TEST_CASE(without_a_score_of_captions_there_is_no_baseline_even_with_a_decoder) {
  const vlp::Report report = run(
      "out",
      {"model.decoder={use='bert_cross_attention',width=16,depth=1,heads=2}", "train.epochs=1"});
  BOOST_TEST(report.baseline.empty());
  BOOST_TEST(report.baseline_caption == "");
}

BOOST_AUTO_TEST_CASE(a_retrieval_run_writes_scores_and_losses_and_no_captions) {
  const vlp::Report report = run("out");
  BOOST_TEST(report.measured.images == 8);
  BOOST_TEST(report.measured.scores.size() == 18U);
  BOOST_TEST(report.baseline.empty());
  BOOST_TEST(report.contact_sheet.empty());
  for (const char* name : {"captions", "contact_sheet.png"})
    BOOST_TEST(!fs::exists(root / "out" / name), name);
  for (const auto& [name, value] : report.measured.scores)
    BOOST_TEST((value >= 0 && value <= 100), name);
  BOOST_TEST(score(report.measured.scores, "R_mean") ==
             (score(report.measured.scores, "TR_mean") + score(report.measured.scores, "IR_mean")) /
                 2);

  const auto metrics = json_lines(root / "out" / "metrics.jsonl");
  BOOST_TEST_REQUIRE(metrics.size() == 4U);  // three epochs and the test
  for (const json& line : metrics) {
    BOOST_TEST(line["metrics"].size() == 19U);
    BOOST_TEST(std::abs(line["losses"]["itc"].get<double>() + line["losses"]["itm"].get<double>() -
                        line["metrics"]["loss"].get<double>()) < 1e-5);
  }
  const json scores = json::parse(read_file(root / "out" / "scores.json"));
  BOOST_TEST(scores["images"] == 8);
  BOOST_TEST(scores["scores"]["R_mean"].get<double>() == score(report.measured.scores, "R_mean"));
  BOOST_TEST(scores["losses"].contains("itm"));
  BOOST_TEST(!scores.contains("baseline"));
}

BOOST_AUTO_TEST_CASE(the_best_epoch_is_the_one_of_the_highest_recall) {
  const vlp::Report report = run("out");
  const auto& epochs = report.history.records;
  const double best = score(
      epochs[static_cast<std::size_t>(report.history.best_epoch - 1)].measured.scores, "R_mean");
  for (const auto& epoch : epochs) BOOST_TEST(score(epoch.measured.scores, "R_mean") <= best);
}

BOOST_AUTO_TEST_CASE(evaluating_the_run_folder_gives_the_same_ranks_in_any_batches) {
  const vlp::Report trained = run("trained");
  const std::string weights = "model.weights=" + (root / "trained").string();
  for (const char* batch : {"4", "1", "8"}) {
    const vlp::Report again =
        run(std::string("scored") + batch,
            {"run.task=evaluate", weights, std::string("evaluate.batch_size=") + batch});
    for (const auto& [name, value] : trained.measured.scores)
      BOOST_TEST(score(again.measured.scores, name) == value, name);
  }
}

BOOST_AUTO_TEST_CASE(matching_a_run_folder_gives_probabilities_and_similarities) {
  (void)run("out", {"train.max_steps=2"});
  const auto matched =
      vlp_test::run_process({VLP_PROGRAM, "match", "--model", (root / "out").string(), "--device",
                             "cpu", "--format", "json", "--image", image(1000), image(1001),
                             "--text", "a red picture", "the blue picture ."});
  BOOST_TEST_REQUIRE(matched.code == 0, matched.err);
  std::istringstream lines(matched.out);
  std::string line;
  for (int i = 0; i < 2; ++i) {
    BOOST_TEST_REQUIRE(!std::getline(lines, line).fail());
    for (const json& match : json::parse(line)["matches"]) {
      BOOST_TEST((match["probability"] > 0 && match["probability"] < 1));
      BOOST_TEST(std::abs(match["similarity"].get<double>()) <= 1.000001);
    }
  }
}

BOOST_AUTO_TEST_CASE(a_dual_encoder_is_scored_by_similarity_and_matched_without_probabilities) {
  std::string toml = read_file(root / "recipe.toml");
  const auto drop = [&](const std::string& part) { toml.erase(toml.find(part), part.size()); };
  drop("[[loss]]\nuse = 'itm'\npositives = 'image'\n");
  drop("rerank = 4\n");
  toml.insert(toml.find("[[loss]]"), "cross_attention = false\n");
  write("recipe.toml", toml);
  const vlp::Report report = run("dual", {"train.max_steps=3"});
  BOOST_TEST(report.measured.scores.size() == 9U);
  const auto matched = vlp_test::run_process(
      {VLP_PROGRAM, "match", "--model", (root / "dual").string(), "--device", "cpu", "--format",
       "json", "--image", image(1000), "--text", "a red picture"});
  BOOST_TEST_REQUIRE(matched.code == 0, matched.err);
  const json match = json::parse(matched.out)["matches"][0];
  BOOST_TEST(match["probability"].is_null());
  BOOST_TEST(match["logits"].is_null());
  BOOST_TEST(match["similarity"].is_number());
}

BOOST_AUTO_TEST_CASE(metrics_of_what_the_model_lacks_are_refused_by_name) {
  const auto problem = [&](const std::string& from, const std::string& to) {
    std::string toml = read_file(root / "recipe.toml");
    toml.replace(toml.find(from), from.size(), to);
    write("other.toml", toml);
    try {
      (void)vlp::plan_training(vlp::load_recipe(root / "other.toml", {}), registry);
    } catch (const vlp::RecipeError& error) {
      return std::string(error.what());
    }
    return std::string();
  };
  const auto says = [](const std::string& text, const std::string& part) {
    return text.find(part) != std::string::npos;
  };
  BOOST_TEST(problem("[[metric]]", "[[metric]]") == "");
  BOOST_TEST(says(problem("[[metric]]", "[[metric]]\nuse = 'cider'\n[[metric]]"),
                  "metric.0: metric 'cider' needs captions; model 'blip' has no decoder"));
  BOOST_TEST(says(problem("[[loss]]", "cross_attention = false\n[[loss]]"),
                  "metric.0: metric 'recall' needs an image-grounded text encoder and a matching "
                  "head; model 'blip' has none"));
  BOOST_TEST(says(problem("\"R_mean\"", "\"R_maen\""),
                  "no metric of this recipe gives a score 'R_maen' (did you mean 'R_mean'?)"));
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_FIXTURE_TEST_SUITE(mixed_metrics, vlp_test::TinyRun)

BOOST_AUTO_TEST_CASE(captions_and_retrieval_are_scored_side_by_side_in_the_recipes_order) {
  std::string toml = read_file(root / "recipe.toml");
  toml.insert(toml.find("[model.decoder]"),
              "[model.text_encoder]\nuse = 'bert'\nwidth = 16\ndepth = 1\nheads = 2\n");
  toml.insert(toml.find("[model.encoder]"), "embedding_width = 8\nsharing = 'nothing'\n");
  toml.insert(toml.find("[[metric]]\nuse = \"cider\""), "[[metric]]\nuse = 'recall'\n");
  write("recipe.toml", toml);
  const vlp::Report report = run("out", {"train.max_steps=3"});
  BOOST_TEST_REQUIRE(report.measured.scores.size() == 4U + 9U + 1U);
  BOOST_TEST(report.measured.scores[4].first == "TR@1");
  BOOST_TEST(report.measured.scores[13].first == "CIDEr");
  BOOST_TEST(report.baseline.size() == 5U);
  BOOST_TEST(fs::exists(root / "out" / "contact_sheet.png"));
}

BOOST_AUTO_TEST_SUITE_END()
