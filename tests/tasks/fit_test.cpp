// Which weights a run keeps, and when it looks for them.

#include "vlp/tasks/fit.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <limits>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

#include <ATen/ATen.h>
#include <boost/test/unit_test.hpp>

#include "tests/support/messages.hpp"
#include "tests/support/tiny_run.hpp"
#include "vlp/concepts/loss.hpp"
#include "vlp/concepts/metric.hpp"
#include "vlp/report/run_files.hpp"
#include "vlp/report/run_record.hpp"
#include "vlp/scoring/caption_set.hpp"
#include "vlp/weights/safetensors.hpp"

namespace {

/// Learns as a loss must, and gives in evaluation what is planned for the epoch that was trained.
class PlannedLoss {
 public:
  static constexpr std::string_view name = "planned";
  static constexpr auto needs = vlp::parts::decoder;

  struct Options {
    std::vector<double> values;
    static constexpr auto fields() {
      return std::tuple{vlp::field<&Options::values>(
          "Of each epoch; a negative one stands for no number, 0 for minus infinity.")};
    }
  };
  explicit PlannedLoss(Options options) : values_(std::move(options.values)) {}

  vlp::LossValue operator()(vlp::Forward& pass) {
    if (pass.training()) {
      epoch_ = static_cast<std::size_t>(pass.training()->step / pass.training()->steps_per_epoch);
      return {pass.target_logits().square().mean(), {}};
    }
    return {at::full({}, meant(values_.at(epoch_)), at::kDouble), {}};
  }

 private:
  static double meant(double value) {
    if (value < 0) return std::numeric_limits<double>::quiet_NaN();
    return value > 0 ? value : -std::numeric_limits<double>::infinity();
  }

  std::vector<double> values_;
  std::size_t epoch_ = 0;
};
static_assert(vlp::Loss<PlannedLoss>);

std::size_t measured = 0;  // times that a PlannedScore was built since the fixture was

/// Gives what is planned for the first, second, ... time that a run measures.
class PlannedScore {
 public:
  static constexpr std::string_view name = "planned";

  struct Options {
    bool less_is_better = true;
    std::vector<double> values;
    static constexpr auto fields() {
      return std::tuple{vlp::field<&Options::less_is_better>("Whether a smaller score is better."),
                        vlp::field<&Options::values>("Time by time; the last also from then on.")};
    }
  };
  static std::vector<vlp::ScoreName> score_names(const Options& options) {
    return {{"score", options.less_is_better}};
  }
  explicit PlannedScore(const Options& options)
      : value_(options.values.at(std::min(measured++, options.values.size() - 1))) {}

  [[nodiscard]] vlp::ImageStatistics measure(const vlp::CaptionSet& captions) const {
    return {captions.size(), 1};
  }
  [[nodiscard]] vlp::Scores scores(std::span<const double>) const { return {{"score", value_}}; }

 private:
  double value_;
};
static_assert(vlp::Metric<PlannedScore>);

struct Fit : vlp_test::TinyRun {
  std::vector<std::string> warnings, notes;

  Fit() {
    measured = 0;
    registry.add<vlp::AnyLoss, PlannedLoss>("1", "a test");
    registry.add<vlp::AnyMetric, PlannedScore>("1", "a test");
  }

  /// Replaces a piece of the recipe, then trains.
  [[nodiscard]] vlp::History trained(const std::string& out, const std::string& from,
                                     const std::string& to, std::vector<std::string> sets) {
    std::string toml = vlp_test::read_file(root / "recipe.toml");
    toml.replace(toml.find(from), from.size(), to);
    write(out + ".toml", toml);
    vlp::RunArguments arguments;
    arguments.out = root / out;
    arguments.data_dir = root / "data";
    arguments.threads = 2;
    arguments.console.on_note = [this](std::string_view text) { notes.emplace_back(text); };
    arguments.console.on_warning = [this](std::string_view text) { warnings.emplace_back(text); };
    return vlp::run(vlp::load_recipe(root / (out + ".toml"), sets), registry, arguments).history;
  }
  /// The best epoch of a run whose validation loss is this, epoch by epoch.
  [[nodiscard]] std::int64_t best_of(const std::string& out, std::size_t epochs,
                                     const std::string& values) {
    return trained(out, "use = \"lm\"", "use = 'planned'\nvalues = " + values,
                   {"evaluate.best=loss", "train.epochs=" + std::to_string(epochs)})
        .best_epoch;
  }
};

}  // namespace

BOOST_FIXTURE_TEST_SUITE(fit, Fit)

BOOST_AUTO_TEST_CASE(the_smallest_loss_is_best_and_nothing_is_warned_of) {
  BOOST_TEST(best_of("out", 3, "[4.0, 2.0, 3.0]") == 2);
  BOOST_TEST(!vlp_test::contains(warnings, "can't be the best"));
}

BOOST_AUTO_TEST_CASE(an_epoch_without_a_number_is_never_the_best_and_is_warned_of) {
  BOOST_TEST(best_of("out", 4, "[-1.0, 3.0, -1.0, 5.0]") == 2);
  BOOST_TEST(vlp_test::contains(warnings, "epoch 1: loss is not a number (got "));
  BOOST_TEST(vlp_test::contains(warnings, "nan), so these weights can't be the best"));
  BOOST_TEST(vlp_test::contains(warnings, "epoch 3: loss is not a number"));
  BOOST_TEST(!vlp_test::contains(warnings, "epoch 2: loss is not a number"));
  BOOST_TEST(best_of("later", 3, "[-1.0, -1.0, 7.0]") == 3);
}

