#include "vlp/report/run_folder.hpp"

#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include <boost/test/unit_test.hpp>

#include "tests/support/messages.hpp"
#include "tests/support/scratch_folder.hpp"

namespace {

namespace fs = std::filesystem;

struct Folders : ScratchFolder {
  std::vector<std::string> warnings;
  fs::path run = path / "run";

  [[nodiscard]] std::string text(const std::string& name) const {
    std::ifstream in(run / name, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
  }
  [[nodiscard]] vlp::RunFolderOptions options() {
    return {
        .first = {{"environment.json", "{}"}, {"recipe.toml", "[run]\n"}},
        .console = {.on_warning = [this](std::string_view text) { warnings.emplace_back(text); }}};
  }
};

}  // namespace

BOOST_FIXTURE_TEST_SUITE(run_folder, Folders)

BOOST_AUTO_TEST_CASE(a_new_folder_has_its_first_files_and_never_takes_an_earlier_runs) {
  {
    const vlp::RunFolder folder(run, options());
  }
  BOOST_TEST(text("recipe.toml") == "[run]\n");
  BOOST_TEST(std::distance(fs::directory_iterator(path), fs::directory_iterator()) == 1);
  BOOST_CHECK_EXCEPTION(vlp::RunFolder(run, options()), vlp::RecipeError,
                        vlp_test::says("exists and is not empty"));
  fs::create_directories(path / "empty");
  {
    const vlp::RunFolder folder(path / "empty/", options());
  }
  BOOST_TEST(fs::exists(path / "empty" / "environment.json"));
}

BOOST_AUTO_TEST_CASE(a_name_that_is_taken_is_counted_up_if_that_is_allowed) {
  vlp::RunFolderOptions counting = options();
  counting.counts_up = true;
  for (const char* name : {"run", "run-2", "run-3"})
    BOOST_TEST(vlp::RunFolder(run, counting).path() == path / name);
}

BOOST_AUTO_TEST_CASE(a_run_that_goes_on_keeps_what_is_there_and_lets_nobody_else_in) {
  {
    vlp::RunFolder(run, options()).write("split.json", std::string("{}"));
  }
  vlp::RunFolderOptions going_on = options();
  going_on.goes_on = true;
  const vlp::RunFolder folder(run, going_on);
  BOOST_TEST(text("split.json") == "{}");
  BOOST_CHECK_EXCEPTION(vlp::RunFolder(run, going_on), vlp::RecipeError,
                        vlp_test::says("another process works in this run folder"));
}

BOOST_AUTO_TEST_CASE(lines_behind_a_checkpoint_are_cut_off) {
  const vlp::RunFolder folder(run, options());
  for (int i = 0; i < 4; ++i) folder.append("log.jsonl", {{"step", i}});
  folder.append("metrics.jsonl", {{"epoch", 1}});
  BOOST_TEST((folder.line_counts() == vlp::LineCounts{{"log.jsonl", 4}, {"metrics.jsonl", 1}}));
  std::ofstream(run / "log.jsonl", std::ios::app) << "{\"step\":";  // torn by kill -9
  folder.cut_lines({{"log.jsonl", 2}});
  BOOST_TEST(text("log.jsonl") == "{\"step\":0}\n{\"step\":1}\n");
  BOOST_TEST(!fs::exists(run / "metrics.jsonl"));
  folder.append("log.jsonl", {{"step", 2}});
  BOOST_TEST((folder.line_counts() == vlp::LineCounts{{"log.jsonl", 3}}));
  BOOST_TEST(warnings.empty());
  folder.cut_lines({{"log.jsonl", 9}});
  BOOST_TEST(vlp_test::contains(warnings,
                                "log.jsonl: lines of before the checkpoint are missing "
                                "(got 3, expected 9)"));
}

BOOST_AUTO_TEST_CASE(what_cannot_be_written_is_told_once_and_written_later) {
  const vlp::RunFolder folder(run, options());
  fs::create_directories(run / "log.jsonl");  // in the way
  fs::create_directories(run / "scores.json" / "x");
  folder.append("log.jsonl", {{"step", 1}});
  folder.write("scores.json", std::string("{}"));
  folder.append("log.jsonl", {{"step", 2}});
  BOOST_TEST(warnings.size() == 1U);
  BOOST_TEST(vlp_test::contains(warnings, "The run goes on and tries again."));
  BOOST_CHECK_EXCEPTION(folder.finish(), vlp::DiskError,
                        vlp_test::says("Files of this run are missing."));
  fs::remove(run / "log.jsonl");
  fs::remove_all(run / "scores.json");
  folder.finish();
  BOOST_TEST(text("log.jsonl") == "{\"step\":1}\n{\"step\":2}\n");
  BOOST_TEST(text("scores.json") == "{}");
  folder.remember_loss("the checkpoint is lost");
  BOOST_CHECK_EXCEPTION(folder.finish(), vlp::DiskError, vlp_test::says("the checkpoint is lost"));
}

BOOST_AUTO_TEST_CASE(lines_that_cannot_be_brought_to_the_disk_are_an_error) {
  const vlp::RunFolder folder(run, options());
  folder.append("log.jsonl", {{"step", 1}});
  folder.append("metrics.jsonl", {{"epoch", 1}});
  folder.sync_lines(folder.line_counts());
  fs::remove(run / "metrics.jsonl");
  folder.sync_lines(folder.line_counts());
  fs::create_symlink("log.jsonl", run / "metrics.jsonl");
  fs::rename(run / "metrics.jsonl", run / "log.jsonl");  // a link to itself
  BOOST_CHECK_EXCEPTION(folder.sync_lines(folder.line_counts()), vlp::DiskError,
                        vlp_test::says("log.jsonl: can't be flushed to the disk ("));
}

BOOST_AUTO_TEST_CASE(a_process_that_does_not_write_makes_nothing) {
  const vlp::RunFolder folder(run, /*writes=*/false);
  folder.append("log.jsonl", {{"step", 1}});
  folder.write("scores.json", std::string("{}"));
  folder.cut_lines({});
  folder.finish();
  BOOST_TEST(!fs::exists(run));
}

BOOST_AUTO_TEST_SUITE_END()
