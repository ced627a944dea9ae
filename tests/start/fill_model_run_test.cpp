// Runs that begin with the weights of other runs, whole or part by part.

#include "vlp/start/fill_model.hpp"

#include <string>
#include <vector>

#include <boost/test/unit_test.hpp>

#include "tests/support/process.hpp"
#include "tests/support/tiny_run.hpp"
#include "vlp/weights/safetensors.hpp"

namespace {

namespace fs = std::filesystem;
using vlp_test::read_file;
using vlp_test::TinyRun;

/// Short runs whose updates change nothing.
std::vector<std::string> still(std::vector<std::string> sets) {
  for (const char* set : {"train.epochs=1", "train.max_steps=2", "evaluate.max_images=2",
                          "report.contact_sheet=0", "report.baseline=false", "optimizer.lr=1e-30"})
    sets.emplace_back(set);
  return sets;
}

/// Whether a part is the same in the models of two runs.
bool same_part(const fs::path& a, const fs::path& b, const std::string& part) {
  const auto left = vlp::read_safetensors(a / "model" / "model.safetensors"),
             right = vlp::read_safetensors(b / "model" / "model.safetensors");
  std::int64_t compared = 0;
  for (const auto& [name, tensor] : left.tensors) {
    if (!name.starts_with(part)) continue;
    const auto other = right.tensors.find(name);
    if (other == right.tensors.end() || !std::ranges::equal(tensor.bytes, other->second.bytes))
      return false;
    ++compared;
  }
  return compared > 0;
}

constexpr const char* kTextEncoderAndLosses = R"(
[model.text_encoder]
use = "bert"
width = 16
depth = 1
heads = 2
dropout = 0.1
[[loss]]
use = "itc"
queue_size = 16
[[loss]]
use = "itm"
)";

}  // namespace

BOOST_FIXTURE_TEST_SUITE(warm_started_runs, TinyRun)

BOOST_AUTO_TEST_CASE(a_table_of_sources_begins_a_run_and_is_written_into_its_recipe) {
  (void)run("first", {"train.max_steps=2"});
  const std::string first = (root / "first").string();
  (void)run("second", still({"model.weights.encoder=" + first,
                             "model.weights.decoder=" + first + "/model/model.safetensors"}));
  BOOST_TEST(same_part(root / "first", root / "second", "vision_model."));
  BOOST_TEST(same_part(root / "first", root / "second", "text_decoder."));
  BOOST_TEST(read_file(root / "second" / "recipe.toml")
                 .find("[model.weights]\nencoder = \"" + first + "\"\n") != std::string::npos);

  fs::copy_file(root / "second" / "recipe.toml", root / "recipe.toml",
                fs::copy_options::overwrite_existing);
  (void)run("third");
  BOOST_TEST(same_part(root / "second", root / "third", "text_decoder."));
  const auto checked = vlp_test::run_process({VLP_PROGRAM, "check", (root / "recipe.toml").string(),
                                              "--data-dir", (root / "data").string()});
  BOOST_TEST(checked.out.find("weights    encoder = " + first + ": " + first +
                              "/model/model.safetensors") != std::string::npos,
             checked.out << checked.err);
}

BOOST_AUTO_TEST_CASE(a_captioner_grows_into_a_mixture_and_a_mixture_gives_a_captioner) {
  (void)run("captioner", {"train.max_steps=2"});
  const std::string recipe = read_file(root / "recipe.toml");
  write("recipe.toml", recipe + kTextEncoderAndLosses);
  (void)run("mixture", still({"model.weights=" + (root / "captioner").string()}));
  BOOST_TEST(same_part(root / "captioner", root / "mixture", "text_decoder."));
  BOOST_TEST(same_part(root / "captioner", root / "mixture", "vision_model."));

  (void)run("mixture again", still({"model.weights=" + (root / "mixture").string()}));
  for (const char* part : {"vision_model.", "text_encoder.", "text_decoder.", "itm_head.",
                           "vision_proj.", "text_proj."})
    BOOST_TEST(same_part(root / "mixture", root / "mixture again", part), part);

  write("recipe.toml", recipe);
  (void)run("captioner again", still({"model.weights=" + (root / "mixture").string()}));
  BOOST_TEST(same_part(root / "mixture", root / "captioner again", "text_decoder."));
}

BOOST_AUTO_TEST_SUITE_END()
