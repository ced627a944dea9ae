#include "vlp/report/run_folder.hpp"

#include <algorithm>
#include <cstddef>
#include <exception>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include <fcntl.h>
#include <sys/file.h>
#include <sys/wait.h>
#include <unistd.h>

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

BOOST_AUTO_TEST_CASE(processes_that_begin_at_once_get_a_folder_each) {
  constexpr int kProcesses = 8, kNoFolder = 100;
  vlp::RunFolderOptions counting = options();
  counting.counts_up = true;
  int start[2];
  BOOST_TEST_REQUIRE(::pipe(start) == 0);
  std::vector<pid_t> children;
  for (int i = 0; i < kProcesses; ++i) {
    children.push_back(::fork());
    BOOST_TEST_REQUIRE(children.back() >= 0);
    if (children.back() > 0) continue;
    ::close(start[1]);
    char none = 0;
    (void)!::read(start[0], &none, 1);  // until the other end is closed, for all at once
    int number = kNoFolder;
    try {
      counting.first.emplace_back("process", std::to_string(i));
      const vlp::RunFolder folder(run, counting);
      const std::string name = folder.path().filename().string();
      number = name == "run" ? 1 : std::stoi(name.substr(name.find('-') + 1));
    } catch (const std::exception&) {
    }
    ::_exit(number);
  }
  ::close(start[0]);
  ::close(start[1]);
  std::vector<int> numbers;
  for (int i = 0; i < kProcesses; ++i) {
    int status = 0;
    ::waitpid(children[static_cast<std::size_t>(i)], &status, 0);
    const int number = WIFEXITED(status) ? WEXITSTATUS(status) : kNoFolder;
    numbers.push_back(number);
    const std::string name = number == 1 ? "run" : "run-" + std::to_string(number);
    std::ifstream in(path / name / "process");
    int process = -1;
    in >> process;
    BOOST_TEST(process == i, name);
  }
  std::ranges::sort(numbers);
  BOOST_TEST(numbers == (std::vector<int>{1, 2, 3, 4, 5, 6, 7, 8}));
  BOOST_TEST(std::distance(fs::directory_iterator(path), fs::directory_iterator()) == kProcesses);
}

BOOST_AUTO_TEST_CASE(an_empty_folder_is_begun_in_by_one_process) {
  fs::create_directories(run);
  const int other = ::open(run.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  BOOST_TEST_REQUIRE(::flock(other, LOCK_EX | LOCK_NB) == 0);
  BOOST_CHECK_EXCEPTION(vlp::RunFolder(run, options()), vlp::RecipeError,
                        vlp_test::says("another process works in this run folder"));
  BOOST_TEST(fs::is_empty(run));
  vlp::RunFolderOptions counting = options();
  counting.counts_up = true;
  BOOST_TEST(vlp::RunFolder(run, counting).path() == path / "run-2");
  ::close(other);
  BOOST_TEST(vlp::RunFolder(run, options()).path() == run);
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
