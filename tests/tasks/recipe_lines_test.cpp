#include "vlp/tasks/recipe_lines.hpp"

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include <torch/nn/pimpl.h>
#include <boost/test/unit_test.hpp>

#include "plugins/model/blip.hpp"
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

/// Counts how often it is built.
class CountedModelImpl : public vlp::BlipImpl {
 public:
  static constexpr std::string_view name = "counted";
  static inline int built = 0;
  CountedModelImpl(const Options& options, const vlp::Context& ctx) : BlipImpl(options, ctx) {
    ++built;
  }
};
TORCH_MODULE(CountedModel);

/// Whether one of the lines begins like this.
bool has_line(const std::string& lines, const std::string& beginning) {
  return ("\n" + lines).find("\n" + beginning) != std::string::npos;
}

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

BOOST_AUTO_TEST_CASE(when_the_validation_split_is_evaluated_is_told_unless_it_is_after_epochs) {
  BOOST_TEST(!vlp_test::contains(lines(), "evaluate   "));
  BOOST_TEST(vlp_test::contains(lines({"evaluate.every=never"}),
                                "evaluate   never on the validation split; the last weights are "
                                "kept\n"));
  BOOST_TEST(vlp_test::contains(lines({"evaluate.every=20 steps"}),
                                "evaluate   the validation split behind every 20 updates and the "
                                "last\n"));
  BOOST_TEST(vlp_test::contains(lines({"evaluate.every=1 step"}),
                                "evaluate   the validation split behind every update\n"));
  BOOST_TEST(notes({"evaluate.every=45 steps"}) == "");
  BOOST_TEST(
      notes({"evaluate.every=46 steps"}) ==
      "note       evaluate.every = \"46 steps\" is more than the 45 updates of the run; only "
      "the last is evaluated\n");
}

BOOST_AUTO_TEST_CASE(losses_that_are_equal_but_for_their_weights_are_noted) {
  const std::string lm = "{use='lm'}", other = "{use='lm',label_smoothing=0.3}";
  BOOST_TEST(notes({"loss=[" + lm + ",{use='lm',weight=2}]"}) ==
             "note       loss.0 and loss.1 are the same ('lm'); one with the sum of their weights "
             "does as much\n");
  BOOST_TEST(notes({"loss=[" + lm + "," + other + "]"}) == "");
}

BOOST_AUTO_TEST_CASE(options_of_training_that_are_not_used_have_no_line) {
  const std::string told = lines({"train.clip_norm=0.0"});
  for (const char* label : {"precision ", "skipped ", "clip ", "average ", "evaluate ", "patience ",
                            "checkpoint ", "max_time ", "freeze ", "group ", "recompute "})
    BOOST_TEST(!has_line(told, label), label);
}

BOOST_AUTO_TEST_CASE(each_precision_but_the_usual_one_has_its_line) {
  BOOST_TEST(has_line(lines({"train.precision=fp16"}),
                      "precision  fp16, which needs a GPU; on a CPU add --set "
                      "train.precision=fp32\n"));
  BOOST_TEST(has_line(lines({"train.precision=tf32"}),
                      "precision  tf32, which needs a GPU; on a CPU add --set "
                      "train.precision=fp32\n"));
  BOOST_TEST(has_line(lines({"train.precision=bf16"}),
                      "precision  bf16 by autocast; weights and updates stay in float32\n"));
  BOOST_TEST(
      has_line(lines({"train.precision=fp16", "train.skipped_limit=5"}),
               "skipped    the run ends after 5 updates without a finite gradient in a row\n"));
}

BOOST_AUTO_TEST_CASE(an_average_is_told_with_its_reach_and_which_weights_are_kept) {
  const std::string reach =
      "average    each update keeps 0.75 of it, so it is over about 4 updates; ";
  BOOST_TEST(has_line(lines({"train.ema=0.75"}),
                      reach + "the weights themselves are evaluated and written to model/, not the "
                              "average\n"));
  BOOST_TEST(has_line(lines({"train.ema=0.75", "evaluate.weights=ema"}),
                      reach + "it is what is evaluated and written to model/\n"));
}

BOOST_AUTO_TEST_CASE(an_average_that_a_run_is_too_short_for_is_noted) {
  // 0.999^45 = 0.956; 0.9^45 = 0.009
  BOOST_TEST(notes({"train.ema=0.999"}) ==
             "note       the first weights are still 96 % of the average at the last of 45 "
             "updates; is train.ema = 0.999 too slow for this run?\n");
  BOOST_TEST(notes({"train.ema=0.9"}) == "");
}

