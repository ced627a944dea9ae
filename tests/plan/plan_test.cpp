// The checks of a whole recipe, with the components that are built in.

#include "vlp/plan/plan.hpp"

#include <optional>
#include <string>
#include <vector>

#include <boost/test/unit_test.hpp>

#include "tests/support/archetypes.hpp"
#include "tests/support/summary_encoders.hpp"
#include "vlp/assemble/open.hpp"
#include "vlp/recipe/load.hpp"
#include "vlp/registry/builtin.hpp"
#include "vlp/registry/registry.hpp"
#include "vlp/tasks/evaluate.hpp"
#include "vlp/tasks/train.hpp"

BOOST_AUTO_TEST_SUITE(plan)

namespace {

constexpr vlp::DeviceName kCpu{vlp::DeviceName::Type::cpu, 0};
constexpr vlp::DeviceName kGpu{vlp::DeviceName::Type::cuda, 0};

constexpr const char* kRecipe = R"([run]
task = "train"
[dataset]
use = "flickr30k"
[tokenizer]
use = "wordpiece"
[[transform]]
use = "resize"
size = 32
[[transform]]
use = "normalize"
[model]
use = "blip"
[model.encoder]
use = "vit"
[model.decoder]
use = "bert_cross_attention"
[[loss]]
use = "lm"
[[metric]]
use = "bleu"
[[metric]]
use = "cider"
[optimizer]
use = "adamw"
[schedule]
use = "cosine"
[evaluate]
best = "CIDEr"
)";

vlp::Registry& builtins() {
  static vlp::Registry registry = [] {
    vlp::Registry made;
    vlp::add_builtin_plugins(made);
    made.add<vlp::AnyModel, archetype::Model>("1", "a test");
    made.add<vlp::AnyEncoder, vlp_test::PixelEncoder>("1", "a test");
    made.add<vlp::AnyEncoder, vlp_test::MeanEncoder>("1", "a test");
    return made;
  }();
  return registry;
}

vlp::Plan plan_of(const std::string& toml, const std::vector<std::string>& sets = {},
                  std::optional<vlp::DeviceName> device = std::nullopt) {
  vlp::Recipe recipe{vlp::parse_toml(toml, "r.toml"), "r.toml", {}};
  for (const std::string& set : sets) vlp::apply_set(recipe.value, set, recipe.problems);
  const vlp::Value* task = vlp::value_at(recipe.value, "run.task");
  if (task && *task->as<std::string>() == "evaluate")
    return vlp::plan_evaluation(recipe, builtins(), device);
  return vlp::plan_training(recipe, builtins(), device);
}

/// All that a recipe is told, one line a problem; empty if it is good.
std::string problems_of(const std::string& toml, const std::vector<std::string>& sets = {},
                        std::optional<vlp::DeviceName> device = std::nullopt) {
  try {
    (void)plan_of(toml, sets, device);
    return "";
  } catch (const vlp::RecipeError& error) {
    return error.what();
  }
}

std::string without(std::string toml, const std::string& part) {
  toml.erase(toml.find(part), part.size());
  return toml;
}

}  // namespace

BOOST_AUTO_TEST_CASE(a_good_recipe_becomes_a_plan) {
  const vlp::Plan plan = plan_of(kRecipe, {"train.epochs=3"}, kCpu);
  BOOST_TEST(plan.model.name() == "blip");
  BOOST_TEST((plan.model.traits().serves == (vlp::parts::decoder | vlp::parts::captions)));
  BOOST_TEST(plan.transform.size() == 2U);
  BOOST_TEST(plan.train.epochs == 3);
  BOOST_TEST(plan.run.seed == 17);
}

