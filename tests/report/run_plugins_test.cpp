#include "vlp/report/run_plugins.hpp"

#include <filesystem>
#include <fstream>
#include <string>

#include <boost/test/unit_test.hpp>

#include "tests/support/scratch_folder.hpp"

namespace {

struct RunFolder : ScratchFolder {
  /// What is told of the recipe of a run with this environment.json.
  [[nodiscard]] std::string told(const std::string& environment,
                                 const std::string& recipe = "recipe.toml") const {
    std::filesystem::create_directories(path / "model");
    std::ofstream(path / "environment.json") << environment;
    return vlp::plugins_of_run(path / recipe);
  }
};

constexpr const char* kTwo = R"({"vlp": "0.1.0", "plugins": [
  {"file": "/home/a/build/plugins/convnet.so", "name": "convnet", "version": "1.0"},
  {"file": "wsd.so", "name": "wsd", "version": "0.2"}]})";

}  // namespace

BOOST_FIXTURE_TEST_SUITE(run_plugins, RunFolder)

BOOST_AUTO_TEST_CASE(the_plugins_of_a_run_are_named_with_their_versions) {
  BOOST_TEST(told(kTwo) ==
             "this run was made with convnet.so, version 1.0 and wsd.so, version 0.2");
  BOOST_TEST(told(kTwo, "model/recipe.toml") == told(kTwo));
}

BOOST_AUTO_TEST_CASE(nothing_is_said_where_there_is_nothing_to_say) {
  BOOST_TEST(vlp::plugins_of_run(path / "recipe.toml") == "");
  BOOST_TEST(told(kTwo, "demo.toml") == "");
  for (const char* text : {"", "{", "[]", "{}", R"({"plugins": []})", R"({"plugins": 3})",
                           R"({"plugins": [3, {"name": "x"}, {"file": 3}]})"})
    BOOST_TEST(told(text) == "", text);
}

BOOST_AUTO_TEST_SUITE_END()
