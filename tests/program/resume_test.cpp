// `vlp run` that is killed, interrupted, or runs out of disk, and goes on. Of kills at random
// moments a few are tried here, and as many as are asked for by `./dev soak N`: whatever the
// moment, the outcome is the same.

#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <system_error>
#include <thread>
#include <vector>

#include <boost/test/unit_test.hpp>

#include "tests/support/child_process.hpp"
#include "tests/support/messages.hpp"
#include "tests/support/process.hpp"
#include "tests/support/same_run.hpp"
#include "tests/support/scratch_folder.hpp"
#include "tests/support/ten_circles.hpp"
#include "vlp/core/random.hpp"
#include "vlp/train/checkpoints.hpp"

namespace resume_program_test {

namespace fs = std::filesystem;
using vlp_test::ChildProcess;
using vlp_test::contains;
using vlp_test::Outcome;
using Clock = std::chrono::steady_clock;

constexpr auto kPatience = std::chrono::seconds(120);  // of a test that waits for a program
constexpr auto kPause = std::chrono::microseconds(200);

/// Waits until `done()`, or fails.
template <class Done>
void wait_until(const Done& done) {
  const auto begin = Clock::now();
  while (!done()) {
    BOOST_REQUIRE(Clock::now() - begin < kPatience);
    std::this_thread::sleep_for(kPause);
  }
}

/// Data, a recipe that checkpoints behind each of its 30 updates, and runs of it.
struct Runs {
  ScratchFolder scratch;
  fs::path root = scratch.path;

