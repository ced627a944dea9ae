#include "vlp/tasks/recipe_lines.hpp"

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include <boost/test/unit_test.hpp>

#include "plugins/tokenizer/wordpiece.hpp"
#include "tests/support/messages.hpp"
#include "tests/support/tiny_run.hpp"
#include "vlp/core/error.hpp"
#include "vlp/tasks/train.hpp"

namespace {

/// Counts how often it is built.
struct CountedTokenizer : vlp::WordPieceTokenizer {
  static constexpr std::string_view name = "counted";
  static inline int built = 0;
  CountedTokenizer(const Options& options, const vlp::Folders& folders)
      : WordPieceTokenizer(options, folders) {
    ++built;
  }
};

struct Checked : vlp_test::TinyRun {
  vlp::CheckArguments arguments;

  Checked() {
    arguments.data_dir = root / "data";
    arguments.share_dir = std::filesystem::path(VLP_SOURCE_ROOT) / "share";
  }

  /// What a check of the recipe tells, one line each.
  [[nodiscard]] std::string lines(const std::vector<std::string>& sets = {}) const {
    std::string text;
    for (const std::string& line :
         vlp::check_train_recipe(vlp::load_recipe(root / "recipe.toml", sets), registry, arguments))
      text += line + "\n";
    return text;
  }
  /// Those of its lines that are notes.
  [[nodiscard]] std::string notes(const std::vector<std::string>& sets = {}) const {
    const std::string all = lines(sets);
    const std::size_t first = all.find("note ");
    return first == all.npos ? "" : all.substr(first);
  }
};

}  // namespace

BOOST_FIXTURE_TEST_SUITE(recipe_lines, Checked)

BOOST_AUTO_TEST_CASE(a_sound_recipe_has_no_notes) {
  BOOST_TEST(lines().find("120 pairs an epoch, 15 updates an epoch, 45 in all") !=
             std::string::npos);
  BOOST_TEST(notes() == "");
  BOOST_TEST(notes({"schedule.warmup=43"}) == "", "the last update but one has the full rate");
}

BOOST_AUTO_TEST_CASE(a_warm_up_that_outlasts_the_run_is_noted) {
  BOOST_TEST(notes({"schedule.warmup=3000"}) ==
             "note       the learning rate still rises at the last of 45 updates; is the "
             "schedule's warm-up longer than the run?\n");
}

BOOST_AUTO_TEST_CASE(a_batch_larger_than_the_data_is_noted) {
  BOOST_TEST(notes({"train.batch_size=8000"}) ==
             "note       train.batch_size = 8000 is more than an epoch has; a batch will be of 120 "
             "pairs\n");
  BOOST_TEST(notes({"train.batch_size=120"}) == "");
}

BOOST_AUTO_TEST_CASE(losses_that_are_equal_but_for_their_weights_are_noted) {
  const std::string lm = "{use='lm'}", other = "{use='lm',label_smoothing=0.3}";
  BOOST_TEST(notes({"loss=[" + lm + ",{use='lm',weight=2}]"}) ==
             "note       loss.0 and loss.1 are the same ('lm'); one with the sum of their weights "
             "does as much\n");
  BOOST_TEST(notes({"loss=[" + lm + "," + other + "]"}) == "");
}

BOOST_AUTO_TEST_CASE(parts_of_a_model_that_nothing_uses_are_noted) {
  const std::string encoder =
      "model.text_encoder={use='bert',width=16,depth=1,heads=2,dropout=0.1}";
  BOOST_TEST(notes({encoder}) ==
             "note       the model has a text encoder and image and text embeddings and an "
             "image-grounded text encoder and a matching head, and no loss or metric uses that\n");
  const std::string contrast = "loss=[{use='itc',queue_size=0,alpha=0.0},{use='itm'}]";
  const std::vector<std::string> retrieval{encoder, contrast, "metric=[{use='recall'}]",
                                           "evaluate.best=R_mean"};
  BOOST_TEST(notes(retrieval) ==
             "note       the model has a decoder, and no loss or metric uses that\n");
  std::vector<std::string> without = retrieval;
  without.emplace_back("model.decoder=false");
  BOOST_TEST(notes(without) == "");
}

