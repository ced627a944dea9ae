// Runs over data of which some images are missing or broken.

#include "vlp/tasks/train.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <map>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

#include <boost/test/unit_test.hpp>

#include <nlohmann/json.hpp>

#include "tests/support/messages.hpp"
#include "tests/support/peer_threads.hpp"
#include "tests/support/same_run.hpp"
#include "tests/support/tiny_run.hpp"
#include "vlp/concepts/context.hpp"
#include "vlp/core/error.hpp"

namespace bad_samples_test {

namespace fs = std::filesystem;
using vlp_test::contains;
using vlp_test::read_file;

/// 24 / 8 / 8 images.
struct BadRun : vlp_test::TinyRun {
  std::array<std::vector<std::string>, 3> names;  // of the images of each split
  std::vector<std::string> said;

  BadRun() {
    const vlp::Plan plan =
        vlp::plan_training(vlp::load_recipe(root / "recipe.toml"), registry, std::nullopt);
    vlp::Context ctx;
    ctx.folders.data = root / "data";
    ctx.facts.seeds = vlp::RandomStream(static_cast<std::uint64_t>(plan.run.seed));
    const vlp::AnyDataset dataset = plan.dataset.build(ctx);
    for (const vlp::Split split : {vlp::Split::train, vlp::Split::validation, vlp::Split::test})
      for (const vlp::ImageRecord& record : dataset.records(split))
        names[static_cast<std::size_t>(split)].push_back(record.image_id.text());
  }

  [[nodiscard]] fs::path image(const std::string& name) const {
    return root / "data/flickr30k_images" / name;
  }
  void truncate(const std::string& name) const { fs::resize_file(image(name), 60); }

  [[nodiscard]] vlp::RunArguments arguments(const std::string& out) {
    vlp::RunArguments arguments;
    arguments.out = root / out;
    arguments.data_dir = root / "data";
    arguments.threads = 1;
    arguments.quick = true;
    arguments.console.on_note = [this](std::string_view text) { said.emplace_back(text); };
    arguments.console.on_warning = arguments.console.on_note;
    return arguments;
  }
  [[nodiscard]] static std::vector<std::string> skipping(const std::string& share,
                                                         std::vector<std::string> more = {}) {
    more.insert(more.end(), {"dataset.on_bad=skip", "dataset.max_bad=" + share, "train.epochs=2"});
    return more;
  }
  vlp::Report trained(const std::string& out, const std::vector<std::string>& sets,
                      bool resume = false) {
    said.clear();
    vlp::RunArguments how = arguments(out);
    how.resume = resume;
    return vlp::run(vlp::load_recipe(root / "recipe.toml", sets), registry, how);
  }
  /// The error that a run ends with.
  std::string problem(const std::string& out, const std::vector<std::string>& sets) {
    return vlp_test::message_of<vlp::DataError>([&] { (void)trained(out, sets); });
  }
  /// Lines of a file of a run.
  [[nodiscard]] std::vector<nlohmann::json> lines(const std::string& file) const {
    std::vector<nlohmann::json> all;
    std::istringstream text(read_file(root / file));
    for (std::string line; std::getline(text, line);) all.push_back(nlohmann::json::parse(line));
    return all;
  }
  /// Reasons by image; fails if one is listed twice.
  [[nodiscard]] std::map<std::string, std::string> listed(const std::string& out) const {
    std::map<std::string, std::string> reasons;
    for (const nlohmann::json& line : lines(out + "/bad.jsonl")) {
      BOOST_TEST(line.size() == 3U);
      BOOST_TEST(contains(line.at("error").get<std::string>(),
                          image(line.at("image").get<std::string>()).string() + ": "));
      BOOST_TEST(reasons.emplace(line.at("image"), line.at("reason")).second);
    }
    return reasons;
  }
};

}  // namespace bad_samples_test

BOOST_FIXTURE_TEST_SUITE(train_bad_samples, bad_samples_test::BadRun)

