// Evaluations of models with weights that are no numbers, and runs that begin with such.

#include "vlp/tasks/evaluate.hpp"

#include <limits>
#include <string>
#include <vector>

#include <boost/test/unit_test.hpp>

#include "tests/support/messages.hpp"
#include "tests/support/planted.hpp"
#include "tests/support/tiny_run.hpp"

namespace {

namespace fs = std::filesystem;
using vlp_test::contains;

constexpr float kNaN = std::numeric_limits<float>::quiet_NaN(),
                kInfinity = std::numeric_limits<float>::infinity();

struct PlantedRun : vlp_test::TinyRun {
  std::vector<std::string> notes;

  /// Replaces the decoder, loss and metrics by those of retrieval.
  void become_retrieval(const std::string& metrics) {
    std::string toml = vlp_test::read_file(root / "recipe.toml");
    const std::size_t begin = toml.find("[model.decoder]");
    toml.replace(begin, toml.find("[optimizer]") - begin,
                 "[model.text_encoder]\nuse = 'bert'\nwidth = 16\ndepth = 1\nheads = 2\n"
                 "[[loss]]\nuse = 'itc'\nqueue_size = 0\nalpha = 0.0\npositives = 'image'\n"
                 "[[loss]]\nuse = 'itm'\npositives = 'image'\n" +
                     metrics);
    toml.insert(toml.find("[model.encoder]"), "embedding_width = 8\n");
    toml.replace(toml.find("\"CIDEr\""), 7, "\"loss\"");
    write("recipe.toml", toml);
  }
  [[nodiscard]] fs::path weights() const {
    return root / "trained" / "model" / "model.safetensors";
  }
  /// The message that a run of this task ends with.
  [[nodiscard]] std::string told(const std::string& out, const std::string& task) {
    vlp::RunArguments arguments;
    arguments.out = root / out;
    arguments.data_dir = root / "data";
    arguments.threads = 2;
    arguments.console.on_note = [this](std::string_view text) { notes.emplace_back(text); };
    const std::vector<std::string> sets{"run.task=" + task, "train.max_steps=1",
                                        "model.weights=" + (root / "trained").string()};
    return vlp_test::message_of<vlp::NonFiniteError>(
        [&] { (void)vlp::run(vlp::load_recipe(root / "recipe.toml", sets), registry, arguments); });
  }
  void check(const std::string& tensor, float value, const std::string& said) {
    (void)run("trained", {"train.max_steps=1"});
    vlp_test::plant(weights(), tensor, value);
    const std::string message = told("scored", "evaluate");
    BOOST_TEST(contains(message, said), message);
    if (said.starts_with(": ")) BOOST_TEST(message.starts_with("image 10"), message);
    const std::string of_weights = weights().string() + ": 1 of ";
    BOOST_TEST(contains(message, "\n" + of_weights), message);
    BOOST_TEST(contains(message, " tensors hold NaN or infinity: " + tensor), message);
    BOOST_TEST(contains(notes, of_weights));
  }
};

}  // namespace

BOOST_FIXTURE_TEST_SUITE(evaluate_not_finite, PlantedRun)

BOOST_AUTO_TEST_CASE(captions_of_image_states_that_are_not_finite) {
  check("vision_model.post_layernorm.weight", kNaN, ": the image states are not finite (got [");
}

BOOST_AUTO_TEST_CASE(captions_of_logits_that_are_not_finite) {
  check("text_decoder.cls.predictions.transform.dense.bias", kInfinity,
        ": the decoder's logits of token 1 of the caption are not finite (got [");
}

BOOST_AUTO_TEST_CASE(ranks_of_image_embeddings_that_are_not_finite) {
  become_retrieval("[[metric]]\nuse = 'recall'\nrerank = 4\n");
  check("vision_proj.bias", kNaN, ": the image embeddings are not finite (got [8]");
}

BOOST_AUTO_TEST_CASE(ranks_of_text_embeddings_that_are_not_finite) {
  become_retrieval("[[metric]]\nuse = 'recall'\n");
  check("text_proj.weight", kInfinity,
        ": the text embeddings of its caption 1 are not finite (got [8]");
}

BOOST_AUTO_TEST_CASE(ranks_of_match_logits_that_are_not_finite) {
  become_retrieval("[[metric]]\nuse = 'recall'\nrerank = 4\n");
  check("itm_head.bias", kInfinity, ": the match logits with its texts are not finite (got [");
}

BOOST_AUTO_TEST_CASE(a_loss_of_parameters_that_are_not_finite) {
  become_retrieval("");
  check("itm_head.bias", kNaN,
        "the loss is not finite, and neither is parameter itm_head.bias (got [2] Float, 2 of 2");
}

BOOST_AUTO_TEST_CASE(a_run_that_begins_with_such_weights_repeats_what_is_known_of_them) {
  (void)run("trained", {"train.max_steps=1"});
  vlp_test::plant(weights(), "vision_model.post_layernorm.weight", kNaN);
  const std::string message = told("again", "train");
  BOOST_TEST(message.starts_with("step 1: the loss or its gradient is not finite."), message);
  BOOST_TEST(contains(message, "parameter vision_model.post_layernorm.weight isn't finite"),
             message);
  BOOST_TEST(contains(message, "\n" + weights().string() + ": 1 of "), message);
}

BOOST_AUTO_TEST_SUITE_END()
