#include "vlp/tasks/train.hpp"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include <boost/test/unit_test.hpp>

#include <nlohmann/json.hpp>

#include "tests/support/process.hpp"
#include "tests/support/tiny_run.hpp"

namespace {

namespace fs = std::filesystem;
using vlp_test::read_file;
using vlp_test::TinyRun;

/// A run folder made once for all cases, and the program on it.
struct TrainedRun : TinyRun {
  TrainedRun() { best = run("out").history.best_epoch; }
  [[nodiscard]] auto caption(std::vector<std::string> words) const {
    words.insert(words.begin(), {VLP_PROGRAM, "caption", "--model", (root / "out").string()});
    return vlp_test::run_process(words);
  }
  [[nodiscard]] std::string image(const std::string& name) const {
    return (root / "data" / "flickr30k_images" / name).string();
  }
  std::int64_t best = 0;
};

}  // namespace

BOOST_FIXTURE_TEST_SUITE(caption_command, TrainedRun)

BOOST_AUTO_TEST_CASE(captions_are_those_of_the_runs_own_test) {
  const auto expected = nlohmann::json::parse(
      read_file(root / "out" / "captions" / ("test-" + std::to_string(best) + ".json")));
  std::vector<std::string> words{"--format", "json"};
  for (const auto& entry : expected) words.push_back(image(entry["image_id"]));
  const auto result = caption(words);
  BOOST_TEST(result.code == 0);
  std::istringstream lines(result.out);
  for (const auto& entry : expected) {
    std::string line;
    BOOST_REQUIRE(std::getline(lines, line));
    const auto json = nlohmann::json::parse(line);
    BOOST_TEST(json["image"] == image(entry["image_id"]));
    BOOST_TEST(json["captions"][0]["text"] == entry["caption"]);
    BOOST_TEST(json["captions"][0]["ids"][0] == 15);  // [DEC]: the vocabulary file has 15 lines
    BOOST_TEST(json["captions"][0]["score"].is_number());
  }
}

BOOST_AUTO_TEST_CASE(the_model_folder_stands_by_itself) {
  fs::rename(root / "out" / "model", root / "taken_away");
  fs::remove_all(root / "out");
  const auto result = vlp_test::run_process(
      {VLP_PROGRAM, "caption", "--model", (root / "taken_away").string(), image("1000.jpg")});
  BOOST_TEST(result.code == 0, result.err);
  BOOST_TEST(result.out.starts_with(image("1000.jpg") + ": "));
}

BOOST_AUTO_TEST_CASE(a_broken_image_is_named_and_the_others_go_on) {
  std::ofstream(root / "broken.jpg") << "not a picture";
  const auto result =
      caption({image("1000.jpg"), (root / "broken.jpg").string(), image("1001.jpg")});
  BOOST_TEST(result.code == 4);
  BOOST_TEST(result.err.find("broken.jpg") != std::string::npos);
  BOOST_TEST(result.out.find("1000.jpg: ") != std::string::npos);
  BOOST_TEST(result.out.find("1001.jpg: ") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(folders_and_lists_are_read_and_several_captions_given) {
  const auto folder = caption({(root / "data" / "flickr30k_images").string(), "--num-captions", "2",
                               "--format", "json", "--max-length", "6"});
  BOOST_TEST(folder.code == 0);
  BOOST_TEST(std::ranges::count(folder.out, '\n') == 40);
  BOOST_TEST(
      nlohmann::json::parse(folder.out.substr(0, folder.out.find('\n')))["captions"].size() == 2U);
  std::ofstream(root / "list.txt") << image("1003.jpg") << "\n\n" << image("1002.jpg") << "\n";
  const auto list = caption({"--list", (root / "list.txt").string(), "--prompt", "the"});
  BOOST_TEST(list.code == 0);
  BOOST_TEST(list.out.find("1003.jpg: the") < list.out.find("1002.jpg: the"));
}

BOOST_AUTO_TEST_CASE(wrong_calls_have_their_exit_codes) {
  BOOST_TEST(caption({image("1000.jpg"), "--beams", "2", "--num-captions", "3"}).code == 2);
  BOOST_TEST(caption({}).code == 2);
  BOOST_TEST(
      vlp_test::run_process({VLP_PROGRAM, "caption", "--model", root.string(), image("1000.jpg")})
          .code == 5);  // a recipe, but no weights
  BOOST_TEST(vlp_test::run_process(
                 {VLP_PROGRAM, "caption", "--model", (root / "data").string(), image("1000.jpg")})
                 .code == 5);
}

BOOST_AUTO_TEST_SUITE_END()