  Runs() {
    vlp_test::write_ten_circles(root / "data");
    write("vocab.txt", "[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\na\nred\ncircle\n.\n");
    write("recipe.toml", R"([dataset]
use = "flickr30k"
split = { train = 0.6, validation = 0.2, test = 0.2 }
[tokenizer]
use = "wordpiece"
vocabulary = ")" + (root / "vocab.txt").string() +
                             R"("
max_length = 8
[[transform]]
use = "resize"
size = 16
[[transform]]
use = "normalize"
[model]
use = "blip"
[model.encoder]
use = "vit"
patch = 8
width = 16
depth = 1
heads = 2
[model.decoder]
use = "bert_cross_attention"
width = 16
depth = 1
heads = 2
dropout = 0.1
[[loss]]
use = "lm"
[[metric]]
use = "bleu"
[optimizer]
use = "adamw"
lr = 3e-3
[train]
epochs = 5
batch_size = 1
log_every = 4
[evaluate]
best = "Bleu_1"
[generate]
max_length = 8
[report]
contact_sheet = 0
[checkpoint]
every = "1 step"
)");
  }
  void write(const std::string& name, const std::string& text) const {
    std::ofstream(root / name, std::ios::binary) << text;
  }
  /// `vlp run` and more.
  [[nodiscard]] static std::vector<std::string> words(const std::vector<std::string>& more) {
    std::vector<std::string> all{VLP_PROGRAM, "run"};
    all.insert(all.end(), more.begin(), more.end());
    return all;
  }
  [[nodiscard]] std::vector<std::string> started(const std::string& flag,
                                                 const std::string& out) const {
    return words({(root / "recipe.toml").string(), flag, (root / out).string(), "--data-dir",
                  (root / "data").string(), "--threads", "2", "--device", "cpu"});
  }
  /// Lets runs accumulate 2 micro-steps and evaluate behind every `count` of their 15 updates, of
  /// which an epoch has 3.
  void evaluate_every(int count) const {
    replace("batch_size = 1\n", "batch_size = 1\naccumulation = 2\n");
    replace("[evaluate]\n", "[evaluate]\nevery = \"" + std::to_string(count) + " steps\"\n");
  }
  [[nodiscard]] std::vector<std::string> resumed(const std::string& out) const {
    return words({"--resume", (root / out).string()});
  }
  void whole(const std::string& out) const {
    const Outcome outcome = vlp_test::run_process(started("--out", out));
    BOOST_REQUIRE_MESSAGE(outcome.code == 0, outcome.err);
  }
  [[nodiscard]] std::string differences(const std::string& a, const std::string& b) const {
    return vlp_test::run_differences(root / a, root / b);
  }
  /// Replaces a piece of the recipe.
  void replace(const std::string& from, const std::string& to) const {
    std::string toml = vlp_test::text_of(root / "recipe.toml");
    toml.replace(toml.find(from), from.size(), to);
    write("recipe.toml", toml);
  }
  [[nodiscard]] std::vector<std::int64_t> steps(const std::string& out) const {
    return vlp::Checkpoints(root / out / "checkpoints", {}).steps();
  }
};

/// Whether something is being written under a folder now.
bool has_draft(const fs::path& folder) {
  std::error_code error;
  for (fs::directory_iterator at(folder, error), end; !error && at != end; at.increment(error))
    if (at->path().filename().string().starts_with('.')) return true;
  return false;
}

/// A run of which nothing is left but what kill -9 leaves, again and again until it ends.
/// @param longest  time of a run that isn't killed
/// @return         how often it was killed, at most `most`
int kill_until_it_ends(const Runs& runs, const std::string& out, Clock::duration longest,
                       vlp::RandomStream& random, int most) {
  const fs::path folder = runs.root / out;
  for (int kills = 0;; ++kills) {
    const bool there = fs::exists(folder / "recipe.toml");
    ChildProcess run(there ? runs.resumed(out) : runs.started("--resume", out), runs.root / "said");
    const auto moment =
        Clock::now() + std::chrono::duration_cast<Clock::duration>(longest * random.uniform());
    const bool at_a_draft = random.below(2) == 0;
    auto drafts = random.below(20);
    while (kills < most && !run.ended()) {
      const bool seen = has_draft(folder / "checkpoints") || has_draft(folder / "model");
      if (at_a_draft ? seen && drafts-- == 0 : Clock::now() >= moment) {
        run.send(SIGKILL);
        break;
      }
      std::this_thread::sleep_for(kPause);
    }
    const int code = run.wait();
    if (code == 0) return kills;
    BOOST_REQUIRE_MESSAGE(code == -SIGKILL, run.said());
  }
}

/// Compares a run that is left alone with others of it that are killed, as often as is asked for.
void kill_at_random(const Runs& runs) {
  const char* asked = std::getenv("VLP_SOAK");
  int left = asked ? std::atoi(asked) : 4;
  const auto begin = Clock::now();
  runs.whole("whole");
  const auto longest = Clock::now() - begin;
  vlp::RandomStream random(asked ? static_cast<std::uint64_t>(left) : 17);
  for (int number = 0; left > 0; ++number) {
    const std::string out = "killed" + std::to_string(number);
    const int kills = kill_until_it_ends(runs, out, longest, random, std::min(left, 12));
    left -= std::max(kills, 1);
    BOOST_TEST(runs.differences("whole", out) == "", out << " after " << kills << " kills");
    BOOST_TEST_MESSAGE(out << ": " << kills << " kills, " << left << " left");
    fs::remove_all(runs.root / out);
  }
}

/// A file system of a size that holds little; none where mounting isn't permitted.
struct SmallDisk {
  explicit SmallDisk(fs::path place) : path(std::move(place)) { fs::create_directories(path); }
  ~SmallDisk() {
    if (mounted) (void)std::system(("umount " + vlp_test::shell_quoted(path.string())).c_str());
  }
  /// Makes it, or makes it larger.
  bool resize(std::uintmax_t bytes) {
    const std::string size = "size=" + std::to_string(bytes);
    const std::string line = std::string("mount ") +
                             (mounted ? "-o remount," + size : "-t tmpfs -o " + size + " none") +
                             " " + vlp_test::shell_quoted(path.string()) + " 2>/dev/null";
    const bool done = std::system(line.c_str()) == 0;
    mounted = mounted || done;
    return done;
  }
  fs::path path;
  bool mounted = false;
};

}  // namespace resume_program_test

BOOST_FIXTURE_TEST_SUITE(resumed_program, resume_program_test::Runs)

BOOST_AUTO_TEST_CASE(kills_at_random_moments_change_no_byte) {
  using namespace resume_program_test;
  kill_at_random(*this);
}

