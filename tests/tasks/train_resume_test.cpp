// Runs that are killed, interrupted or damaged, and go on to the same bytes.

#include "vlp/tasks/train.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <limits>
#include <set>
#include <stdexcept>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include <boost/test/unit_test.hpp>

#include "tests/support/messages.hpp"
#include "tests/support/peer_threads.hpp"
#include "tests/support/same_run.hpp"
#include "tests/support/sigmoid_loss.hpp"
#include "tests/support/tiny_run.hpp"
#include "vlp/core/error.hpp"
#include "vlp/tasks/begin_run.hpp"
#include "vlp/train/checkpoints.hpp"

namespace resume_test {

namespace fs = std::filesystem;
using vlp_test::contains;
using vlp_test::read_file;

struct Killed : std::runtime_error {
  Killed() : std::runtime_error("killed") {}
};

constexpr std::int64_t kNever = std::numeric_limits<std::int64_t>::max();

/// How a run is started.
struct Start {
  std::string out;
  std::vector<std::string> sets = {};
  std::int64_t killed_at = kNever;   ///< the update or batch of an evaluation, from 1, behind which
                                     ///< all ends as by kill -9
  std::int64_t stopped_at = kNever;  ///< the same by a signal
  bool resume = false, allow_changes = false;
};

/// Everything that has state: dropout, momentum encoders, queues, a loss with parameters of its
/// own, windows of the log that no epoch ends with, and accumulation.
struct Resumed : vlp_test::TinyRun {
  std::vector<std::string> said;
  std::set<std::thread::id> speakers;

  Resumed() {
    registry.add<vlp::AnyLoss, vlp_test::SigmoidLoss>("1", "a test");
    std::string toml = read_file(root / "recipe.toml");
    const auto put = [&](const std::string& before, const std::string& text) {
      toml.insert(toml.find(before), text);
    };
    put("[model.decoder]",
        "[model.text_encoder]\nuse = \"bert\"\nwidth = 16\ndepth = 1\nheads = 2\ndropout = 0.1\n");
    put("[[metric]]",
        "[[loss]]\nuse = \"itc\"\nqueue_size = 12\nalpha_warmup_epochs = 1\n[[loss]]\nuse = "
        "\"itm\"\n[[loss]]\nuse = \"sigmoid\"\nweight = 0.1\n");
    put("[model.encoder]", "embedding_width = 8\n");
    put("[evaluate]", "accumulation = 2\nlog_every = 3\n");
    toml.replace(toml.find("epochs = 3"), 10, "epochs = 2");
    write("recipe.toml", toml);
  }

  /// 2 epochs of 8 updates, each with 2 batches of validation behind it, then 2 batches of the
  /// test.
  vlp::Report run(const Start& start) {
    vlp::RunArguments arguments;
    arguments.out = root / start.out;
    arguments.data_dir = root / "data";
    arguments.threads = 1;
    arguments.resume = start.resume;
    arguments.allow_changes = start.allow_changes;
    arguments.sets = start.sets;
    arguments.console.on_note = [this](std::string_view text) {
      said.emplace_back(text);
      speakers.insert(std::this_thread::get_id());
    };
    arguments.console.on_warning = arguments.console.on_note;
    arguments.stop = vlp::Stop([start, asked = std::int64_t{0}]() mutable {
      if (++asked == start.killed_at) throw Killed();
      return std::string(asked >= start.stopped_at ? "interrupted by a test" : "");
    });
    return vlp::run(vlp::load_recipe(root / "recipe.toml", start.sets), registry, arguments);
  }
  void kill(const std::string& out, std::int64_t at, const std::vector<std::string>& sets = {}) {
    BOOST_CHECK_THROW((void)run({.out = out, .sets = sets, .killed_at = at}), Killed);
  }
  void resume(const std::string& out, const std::vector<std::string>& sets = {}) {
    said.clear();
    (void)run({.out = out, .sets = sets, .resume = true});
  }
  [[nodiscard]] std::string differences(const std::string& a, const std::string& b) const {
    return vlp_test::run_differences(root / a, root / b);
  }
  [[nodiscard]] vlp::Checkpoints checkpoints(const std::string& out) const {
    return {root / out / "checkpoints", {}};
  }
  void replace_in(const std::string& file, const std::string& from, const std::string& to) const {
    std::string text = read_file(root / file);
    text.replace(text.find(from), from.size(), to);
    write(file, text);
  }
};

/// Turns one bit of a file.
void flip(const fs::path& file, std::size_t at) {
  std::string bytes = read_file(file);
  bytes.at(at) = static_cast<char>(bytes.at(at) ^ 4);
  std::ofstream(file, std::ios::binary) << bytes;
}

}  // namespace resume_test