BOOST_AUTO_TEST_CASE(gradients_ends_and_rhythms_have_their_lines) {
  const std::string told =
      lines({"train.clip_norm=0.5", "train.max_time=3h50m", "evaluate.patience=3",
             "evaluate.best=CIDEr", "checkpoint.every=500 steps", "checkpoint.keep=4"});
  BOOST_TEST(
      has_line(told, "clip       gradients with a 2-norm above 0.5 are scaled down to 0.5\n"));
  BOOST_TEST(
      has_line(told, "max_time   the run ends after 3h50m with a checkpoint to go on from\n"));
  BOOST_TEST(has_line(
      told, "patience   training ends after 3 evaluations in a row without a better CIDEr\n"));
  BOOST_TEST(has_line(told, "checkpoint every 500 steps, the newest 4 are kept\n"));
  BOOST_TEST(
      has_line(lines({"checkpoint.keep=1"}), "checkpoint every epoch, the newest is kept\n"));
  BOOST_TEST(has_line(lines({"evaluate.patience=1", "evaluate.best=loss"}),
                      "patience   training ends after 1 evaluation in a row without a better "
                      "loss\n"));
  BOOST_TEST(has_line(lines({"evaluate.every=never"}),
                      "evaluate   never on the validation split; the last weights are kept\n"));
}

// One layer of the encoder and one of the decoder; momentum encoders are no layers that learn.
BOOST_AUTO_TEST_CASE(gradient_checkpointing_tells_how_many_layers_it_computes_twice) {
  const std::string again = " computed a second time in the backward pass\n";
  BOOST_TEST(has_line(lines({"train.gradient_checkpointing=true", "model.encoder.depth=3"}),
                      "recompute  4 trained layers are" + again));
  BOOST_TEST(
      has_line(lines({"train.gradient_checkpointing=true", "train.freeze=['vision_model.*']"}),
               "recompute  1 trained layer is" + again));
  BOOST_TEST(has_line(lines({"train.gradient_checkpointing=true", "model.decoder=false",
                             "model.text_encoder={use='bert',width=16,depth=2,heads=2,dropout=0.1}",
                             "loss=[{use='itc',queue_size=32}]", "metric=[{use='recall'}]",
                             "evaluate.best=R_mean"}),
                      "recompute  3 trained layers are" + again));
}

BOOST_AUTO_TEST_CASE(what_patterns_meet_is_counted_without_what_is_frozen) {
  // Patches of 8 x 8 x 3 numbers to 16, and their bias.
  const std::string patches = "vision_model.embeddings.patch_embedding.";
  const std::string told =
      lines({"train.freeze=['" + patches + "weight']",
             "optimizer.group=[{match='" + patches + "*', lr_factor=0.5, weight_decay=0.0}]"});
  BOOST_TEST(has_line(told, "freeze     " + patches + "weight: 1 tensors, 3072 parameters\n"));
  BOOST_TEST(has_line(
      told, "group      " + patches + "*: 1 tensors, 16 parameters, lr x 0.5, weight decay 0\n"));
}

BOOST_AUTO_TEST_CASE(a_model_is_built_once_for_patterns_and_dry_pass) {
  registry.add<vlp::AnyModel, CountedModel>("1", "a test");
  CountedModelImpl::built = 0;
  BOOST_TEST(has_line(lines({"model.use=counted", "train.freeze=['vision_model.*']"}), "freeze "));
  BOOST_TEST(CountedModelImpl::built == 1);
}

