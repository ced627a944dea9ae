// What a recipe is told about losses that compare images and texts.

#include "vlp/plan/plan.hpp"

#include <string>
#include <vector>

#include <boost/test/unit_test.hpp>

#include "docs/examples/plugins/alignment.hpp"
#include "vlp/recipe/load.hpp"
#include "vlp/registry/builtin.hpp"
#include "vlp/registry/registry.hpp"
#include "vlp/tasks/evaluate.hpp"
#include "vlp/tasks/train.hpp"

BOOST_AUTO_TEST_SUITE(pretraining_plan)

namespace {

constexpr const char* kBegin = R"([dataset]
use = "flickr30k"
[tokenizer]
use = "wordpiece"
[[transform]]
use = "resize"
size = 32
[[transform]]
use = "normalize"
[optimizer]
use = "adamw"
[schedule]
use = "cosine"
[evaluate]
best = "loss"
[model]
use = "blip"
[model.encoder]
use = "vit"
)";
constexpr const char* kTextEncoder = "[model.text_encoder]\nuse = \"bert\"\n";
constexpr const char* kDecoder = "[model.decoder]\nuse = \"bert_cross_attention\"\n";

vlp::Plan plan_of(const std::string& toml, const std::vector<std::string>& sets) {
  static const vlp::Registry registry = [] {
    vlp::Registry made;
    vlp::add_builtin_plugins(made);
    made.add<vlp::AnyLoss, AlignmentLoss>("1.0", "docs/examples/plugins/alignment.hpp");
    return made;
  }();
  vlp::Recipe recipe{vlp::parse_toml(toml, "r.toml"), "r.toml", {}};
  for (const std::string& set : sets) vlp::apply_set(recipe.value, set, recipe.problems);
  return vlp::plan_training(recipe, registry);
}

/// What a recipe with these parts of a model and these losses is told; empty if it is good.
std::string problems_of(const std::string& parts, const std::string& losses,
                        const std::vector<std::string>& sets = {}) {
  try {
    (void)plan_of(kBegin + parts + losses, sets);
    return "";
  } catch (const vlp::RecipeError& error) {
    const std::string text = error.what();
    return text.substr(text.find('\n') + 1);
  }
}

constexpr const char* kItc = "[[loss]]\nuse = \"itc\"\n";
constexpr const char* kClip = "[[loss]]\nuse = \"itc\"\nalpha = 0\nqueue_size = 0\n";
constexpr const char* kItm = "[[loss]]\nuse = \"itm\"\n";
constexpr const char* kLm = "[[loss]]\nuse = \"lm\"\n";
constexpr const char* kAlignment = "[[loss]]\nuse = \"alignment\"\n";

}  // namespace

BOOST_AUTO_TEST_CASE(a_mixture_of_encoder_and_decoder_serves_every_loss) {
  const std::string both = std::string(kTextEncoder) + kDecoder;
  BOOST_TEST(problems_of(both, std::string(kItc) + kItm + kLm + kAlignment) == "");
  BOOST_TEST(problems_of(kTextEncoder, std::string(kItc) + kItm) == "");
  BOOST_TEST(problems_of("[model.text_encoder]\nuse = \"bert\"\ncross_attention = false\n",
                         std::string(kClip) + kAlignment) == "");
}

BOOST_AUTO_TEST_CASE(a_loss_without_its_part_of_the_model_is_refused_by_name) {
  BOOST_TEST(problems_of(kDecoder, kItc) ==
             "  r.toml:22:1: loss.0: loss 'itc' needs a text encoder and image and text "
             "embeddings and a temperature and momentum embeddings; model 'blip' has none");
  BOOST_TEST(
      problems_of(kDecoder, kClip) ==
      "  r.toml:22:1: loss.0: loss 'itc' needs a text encoder and image and text embeddings and a "
      "temperature; model 'blip' has none");
  BOOST_TEST(problems_of("[model.text_encoder]\nuse = \"bert\"\ncross_attention = false\n", kItm) ==
             "  r.toml:23:1: loss.0: loss 'itm' needs an image-grounded text encoder and a "
             "matching head; model 'blip' has none");
  BOOST_TEST(problems_of(kTextEncoder, std::string(kItm) + kLm) ==
             "  r.toml:24:1: loss.1: loss 'lm' needs a decoder; model 'blip' has none");
  BOOST_TEST(problems_of(kDecoder, std::string(kLm) + kAlignment) ==
             "  r.toml:24:1: loss.1: loss 'alignment' needs a text encoder; model 'blip' has none");
}

BOOST_AUTO_TEST_CASE(a_batch_too_small_to_compare_anything_is_refused) {
  const std::string rest =
      "; accumulation doesn't help, since a loss sees one micro-batch at a time";
  const std::string place = "  --set train.batch_size=1: train.batch_size: ";
  BOOST_TEST(problems_of(kTextEncoder, std::string(kItc) + kItm, {"train.batch_size=1"}) ==
             place + "loss 'itm' needs at least 2 pairs a batch (got train.batch_size = 1)" + rest);
  BOOST_TEST(problems_of(kTextEncoder, kClip, {"train.batch_size=1"}) ==
             place + "loss 'itc' needs at least 2 pairs a batch (got train.batch_size = 1)" + rest);
  BOOST_TEST(problems_of(kTextEncoder, kItc, {"train.batch_size=1"}) == "",
             "the queue has something to compare with");
  BOOST_TEST(problems_of(kTextEncoder, kAlignment, {"train.batch_size=2"}) ==
             "  --set train.batch_size=2: train.batch_size: loss 'alignment' needs at least 3 "
             "pairs a batch (got train.batch_size = 2)" +
                 rest);
  BOOST_TEST(problems_of(kTextEncoder, kItm, {"train.batch_size=2"}) == "");
}

BOOST_AUTO_TEST_CASE(options_out_of_range_are_refused) {
  BOOST_TEST(problems_of(kTextEncoder, kItc, {"loss.itc.alpha=1.5"})
                 .find("loss.0.alpha: got 1.5, expected a number, 0 to 1") != std::string::npos);
  BOOST_TEST(
      problems_of(kTextEncoder, kItc, {"loss.itc.queue_size=-1"}).find("loss.0.queue_size") !=
      std::string::npos);
  BOOST_TEST(
      problems_of(kTextEncoder, kItm, {"loss.itm.positives='caption'"}).find("loss.0.positives") !=
      std::string::npos);
}

BOOST_AUTO_TEST_CASE(the_resolved_recipe_writes_every_option_out) {
  const vlp::Plan plan =
      plan_of(std::string(kBegin) + kTextEncoder + kItc + kItm, {"loss.itm.similarities='online'"});
  BOOST_TEST((plan.loss.at(0).traits().needs ==
              (vlp::parts::similarities | vlp::parts::momentum_embeddings)));
  const std::string text = vlp::write_toml(plan.resolved);
  for (const char* line : {"alpha = 0.4", "alpha_warmup_epochs = 2", "queue_size = 57600",
                           "positives = \"pair\"", "similarities = \"online\"", "floor = "})
    BOOST_TEST(text.find(line) != std::string::npos, line);
}

BOOST_AUTO_TEST_SUITE_END()