BOOST_FIXTURE_TEST_SUITE(resumed_run, resume_test::Resumed)

BOOST_AUTO_TEST_CASE(a_run_that_was_killed_anywhere_goes_on_to_the_same_bytes) {
  using namespace resume_test;
  const std::vector<std::string> sets{"checkpoint.every=3 steps"};
  (void)run({.out = "whole", .sets = sets});
  BOOST_TEST(checkpoints("whole").steps() == (std::vector<std::int64_t>{15, 16}),
             boost::test_tools::per_element());
  // Before the first checkpoint; between two; in the evaluation behind an epoch; in the next epoch;
  // in the final evaluation.
  for (const std::int64_t at : {1, 8, 9, 13, 21}) {
    BOOST_TEST_CONTEXT("killed behind update or batch " << at) {
      const std::string out = "killed" + std::to_string(at);
      kill(out, at, sets);
      for (const char* file : {"recipe.toml", "environment.json"})
        BOOST_TEST(fs::exists(root / out / file));
      resume(out, sets);
      BOOST_TEST(contains(said, at < 3 ? "begins anew" : "goes on behind update "));
      BOOST_TEST(differences("whole", out) == "");
    }
  }
}

BOOST_AUTO_TEST_CASE(a_run_that_evaluates_within_epochs_goes_on_to_the_same_bytes_from_anywhere) {
  using namespace resume_test;
  // What is asked whether to end: update 1 2 3, 2 batches, update 4 5 6, 2 batches, 7 8 9, ...
  const auto run_all = [&](const std::string& rhythm, const std::vector<std::int64_t>& kills) {
    const std::vector<std::string> sets{"checkpoint.every=" + rhythm, "evaluate.every=3 steps"};
    const std::string whole = "whole, " + rhythm;
    (void)run({.out = whole, .sets = sets});
    for (const char* step : {"03", "06", "09", "12", "15", "16"})
      for (const std::string folder : {"captions", "rows"})
        BOOST_TEST(fs::exists(root / whole / folder /
                              ("validation-step-000000" + std::string(step) +
                               (folder == "rows" ? ".jsonl" : ".json"))));
    const std::string metrics = read_file(root / whole / "metrics.jsonl");
    BOOST_TEST(std::ranges::count(metrics, '\n') == 7);  // the last is of the test split
    for (const std::int64_t at : kills)
      BOOST_TEST_CONTEXT("checkpoints every " << rhythm << ", ended behind update or batch "
                                              << at) {
        const std::string killed = "killed, " + rhythm + std::to_string(at),
                          stopped = "stopped, " + rhythm + std::to_string(at);
        kill(killed, at, sets);
        resume(killed, sets);
        BOOST_TEST(differences(whole, killed) == "");
        BOOST_CHECK_THROW((void)run({.out = stopped, .sets = sets, .stopped_at = at}),
                          vlp::InterruptedError);
        resume(stopped, sets);
        BOOST_TEST(differences(whole, stopped) == "");
      }
  };
  run_all("2 steps", {3, 5, 7, 10});  // before and in an evaluation; behind one; in the second one
  run_all("3 steps", {8, 9, 11});     // at both; in an evaluation behind its checkpoint; behind one
  run_all("epoch", {4, 27});          // in an evaluation before any checkpoint; in the last one
}

