#include "vlp/tasks/train.hpp"

#include <filesystem>
#include <string>
#include <vector>

#include <boost/test/unit_test.hpp>

#include <nlohmann/json.hpp>

#include "tests/support/process.hpp"
#include "tests/support/score_named.hpp"
#include "tests/support/tiny_run.hpp"
#include "vlp/core/error.hpp"

namespace {

using vlp_test::score;
namespace fs = std::filesystem;
using vlp_test::read_file;
using vlp_test::TinyRun;

/// log.jsonl without what depends on the clock.
std::string timeless_log(const fs::path& run) {
  std::string text;
  std::istringstream lines(read_file(run / "log.jsonl"));
  for (std::string line; std::getline(lines, line);) {
    auto json = nlohmann::json::parse(line);
    for (const char* key : {"samples_per_s", "wait", "checkpoint", "memory_mb"}) json.erase(key);
    text += json.dump() + "\n";
  }
  return text;
}

}  // namespace

BOOST_FIXTURE_TEST_SUITE(run, TinyRun)

BOOST_AUTO_TEST_CASE(a_recipe_trains_scores_itself_and_writes_its_folder) {
  const vlp::Report report = run("out");
  BOOST_TEST(report.history.records.size() == 3U);
  BOOST_TEST(report.history.steps == 3 * 15);  // 24 images x 5 captions in batches of 8
  BOOST_TEST(report.measured.images == 8);
  BOOST_TEST(*report.history.records.back().measured.loss <
             *report.history.records.front().measured.loss);
  BOOST_TEST(report.measured.scores.size() == 5U);
  BOOST_TEST(report.baseline.size() == 5U);
  for (const char* name :
       {"recipe.toml", "split.json", "environment.json", "log.jsonl", "metrics.jsonl",
        "scores.json", "contact_sheet.png", "model/model.safetensors", "model/vocab.txt",
        "checkpoints/step-00000045/manifest.json", "captions/validation-1.json"})
    BOOST_TEST(fs::is_regular_file(root / "out" / name), name);

  const auto split = nlohmann::json::parse(read_file(root / "out" / "split.json"));
  BOOST_TEST(split["train"].size() == 24U);
  BOOST_TEST(split["validation"].size() == 8U);
  BOOST_TEST(split["test"].size() == 8U);
  const auto captions = nlohmann::json::parse(read_file(
      root / "out" / ("captions/test-" + std::to_string(report.history.best_epoch) + ".json")));
  BOOST_TEST(captions.size() == 8U);
  BOOST_TEST(captions[0].contains("image_id"));
  BOOST_TEST(captions[0].contains("caption"));
  const auto first =
      nlohmann::json::parse(read_file(root / "out" / "log.jsonl")
                                .substr(0, read_file(root / "out" / "log.jsonl").find('\n')));
  for (const char* key : {"step", "epoch", "loss", "losses", "lr", "grad_norm", "samples_per_s",
                          "wait", "checkpoint", "memory_mb"})
    BOOST_TEST(first.contains(key), key);
}

BOOST_AUTO_TEST_CASE(the_same_seed_gives_the_same_run_bit_for_bit) {
  (void)run("a");
  (void)run("b");
  (void)run("workers", {"train.workers=3"});
  (void)run("seed", {"run.seed=18"});
  for (const char* other : {"b", "workers"}) {
    BOOST_TEST(timeless_log(root / "a") == timeless_log(root / other));
    BOOST_TEST(read_file(root / "a" / "metrics.jsonl") ==
               read_file(root / other / "metrics.jsonl"));
    for (const char* name :
         {"model/model.safetensors", "checkpoints/step-00000045/state.safetensors", "split.json",
          "captions/validation-3.json"})
      BOOST_TEST((read_file(root / "a" / name) == read_file(root / other / name)), name);
  }
  BOOST_TEST(timeless_log(root / "a") != timeless_log(root / "seed"));
}

BOOST_AUTO_TEST_CASE(the_written_recipe_runs_again_to_the_same_weights) {
  (void)run("a");
  fs::copy_file(root / "a" / "recipe.toml", root / "recipe.toml",
                fs::copy_options::overwrite_existing);
  (void)run("again");
  BOOST_TEST((read_file(root / "a/model/model.safetensors") ==
              read_file(root / "again/model/model.safetensors")));
  BOOST_TEST(read_file(root / "a/recipe.toml") == read_file(root / "again/recipe.toml"));
}