BOOST_AUTO_TEST_CASE(sources_of_weights_are_named_for_the_parts_that_the_model_has) {
  const std::string captioner =
      "1 problem in the recipe\n  r.toml:14:30: model.weights.text_encoder: there is no "
      "[model.text_encoder] that it could be for; model 'blip' of this recipe takes: model, "
      "encoder, decoder, text";
  const auto with = [](const std::string& weights) {
    std::string toml = kRecipe;
    return toml.insert(toml.find("[model.encoder]"), "weights = " + weights + "\n");
  };
  BOOST_TEST(problems_of(with("{ encoder = \"a\", text = \"b\" }")) == "");
  BOOST_TEST(problems_of(with("{ model = \"a\", decoder = \"b\" }")) == "");
  BOOST_TEST(problems_of(with("{   model = \"a\",   text_encoder = \"b\" }")) == captioner);
  BOOST_TEST(problems_of(kRecipe, {"model.weights.encodr=a"}) ==
             "1 problem in the recipe\n  --set model.weights.encodr=a: model.weights.encodr: "
             "unknown key (did you mean 'encoder'?); model 'blip' of this recipe takes: model, "
             "encoder, decoder, text");
  BOOST_TEST(problems_of(kRecipe, {"run.task=evaluate", "model.weights.text_encoder=a"})
                 .find("there is no [model.text_encoder]") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(a_model_of_no_format_has_sources_for_the_whole_only) {
  std::string toml = without(without(kRecipe, "[model.encoder]\nuse = \"vit\"\n"),
                             "[model.decoder]\nuse = \"bert_cross_attention\"\n");
  toml.replace(toml.find("\"blip\""), 6, "\"" + std::string(archetype::Model::name) + "\"");
  const auto told = [&](const std::string& set) { return problems_of(toml, {set}); };
  BOOST_TEST(told("model.weights=a").find("model.weights") == std::string::npos);
  BOOST_TEST(told("model.weights.encoder=a")
                 .find("model.weights.encoder: no format knows the parts of model '" +
                       std::string(archetype::Model::name) +
                       "'; give a source of the whole, weights = \"SOURCE\", or add the format "
                       "with --plugin") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(the_resolved_recipe_reads_back_to_the_same_plan) {
  const vlp::Plan plan = plan_of(kRecipe, {"train.batch_size=7", "loss.lm.weight=0.25",
                                           "optimizer.lr=1e-3", "model.prompt='a \"b\"'"});
  const std::string text = vlp::write_toml(plan.resolved);
  const vlp::Plan again = plan_of(text);
  BOOST_TEST(vlp::write_toml(again.resolved) == text);
  BOOST_TEST(again.train.batch_size == 7);
  BOOST_TEST(again.loss.at(0).extra.weight == 0.25);
  BOOST_TEST(again.model.extra.prompt == "a \"b\"");
  BOOST_TEST(text.find("label_smoothing = 0.0") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(a_loss_that_the_model_cannot_serve_is_refused_by_name) {
  std::string toml = kRecipe;
  toml.replace(toml.find("use = \"blip\"\n[model.encoder]\nuse = \"vit\"\n[model.decoder]\nuse = "
                         "\"bert_cross_attention\""),
               std::string("use = \"blip\"\n[model.encoder]\nuse = \"vit\"\n[model.decoder]\nuse = "
                           "\"bert_cross_attention\"")
                   .size(),
               "use = \"a_model\"");
  BOOST_TEST(
      problems_of(toml) ==
      "3 problems in the recipe\n  r.toml:14:1: loss.0: loss 'lm' needs image states and a "
      "decoder; "
      "model 'a_model' has none\n"
      "  r.toml:16:1: metric.0: metric 'bleu' needs captions; model 'a_model' has no decoder\n"
      "  r.toml:18:1: metric.1: metric 'cider' needs captions; model 'a_model' has no decoder");
}

BOOST_AUTO_TEST_CASE(texts_are_compared_only_with_images_that_have_a_vector) {
  std::string toml = kRecipe;
  const std::string decoder =
      "[model.decoder]\nuse = \"bert_cross_attention\"\n[[loss]]\nuse = \"lm\"";
  toml.replace(toml.find(decoder), decoder.size(),
               "[model.text_encoder]\nuse = \"bert\"\n[[loss]]\nuse = \"itc\"");
  toml = without(without(toml, "[[metric]]\nuse = \"bleu\"\n"), "[[metric]]\nuse = \"cider\"\n");
  toml.replace(toml.find("\"CIDEr\""), 7, "\"loss\"");
  const auto with = [&](const std::string& encoder) {
    std::string changed = toml;
    return changed.replace(changed.find("\"vit\""), 5, "\"" + encoder + "\"");
  };
  BOOST_TEST(problems_of(toml) == "");
  BOOST_TEST(problems_of(with("mean")) == "");
  BOOST_TEST(problems_of(with("pixels"))
                 .find("model: encoder 'pixels' has no vector for a whole image, of which "
                       "embeddings could be made; give it `summary(states)`, or leave "
                       "[model.text_encoder] out") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(half_precision_on_a_cpu_names_the_way_out) {
  BOOST_TEST(problems_of(std::string(kRecipe) + "[train]\nprecision = 'fp16'\n", {}, kCpu) ==
             "1 problem in the recipe\n  r.toml:31:13: train.precision: fp16 needs a GPU and this "
             "run is on a CPU; use --set "
             "train.precision=fp32 (or bf16)");
  BOOST_TEST(problems_of(kRecipe, {"train.precision=fp16"}, kCpu)
                 .starts_with("1 problem in the recipe\n  --set train.precision=fp16: "
                              "train.precision: fp16 needs a GPU"));
  BOOST_TEST(problems_of(kRecipe, {"train.precision=fp16"}, kGpu) == "");
  BOOST_TEST(problems_of(kRecipe, {"train.precision=fp16"}) == "",
             "what depends on an unknown device isn't checked");
  BOOST_TEST(problems_of(kRecipe, {"train.precision=bf16"}, kCpu) == "");
}

BOOST_AUTO_TEST_CASE(tf32_on_a_cpu_names_the_way_out) {
  BOOST_TEST(
      problems_of(kRecipe, {"train.precision=tf32"}, kCpu) ==
      "1 problem in the recipe\n  --set train.precision=tf32: train.precision: tf32 is how a "
      "GPU multiplies float32 and this run is on a CPU; use --set train.precision=fp32 (or "
      "bf16)");
  BOOST_TEST(problems_of(kRecipe, {"train.precision=tf32"}, kGpu) == "");
  BOOST_TEST(problems_of(kRecipe, {"train.precision=tf32"}) == "");
}

BOOST_AUTO_TEST_CASE(an_evaluation_needs_a_gpu_for_the_same_precisions) {
  for (const std::string precision : {"fp32", "bf16", "tf32", "fp16"}) {
    const std::vector<std::string> sets{"run.task=evaluate", "model.weights=runs/one",
                                        "train.precision=" + precision};
    BOOST_TEST(problems_of(kRecipe, sets, kGpu) == "", precision);
    BOOST_TEST(
        (problems_of(kRecipe, sets, kCpu) == "") == (precision[0] != 't' && precision != "fp16"),
        precision);
  }
}

BOOST_AUTO_TEST_CASE(a_best_score_that_no_metric_gives_is_refused_with_the_nearest) {
  BOOST_TEST(problems_of(kRecipe, {"evaluate.best=Cider"}) ==
             "1 problem in the recipe\n  --set evaluate.best=Cider: evaluate.best: no metric of "
             "this recipe gives a score 'Cider' (did you "
             "mean 'CIDEr'?); "
             "there are: Bleu_1, Bleu_2, Bleu_3, Bleu_4, CIDEr, loss");
  BOOST_TEST(problems_of(kRecipe, {"evaluate.best=loss"}) == "");
  BOOST_TEST(problems_of(kRecipe, {"evaluate.best=Bleu_4"}) == "");
}

BOOST_AUTO_TEST_CASE(scores_of_one_name_are_refused) {
  BOOST_TEST(problems_of(std::string(kRecipe) + "[[metric]]\nuse = 'cider'\n")
                 .find("two metrics give a score 'CIDEr'") != std::string::npos);
  BOOST_TEST(problems_of(std::string(kRecipe) + "[[metric]]\nuse = 'cider'\nvariant = 'plain'\n") ==
             "");
}

BOOST_AUTO_TEST_CASE(evaluation_needs_weights_and_neither_losses_nor_an_optimizer) {
  std::string toml =
      without(without(kRecipe, "[[loss]]\nuse = \"lm\"\n"), "[optimizer]\nuse = \"adamw\"\n");
  BOOST_TEST(problems_of(toml, {"run.task=evaluate"}) ==
             "1 problem in the recipe\n  r.toml:12:1: model.weights: missing, task \"evaluate\" "
             "needs the weights to score, e.g. --set "
             "model.weights=runs/NAME");
  BOOST_TEST(problems_of(toml, {"run.task=evaluate", "model.weights=runs/x"}) == "");
}

BOOST_AUTO_TEST_CASE(training_needs_a_loss_and_an_optimizer) {
  const std::string toml =
      without(without(kRecipe, "[[loss]]\nuse = \"lm\"\n"), "[optimizer]\nuse = \"adamw\"\n");
  BOOST_TEST(problems_of(toml) ==
             "2 problems in the recipe\n  r.toml: loss: training needs at least one [[loss]]\n  "
             "r.toml: optimizer: missing, training needs an "
             "[optimizer] with `use`");
}

/// The recipe with other transforms.
std::string with_transforms(const std::string& tables) {
  std::string toml = kRecipe;
  const std::size_t begin = toml.find("[[transform]]"), end = toml.find("[model]");
  return toml.replace(begin, end - begin, tables);
}

constexpr const char* kNormalize = "[[transform]]\nuse = 'normalize'\n";

BOOST_AUTO_TEST_CASE(transforms_take_part_in_training_in_evaluation_or_in_both) {
  const std::string tables =
      std::string("[[transform]]\nuse = 'random_resized_crop'\nsize = 32\nwhen = 'train'\n") +
      "[[transform]]\nuse = 'resize'\nsize = 48\nwhen = 'evaluate'\n" +
      "[[transform]]\nuse = 'rand_augment'\nwhen = 'train'\n[[transform]]\nuse = 'pre_caption'\n" +
      kNormalize;
  const vlp::Plan plan = plan_of(with_transforms(tables));
  const vlp::Pipelines pipelines = vlp::build_pipelines(plan.transform, vlp::Context{});
  BOOST_TEST(pipelines.train.images.size() == 3U);
  BOOST_TEST(pipelines.train.texts.size() == 1U);
  BOOST_TEST(pipelines.train.output_size().height == 32);
  BOOST_TEST(pipelines.evaluate.images.size() == 2U);
  BOOST_TEST(pipelines.evaluate.texts.size() == 1U);
  BOOST_TEST(pipelines.evaluate.output_size().height == 48);
  const std::string text = vlp::write_toml(plan.resolved);
  BOOST_TEST(text.find("when = \"evaluate\"") != std::string::npos);
  BOOST_TEST(vlp::write_toml(plan_of(text).resolved) == text);
}

BOOST_AUTO_TEST_CASE(an_unknown_time_for_a_transform_is_refused) {
  BOOST_TEST(problems_of(kRecipe, {"transform.resize.when=training"}) ==
             "1 problem in the recipe\n  --set transform.resize.when=training: transform.0.when: "
             "got \"training\", expected one of "
             "\"always\", \"train\", \"evaluate\"");
}

BOOST_AUTO_TEST_CASE(a_size_that_only_training_fixes_is_a_transform_forgotten) {
  const std::string crop = "[[transform]]\nuse = 'random_resized_crop'\nwhen = 'train'\n";
  BOOST_TEST(problems_of(with_transforms(crop + kNormalize)) ==
             "1 problem in the recipe\n  r.toml:7:1: transform: evaluate: no transform fixes the "
             "size of images; add one, e.g. use = "
             "\"resize\" with when = \"evaluate\"");
  BOOST_TEST(problems_of(kRecipe, {"transform.resize.when=evaluate"})
                 .find("transform: train: no transform fixes the size of images") !=
             std::string::npos);
  BOOST_TEST(problems_of(with_transforms(kNormalize)) == "", "images of one size need no resize");
}

BOOST_AUTO_TEST_CASE(images_that_do_not_end_as_a_models_input_are_found_without_any_image) {
  BOOST_TEST(problems_of(kRecipe, {"transform.normalize.when=train"}) ==
             "1 problem in the recipe\n  r.toml:7:1: transform: evaluate: images don't become a "
             "model's input (got Byte with 3 "
             "dimensions, expected Float [3, H, W]); add use = \"normalize\"");
  BOOST_TEST(problems_of(with_transforms("[[transform]]\nuse = 'pre_caption'\n"))
                 .find("no transform takes part that changes images") != std::string::npos);
  BOOST_TEST(
      problems_of(with_transforms(std::string(kNormalize) + "[[transform]]\nuse = 'resize'\n")) ==
      "1 problem in the recipe\n  r.toml:9:1: transform.1: evaluate: resize: bad image (got Float "
      "[3, 96, 64], expected uint8 [3, "
      "H, W]). Put resize before normalize.");
}

BOOST_AUTO_TEST_CASE(options_of_a_transform_that_make_no_sense_together_are_found) {
  const std::string tables =
      std::string("[[transform]]\nuse = 'random_resized_crop'\nscale = [0.9, 0.5]\n") + kNormalize;
  BOOST_TEST(
      problems_of(with_transforms(tables))
          .find(
              "transform.0: bad scale (got [0.900000, 0.500000], expected two numbers in order") !=
      std::string::npos);
  BOOST_TEST(problems_of(kRecipe, {"transform.normalize.std=[1.0, 0.0, 1.0]"})
                 .find("transform 'normalize': bad std") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(where_only_evaluation_is_wanted_training_needs_no_transforms) {
  const std::string tables =
      std::string("[[transform]]\nuse = 'resize'\nsize = 48\nwhen = 'evaluate'\n") +
      "[[transform]]\nuse = 'normalize'\nwhen = 'evaluate'\n";
  BOOST_TEST(problems_of(with_transforms(tables), {"run.task=evaluate", "model.weights=runs/x"}) ==
             "");
  BOOST_TEST(problems_of(with_transforms(tables)).find("train: no transform takes part") !=
             std::string::npos);
}

BOOST_AUTO_TEST_CASE(what_could_not_be_read_is_not_compared_with_anything) {
  BOOST_TEST(problems_of(kRecipe, {"model.encoder.heads='two'", "model.encoder.width=16"}) ==
             "1 problem in the recipe\n  --set model.encoder.heads='two': model.encoder.heads: got "
             "\"two\", expected an integer, at least 1");
  BOOST_TEST(problems_of(kRecipe, {"model.encoder.width=16"}).find("heads don't divide width") !=
             std::string::npos);
  const std::string pairs = without(kRecipe, "[model.decoder]\nuse = \"bert_cross_attention\"\n");
  BOOST_TEST(problems_of(pairs, {"loss.0={use='itm'}", "metric=[]", "evaluate.best=loss",
                                 "model.text_encoder={use='bert',cross_attention='no'}",
                                 "train.batch_size=0"}) ==
             "2 problems in the recipe\n  --set "
             "model.text_encoder={use='bert',cross_attention='no'}:1:37: "
             "model.text_encoder.cross_attention: got \"no\", expected true or false\n  --set "
             "train.batch_size=0: train.batch_size: got 0, expected an integer, at least 1");
  BOOST_TEST(
      problems_of(kRecipe, {"generate.beams=0", "generate.sample=true"}).starts_with("1 problem"));
  BOOST_TEST(problems_of(kRecipe, {"generate.suppress_tokens=[2, -1]"})
                 .find("suppress_tokens holds -1, which is no id") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(texts_and_captions_longer_than_the_model_are_found_without_building_it) {
  BOOST_TEST(problems_of(kRecipe, {"generate.max_length=900"}) ==
             "1 problem in the recipe\n  --set generate.max_length=900: generate.max_length: "
             "captions of up to 900 tokens don't fit model 'blip', which has positions for 512; "
             "shorten them, or give it more");
  BOOST_TEST(problems_of(kRecipe, {"generate.max_length=900", "model.decoder.max_positions=900"}) ==
             "");
  BOOST_TEST(
      problems_of(kRecipe, {"generate.max_length=900", "metric=[]", "evaluate.best=loss"}) == "",
      "nothing asks for captions");
  BOOST_TEST(problems_of(kRecipe, {"generate.max_new_tokens=512"})
                 .find("generate.max_new_tokens: captions of up to 513 tokens") !=
             std::string::npos);
  BOOST_TEST(problems_of(kRecipe, {"model.decoder.max_positions=32"}) ==
             "1 problem in the recipe\n  r.toml:5:1: tokenizer: texts of up to 40 tokens don't fit "
             "model 'blip', which has positions for 32; shorten them, or give it more");
  BOOST_TEST(problems_of(kRecipe, {"model.decoder.max_positions=32", "tokenizer.max_length=32"}) ==
             "");
}

BOOST_AUTO_TEST_CASE(lengths_and_numbers_of_captions_that_exclude_each_other_are_found_together) {
  BOOST_TEST(
      problems_of(kRecipe, {"generate.min_length=21", "generate.num_captions=4"}) ==
      "2 problems in the recipe\n  --set generate.min_length=21: generate.min_length: longer "
      "than the longest caption (got 21 tokens, expected at most 20, [DEC] included, as "
      "max_length = 20 allows)\n  --set generate.num_captions=4: generate.num_captions: more "
      "captions than beams (got num_captions = 4, expected at most beams = 3); set beams, or "
      "sample = true");
  BOOST_TEST(problems_of(kRecipe, {"generate.min_length=20", "generate.num_captions=3"}) == "");
  BOOST_TEST(problems_of(kRecipe, {"generate.num_captions=4", "generate.sample=true",
                                   "generate.beams=1"}) == "");
  BOOST_TEST(problems_of(kRecipe, {"generate.max_new_tokens=5", "generate.min_length=7"})
                 .ends_with("(got 7 tokens, expected at most 6, [DEC] included, as max_new_tokens "
                            "= 5 allows)"));
  BOOST_TEST(problems_of(kRecipe, {"generate.min_new_tokens=20"})
                 .find("generate.min_new_tokens: longer than the longest caption (got 21 tokens") !=
             std::string::npos);
}

BOOST_AUTO_TEST_CASE(images_that_the_patches_do_not_divide_are_found_without_building_a_model) {
  BOOST_TEST(problems_of(kRecipe, {"transform.resize.size=40"}) ==
             "1 problem in the recipe\n  r.toml:12:1: model: patches of 16 don't divide images of "
             "40 x 40 pixels; change patch, or the size that the transforms make");
  BOOST_TEST(problems_of(kRecipe, {"transform.resize.size=40", "model.encoder.patch=8"}) == "");
  BOOST_TEST(problems_of(with_transforms(kNormalize)) == "", "of no size nothing is known");
}

BOOST_AUTO_TEST_CASE(sizes_that_cannot_be_shared_are_placed_where_they_were_changed) {
  std::string toml = kRecipe;
  toml.insert(toml.find("[model.decoder]"), "[model.text_encoder]\nuse = \"bert\"\n");
  BOOST_TEST(problems_of(toml, {"model.encoder.depth=2", "model.decoder.depth=3"})
                 .starts_with("1 problem in the recipe\n  --set model.decoder.depth=3: model: "
                              "text_encoder and decoder can't share weights, their depth differs"),
             problems_of(toml, {"model.encoder.depth=2", "model.decoder.depth=3"}));
}

BOOST_AUTO_TEST_CASE(a_recipe_without_its_base_is_told_that_alone) {
  vlp::Recipe recipe{vlp::parse_toml("[trian]\n", "r.toml"), "r.toml", {}};
  recipe.problems.add({}, "extends", "no recipe at x.toml");
  recipe.incomplete = true;
  BOOST_CHECK_EXCEPTION((void)vlp::plan_training(recipe, builtins(), std::nullopt),
                        vlp::RecipeError, [](const vlp::RecipeError& error) {
                          return std::string(error.what()) ==
                                 "1 problem in the recipe\n  recipe: extends: no recipe at x.toml";
                        });
}

BOOST_AUTO_TEST_CASE(all_mistakes_of_a_recipe_are_listed_at_once_in_the_order_of_their_places) {
  const std::string said = problems_of(R"([run]
tusk = "train"
[tokenizer]
use = "wordpeice"
[[transform]]
use = "resize"
size = "big"
[model]
use = "blip"
[model.encoder]
use = "vit"
depht = 3
[model.decoder]
use = "bert_cross_attention"
heads = 0
[[loss]]
use = "lm"
weight = -1
label_smoothing = 2
[train]
epochs = 1.5
)",
                                       {"trian.epochs=3", "loss.itc.weight=1", "nonsense"});
  BOOST_TEST(said == R"(13 problems in the recipe
  --set loss.itc.weight=1: loss.itc.weight: no entry named 'itc'; entries: lm
  --set nonsense: got 'nonsense', expected KEY=VALUE, e.g. --set train.max_steps=100
  --set trian.epochs=3: trian: unknown key (did you mean 'train'?)
  r.toml: dataset: missing, expected a table with `use` naming a dataset, one of: )" +
                         vlp::listing(builtins().names("dataset")) + R"(
  r.toml: optimizer: missing, training needs an [optimizer] with `use`
  r.toml:2:1: run.tusk: unknown key (did you mean 'task'?)
  r.toml:4:7: tokenizer.use: no tokenizer named 'wordpeice' (did you mean 'wordpiece'?); there are: )" +
                         vlp::listing(builtins().names("tokenizer")) +
                         R"(. A plugin's .so is added by --plugin FILE.so
  r.toml:7:8: transform.0.size: got "big", expected an integer, 1 to 4096
  r.toml:12:1: model.encoder.depht: unknown key (did you mean 'depth'?)
  r.toml:15:9: model.decoder.heads: got 0, expected an integer, at least 1
  r.toml:18:10: loss.0.weight: got -1, expected a number, at least 0
  r.toml:19:19: loss.0.label_smoothing: got 2, expected a number, 0 to 1
  r.toml:21:10: train.epochs: got 1.5, expected an integer, at least 1)");
}

BOOST_AUTO_TEST_SUITE_END()