BOOST_AUTO_TEST_CASE(losses_that_compare_the_pairs_of_a_micro_step_are_noted_beside_accumulation) {
  const std::vector<std::string> contrast{
      "model.text_encoder={use='bert',width=16,depth=1,heads=2,dropout=0.1}", "model.decoder=false",
      "loss=[{use='itc',queue_size=0,alpha=0.0},{use='itm'}]", "metric=[{use='recall'}]",
      "evaluate.best=R_mean"};
  BOOST_TEST(notes(contrast) == "");
  std::vector<std::string> accumulated = contrast;
  accumulated.emplace_back("train.accumulation=4");
  const std::string rest =
      "' compares the 8 pairs of a micro-step with one another; accumulation makes that batch no "
      "larger\n";
  BOOST_TEST(notes(accumulated) == "note       loss 'itc" + rest + "note       loss 'itm" + rest);
  BOOST_TEST(notes({"train.accumulation=4"}) == "", "'lm' compares none");
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

BOOST_AUTO_TEST_CASE(a_run_builds_the_tokenizer_once_be_it_quick_or_not) {
  registry.add<vlp::AnyTokenizer, CountedTokenizer>("1", "a test");
  for (const bool quick : {false, true}) {
    vlp::RunArguments running;
    running.out = root / (quick ? "quick" : "tried");
    running.data_dir = root / "data";
    running.threads = 1;
    running.quick = quick;
    CountedTokenizer::built = 0;
    (void)vlp::run(
        vlp::load_recipe(root / "recipe.toml", {"tokenizer.use=counted", "train.max_steps=1"}),
        registry, running);
    BOOST_TEST(CountedTokenizer::built == 1);
  }
}

// 24 training images; "a", "the", four colours, "picture" and "." are in the vocabulary: 5 tokens
// with [CLS] and [SEP], 6 where there is a full stop.
BOOST_AUTO_TEST_CASE(captions_are_told_with_their_length_and_what_is_cut_and_unknown) {
  const std::string of_all = "texts      120 captions, the longest of 6 tokens; ";
  BOOST_TEST(has_line(lines(), of_all + "none is cut at 10; no token is [UNK]\n"));
  BOOST_TEST(
      has_line(lines({"tokenizer.max_length=5"}), of_all + "48 are cut at 5; no token is [UNK]\n"));
  BOOST_TEST(has_line(lines({"model.prompt=a picture of"}),
                      "texts      120 captions, the longest of 9 tokens; none is cut at 10; no "
                      "token is [UNK]\n"));
  arguments.quick = true;
  BOOST_TEST(has_line(lines(), of_all));
  arguments.share_dir.clear();
  BOOST_TEST(!has_line(lines(), "texts "), "there is no tokenizer");
}

BOOST_AUTO_TEST_CASE(unknown_words_are_told_as_a_share_of_the_tokens) {
  write("data/results.csv",
        "image_name| comment_number| comment\n1000.jpg| 0| a yak\n1001.jpg| 0| a red\n");
  const std::vector<std::string> all{"dataset.split={train=1.0,validation=0.0,test=0.0}"};
  BOOST_TEST(has_line(lines(all),
                      "texts      2 captions, the longest of 4 tokens; none is cut at "
                      "10; 25.0 % of the tokens are [UNK]\n"));
}

BOOST_AUTO_TEST_CASE(captions_without_words_are_noted_and_not_counted) {
  std::ofstream(root / "data/results.csv", std::ios::app)
      << "1000.jpg| 5|  \n1001.jpg| 5| ...\n1002.jpg| 5| !\n";
  const std::string file = (root / "data/results.csv").string();
  const std::vector<std::string> all{"dataset.split={train=1.0,validation=0.0,test=0.0}"};
  const std::string raw = lines(all);
  BOOST_TEST(has_line(raw, "note       " + file +
                               ": 1 blank captions were passed over, the first is '1000.jpg'.\n"),
             raw);
  BOOST_TEST(has_line(raw, "length     202 pairs an epoch"), raw);
  std::vector<std::string> cleaned = all;
  cleaned.emplace_back("transform=[{use='pre_caption'},{use='resize',size=16},{use='normalize'}]");
  const std::string told = lines(cleaned);
  BOOST_TEST(has_line(told,
                      "note       dataset: the text transforms leave nothing of 2 captions of "
                      "the training split; passed over, the first is of image '1001.jpg'\n"),
             told);
  BOOST_TEST(has_line(told, "length     200 pairs an epoch"), told);
}

// [CLS], nine words and [SEP] are eleven tokens.
BOOST_AUTO_TEST_CASE(a_prompt_without_room_behind_it_is_a_mistake) {
  const auto told = [&](const std::string& prompt, std::vector<std::string> sets = {}) {
    sets.push_back("model.prompt=" + prompt);
    return vlp_test::message_of<vlp::RecipeError>([&] { (void)lines(sets); });
  };
  const std::string nine = "a red picture of the blue picture of a";
  const std::string no_text =
      "model.prompt: leaves no room for a caption (got 10 tokens with [CLS], expected at most 8, "
      "as the tokenizer cuts texts to 10); shorten it, or give the tokenizer more";
  const std::string no_caption =
      "generate.max_length: the prompt fills the caption (got 10 tokens with [DEC], expected fewer "
      "than max_length = 8); shorten model.prompt, or change it";
  for (const bool quick : {false, true}) {
    arguments.quick = quick;
    BOOST_TEST(told(nine) == no_text + "\n" + no_caption + ".");
    BOOST_TEST(told(nine, {"tokenizer.max_length=12"}) == no_caption + ".");
    BOOST_TEST(told(nine, {"tokenizer.max_length=12", "generate.max_length=11"}) == "");
    BOOST_TEST(told("a picture of") == "");
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