BOOST_AUTO_TEST_CASE(evaluating_a_run_folder_gives_its_own_scores) {
  const vlp::Report trained = run("trained");
  const vlp::Report again =
      run("scored", {"run.task=evaluate", "model.weights=" + (root / "trained").string()});
  BOOST_TEST(again.history.best_epoch == 0);
  BOOST_TEST(again.measured.scores.size() == trained.measured.scores.size());
  for (const auto& [name, value] : trained.measured.scores)
    BOOST_TEST(score(again.measured.scores, name) == value, name);
  BOOST_TEST(*again.measured.loss == *trained.measured.loss);
  const vlp::Report validation =
      run("validation", {"run.task=evaluate", "model.weights=" + (root / "trained").string(),
                         "evaluate.split=validation"});
  const auto& best =
      trained.history.records[static_cast<std::size_t>(trained.history.best_epoch - 1)];
  for (const auto& [name, value] : best.measured.scores)
    BOOST_TEST(score(validation.measured.scores, name) == value, name);
}

BOOST_AUTO_TEST_CASE(the_captions_of_a_run_score_the_same_by_the_command) {
  const vlp::Report report = run("out");
  const std::string captions =
      (root / "out" / ("captions/test-" + std::to_string(report.history.best_epoch) + ".json"))
          .string();
  const auto scored = vlp_test::run_process(
      {VLP_PROGRAM, "score", "--references", (root / "data" / "results.csv").string(),
       "--candidates", captions, "--metrics", "bleu,cider", "--partial", "--format", "json"});
  BOOST_REQUIRE_MESSAGE(scored.code == 0, scored.err);
  const auto json = nlohmann::json::parse(scored.out);
  BOOST_TEST(json["images"] == 8);
  BOOST_TEST(json["scores"].size() == report.measured.scores.size());
  for (const auto& [name, value] : report.measured.scores)
    BOOST_TEST(json["scores"][name].get<double>() == value, name);
}

BOOST_AUTO_TEST_CASE(the_best_epoch_is_the_one_with_the_lowest_loss_if_loss_is_the_measure) {
  const vlp::Report report = run("out", {"evaluate.best=loss"});
  for (const auto& epoch : report.history.records)
    BOOST_TEST(*report.history.records[static_cast<std::size_t>(report.history.best_epoch - 1)]
                    .measured.loss <= *epoch.measured.loss);
}

BOOST_AUTO_TEST_CASE(max_steps_max_images_and_accumulation_shorten_a_run) {
  const vlp::Report report =
      run("out", {"train.max_steps=3", "evaluate.max_images=4", "train.accumulation=2"});
  BOOST_TEST(report.history.steps == 3);
  BOOST_TEST(report.measured.images == 4);
  const vlp::Report whole =
      run("whole", {"train.epochs=1", "train.accumulation=4", "evaluate.every=never"});
  BOOST_TEST(whole.history.steps == 4);  // 15 batches: the last update has three
}

BOOST_AUTO_TEST_CASE(an_earlier_run_is_never_overwritten) {
  fs::create_directories(root / "taken");
  std::ofstream(root / "taken" / "notes.txt") << "mine";
  BOOST_CHECK_EXCEPTION((void)run("taken"), vlp::RecipeError, [](const vlp::RecipeError& e) {
    return std::string(e.what()).find("exists and is not empty") != std::string::npos;
  });
  BOOST_TEST(read_file(root / "taken" / "notes.txt") == "mine");
  BOOST_TEST(!fs::exists(root / "taken" / "recipe.toml"));
}

BOOST_AUTO_TEST_CASE(missing_data_and_weights_have_their_own_errors) {
  BOOST_CHECK_THROW((void)run("weights", {"model.weights=" + (root / "nowhere").string()}),
                    vlp::WeightsError);
  fs::remove(root / "data" / "flickr30k_images" / "1003.jpg");
  BOOST_CHECK_THROW((void)run("image"), vlp::DataError);
  fs::remove(root / "data" / "results.csv");
  BOOST_CHECK_THROW((void)run("csv"), vlp::DataNotFoundError);
}

BOOST_AUTO_TEST_CASE(an_exploding_run_stops_with_a_non_finite_loss) {
  BOOST_CHECK_EXCEPTION(
      (void)run("out", {"optimizer.lr=1e30", "train.clip_norm=0", "train.log_every=1"}),
      vlp::NonFiniteError,
      [](const vlp::NonFiniteError& e) { return std::string(e.what()).starts_with("step "); });
}

BOOST_AUTO_TEST_CASE(weights_of_another_shape_are_refused_by_name) {
  (void)run("small", {"train.max_steps=1"});
  BOOST_CHECK_EXCEPTION(
      (void)run("wide", {"model.decoder.width=32", "model.weights=" + (root / "small").string()}),
      vlp::WeightsError, [](const vlp::WeightsError& e) {
        return std::string(e.what()).find("text_decoder.bert.embeddings.word_embeddings.weight") !=
               std::string::npos;
      });
}

BOOST_AUTO_TEST_SUITE_END()