BOOST_AUTO_TEST_CASE(an_endless_value_is_never_the_best) {
  BOOST_TEST(best_of("out", 2, "[3.0, 0.0]") == 1);
  BOOST_TEST(vlp_test::contains(warnings, "epoch 2: loss is not a number (got -inf)"));
  BOOST_TEST(best_of("first", 2, "[0.0, 3.0]") == 2);
}

BOOST_AUTO_TEST_CASE(a_metric_says_whether_its_smallest_or_its_largest_score_is_best) {
  for (const bool less : {true, false}) {
    measured = 0;
    const vlp::History history =
        trained(less ? "less" : "more", "use = \"bleu\"",
                std::string("use = 'planned'\nless_is_better = ") + (less ? "true" : "false") +
                    "\nvalues = [4.0, 1.0, 9.0, 2.0]",
                {"evaluate.best=score", "train.epochs=4"});
    BOOST_TEST(history.best_epoch == (less ? 2 : 3));
  }
}

BOOST_AUTO_TEST_CASE(
    weights_within_an_epoch_can_be_the_best_and_the_last_update_is_evaluated_once) {
  const auto steps_of = [&](const std::string& out, const std::string& every) {
    measured = 0;
    const vlp::History history =
        trained(out, "use = \"bleu\"",
                "use = 'planned'\nless_is_better = false\nvalues = [4.0, 9.0, 1.0, 2.0]",
                {"evaluate.best=score", "evaluate.every=" + every, "train.epochs=1",
                 "checkpoint.every=4 steps", "checkpoint.keep=9"});
    BOOST_TEST(history.best_epoch == 1);
    BOOST_TEST(history.best_step == history.records.at(1).step);
    std::vector<std::int64_t> steps;
    for (const vlp::HistoryRecord& record : history.records) steps.push_back(record.step);
    return steps;
  };
  BOOST_TEST(steps_of("fours", "4 steps") == (std::vector<std::int64_t>{4, 8, 12, 15}),
             boost::test_tools::per_element());
  BOOST_TEST(steps_of("fives", "5 steps") == (std::vector<std::int64_t>{5, 10, 15}),
             boost::test_tools::per_element());

  const vlp::RunRecord run = vlp::read_run(root / "fours");
  BOOST_TEST_REQUIRE(run.evaluations.size() == 5U);
  for (std::size_t i = 0; i < 4; ++i) {
    const vlp::RecordedEvaluation& evaluation = run.evaluations[i];
    BOOST_TEST((evaluation.split == vlp::Split::validation));
    BOOST_TEST(evaluation.epoch == 1);
    BOOST_TEST(evaluation.step == (std::vector<std::int64_t>{4, 8, 12, 15})[i]);
    BOOST_TEST(evaluation.captions.size() == 8U);
  }
  BOOST_TEST(std::filesystem::exists(root / "fours/captions/validation-step-00000012.json"));
  BOOST_TEST(run.final_evaluation()->name == "test-step-00000008");
  BOOST_TEST(run.scores->best_step == 8);
  BOOST_TEST(!std::filesystem::exists(root / "fours/captions/validation-1.json"));

  // The model that is kept is that behind update 8: its scores are those of the checkpoint there.
  (void)trained("other", "epochs = 3", "epochs = 1",
                {"run.task=evaluate", "evaluate.split=validation",
                 "model.weights=" + (root / "fours").string()});
  BOOST_TEST(
      (vlp::read_run(root / "other").evaluations.front().captions == run.evaluations[1].captions));
  const auto tensors = [&](const std::string& file) {
    std::set<std::string> all;
    for (const auto& [name, tensor] : vlp::read_safetensors(root / file).tensors)
      all.emplace(reinterpret_cast<const char*>(tensor.bytes.data()), tensor.bytes.size());
    return all;
  };
  const std::set<std::string> kept = tensors("fours/model/model.safetensors"),
                              then = tensors("fours/checkpoints/step-00000008/model.safetensors"),
                              last = tensors("fours/checkpoints/step-00000015/model.safetensors");
  BOOST_TEST(std::ranges::includes(then, kept));
  BOOST_TEST(!std::ranges::includes(last, kept));
}

BOOST_AUTO_TEST_CASE(patience_counts_evaluations_and_can_end_training_within_an_epoch) {
  const vlp::History history =
      trained("out", "use = \"bleu\"",
              "use = 'planned'\nless_is_better = true\nvalues = [4.0, 1.0, 9.0, 2.0, 0.5]",
              {"evaluate.best=score", "evaluate.every=4 steps", "evaluate.patience=2"});
  BOOST_TEST(history.records.size() == 4U);  // behind 4, 8, 12 and 16 of 15 an epoch
  BOOST_TEST(history.records.back().epoch == 2);
  BOOST_TEST(history.best_step == 8);
  BOOST_TEST(history.steps == 16);
  BOOST_TEST(vlp_test::contains(
      notes,
      "training ends after update 16, epoch 2: no score better than that of update 8, epoch 1 "
      "(evaluate.patience = 2)"));
  // The end of training is a checkpoint, whatever the rhythm.
  BOOST_TEST(std::filesystem::exists(root / "out/checkpoints/step-00000016/manifest.json"));
}

BOOST_AUTO_TEST_CASE(an_update_without_a_number_is_named) {
  BOOST_TEST(trained("out", "use = \"lm\"", "use = 'planned'\nvalues = [-1.0, 2.0]",
                     {"evaluate.best=loss", "evaluate.every=10 steps", "train.epochs=2"})
                 .best_step == 20);
  BOOST_TEST(vlp_test::contains(warnings, "update 10, epoch 1: loss is not a number (got "));
}

BOOST_AUTO_TEST_SUITE_END()