BOOST_AUTO_TEST_CASE(both_at_one_update_the_checkpoint_lies_before_the_evaluation) {
  using namespace resume_test;
  const std::vector<std::string> sets{"checkpoint.every=3 steps", "evaluate.every=3 steps"};
  kill("out", 9, sets);  // the first batch behind update 6
  BOOST_TEST(checkpoints("out").steps() == (std::vector<std::int64_t>{3, 6}),
             boost::test_tools::per_element());
  const std::string metrics = read_file(root / "out/metrics.jsonl");
  BOOST_TEST(std::ranges::count(metrics, '\n') == 1);
  BOOST_TEST(contains(metrics, "\"step\":3"));
}

BOOST_AUTO_TEST_CASE(a_run_without_patience_left_ends_at_the_same_bytes) {
  using namespace resume_test;
  const std::vector<std::string> sets{"evaluate.every=2 steps", "evaluate.patience=2",
                                      "optimizer.lr=1e-30"};
  const vlp::Report report = run({.out = "whole", .sets = sets});
  BOOST_TEST(report.history.steps == 6);  // the first is the best, two are no better
  BOOST_TEST(checkpoints("whole").steps() == std::vector<std::int64_t>{6},
             boost::test_tools::per_element());
  // Updates 1 2, 2 batches, updates 3 4, 2 batches, updates 5 6, 2 batches, then the test's.
  for (const std::int64_t at : {6, 11, 12, 13, 14}) {
    BOOST_TEST_CONTEXT("ended behind update or batch " << at) {
      const std::string killed = "killed" + std::to_string(at),
                        stopped = "stopped" + std::to_string(at);
      kill(killed, at, sets);
      resume(killed, sets);
      BOOST_TEST(differences("whole", killed) == "");
      BOOST_CHECK_THROW((void)run({.out = stopped, .sets = sets, .stopped_at = at}),
                        vlp::InterruptedError);
      resume(stopped, sets);
      BOOST_TEST(differences("whole", stopped) == "");
    }
  }
}

BOOST_AUTO_TEST_CASE(bad_samples_are_listed_once_and_replaced_alike_wherever_a_run_was_killed) {
  using namespace resume_test;
  for (int i = 0; i < 40; i += 6)  // of all splits
    fs::resize_file(root / "data/flickr30k_images" / (std::to_string(1000 + i) + ".jpg"), 60);
  const std::vector<std::string> sets{"checkpoint.every=3 steps", "dataset.on_bad=skip",
                                      "dataset.max_bad=0.8"};
  (void)run({.out = "whole", .sets = sets});
  const std::string listed = read_file(root / "whole/bad.jsonl");
  BOOST_TEST(std::ranges::count(listed, '\n') == 7);
  for (const std::int64_t at : {1, 2, 5, 9, 12, 21}) {
    BOOST_TEST_CONTEXT("killed behind update or batch " << at) {
      const std::string out = "killed" + std::to_string(at);
      kill(out, at, sets);
      resume(out, sets);
      BOOST_TEST(read_file(root / out / "bad.jsonl") == listed);
      BOOST_TEST(differences("whole", out) == "");
    }
  }
}

BOOST_AUTO_TEST_CASE(checkpoints_of_epochs_lie_before_the_evaluation_and_workers_change_nothing) {
  using namespace resume_test;
  (void)run({.out = "whole"});
  BOOST_TEST(checkpoints("whole").steps() == (std::vector<std::int64_t>{8, 16}),
             boost::test_tools::per_element());
  kill("killed", 9);
  BOOST_TEST(checkpoints("killed").steps() == std::vector<std::int64_t>{8},
             boost::test_tools::per_element());
  BOOST_TEST(!fs::exists(root / "killed" / "metrics.jsonl"));
  resume("killed", {"train.workers=3"});
  BOOST_TEST(contains(said, "train.workers: 0 -> 3, which changes no number"));
  BOOST_TEST(read_file(root / "killed/model/model.safetensors") ==
             read_file(root / "whole/model/model.safetensors"));
  for (const char* name : {"state.safetensors", "model.safetensors"})
    BOOST_TEST((read_file(root / "killed/checkpoints/step-00000016" / std::string(name)) ==
                read_file(root / "whole/checkpoints/step-00000016" / std::string(name))),
               name);
  BOOST_TEST(vlp_test::timeless(root / "killed/log.jsonl") ==
             vlp_test::timeless(root / "whole/log.jsonl"));
  BOOST_TEST(read_file(root / "killed/metrics.jsonl") == read_file(root / "whole/metrics.jsonl"));
}