BOOST_AUTO_TEST_CASE(a_run_skips_bad_samples_lists_each_once_and_leaves_them_out_of_scores) {
  using namespace bad_samples_test;
  const auto& [train, validation, test] = names;
  truncate(train[3]);
  fs::remove(image(train[5]));
  truncate(validation[2]);
  truncate(test[0]);
  const vlp::Report report = trained("out", skipping("0.2"));
  BOOST_TEST((listed("out") == std::map<std::string, std::string>{{train[3], "undecodable"},
                                                                  {train[5], "missing"},
                                                                  {validation[2], "undecodable"},
                                                                  {test[0], "undecodable"}}));
  BOOST_TEST(report.bad == 4);
  BOOST_TEST(report.measured.images == 7);
  BOOST_TEST(report.measured.bad == 1);
  BOOST_TEST(!report.baseline.empty());
  BOOST_TEST(report.history.steps == 2 * 15, "an epoch is as long as before");
  BOOST_TEST(std::ranges::count_if(said, [](const std::string& text) {
               return contains(text, "' is skipped, ");
             }) == 1);
  BOOST_TEST(said.back() == "4 images were skipped as missing or broken; bad.jsonl lists them");

  const std::vector<nlohmann::json> metrics = lines("out/metrics.jsonl");
  BOOST_TEST(metrics.size() == 3U);
  for (const nlohmann::json& line : metrics) BOOST_TEST(line.at("bad") == 1);
  const auto scores = nlohmann::json::parse(read_file(root / "out/scores.json"));
  BOOST_TEST(scores.at("images") == 7);
  BOOST_TEST(scores.at("bad") == 1);
  for (const auto& [split, name] : {std::pair(std::string("validation"), validation[2]),
                                    std::pair(std::string("test"), test[0])}) {
    const std::string number =
        split == "test" ? std::to_string(report.history.best_epoch) : std::string("2");
    const auto captions =
        nlohmann::json::parse(read_file(root / "out/captions" / (split + "-" + number + ".json")));
    BOOST_TEST(captions.size() == 7U);
    BOOST_TEST(!contains(captions.dump(), name));
    BOOST_TEST(!contains(read_file(root / "out/references" / (split + ".json")), name));
  }

  (void)trained("workers", skipping("0.2", {"train.workers=3"}));
  for (const char* file : {"bad.jsonl", "metrics.jsonl", "model/model.safetensors"})
    BOOST_TEST((read_file(root / "workers" / file) == read_file(root / "out" / file)), file);
  BOOST_TEST(vlp_test::timeless(root / "workers/log.jsonl") ==
             vlp_test::timeless(root / "out/log.jsonl"));
}

BOOST_AUTO_TEST_CASE(a_run_that_a_bad_sample_has_stopped_goes_on_once_it_may_skip_it) {
  using namespace bad_samples_test;
  truncate(names[0][3]);
  const std::vector<std::string> often{"checkpoint.every=1 step", "train.epochs=2",
                                       "checkpoint.keep=1"};
  std::vector<std::string> skips = often;
  skips.emplace_back("dataset.on_bad=skip");
  (void)trained("whole", skips);
  const std::string told = problem("out", often);
  BOOST_TEST(contains(told, "image '" + names[0][3] + "': " + image(names[0][3]).string()), told);
  BOOST_TEST(contains(told, "dataset.on_bad = \"skip\" goes on without such images"), told);
  BOOST_TEST(!fs::exists(root / "out/bad.jsonl"));
  (void)trained("out", skips, /*resume=*/true);
  BOOST_TEST(std::ranges::count_if(said, [](const std::string& text) {
               return contains(text, "dataset.on_bad: ") &&
                      contains(text, ", which changes no number");
             }) == 1);
  for (const char* file : {"bad.jsonl", "metrics.jsonl", "model/model.safetensors"})
    BOOST_TEST((read_file(root / "out" / file) == read_file(root / "whole" / file)), file);
}

