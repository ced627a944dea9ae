// Runs on a folder of pictures with a table, and the recipe that ships for it.

#include "vlp/tasks/train.hpp"

#include <filesystem>
#include <string>
#include <vector>

#include <boost/test/unit_test.hpp>

#include "tests/support/messages.hpp"
#include "tests/support/tiny_run.hpp"
#include "vlp/core/error.hpp"

namespace {

/// The tiny run's pictures 1000.jpg to 1039.jpg with a table of one's own.
struct OwnCaptions : vlp_test::TinyRun {
  /// @param prompt  of every third picture; empty = none
  [[nodiscard]] static std::string table(const std::string& prompt) {
    std::string text = "file,text,split,prompt\n";
    for (int i = 0; i < 40; ++i)
      text += std::to_string(1000 + i) + ",a picture .," +
              (i < 24   ? "train,"
               : i < 32 ? "val,"
                        : "test,") +
              (i % 3 == 0 ? prompt : "") + "\n";
    return text;
  }
  /// Writes the table and a recipe for it.
  void prepare(const std::string& prompt) const {
    write("data/own.csv", table(prompt));
    write(
        "own.toml",
        "extends = \"recipe.toml\"\n[dataset]\nuse = \"folder\"\ncaptions = \"own.csv\"\nimages = "
        "\"flickr30k_images\"\n[train]\nepochs = 1\n");
  }
  [[nodiscard]] vlp::Report run_own(const std::string& prompt,
                                    const std::vector<std::string>& more = {}) const {
    vlp::RunArguments arguments;
    arguments.out = root / "out";
    arguments.data_dir = root / "data";
    arguments.threads = 2;
    prepare(prompt);
    return vlp::run(vlp::load_recipe(root / "own.toml", more), registry, arguments);
  }
  /// What `vlp check` tells.
  [[nodiscard]] std::string checked(const vlp::Recipe& recipe) const {
    vlp::CheckArguments arguments;
    arguments.data_dir = root / "data";
    arguments.share_dir = std::filesystem::path(VLP_SOURCE_ROOT) / "share";
    std::string text;
    for (const std::string& line : vlp::check_train_recipe(recipe, registry, arguments))
      text += line + "\n";
    return text;
  }
};

}  // namespace

BOOST_FIXTURE_TEST_SUITE(train_own_captions, OwnCaptions)

BOOST_AUTO_TEST_CASE(pictures_with_and_without_prompts_are_trained_on_and_captioned) {
  const vlp::Report report = run_own("the red");
  BOOST_TEST(report.measured.images == 8);
  BOOST_TEST(report.history.steps == 3);
  BOOST_TEST(std::filesystem::exists(root / "out" / "captions" / "test-1.json"));
}

BOOST_AUTO_TEST_CASE(prompts_that_leave_no_room_are_refused_before_training) {
  using vlp_test::message_of;
  const std::string eight = "red red red red red red red red";
  const std::string problem =
      "prompt '" + eight +
      "' of image '1000.jpg': leaves no room for a caption (got 9 tokens with [CLS], expected at "
      "most 8, as the tokenizer cuts texts to 10); shorten it, or give the tokenizer "
      "more.";
  const std::string longer =
      "generate.max_length: the prompt fills the caption (got 3 tokens with [DEC], expected fewer "
      "than max_length = 3); shorten prompt 'the red' of image '1000.jpg', or change it.";
  BOOST_TEST(message_of<vlp::RecipeError>(
                 [&] { (void)run_own(eight, {"generate.max_new_tokens=4"}); }) == problem);
  BOOST_TEST(message_of<vlp::RecipeError>(
                 [&] { (void)run_own("the red", {"generate.max_length=3"}); }) == longer);
  BOOST_TEST(message_of<vlp::RecipeError>([&] {
               (void)checked(vlp::load_recipe(root / "own.toml",
                                              std::vector<std::string>{"generate.max_length=3"}));
             }) == longer);
  BOOST_TEST(!std::filesystem::exists(root / "out" / "log.jsonl"));
}

BOOST_AUTO_TEST_CASE(check_tells_what_was_read_and_what_is_odd) {
  prepare("the red");
  const std::string told = checked(vlp::load_recipe(root / "own.toml", {}));
  const std::string table = (root / "data" / "own.csv").string();
  BOOST_TEST(
      vlp_test::contains(
          told, "data       24 / 8 / 8 images for training / validation / test\nnote       " +
                    table +
                    ": 40 rows, 40 pictures with 1 caption each; pictures from 'file', "
                    "captions from 'text', splits from 'split', so dataset.split is not used, "
                    "prompts from 'prompt'.\nnote       " +
                    table +
                    ": 39 captions are equal to earlier ones, the first is 'a picture .'.\n"
                    "texts      24 captions, the longest of 7 tokens; none is cut at 10"),
      told);
}

BOOST_AUTO_TEST_CASE(the_recipe_that_ships_fits_together) {
  const std::string told = checked(vlp::load_recipe(
      std::filesystem::path(VLP_SOURCE_ROOT) / "recipes" / "my-captions.toml", {}));
  BOOST_TEST(vlp_test::contains(told, "dry pass   a made-up batch went through"), told);
  BOOST_TEST(vlp_test::contains(told, "data       not found, counts unknown: "), told);
}

BOOST_AUTO_TEST_SUITE_END()