BOOST_AUTO_TEST_CASE(an_interruption_writes_a_checkpoint_that_goes_with_the_next_one) {
  using namespace resume_test;
  (void)run({.out = "whole"});
  for (const std::int64_t at : {5, 10}) {  // an update; a batch of an evaluation
    const std::string out = "stopped" + std::to_string(at);
    const auto stopped = [&] { (void)run({.out = out, .stopped_at = at}); };
    BOOST_CHECK_EXCEPTION(stopped(), vlp::InterruptedError, [&](const vlp::InterruptedError& e) {
      return e.code() == vlp::ExitCode::interrupted &&
             contains(e.what(), "interrupted by a test: a checkpoint is written; go on with") &&
             contains(e.what(), "vlp run --resume " + (root / out).string());
    });
    BOOST_TEST(checkpoints(out).steps() == std::vector<std::int64_t>{at == 5 ? 5 : 8},
               boost::test_tools::per_element());
    resume(out);
    BOOST_TEST(differences("whole", out) == "");
  }
}

BOOST_AUTO_TEST_CASE(the_time_that_a_run_may_take_ends_it_likewise) {
  using namespace resume_test;
  BOOST_CHECK_EXCEPTION((void)run({.out = "out", .sets = {"train.max_time=0s"}}),
                        vlp::InterruptedError, vlp_test::says("train.max_time is over"));
  BOOST_TEST(checkpoints("out").steps() == std::vector<std::int64_t>{1},
             boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(a_damaged_checkpoint_is_told_and_the_one_before_it_used) {
  using namespace resume_test;
  const std::vector<std::string> sets{"checkpoint.every=3 steps"};
  (void)run({.out = "whole", .sets = sets});
  kill("killed", 9, sets);
  flip(root / "killed/checkpoints/step-00000006/state.safetensors", 5000);
  resume("killed", sets);
  BOOST_TEST(contains(said,
                      "step-00000006: damaged, and not used: state.safetensors has other "
                      "content than was written"));
  BOOST_TEST(contains(said, "goes on behind update 3, epoch 1"));
  BOOST_TEST(differences("whole", "killed") == "");

  BOOST_CHECK_THROW((void)run({.out = "stopped", .stopped_at = 5}), vlp::InterruptedError);
  flip(root / "stopped/checkpoints/step-00000005/recipe.toml", 9);
  resume("stopped");
  (void)run({.out = "by_epochs"});
  BOOST_TEST(differences("by_epochs", "stopped") == "");

  kill("lost", 9, sets);
  for (const char* step : {"step-00000003", "step-00000006"})
    fs::resize_file(root / "lost/checkpoints" / step / "model.safetensors", 1000);
  resume("lost", sets);
  BOOST_TEST(contains(said, "model.safetensors has another size (got 1000 bytes, expected "));
  BOOST_TEST(contains(said, "no whole checkpoint; the run begins anew in this folder"));
  BOOST_TEST(differences("whole", "lost") == "");
}

BOOST_AUTO_TEST_CASE(a_finished_run_is_left_as_it_is) {
  using namespace resume_test;
  (void)run({.out = "out", .sets = {"train.epochs=1"}});
  const auto before = vlp_test::timeless_files(root / "out");
  const vlp::Report report = run({.out = "out", .sets = {"train.epochs=1"}, .resume = true});
  BOOST_TEST(report.finished_before);
  BOOST_TEST(report.folder == root / "out");
  BOOST_TEST((vlp_test::timeless_files(root / "out") == before));
  vlp_test::run_together(2, [&](const vlp::Peers& peers) {
    vlp::RunArguments arguments;
    arguments.out = root / "out";
    arguments.resume = true;
    arguments.peers = peers;
    const vlp::Recipe recipe = vlp::load_recipe(root / "recipe.toml", {"train.epochs=1"});
    const vlp::RunBeginning beginning =
        vlp::begin_run(vlp::plan_training(recipe, registry), recipe, registry, arguments);
    if (!beginning.finished) throw std::runtime_error("not told to all processes");
  });
}

BOOST_AUTO_TEST_CASE(a_changed_recipe_is_shown_and_refused_unless_changes_are_allowed) {
  using namespace resume_test;
  kill("out", 9);
  const std::string text = vlp_test::message_of<vlp::RecipeError>(
      [&] { resume("out", {"train.epochs=3", "loss.itm.weight=0.5"}); });
  BOOST_TEST(contains(text, "\n  loss.2.weight: 1.0 -> 0.5\n  train.epochs: 2 -> 3\n"), text);
  BOOST_TEST(contains(text, "--allow-changes"), text);
  said.clear();
  const vlp::Report report = run({.out = "out",
                                  .sets = {"train.epochs=3", "train.batch_size=4"},
                                  .resume = true,
                                  .allow_changes = true});
  BOOST_TEST(contains(said,
                      "the recipe has changed:\n  train.epochs: 2 -> 3\n  "
                      "train.batch_size: 8 -> 4\nFrom here on"));
  BOOST_TEST(report.history.records.size() == 3U);
  BOOST_TEST(contains(read_file(root / "out/recipe.toml"), "epochs = 3"));
}

BOOST_AUTO_TEST_CASE(a_run_begins_where_there_is_none_and_nowhere_else) {
  using namespace resume_test;
  const std::vector<std::string> sets{"train.max_steps=1", "evaluate.every=never"};
  resume("new", sets);
  BOOST_TEST(contains(said, "there is no run yet; it begins here"));
  fs::create_directories(root / "empty");
  resume("empty", sets);
  BOOST_TEST(differences("new", "empty") == "");

  fs::create_directories(root / "other");
  write("other/notes.txt", "mine");
  BOOST_CHECK_EXCEPTION(resume("other", sets), vlp::RecipeError,
                        vlp_test::says("no run folder (it has no recipe.toml)"));
  kill("old", 1);
  replace_in("old/environment.json", "\"layout\": 2,", "");
  BOOST_CHECK_EXCEPTION(resume("old"), vlp::WeightsError, vlp_test::says("this run can't go on"));
}

BOOST_AUTO_TEST_CASE(two_processes_never_work_in_one_folder) {
  using namespace resume_test;
  kill("out", 9);
  const vlp::RunFolder other(root / "out", vlp::RunFolderOptions{.goes_on = true});
  BOOST_CHECK_EXCEPTION(resume("out"), vlp::RecipeError,
                        vlp_test::says("another process works in this run folder"));
}

BOOST_AUTO_TEST_CASE(without_room_for_checkpoints_the_run_goes_on_and_ends_with_9) {
  using namespace resume_test;
  (void)run({.out = "whole"});
  kill("out", 1);
  write("out/checkpoints", "in the way");
  BOOST_CHECK_EXCEPTION(resume("out"), vlp::DiskError, [](const vlp::DiskError& error) {
    return error.code() == vlp::ExitCode::disk &&
           contains(error.what(), "the checkpoint of update 16 can't be written: ");
  });
  BOOST_TEST(contains(said, "the checkpoint of update 8 can't be written: "));
  BOOST_TEST((speakers == std::set{std::this_thread::get_id()}));
  BOOST_TEST(read_file(root / "out/scores.json") == read_file(root / "whole/scores.json"));
  BOOST_TEST(read_file(root / "out/metrics.jsonl") == read_file(root / "whole/metrics.jsonl"));
}

BOOST_AUTO_TEST_SUITE_END()
