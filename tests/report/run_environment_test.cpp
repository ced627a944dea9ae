#include "vlp/report/run_environment.hpp"

#include <filesystem>
#include <fstream>
#include <string>

#include <boost/test/unit_test.hpp>

#include "tests/support/messages.hpp"
#include "tests/support/scratch_folder.hpp"

namespace {

void store(const std::filesystem::path& folder, const vlp::Json& json) {
  std::ofstream(folder / "environment.json") << json.dump();
}

}  // namespace

BOOST_AUTO_TEST_SUITE(run_environment)

BOOST_AUTO_TEST_CASE(what_a_continuation_needs_comes_back) {
  const ScratchFolder scratch;
  BOOST_TEST(!vlp::read_environment(scratch.path));
  store(scratch.path, vlp::environment_json({.built = {{"vlp", "0.9"}, {"torch", "2.11.0"}},
                                             .plugins = {{"/a/x.so", "x", "1.0"}},
                                             .device = {vlp::DeviceName::Type::cuda, 1},
                                             .precision = vlp::Precision::bf16,
                                             .threads = 3,
                                             .data_dir = "data/../photos",
                                             .recipe = "a.toml",
                                             .sets = {"train.epochs=3"}}));
  const auto stored = vlp::read_environment(scratch.path);
  BOOST_REQUIRE(stored);
  BOOST_TEST(stored->device == "cuda:1");
  BOOST_TEST(stored->precision == "bf16");
  BOOST_TEST(stored->threads == 3);
  BOOST_TEST(stored->data_dir == std::filesystem::current_path() / "photos");
  BOOST_TEST(stored->recipe == std::filesystem::current_path() / "a.toml");
  BOOST_TEST(stored->sets.at(0) == "train.epochs=3");
  BOOST_TEST(stored->plugins.at(0) == "/a/x.so");
  BOOST_TEST(stored->started.size() == 15U);
  BOOST_TEST(stored->built.at(1).second == "2.11.0");
}

BOOST_AUTO_TEST_CASE(folders_of_another_layout_or_broken_ones_are_refused) {
  const ScratchFolder scratch;
  store(scratch.path, {{"device", "cpu"}, {"threads", 2}});
  BOOST_CHECK_EXCEPTION((void)vlp::read_environment(scratch.path), vlp::WeightsError,
                        vlp_test::says("this run can't go on, its folder is of another version"));
  store(scratch.path, {{"layout", 2}, {"device", "cpu"}});
  BOOST_CHECK_EXCEPTION((void)vlp::read_environment(scratch.path), vlp::WeightsError,
                        vlp_test::says("environment.json: can't be understood ("));
}

BOOST_AUTO_TEST_SUITE_END()
