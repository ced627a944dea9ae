#include "vlp/report/run_plugins.hpp"

#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include <boost/test/unit_test.hpp>

#include "tests/support/scratch_folder.hpp"
#include "vlp/report/run_folder_writer.hpp"

namespace {

namespace fs = std::filesystem;

const std::vector<vlp::RunPlugin> kPlugins{{"build/plugins/convnet.so", "convnet", "1.0"},
                                           {"/elsewhere/wsd.so", "wsd", "0.2"}};

/// The plugins of a run whose environment.json holds this.
std::vector<vlp::RunPlugin> read(const std::string& environment) {
  const ScratchFolder scratch;
  std::ofstream(scratch.path / "environment.json") << environment;
  return vlp::plugins_of_run(scratch.path);
}

}  // namespace

BOOST_AUTO_TEST_SUITE(run_plugins)

BOOST_AUTO_TEST_CASE(a_run_keeps_its_plugins_and_its_model_folder_finds_them) {
  const ScratchFolder scratch;
  const fs::path folder = scratch.path / "run";
  vlp::RunStart start;
  start.built = {{"vlp", "0.1.0"}, {"torch", "2.11.0"}};
  start.plugins = kPlugins;
  vlp::RunFolderWriter(vlp::RunFolder(folder), 0).begin(start);
  fs::create_directories(folder / "model");
  for (const fs::path& asked : {folder, folder / "model", folder / "model" / ""}) {
    const std::vector<vlp::RunPlugin> read = vlp::plugins_of_run(asked);
    BOOST_TEST_REQUIRE(read.size() == 2U, asked);
    BOOST_TEST(read[0].file == "build/plugins/convnet.so");
    BOOST_TEST(read[1].name == "wsd");
    BOOST_TEST(read[1].version == "0.2");
  }
  std::ifstream file(folder / "environment.json");
  const vlp::Json environment = vlp::Json::parse(file);
  BOOST_TEST(environment.at("vlp") == "0.1.0");
  BOOST_TEST(environment.at("plugins").at(0).dump() ==
             R"({"file":"build/plugins/convnet.so","name":"convnet","version":"1.0"})");
}

BOOST_AUTO_TEST_CASE(a_folder_that_does_not_tell_has_none) {
  const ScratchFolder nothing;
  BOOST_TEST(vlp::plugins_of_run(nothing.path).empty());
  BOOST_TEST(vlp::plugins_of_run(nothing.path / "absent").empty());
  BOOST_TEST(read(R"({"torch": "2.11.0"})").empty());
  BOOST_TEST(read(R"({"plugins": []})").empty());
  BOOST_TEST(read(R"({"plugins": 3})").empty());
  BOOST_TEST(read("{").empty());
}

BOOST_AUTO_TEST_CASE(only_those_that_were_not_opened_are_named) {
  BOOST_TEST(vlp::missing_plugins_hint(kPlugins, {}) ==
             "this run was made with convnet.so, version 1.0 and wsd.so, version 0.2; add --plugin "
             "FILE.so");
  BOOST_TEST(vlp::missing_plugins_hint(kPlugins, {"plugins/loss/lm.hpp", "other/wsd.so"}) ==
             "this run was made with convnet.so, version 1.0; add --plugin FILE.so");
  BOOST_TEST(vlp::missing_plugins_hint(kPlugins, {"convnet.so", "wsd.so"}) == "");
  BOOST_TEST(vlp::missing_plugins_hint({}, {}) == "");
}

BOOST_AUTO_TEST_SUITE_END()
