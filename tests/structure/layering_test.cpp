// The layers of include/vlp, as ranks.txt has them, held against the #include lines of every
// header.

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <map>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include <boost/test/unit_test.hpp>

#include "tests/support/layering.hpp"

BOOST_AUTO_TEST_SUITE(layering)

namespace {

namespace fs = std::filesystem;
using vlp_test::Layers;

const fs::path kRoot = VLP_SOURCE_ROOT;

Layers real_layers() {
  std::ifstream in(kRoot / "tests" / "structure" / "ranks.txt");
  BOOST_TEST_REQUIRE(in.good());
  return vlp_test::read_layers(in);
}

std::vector<std::string> sources(const std::string& folder) {
  std::vector<std::string> files;
  for (const auto& entry : fs::recursive_directory_iterator(kRoot / folder))
    if (entry.path().extension() == ".hpp" || entry.path().extension() == ".cpp")
      files.push_back(fs::relative(entry.path(), kRoot).string());
  std::ranges::sort(files);
  return files;
}

/// What a made-up header with this line second is told; "" if nothing.
std::string told(const std::string& file, const std::string& line) {
  std::istringstream text("#pragma once\n" + line + "\n");
  std::string all;
  for (const std::string& violation : vlp_test::violations(real_layers(), file, text))
    all += violation;
  return all;
}

}  // namespace

BOOST_AUTO_TEST_CASE(every_header_includes_only_its_own_room_and_rooms_below) {
  const Layers layers = real_layers();
  std::size_t checked = 0;
  for (const char* folder : {"include/vlp", "plugins", "src"})
    for (const std::string& file : sources(folder)) {
      std::ifstream text(kRoot / file);
      for (const std::string& violation : vlp_test::violations(layers, file, text))
        BOOST_ERROR(violation);
      ++checked;
    }
  BOOST_TEST(checked > 100U);
}

BOOST_AUTO_TEST_CASE(who_sees_libtorch_is_what_the_table_says) {
  std::map<std::string, std::vector<std::string>> includes;
  for (const char* folder : {"include/vlp", "plugins"})
    for (const std::string& file : sources(folder)) {
      std::ifstream text(kRoot / file);
      includes[file] = vlp_test::includes_of(text);
    }
  const std::set<std::string> seeing = vlp_test::seeing_libtorch(includes);
  const Layers layers = real_layers();
  for (const auto& [file, names] : includes)
    BOOST_TEST(layers.sees_libtorch(file) == seeing.contains(file),
               file << (seeing.contains(file) ? " sees LibTorch" : " doesn't see LibTorch")
                    << ", tests/structure/ranks.txt says otherwise");
}

BOOST_AUTO_TEST_CASE(every_ranked_room_exists) {
  for (const auto& [room, rank] : real_layers().ranks)
    BOOST_TEST(fs::exists(kRoot / "include" / "vlp" / room), "no room " << room);
}

BOOST_AUTO_TEST_CASE(an_include_of_a_higher_room_is_found) {
  BOOST_TEST(told("include/vlp/core/x.hpp", "#include \"vlp/nn/layers.hpp\"") ==
             "include/vlp/core/x.hpp:2: includes vlp/nn/layers.hpp; 'core' includes its own room "
             "and rooms below, and 'nn' is not below");
  BOOST_TEST(told("include/vlp/train/x.hpp", "#include \"vlp/plan/plan.hpp\"")
                 .find("'plan' is not below") != std::string::npos);
  BOOST_TEST(
      told("include/vlp/nn/x.hpp", "# include <vlp/data/loader.hpp>").find("'data' is not below") !=
      std::string::npos);
  BOOST_TEST(told("include/vlp/data/x.hpp", "#include \"vlp/image/decode.hpp\"") == "");
  BOOST_TEST(told("include/vlp/nn/x.hpp", "#include \"vlp/nn/layers.hpp\"") == "");
}