BOOST_AUTO_TEST_CASE(a_vocabulary_that_does_not_ship_is_refused_with_those_that_do) {
  BOOST_TEST(vlp_test::message_of<vlp::RecipeError>([&] {
               (void)lines({"tokenizer.vocabulary=demos"});
             }).find("no vocabulary named 'demos' ships with vlp (looked for ") !=
             std::string::npos);
  arguments.share_dir.clear();
  BOOST_TEST(notes({"tokenizer.vocabulary=demos"}) == "", "nobody said where they lie");
}

BOOST_AUTO_TEST_CASE(a_check_builds_the_tokenizer_once_be_it_quick_or_not) {
  registry.add<vlp::AnyTokenizer, CountedTokenizer>("1", "a test");
  for (const bool quick : {false, true}) {
    arguments.quick = quick;
    CountedTokenizer::built = 0;
    const std::string told = lines({"tokenizer.use=counted"});
    BOOST_TEST(CountedTokenizer::built == 1);
    BOOST_TEST((told.find("dry pass   ") == std::string::npos) == quick);
    BOOST_CHECK_THROW((void)lines({"tokenizer.vocabulary=demos"}), vlp::RecipeError);
  }
}

BOOST_AUTO_TEST_CASE(an_empty_training_split_is_an_error) {
  write("data/results.csv", "image_name| comment_number| comment\n1000.jpg| 0| a picture\n");
  BOOST_TEST(vlp_test::message_of<vlp::DataError>([&] {
               (void)lines({"dataset.split={train=0.0,validation=0.5,test=0.5}"});
             }).find("the training split is empty") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(every_image_is_decoded_where_that_is_asked_for) {
  namespace fs = std::filesystem;
  const fs::path images = root / "data/flickr30k_images";
  arguments.images = true;
  std::int64_t done = 0;
  arguments.console.on_progress = [&](const vlp::Progress& now) { done = now.done; };
  BOOST_TEST(lines().find("images     40 decoded, none is missing or broken\n") !=
             std::string::npos);
  BOOST_TEST(done == 40);

  fs::resize_file(images / "1007.jpg", 60);
  fs::remove(images / "1011.jpg");
  const auto told = [&](const std::vector<std::string>& sets) {
    return vlp_test::message_of<vlp::DataError>([&] { (void)lines(sets); });
  };
  const std::string stops = told({});
  BOOST_TEST(stops.starts_with("dataset: 2 of 40 images are missing or broken ("), stops);
  BOOST_TEST(vlp_test::contains(stops, " of 24 / 8 / 8 for training / validation / test):\n"),
             stops);
  BOOST_TEST(vlp_test::contains(
                 stops, " '1007.jpg', undecodable: " + (images / "1007.jpg").string() + ": "),
             stops);
  BOOST_TEST(vlp_test::contains(stops, " '1011.jpg', missing: " + (images / "1011.jpg").string()),
             stops);
  BOOST_TEST(vlp_test::contains(stops, "dataset.on_bad = \"stop\": a run ends at the first"),
             stops);
  BOOST_TEST(vlp_test::contains(told({"dataset.on_bad=skip", "dataset.max_bad=0.3"}),
                                "a run goes on without them, which is within its limits."));
  BOOST_TEST(vlp_test::contains(told({"dataset.on_bad=skip", "dataset.max_bad=0"}),
                                "a run ends all the same, since dataset.max_bad = 0 and "
                                "dataset.max_bad_images = 1000 allow 0 of the "));
  fs::remove_all(root / "data");
  BOOST_CHECK_THROW((void)lines(), vlp::DataNotFoundError);
}

BOOST_AUTO_TEST_CASE(missing_data_are_an_error_only_where_a_check_is_strict) {
  arguments.data_dir = root / "nowhere";
  BOOST_TEST(lines().find("data       not found, counts unknown: ") != std::string::npos);
  arguments.strict = true;
  BOOST_CHECK_THROW((void)lines(), vlp::DataNotFoundError);
}

BOOST_AUTO_TEST_SUITE_END()
