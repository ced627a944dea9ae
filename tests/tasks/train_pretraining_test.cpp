// A recipe that pre-trains: BLIP's three losses and one of another author.

#include "vlp/tasks/train.hpp"

#include <cmath>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include <boost/test/unit_test.hpp>
#include <nlohmann/json.hpp>

#include "docs/examples/plugins/alignment.hpp"
#include "tests/support/tiny_run.hpp"

namespace {

using vlp_test::TinyRun;

/// The tiny run's recipe with a text encoder that fits its decoder, and four losses.
struct TinyPretraining : TinyRun {
  TinyPretraining() {
    registry.add<vlp::AnyLoss, AlignmentLoss>("1.0", "docs/examples/plugins/alignment.hpp");
    std::string toml = vlp_test::read_file(root / "recipe.toml");
    const auto put = [&](const std::string& before, const std::string& text) {
      toml.insert(toml.find(before), text);
    };
    put("[model.decoder]",
        "[model.text_encoder]\nuse = \"bert\"\nwidth = 16\ndepth = 1\nheads = 2\ndropout = 0.1\n");
    put("[[metric]]",
        "[[loss]]\nuse = \"itc\"\nqueue_size = 12\nalpha_warmup_epochs = 1\n[[loss]]\nuse = "
        "\"itm\"\npositives = \"image\"\n"
        "[[loss]]\nuse = \"alignment\"\nweight = 0.1\n");
    put("[model.encoder]", "embedding_width = 8\n");
    write("recipe.toml", toml);
  }
};

}  // namespace

BOOST_FIXTURE_TEST_SUITE(pretraining_run, TinyPretraining)

BOOST_AUTO_TEST_CASE(four_losses_train_one_model_and_are_logged_each) {
  const vlp::Report report = run("out", {"train.epochs=2", "train.log_every=1"});
  BOOST_TEST(report.history.steps == 2 * 15);
  BOOST_TEST(*report.history.records.back().measured.loss <
             *report.history.records.front().measured.loss);
  std::istringstream lines(vlp_test::read_file(root / "out" / "log.jsonl"));
  std::string text;
  for (std::getline(lines, text); !text.empty(); text.clear(), std::getline(lines, text)) {
    const auto line = nlohmann::json::parse(text);
    for (const char* name : {"lm", "itc", "itc.i2t", "itc.t2i", "itc.temperature", "itc.alpha",
                             "itm", "itm.accuracy", "alignment"}) {
      BOOST_TEST_REQUIRE(line["losses"].contains(name), name);
      BOOST_TEST(std::isfinite(line["losses"][name].get<double>()), name);
    }
  }
}

BOOST_AUTO_TEST_CASE(an_optimizer_for_some_parameters_trains_with_another_for_the_rest) {
  std::string toml = vlp_test::read_file(root / "recipe.toml");
  const std::string adamw = "[optimizer]\nuse = \"adamw\"\n";
  toml.replace(toml.find(adamw), adamw.size(),
               "[optimizer]\nuse = \"muon\"\nlr = 1e-2\n[optimizer.others]\nuse = \"adamw\"\n");
  write("recipe.toml", toml);
  const vlp::Report report = run("out", {"train.epochs=2", "optimizer.others.lr=1e-2"});
  BOOST_TEST(*report.history.records.back().measured.loss <
             *report.history.records.front().measured.loss);
}

BOOST_AUTO_TEST_CASE(extra_captions_change_what_lm_learns) {
  const auto first_losses = [&](const std::string& out, const std::string& captions) {
    (void)run(out, {"train.max_steps=1", "train.log_every=1", "evaluate.every=never",
                    "loss.lm.captions=" + captions});
    std::ifstream log(root / out / "log.jsonl");
    std::string line;
    std::getline(log, line);
    return nlohmann::json::parse(line)["losses"];
  };
  const nlohmann::json one = first_losses("one", "1"), three = first_losses("three", "3");
  BOOST_TEST(one["lm"].get<double>() != three["lm"].get<double>());
  BOOST_TEST(std::isfinite(three["lm"].get<double>()));
}

BOOST_AUTO_TEST_CASE(the_seed_decides_everything) {
  const std::vector<std::string> short_run{"train.max_steps=6", "train.log_every=1"};
  const vlp::Report one = run("one", short_run), two = run("two", short_run);
  BOOST_TEST(*one.history.records.back().measured.loss ==
             *two.history.records.back().measured.loss);
}

BOOST_AUTO_TEST_SUITE_END()