BOOST_AUTO_TEST_CASE(rooms_of_one_rank_do_not_include_each_other) {
  BOOST_TEST(told("include/vlp/nn/x.hpp", "#include \"vlp/image/words.hpp\"")
                 .find("'image' is not below") != std::string::npos);
  BOOST_TEST(told("include/vlp/train/x.hpp", "#include \"vlp/start/fill_model.hpp\"")
                 .find("'start' is not below") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(a_block_that_includes_names_is_found) {
  BOOST_TEST(
      told("include/vlp/data/x.hpp", "#include \"vlp/registry/use.hpp\"") ==
      "include/vlp/data/x.hpp:2: includes vlp/registry/use.hpp; 'data' doesn't include 'registry'");
  BOOST_TEST(told("include/vlp/plan/x.hpp", "#include \"vlp/registry/use.hpp\"") == "");
}

BOOST_AUTO_TEST_CASE(a_plugin_that_includes_more_than_it_may_is_found) {
  BOOST_TEST(told("plugins/loss/x.hpp", "#include \"plugins/loss/lm.hpp\"") ==
             "plugins/loss/x.hpp:2: includes plugins/loss/lm.hpp; a plugin never includes another, "
             "share code through a block");
  for (const char* name : {"vlp/train/trainer.hpp", "vlp/recipe/load.hpp",
                           "vlp/registry/registry.hpp", "vlp/plan/plan.hpp"})
    BOOST_TEST(told("plugins/loss/x.hpp", "#include \"" + std::string(name) + "\"")
                       .find("a plugin may include") != std::string::npos,
               name);
  for (const char* name : {"vlp/recipe/field.hpp", "vlp/registry/use.hpp",
                           "vlp/generate/captions.hpp", "vlp/nn/layers.hpp"})
    BOOST_TEST(told("plugins/loss/x.hpp", "#include \"" + std::string(name) + "\"") == "", name);
}

BOOST_AUTO_TEST_CASE(outside_headers_in_the_wrong_place_are_found) {
  BOOST_TEST(told("include/vlp/nn/x.hpp", "#include <torch/torch.h>") ==
             "include/vlp/nn/x.hpp:2: includes torch/torch.h, which belongs to: nowhere");
  BOOST_TEST(told("include/vlp/data/x.hpp", "#include <toml++/toml.h>")
                 .find("belongs to: include/vlp/recipe") != std::string::npos);
  BOOST_TEST(told("plugins/loss/x.hpp", "#include <CLI/CLI.hpp>").find("belongs to: src") !=
             std::string::npos);
  BOOST_TEST(told("include/vlp/train/fit.hpp", "#include <dlfcn.h>").find("belongs to:") !=
             std::string::npos);
  BOOST_TEST(told("src/main/main.cpp", "#include <torch/torch.h>").find("nowhere") !=
             std::string::npos);
  BOOST_TEST(told("include/vlp/registry/x.hpp", "#include <dlfcn.h>") == "");
}

BOOST_AUTO_TEST_CASE(a_family_is_reached_through_its_format_only) {
  const std::string line = "#include \"vlp/blip/hugging_face.hpp\"";
  for (const char* file : {"src/main/x.cpp", "src/torch/x.hpp", "include/vlp/start/x.hpp",
                           "plugins/model/blip.hpp", "plugins/format/other.hpp"})
    BOOST_TEST(told(file, line)
                       .find("includes vlp/blip/hugging_face.hpp, which belongs to: "
                             "include/vlp/blip, plugins/format/blip.hpp") != std::string::npos,
               file);
  for (const char* file : {"include/vlp/blip/x.hpp", "plugins/format/blip.hpp"})
    BOOST_TEST(told(file, line) == "", file);
}

BOOST_AUTO_TEST_CASE(unknown_rooms_relative_names_and_missing_pragmas_are_found) {
  BOOST_TEST(told("include/vlp/attic/x.hpp", "").find("room 'attic' has no rank") !=
             std::string::npos);
  BOOST_TEST(
      told("include/vlp/run.hpp", "#include \"vlp/attic/x.hpp\"").find("whose room has no rank") !=
      std::string::npos);
  BOOST_TEST(told("include/vlp/nn/x.hpp", "#include \"layers.hpp\"")
                 .find("name our headers from the root") != std::string::npos);
  std::istringstream text("// a comment\n#pragma once\n");
  BOOST_TEST(vlp_test::violations(real_layers(), "include/vlp/nn/x.hpp", text).at(0) ==
             "include/vlp/nn/x.hpp:1: a header begins with #pragma once");
}

BOOST_AUTO_TEST_CASE(a_line_of_the_ranks_that_says_nothing_is_refused) {
  for (const char* line : {"rooom 1 nn yes\n", "room nn yes\n", "room 1 nn perhaps\n",
                           "room 1 nn yes except layers\n", "kind loss\n"}) {
    std::istringstream text(std::string("room 1 core no\n") + line);
    BOOST_CHECK_THROW(vlp_test::read_layers(text), std::exception);
  }
}

BOOST_AUTO_TEST_SUITE_END()
