// docs/your-own-captions.md, command by command, on a small folder and with a small model in place
// of the published one.

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include <boost/test/unit_test.hpp>

#include "tests/support/process.hpp"
#include "tests/support/scratch_folder.hpp"

BOOST_AUTO_TEST_SUITE(your_own_captions)

namespace {

namespace fs = std::filesystem;
using vlp_test::Outcome;

/// The lines of the page's blocks of one language.
std::vector<std::string> lines_of_page(const std::string& language) {
  std::istringstream page(
      vlp_test::text_of(fs::path(VLP_SOURCE_ROOT) / "docs" / "your-own-captions.md"));
  std::vector<std::string> lines;
  bool inside = false;
  for (std::string line; std::getline(page, line);) {
    if (line.starts_with("```"))
      inside = line == "```" + language;
    else if (inside)
      lines.push_back(line);
  }
  return lines;
}

/// The page's folder: its own rows, and some more so that each split has a picture.
struct OwnFolder : ScratchFolder {
  OwnFolder() {
    std::string table;
    for (const std::string& line : lines_of_page("csv")) table += line + "\n";
    for (int i = 0; i < 16; ++i) table += "more/" + std::to_string(i) + ".png,a red circle\n";
    fs::create_directories(path / "cats");
    fs::create_directories(path / "more");
    for (const char* name : {"cats/tom.png", "rex.png", "garden.png"}) picture(name);
    for (int i = 0; i < 16; ++i) picture("more/" + std::to_string(i) + ".png");
    write(table);
  }
  void picture(const std::string& name) const {
    fs::copy_file(fs::path(VLP_TEST_DATA) / "images" / "07_rgb.png", path / name);
  }
  void write(const std::string& table) const {
    std::ofstream(path / "captions.csv", std::ios::binary) << table;
  }

  /// Runs a line of the page from the folder `from`; training with a small model.
  [[nodiscard]] Outcome run(const std::string& line, const fs::path& from) const {
    std::vector<std::string> words;
    std::istringstream in(line);
    for (std::string word; in >> word;) {
      if (word == "build/vlp") word = VLP_PROGRAM;
      if (word.starts_with("recipes/")) word = (fs::path(VLP_SOURCE_ROOT) / word).string();
      if (word == "DIR" || word.starts_with("DIR/")) word.replace(0, 3, path.string());
      words.push_back(word);
    }
    if (words.at(1) == "run" || words.at(1) == "check")
      for (const char* set :
           {"model.weights=\"\"", "model.encoder.patch=8", "model.encoder.width=16",
            "model.encoder.depth=1", "model.encoder.heads=2", "model.decoder.width=16",
            "model.decoder.depth=1", "model.decoder.heads=2", "transform.resize.size=16",
            "train.precision=fp32", "train.epochs=1", "train.accumulation=1",
            "generate.max_length=8"})
        words.insert(words.end(), {"--set", set});
    return vlp_test::run_process(words, {}, from);
  }
};

bool tells(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

}  // namespace

BOOST_FIXTURE_TEST_CASE(each_command_of_the_page_works, OwnFolder) {
  const ScratchFolder here;
  std::vector<std::string> commands;
  for (const std::string& line : lines_of_page("sh"))
    if (!line.starts_with("build/vlp download ")) commands.push_back(line);
  BOOST_TEST_REQUIRE(commands.size() == 3U);

  const Outcome checked = run(commands[0], here.path);
  BOOST_TEST_REQUIRE(checked.code == 0, checked.err);
  const std::string table = (path / "captions.csv").string();
  BOOST_TEST(tells(checked.out, "note       " + table +
                                    ": 20 rows, 19 pictures with 1 to 2 captions each; pictures "
                                    "from 'image', captions from 'caption'.\n"),
             checked.out);
  BOOST_TEST(tells(checked.out, "note       " + table + ": 15 captions are equal to earlier ones"),
             checked.out);
  BOOST_TEST(tells(checked.out, "data       15 / 1 / 3 images for training / validation / test"),
             checked.out);

  const Outcome trained = run(commands[1], here.path);
  BOOST_TEST_REQUIRE(trained.code == 0, trained.err);
  BOOST_TEST(fs::exists(here.path / "runs" / "mine" / "model"));

  const Outcome captioned = run(commands[2], here.path);
  BOOST_TEST(captioned.code == 0, captioned.err);
  BOOST_TEST(tells(captioned.out, "garden.png"), captioned.out);
}

BOOST_FIXTURE_TEST_CASE(check_says_what_is_missing_and_what_a_table_s_mistake_is, OwnFolder) {
  const std::string check = lines_of_page("sh").at(0);
  write("image,caption\nrex.png,a\nx.png,b\n");
  const Outcome missing = run(check, path);
  BOOST_TEST(missing.code == 0, missing.err);
  BOOST_TEST(tells(missing.out,
                   "data       not found, counts unknown: dataset folder: 1 of 2 images "
                   "are not in " +
                       path.string() + ": x.png. "),
             missing.out);
  write("image,caption\nrex.png,a, b\n");
  const Outcome broken = run(check, path);
  BOOST_TEST(broken.code == 4);
  BOOST_TEST(tells(broken.err, "captions.csv:2: another number of cells than columns (got 3"),
             broken.err);
}

BOOST_FIXTURE_TEST_CASE(pictures_with_prompts_are_trained_on_and_captioned, OwnFolder) {
  std::string table = "image,caption,split,prompt\n";
  for (int i = 0; i < 12; ++i)
    table += "more/" + std::to_string(i) + ".png,a red circle," +
             (i < 6   ? "train"
              : i < 9 ? "val"
                      : "test") +
             (i % 3 == 0   ? ",a drawing of\n"
              : i % 3 == 1 ? ",here is\n"
                           : ",\n");
  write(table);
  const ScratchFolder here;
  const Outcome trained = run(lines_of_page("sh").at(2), here.path);
  BOOST_TEST_REQUIRE(trained.code == 0, trained.err);
  BOOST_TEST(tells(trained.err + trained.out, "prompts from 'prompt'"), trained.err);
}

BOOST_AUTO_TEST_SUITE_END()
