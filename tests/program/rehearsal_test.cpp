// gpu/rehearse on a CPU with small sizes: the script, its steps and the file that it writes, so
// that nothing but the GPU is new where there is one.

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include <boost/test/unit_test.hpp>
#include <nlohmann/json.hpp>

#include "tests/support/process.hpp"

BOOST_AUTO_TEST_SUITE(rehearsal)

namespace {

namespace fs = std::filesystem;
using nlohmann::json;
using vlp_test::Outcome;

/// One that has transformers, where ./dev bench has made it, else any: peers are then left out.
std::string python() {
  const fs::path own = fs::path(VLP_BUILD_DIR) / "bench" / "venv" / "bin" / "python";
  if (const char* named = std::getenv("VLP_BENCH_PYTHON")) return named;
  return fs::exists(own) ? own.string() : "python3";
}

Outcome rehearse(const fs::path& out, std::vector<std::string> words) {
  const std::string script = std::string(VLP_SOURCE_ROOT) + "/gpu/rehearse";
  words.insert(words.begin(), {python(), script, "--out", out.string()});
  return vlp_test::run_process(words,
                               "VLP_TORCH_DIR=" + vlp_test::shell_quoted(VLP_TORCH_FOLDER) +
                                   " VLP_BUILD_DIR=" + vlp_test::shell_quoted(VLP_BUILD_DIR));
}

json read(const fs::path& file) {
  std::ifstream in(file);
  return json::parse(in, nullptr, /*allow_exceptions=*/false);
}

}  // namespace

BOOST_AUTO_TEST_CASE(every_step_runs_on_a_cpu_or_says_why_not) {
  const ScratchFolder folder;
  const fs::path file = folder.path / "rehearsal.json";
  const Outcome outcome = rehearse(file, {"--device", "cpu", "--tiny"});
  const json results = read(file);
  BOOST_TEST_INFO(outcome.out << outcome.err);
  BOOST_REQUIRE(results.is_object());
  BOOST_TEST(outcome.code == 0, outcome.out << outcome.err);
  const json& steps = results["steps"];
  for (const char* name : {"open", "parity", "demo", "training", "captions"})
    BOOST_TEST(steps[name]["state"] == "passed", name << ": " << steps[name].dump(1));
  BOOST_TEST(steps["waiting"]["state"] == "skipped");
  BOOST_TEST(!steps["parity"]["found"].empty());
  BOOST_TEST(steps["demo"]["fp32"].contains("CIDEr"), steps["demo"].dump(1));
  BOOST_TEST(steps["training"]["fp32"]["vlp"].size() == 2U, steps["training"].dump(1));
  BOOST_TEST(steps["captions"]["vlp"][0]["latency_ms"] > 0, steps["captions"].dump(1));
}

BOOST_AUTO_TEST_CASE(a_step_that_fails_is_in_the_file_and_ends_what_needs_it) {
  const ScratchFolder folder;
  const fs::path file = folder.path / "rehearsal.json";
  const Outcome outcome = rehearse(file, {"--device", "cuda:63", "--tiny"});
  const json results = read(file);
  BOOST_REQUIRE(results.is_object());
  BOOST_TEST(outcome.code == 1, outcome.out << outcome.err);
  BOOST_TEST(results["passed"] == false);
  BOOST_TEST(results["steps"].size() == 1U, results.dump(1));
  const std::string reason = results["steps"]["open"]["reason"];
  BOOST_TEST(reason.find("--device cuda:63") != reason.npos, reason);
}

BOOST_AUTO_TEST_CASE(a_step_whose_time_is_over_is_cut_off_and_the_file_is_whole) {
  const ScratchFolder folder;
  const fs::path file = folder.path / "rehearsal.json";
  // Drawing the whole demo's pictures alone takes longer.
  const Outcome outcome = rehearse(file, {"--device", "cpu", "--steps", "demo", "--seconds", "6"});
  const json results = read(file);
  BOOST_REQUIRE_MESSAGE(results.is_object(), outcome.out << outcome.err);
  BOOST_TEST(outcome.code == 1);
  BOOST_TEST(results["steps"]["demo"]["state"] == "failed", results.dump(1));
  const std::string reason = results["steps"]["demo"]["reason"];
  BOOST_TEST(reason.find("the step's time is over") != reason.npos, reason);
  BOOST_TEST(rehearse(file, {"--steps", "nonsense"}).code == 2);
}

BOOST_AUTO_TEST_SUITE_END()