BOOST_AUTO_TEST_CASE(kills_at_random_moments_change_no_byte_of_a_run_that_evaluates_within_epochs) {
  using namespace resume_program_test;
  evaluate_every(4);  // behind 4, 8 and 12, which ends an epoch, and 15, which is the last
  kill_at_random(*this);
  replace("every = \"1 step\"", "every = \"3 steps\"");  // between evaluations, mostly
  fs::remove_all(root / "whole");
  kill_at_random(*this);
}

BOOST_AUTO_TEST_CASE(a_run_that_skips_a_broken_image_is_killed_and_changes_no_byte) {
  using namespace resume_program_test;
  fs::resize_file(root / "data/flickr30k_images/3.png", 60);
  const Outcome stops = vlp_test::run_process(started("--out", "stops"));
  BOOST_TEST(stops.code == 4);
  BOOST_TEST(contains(stops.err, "image '3.png': "), stops.err);
  const auto skipping = [&](const std::string& out) {
    std::vector<std::string> words = started("--out", out);
    words.insert(words.end(), {"--set", "dataset.on_bad=skip"});
    return words;
  };
  const Outcome whole = vlp_test::run_process(skipping("whole"));
  BOOST_TEST(whole.code == 0, whole.err);
  BOOST_TEST(contains(whole.err, "1 image was skipped as missing or broken"), whole.err);
  {
    ChildProcess run(skipping("killed"), root / "said");
    wait_until([&] { return steps("killed").size() > 1 || run.ended(); });
    run.send(SIGKILL);
    (void)run.wait();
  }
  const Outcome resumed_run = vlp_test::run_process(resumed("killed"));
  BOOST_TEST(resumed_run.code == 0, resumed_run.err);
  std::ifstream list(root / "killed/bad.jsonl");
  std::string lines{std::istreambuf_iterator<char>(list), {}};
  BOOST_TEST(std::ranges::count(lines, '\n') == 1);
  BOOST_TEST(contains(lines, "{\"image\":\"3.png\",\"reason\":\"undecodable\",\"error\":"), lines);
  BOOST_TEST(differences("whole", "killed") == "");
}

BOOST_AUTO_TEST_CASE(a_signal_ends_a_run_with_a_checkpoint_and_exit_code_8) {
  using namespace resume_program_test;
  whole("whole");
  for (const int signal : {SIGTERM, SIGUSR1}) {
    const std::string out = "stopped" + std::to_string(signal);
    {
      ChildProcess run(started("--out", out), root / "said");
      wait_until([&] { return !steps(out).empty() || run.ended(); });
      run.send(signal);
      BOOST_TEST(run.wait() == 8, run.said());
      BOOST_TEST(contains(run.said(), ": a checkpoint is written; go on with\n  vlp run --resume " +
                                          (root / out).string()),
                 run.said());
      BOOST_TEST(!contains(run.said(), "error:"), run.said());
    }
    BOOST_TEST(!fs::exists(root / out / "scores.json"));
    const Outcome resumed_run = vlp_test::run_process(resumed(out));
    BOOST_TEST(resumed_run.code == 0, resumed_run.err);
    BOOST_TEST(contains(resumed_run.err, ": goes on behind update "), resumed_run.err);
    BOOST_TEST(differences("whole", out) == "");
  }
}

BOOST_AUTO_TEST_CASE(a_second_signal_stops_at_once) {
  using namespace resume_program_test;
  ChildProcess run(started("--out", "out"), root / "said");
  wait_until([&] { return contains(run.said(), "dataset flickr30k: ") || run.ended(); });
  run.send(SIGINT);
  run.send(SIGTERM);
  const int code = run.wait();
  BOOST_TEST((code == -SIGTERM || code == -SIGINT), code << run.said());
}

// A signal's handler has no business in the midst of a kernel of another library.
BOOST_AUTO_TEST_CASE(only_a_thread_that_computes_nothing_gets_signals) {
  using namespace resume_program_test;
  ChildProcess run(started("--out", "out"), root / "said");
  wait_until([&] { return !steps("out").empty() || run.ended(); });
  const fs::path tasks = fs::path("/proc") / std::to_string(run.pid()) / "task";
  const auto blocks = [&](const fs::path& task, int signal) {
    std::ifstream status(task / "status");
    for (std::string line; std::getline(status, line);)
      if (line.starts_with("SigBlk:"))
        return (std::stoull(line.substr(7), nullptr, 16) >> (signal - 1) & 1U) != 0;
    return true;  // it has ended
  };
  for (const int signal : {SIGINT, SIGTERM, SIGUSR1}) {
    int open = 0;
    for (const auto& task : fs::directory_iterator(tasks))
      open += blocks(task.path(), signal) ? 0 : 1;
    BOOST_TEST(open == 1, "signal " << signal);
    BOOST_TEST(blocks(tasks / std::to_string(run.pid()), signal));
  }
  run.send(SIGTERM);
  BOOST_TEST(run.wait() == 8, run.said());
}