BOOST_AUTO_TEST_CASE(more_than_the_limits_allow_end_a_run_that_says_which_and_where) {
  using namespace bad_samples_test;
  for (const int i : {1, 4, 9}) truncate(names[0][static_cast<std::size_t>(i)]);
  const std::string told = problem("out", skipping("0.05"));
  BOOST_TEST(contains(told,
                      "dataset: 3 of 24 images of the train split are missing or broken (expected "
                      "at most 2, by dataset.max_bad = 0.05 and dataset.max_bad_images = 1000): "),
             told);
  BOOST_TEST(contains(told, (root / "out/bad.jsonl").string() + " lists them."), told);
  BOOST_TEST(listed("out").size() == 3U);
  BOOST_TEST(contains(problem("most", skipping("1.0", {"dataset.max_bad_images=2"})),
                      "3 of 24 images of the train split"));
}

BOOST_AUTO_TEST_CASE(the_limits_hold_for_an_evaluation_too) {
  using namespace bad_samples_test;
  for (const int i : {1, 4}) truncate(names[1][static_cast<std::size_t>(i)]);
  const std::string told = problem("out", skipping("0.05"));
  BOOST_TEST(contains(told,
                      "dataset: 2 of 8 images of the validation split are missing or broken "
                      "(expected at most 1, "),
             told);
  BOOST_TEST(listed("out").size() == 2U);
  BOOST_TEST(!fs::exists(root / "out/metrics.jsonl"));
}

BOOST_AUTO_TEST_CASE(too_many_missing_images_are_told_at_the_start) {
  using namespace bad_samples_test;
  for (const int i : {1, 4, 9}) fs::remove(image(names[0][static_cast<std::size_t>(i)]));
  const std::string told = problem("out", skipping("0.05"));
  BOOST_TEST(contains(told, "dataset flickr30k: 3 of 40 images are not in "), told);
  BOOST_TEST(contains(told, "dataset.max_bad and dataset.max_bad_images allow 2. "), told);
  BOOST_TEST(!fs::exists(root / "out"));
}

BOOST_AUTO_TEST_CASE(a_disk_that_fails_ends_a_run_that_skips) {
  using namespace bad_samples_test;
  if (!fs::exists("/proc/self/mem")) return;
  const fs::path file = image(names[0][3]);
  fs::remove(file);
  fs::create_symlink("/proc/self/mem", file);  // its first byte is an I/O error
  const std::string told = problem("out", skipping("0.5"));
  BOOST_TEST(contains(told, "can't be read (Input/output error), tried 4 times"), told);
  BOOST_TEST(contains(told, "The image may be sound, so it isn't skipped."), told);
  BOOST_TEST(!fs::exists(root / "out/bad.jsonl"));
}

BOOST_AUTO_TEST_CASE(what_other_processes_skip_is_listed_by_the_first) {
  using namespace bad_samples_test;
  for (const int i : {1, 4, 9, 13}) truncate(names[0][static_cast<std::size_t>(i)]);
  truncate(names[1][7]);  // in the second batch of two
  const auto by_two = [&](const std::string& out, const std::string& share) {
    const vlp::Recipe recipe =
        vlp::load_recipe(root / "recipe.toml", skipping(share, {"train.batch_size=4"}));
    std::array<std::string, 2> told;
    vlp_test::run_together(2, [&](const vlp::Peers& peers) {
      vlp::RunArguments how = arguments(out);
      how.peers = peers;
      how.console = {};
      try {
        (void)vlp::train(recipe, registry, how);
      } catch (const vlp::Error& error) {
        told[static_cast<std::size_t>(peers.rank())] =
            error.code() == vlp::ExitCode::data ? error.what() : "another exit code";
      }
    });
    return told;
  };
  BOOST_TEST((by_two("out", "0.2") == std::array<std::string, 2>{}));
  std::map<std::string, std::string> expected;
  for (const int i : {1, 4, 9, 13})
    expected.emplace(names[0][static_cast<std::size_t>(i)], "undecodable");
  expected.emplace(names[1][7], "undecodable");
  BOOST_TEST((listed("out") == expected));

  const std::array<std::string, 2> told = by_two("few", "0.05");
  BOOST_TEST(contains(told[0], " of 24 images of the train split are missing or broken"), told[0]);
  BOOST_TEST(told[1] == "process 0 (of 0 to 1): " + told[0]);
}

BOOST_AUTO_TEST_SUITE_END()
