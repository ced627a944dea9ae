// A second family of models, its encoder, decoder, model and format from a plugin each, in every
// command: trained, exported in its own format, imported, captioned with, begun with in one part,
// traced.

#include <filesystem>
#include <fstream>
#include <string>
#include <utility>
#include <vector>

#include <boost/test/unit_test.hpp>

#include "tests/support/messages.hpp"
#include "tests/support/process.hpp"
#include "tests/support/scratch_folder.hpp"
#include "tests/support/second_family.hpp"
#include "tests/support/ten_circles.hpp"

BOOST_AUTO_TEST_SUITE(second_family)

namespace {

namespace fs = std::filesystem;
using namespace vlp_test;

Outcome vlp_run(std::vector<std::string> arguments) {
  arguments.insert(arguments.begin(), VLP_PROGRAM);
  return run_process(arguments);
}

void write_text(const std::string& file, const std::string& text) {
  std::ofstream(file, std::ios::binary) << text;
}

/// The same with the family's plugins.
Outcome with_family(std::vector<std::string> arguments) {
  for (const fs::path& file : family_plugins()) {
    arguments.emplace_back("--plugin");
    arguments.push_back(file.string());
  }
  return vlp_run(std::move(arguments));
}

/// A folder with data, a vocabulary and a recipe.
struct Family {
  ScratchFolder scratch;
  Family() {
    write_ten_circles(scratch.path);
    write_text(path("vocab.txt"), "[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\na\nred\ncircle\n.\n");
    write_text(path("recipe.toml"), R"([dataset]
use = "flickr30k"
split = { train = 0.6, validation = 0.2, test = 0.2 }
[tokenizer]
use = "wordpiece"
vocabulary = ")" + path("vocab.txt") + R"("
max_length = 8
[[transform]]
use = "resize"
size = 16
[[transform]]
use = "normalize"
[model]
use = "tiny_git"
[model.encoder]
use = "tiny_patches"
[model.decoder]
use = "tiny_prefix"
[[loss]]
use = "lm"
[[metric]]
use = "bleu"
[optimizer]
use = "adamw"
lr = 0.03
[train]
epochs = 20
batch_size = 3
[evaluate]
best = "loss"
[generate]
max_length = 8
[report]
contact_sheet = 0
)");
  }
  [[nodiscard]] std::string path(const std::string& name) const {
    return (scratch.path / name).string();
  }
  /// What a run's best weights say of the test split.
  [[nodiscard]] std::string test_captions(const std::string& run) const {
    for (const auto& file : fs::directory_iterator(path(run + "/captions")))
      if (file.path().filename().string().starts_with("test-")) return text_of(file.path());
    return run + " has no captions";
  }
  [[nodiscard]] Outcome trained(const std::string& out, std::vector<std::string> more = {}) const {
    std::vector<std::string> words{
        "run",   path("recipe.toml"), "--data-dir", scratch.path.string(),
        "--out", path(out),           "--device",   "cpu"};
    words.insert(words.end(), more.begin(), more.end());
    return with_family(words);
  }
};

}  // namespace

BOOST_FIXTURE_TEST_CASE(every_command_serves_a_family_that_the_core_does_not_know, Family) {
  const Outcome first = trained("first");
  BOOST_TEST_REQUIRE(first.code == 0, first.err);
  BOOST_TEST(contains(text_of(path("first/model/config.json")), "tiny_git"), "in its own format");
  for (const char* name : {"tiny_patches", "tiny_prefix", "tiny_git"})
    BOOST_TEST(contains(text_of(path("first/environment.json")),
                        "\"name\": \"" + std::string(name) + "\""));
  const std::string image = path("flickr30k_images/0.png");
  const auto captioned = [&](const std::string& model) {
    const Outcome outcome = with_family({"caption", image, "--model", path(model), "--device",
                                         "cpu", "--beams", "3", "--format", "json"});
    BOOST_TEST(outcome.code == 0, outcome.err);
    BOOST_TEST(contains(outcome.out, "a red circle."), outcome.out);
  };
  captioned("first");

  // As its own software would leave it: without a recipe.
  fs::create_directories(path("foreign"));
  for (const char* name : {"config.json", "model.safetensors"})
    fs::copy_file(path("first/model/" + std::string(name)), path("foreign/" + std::string(name)));
  fs::copy_file(path("first/model/vocab.txt"), path("foreign/vocab.txt"));
  captioned("foreign");
  const Outcome begun = trained("second", {"--set", "model.weights=" + path("foreign"), "--set",
                                           "train.epochs=1", "--set", "optimizer.lr=1e-9"});
  BOOST_TEST(begun.code == 0, begun.err);
  BOOST_TEST(test_captions("second") == test_captions("first"), "the same weights say the same");

  const Outcome part = trained(
      "third", {"--set", "model.weights.encoder=" + path("foreign"), "--set", "train.epochs=1"});
  BOOST_TEST(part.code == 0, part.err);
  BOOST_TEST(contains(part.err, "vision"), part.err);

  const Outcome traced = with_family({"trace", "--model", path("first"), "--images", image, "--out",
                                      path("trace.safetensors"), "--device", "cpu"});
  BOOST_TEST(traced.code == 0, traced.err);
  BOOST_TEST(fs::exists(path("trace.safetensors")));
}

BOOST_FIXTURE_TEST_CASE(a_run_that_is_opened_without_its_plugin_names_it, Family) {
  BOOST_TEST_REQUIRE(trained("run", {"--set", "train.epochs=1"}).code == 0);
  const Outcome outcome = vlp_run(
      {"caption", path("flickr30k_images/0.png"), "--model", path("run"), "--device", "cpu"});
  BOOST_TEST(outcome.code == 2);
  BOOST_TEST(contains(outcome.err, "this run was made with tiny_patches.so, version 1.0 and "),
             outcome.err);
}

BOOST_FIXTURE_TEST_CASE(a_key_of_weights_that_the_family_does_not_have_is_refused_with_those_it_has,
                        Family) {
  const Outcome outcome = trained("run", {"--set", "model.weights.text_encoder=x"});
  BOOST_TEST(outcome.code == 2);
  BOOST_TEST(contains(outcome.err, "model.weights.text_encoder: unknown key"), outcome.err);
  BOOST_TEST(
      contains(outcome.err,
               "; model 'tiny_git' of this recipe takes: model, encoder, projection, decoder"),
      outcome.err);
}

BOOST_AUTO_TEST_SUITE_END()