BOOST_AUTO_TEST_CASE(damaged_checkpoints_are_passed_over) {
  using namespace resume_program_test;
  whole("whole");
  for (const char* damage : {"truncated", "flipped"}) {
    {
      ChildProcess run(started("--out", damage), root / "said");
      wait_until([&] { return steps(damage).size() >= 2 || run.ended(); });
      run.send(SIGKILL);
      BOOST_TEST(run.wait() == -SIGKILL);
    }
    const fs::path file =
        vlp::Checkpoints(root / damage / "checkpoints", {}).place_of(steps(damage).back()) /
        "state.safetensors";
    std::string bytes = vlp_test::text_of(file);
    if (damage == std::string("truncated"))
      bytes.resize(bytes.size() / 2);
    else
      bytes[bytes.size() / 2] = static_cast<char>(bytes[bytes.size() / 2] ^ 1);
    std::ofstream(file, std::ios::binary) << bytes;
    const Outcome outcome = vlp_test::run_process(resumed(damage));
    BOOST_TEST(outcome.code == 0, outcome.err);
    BOOST_TEST(contains(outcome.err, "damaged, and not used: state.safetensors has "), outcome.err);
    BOOST_TEST(differences("whole", damage) == "");
  }
}

BOOST_AUTO_TEST_CASE(latest_is_the_newest_run_of_this_recipe) {
  using namespace resume_program_test;
  const std::vector<std::string> latest =
      words({"recipe.toml", "--data-dir", "data", "--resume", "latest", "--set",
             "train.max_steps=2", "--set", "evaluate.every=never"});
  const Outcome first = vlp_test::run_process(latest, {}, root);
  BOOST_TEST(first.code == 0, first.err);
  BOOST_TEST(contains(first.err, "no run of this recipe under runs/; a new one begins"));
  fs::create_directories(root / "runs" / "other");
  const Outcome second = vlp_test::run_process(latest, {}, root);
  BOOST_TEST(second.code == 0, second.err);
  BOOST_TEST(contains(second.out, ": this run is finished, there is nothing to do"), second.out);
  BOOST_TEST(std::distance(fs::directory_iterator(root / "runs"), fs::directory_iterator()) == 2);
}

BOOST_AUTO_TEST_CASE(runs_that_begin_at_once_get_a_folder_each_and_latest_is_the_last_of_them) {
  using namespace resume_program_test;
  const std::vector<std::string> once =
      words({"recipe.toml", "--data-dir", "data", "--threads", "1", "--set", "train.max_steps=1",
             "--set", "evaluate.every=never"});
  std::vector<Outcome> outcomes(4);
  std::vector<std::thread> threads;
  for (Outcome& outcome : outcomes)
    threads.emplace_back([&] { outcome = vlp_test::run_process(once, {}, root); });
  for (std::thread& thread : threads) thread.join();
  for (const Outcome& outcome : outcomes) BOOST_TEST(outcome.code == 0, outcome.err);
  std::vector<fs::path> folders;
  for (const auto& entry : fs::directory_iterator(root / "runs")) {
    folders.push_back(entry.path());
    BOOST_TEST(fs::exists(entry.path() / "log.jsonl"));
  }
  BOOST_TEST(folders.size() == outcomes.size());

  const fs::path last = *std::ranges::max_element(folders);
  for (const fs::path& folder : folders)
    if (folder != last) fs::remove_all(folder);
  const std::string name = last.string();
  for (const char* number : {"-9", "-10", "-11"})
    fs::copy(last, name + number, fs::copy_options::recursive);
  fs::rename(name + "-11", root / "runs" / ".being-made.part");
  const Outcome latest =
      vlp_test::run_process(words({"recipe.toml", "--resume", "latest"}), {}, root);
  BOOST_TEST(contains(latest.out, last.filename().string() + "-10: this run is finished"),
             latest.out + latest.err);
}

