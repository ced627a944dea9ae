// A recipe's evaluation by several processes: the report and the files of one.

#include "vlp/tasks/evaluate.hpp"

#include <cstddef>
#include <filesystem>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include <boost/test/unit_test.hpp>

#include "tests/support/peer_threads.hpp"
#include "tests/support/tiny_run.hpp"

namespace {

/// The tiny recipe with retrieval beside its captions.
struct SharedEvaluation : vlp_test::TinyRun {
  SharedEvaluation() {
    std::string toml = vlp_test::read_file(root / "recipe.toml");
    toml.insert(toml.find("[model.decoder]"),
                "[model.text_encoder]\nuse = 'bert'\nwidth = 16\ndepth = 1\nheads = 2\n");
    toml.insert(toml.find("[model.encoder]"), "embedding_width = 8\nsharing = 'nothing'\n");
    toml.insert(toml.find("[[metric]]"),
                "[[loss]]\nuse = 'itm'\n[[metric]]\nuse = 'recall'\nrerank = 3\n");
    write("recipe.toml", toml);
  }

  /// What each of so many processes reports, and how many lines each was told.
  struct Outcome {
    std::vector<vlp::Report> reports;
    std::vector<int> lines;
  };
  [[nodiscard]] Outcome evaluated_by(std::size_t size, const std::string& out) const {
    Outcome outcome{std::vector<vlp::Report>(size), std::vector<int>(size)};
    const vlp::Recipe recipe =
        vlp::load_recipe(root / "recipe.toml", {"run.task=evaluate", "evaluate.batch_size=3",
                                                "model.weights=" + (root / "trained").string()});
    vlp_test::run_together(size, [&](const vlp::Peers& peers) {
      const auto rank = static_cast<std::size_t>(peers.rank());
      vlp::RunArguments arguments;
      arguments.out = root / out;
      arguments.data_dir = root / "data";
      arguments.threads = 1;
      arguments.peers = peers;
      arguments.quick = true;
      const auto count = [&, rank](std::string_view) { ++outcome.lines[rank]; };
      arguments.console = {
          .on_note = count, .on_warning = count, .on_progress = [&, rank](const vlp::Progress&) {
            ++outcome.lines[rank];
          }};
      outcome.reports[rank] = vlp::evaluate(recipe, registry, arguments);
    });
    return outcome;
  }
  /// All files of a run but for those that tell of time and place, by name.
  [[nodiscard]] std::map<std::string, std::string> files(const std::string& out) const {
    std::map<std::string, std::string> files;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(root / out))
      if (entry.is_regular_file() && entry.path().filename() != "environment.json")
        files.emplace(entry.path().lexically_relative(root / out).string(),
                      vlp_test::read_file(entry.path()));
    return files;
  }
};

}  // namespace

BOOST_FIXTURE_TEST_SUITE(evaluate_peers_task, SharedEvaluation)

BOOST_AUTO_TEST_CASE(several_processes_report_what_one_does_and_the_first_writes_and_speaks) {
  (void)run("trained", {"train.epochs=1"});
  const vlp::Report one = evaluated_by(1, "one").reports.front();
  BOOST_TEST(one.measured.images == 8);
  BOOST_TEST(one.measured.scores.size() == 4U + 18U + 1U);
  BOOST_TEST(!one.baseline.empty());
  for (const std::size_t size : {2U, 3U, 5U}) {  // three batches
    const std::string out = "of" + std::to_string(size);
    const Outcome outcome = evaluated_by(size, out);
    for (const vlp::Report& report : outcome.reports) {
      BOOST_TEST((report.measured == one.measured));
      BOOST_TEST((report.baseline == one.baseline));
    }
    BOOST_TEST(outcome.reports.front().baseline_caption == one.baseline_caption);
    BOOST_TEST(outcome.lines.front() > 0);
    for (std::size_t rank = 1; rank < size; ++rank) BOOST_TEST(outcome.lines[rank] == 0);
    BOOST_TEST((files(out) == files("one")));
  }
}

BOOST_AUTO_TEST_CASE(a_folder_that_is_not_free_ends_all) {
  (void)run("trained", {"train.epochs=1"});
  write("taken", "a file");
  std::vector<std::string> told(2);
  const vlp::Recipe recipe = vlp::load_recipe(
      root / "recipe.toml", {"run.task=evaluate", "model.weights=" + (root / "trained").string()});
  vlp_test::run_together(2, [&](const vlp::Peers& peers) {
    vlp::RunArguments arguments;
    arguments.out = root / "taken";
    arguments.data_dir = root / "data";
    arguments.peers = peers;
    try {
      (void)vlp::evaluate(recipe, registry, arguments);
    } catch (const vlp::RecipeError& error) {
      told[0] = error.what();
    } catch (const vlp::PeerError& error) {
      told[1] = error.what();
    }
  });
  BOOST_TEST(told[0].find("exists and is not empty") != std::string::npos);
  BOOST_TEST(told[1] == "process 0 (of 0 to 1): " + told[0]);
}

BOOST_AUTO_TEST_SUITE_END()
