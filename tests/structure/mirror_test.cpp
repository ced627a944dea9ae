// tests/ mirrors include/vlp and plugins/, so that the test of a header is found by its name.

#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include <boost/test/unit_test.hpp>

#include "tests/support/layering.hpp"
#include "tests/support/mirror.hpp"

BOOST_AUTO_TEST_SUITE(mirror)

namespace {

namespace fs = std::filesystem;
using vlp_test::FileIncludes;

const fs::path kRoot = VLP_SOURCE_ROOT;

FileIncludes real_files() {
  FileIncludes files;
  for (const char* folder : {"include/vlp", "plugins", "tests"})
    for (const auto& entry : fs::recursive_directory_iterator(kRoot / folder)) {
      if (!entry.is_regular_file()) continue;
      std::vector<std::string>& includes = files[fs::relative(entry.path(), kRoot).string()];
      if (entry.path().extension() != ".hpp" && entry.path().extension() != ".cpp") continue;
      std::ifstream text(entry.path());
      includes = vlp_test::includes_of(text);
    }
  return files;
}

/// What a project is told that is right but for this file; "" if nothing.
std::string told(const std::string& file, const std::vector<std::string>& includes) {
  FileIncludes files{{"include/vlp/nn/layers.hpp", {}},
                     {"include/vlp/nn/layers_inl.hpp", {}},
                     {"include/vlp/nn/layers_of_text.hpp", {}},
                     {"include/vlp/run.hpp", {}},
                     {"plugins/loss/lm.hpp", {}},
                     {"tests/fixtures/nn/README.md", {}},
                     {"tests/nn/layers_test.cpp", {"vlp/nn/layers.hpp", "tests/nn/tiny.hpp"}},
                     {"tests/nn/tiny.hpp", {"tests/support/random.hpp"}},
                     {"tests/loss/lm_test.cpp", {"plugins/loss/lm.hpp", "vector"}},
                     {"tests/program/help_test.cpp", {"string", "tests/support/process.hpp"}}};
  files[file] = includes;
  std::string all;
  for (const std::string& violation : vlp_test::mirror_violations(files)) all += violation;
  return all;
}

}  // namespace

BOOST_AUTO_TEST_CASE(tests_mirror_what_they_test) {
  const FileIncludes files = real_files();
  int tests = 0;
  for (const auto& [file, includes] : files) tests += file.ends_with("_test.cpp") ? 1 : 0;
  BOOST_TEST(tests > 100);
  for (const std::string& violation : vlp_test::mirror_violations(files)) BOOST_ERROR(violation);
}

BOOST_AUTO_TEST_CASE(a_project_that_is_right_is_told_nothing) {
  BOOST_TEST(told("tests/nn/layers_gradients_test.cpp", {"vlp/nn/layers.hpp"}) == "");
  BOOST_TEST(told("tests/nn/layers_of_text_test.cpp", {"vlp/nn/layers_of_text.hpp"}) == "");
  BOOST_TEST(told("tests/program/match_test.cpp", {"vlp/nn/layers.hpp"}) == "");
}

BOOST_AUTO_TEST_CASE(a_folder_that_mirrors_nothing_is_found) {
  BOOST_TEST(told("tests/attic/old_test.cpp", {}) ==
             "tests/attic/old_test.cpp: 'attic' is neither a room of include/vlp, nor a kind of "
             "plugins/, nor a folder that mirrors nothing");
  BOOST_TEST(told("tests/attic/data/numbers.bin", {}).find("'attic' is neither") !=
             std::string::npos);
  BOOST_TEST(told("tests/run_test.cpp", {"vlp/run.hpp"}).find("'' is neither") !=
             std::string::npos);
}

BOOST_AUTO_TEST_CASE(a_test_without_a_header_is_found) {
  BOOST_TEST(told("tests/loss/focal_test.cpp", {"plugins/loss/focal.hpp"}) ==
             "tests/loss/focal_test.cpp: no header of 'loss' has this name, or one that it begins "
             "with");
  BOOST_TEST(told("tests/nn/layersize_test.cpp", {"vlp/nn/layers.hpp"}).find("no header of 'nn'") !=
             std::string::npos);
  BOOST_TEST(
      told("tests/loss/layers_test.cpp", {"vlp/nn/layers.hpp"}).find("no header of 'loss'") !=
      std::string::npos);
}

BOOST_AUTO_TEST_CASE(a_test_that_includes_something_else_first_is_found) {
  BOOST_TEST(told("tests/nn/layers_test.cpp", {"vector", "vlp/nn/layers.hpp"}) ==
             "tests/nn/layers_test.cpp: its first #include is vector, not vlp/nn/layers.hpp");
  BOOST_TEST(told("tests/loss/lm_test.cpp", {}) ==
             "tests/loss/lm_test.cpp: its first #include is missing, not plugins/loss/lm.hpp");
  BOOST_TEST(told("tests/nn/layers_of_text_test.cpp", {"vlp/nn/layers.hpp"})
                 .find("not vlp/nn/layers_of_text.hpp") != std::string::npos);
  BOOST_TEST(told("tests/nn/layers_inl_test.cpp", {"vlp/nn/layers_inl.hpp"})
                 .find("not vlp/nn/layers.hpp") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(a_helper_of_another_folder_is_found) {
  BOOST_TEST(told("tests/loss/lm_test.cpp", {"plugins/loss/lm.hpp", "tests/nn/tiny.hpp"}) ==
             "tests/loss/lm_test.cpp: includes tests/nn/tiny.hpp; what tests of several folders "
             "need lies in tests/support");
  for (const char* name : {"tests/nn/tiny.hpp", "../nn/tiny.hpp"})
    for (const char* file : {"tests/program/help_test.cpp", "tests/support/process.hpp"})
      BOOST_TEST(told(file, {name}).find("includes " + std::string(name)) != std::string::npos,
                 file);
}

BOOST_AUTO_TEST_SUITE_END()