BOOST_AUTO_TEST_CASE(what_cannot_go_on_has_its_exit_code) {
  using namespace resume_program_test;
  const std::string recipe = (root / "recipe.toml").string(), out = (root / "out").string();
  const auto code = [](const std::vector<std::string>& more) {
    return vlp_test::run_process(words(more)).code;
  };
  BOOST_TEST(code({"--resume", "latest"}) == 2);
  BOOST_TEST(code({recipe, "--resume", out, "--out", out}) == 2);
  BOOST_TEST(code({recipe, "--allow-changes"}) == 2);
  BOOST_TEST(code({"--resume", out}) == 2);  // nothing there, and no recipe
  {
    ChildProcess run(started("--out", "out"), root / "said");
    wait_until([&] { return !steps("out").empty() || run.ended(); });
    run.send(SIGKILL);
    BOOST_TEST(run.wait() == -SIGKILL);
  }
  const Outcome changed =
      vlp_test::run_process(words({"--resume", out, "--set", "optimizer.lr=1e-4"}));
  BOOST_TEST(changed.code == 2);
  BOOST_TEST(contains(changed.err, "\n  optimizer.lr: 0.003 -> 1e-04\n"), changed.err);
  const Outcome allowed = vlp_test::run_process(
      words({"--resume", out, "--set", "optimizer.lr=1e-4", "--allow-changes"}));
  BOOST_TEST(allowed.code == 0, allowed.err);
  BOOST_TEST(contains(allowed.err, "From here on losses, scores and weights are not those"));
}

BOOST_AUTO_TEST_CASE(files_that_may_not_grow_so_large_end_a_run_with_9_and_harm_nothing) {
  using namespace resume_program_test;
  whole("whole");
  const fs::path last = root / "whole/checkpoints/step-00000030";
  const auto blocks =
      (fs::file_size(last / "model.safetensors") + fs::file_size(last / "state.safetensors")) / 2 /
      512;
  const Outcome outcome = vlp_test::run_process(started("--out", "limited"),
                                                "ulimit -f " + std::to_string(blocks) + ";");
  BOOST_TEST(outcome.code == 9, outcome.err);
  BOOST_TEST(contains(outcome.err, "the checkpoint of update 1 can't be written: "), outcome.err);
  BOOST_TEST(steps("limited").empty());
  for (const char* name : {"model/model.safetensors", "scores.json", "metrics.jsonl"})
    BOOST_TEST(
        (vlp_test::text_of(root / "limited" / name) == vlp_test::text_of(root / "whole" / name)),
        name);
}

BOOST_AUTO_TEST_CASE(a_full_disk_keeps_the_last_whole_checkpoint) {
  using namespace resume_program_test;
  whole("whole");
  const fs::path last = root / "whole/checkpoints/step-00000030";
  std::uintmax_t checkpoint = 0;
  for (const auto& entry : fs::directory_iterator(last)) checkpoint += entry.file_size();
  SmallDisk disk(root / "disk");
  if (!disk.resize(fs::file_size(last / "model.safetensors") + checkpoint * 3 / 2 + (256U << 10))) {
    BOOST_TEST_MESSAGE("skipped: mounting a small file system is not permitted here");
    return;
  }
  const Outcome outcome = vlp_test::run_process(started("--out", "disk/run"));
  BOOST_TEST(outcome.code == 9, outcome.err);
  BOOST_TEST(contains(outcome.err, "can't be written"), outcome.err);
  const auto newest = vlp::Checkpoints(disk.path / "run/checkpoints", {}).newest();
  BOOST_TEST(newest.has_value());
  BOOST_REQUIRE(disk.resize(checkpoint * 8 + (4U << 20)));
  fs::remove(disk.path / "run/scores.json");  // it may have been written, being small
  const Outcome resumed_run = vlp_test::run_process(resumed("disk/run"));
  BOOST_TEST(resumed_run.code == 0, resumed_run.err);
  BOOST_TEST(differences("whole", "disk/run") == "");
}

BOOST_AUTO_TEST_SUITE_END()
