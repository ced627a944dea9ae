// The installed tree: the program runs from it, and plugins and programs of others compile against
// its headers alone, without our build.

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <future>
#include <sstream>
#include <string>
#include <vector>

#include <boost/test/unit_test.hpp>

#include "tests/support/process.hpp"

BOOST_AUTO_TEST_SUITE(install)

namespace {

namespace fs = std::filesystem;

const std::string kExamples = std::string(VLP_SOURCE_ROOT) + "/docs/examples";

constexpr const char* kListOfNames = R"(
#include <cstdio>
#include "vlp/registry/builtin.hpp"
int main() {
  vlp::Registry registry;
  vlp::add_builtin_plugins(registry);
  for (const auto& info : registry.components())
    std::printf("%-12s %-22s %-5s %s\n", info->kind.c_str(), info->name.c_str(),
                info->version.c_str(), info->origin.c_str());
}
)";

/// The tree, and what users compile against it: all of that at once, for each takes long.
struct Installed : ScratchFolder {
  fs::path prefix = path / "vlp";
  std::future<vlp_test::Outcome> plugin, example, names;

  Installed() {
    const auto installed =
        vlp_test::run_process({"cmake", "--install", VLP_BUILD_DIR, "--prefix", prefix.string()});
    BOOST_REQUIRE_MESSAGE(installed.code == 0, installed.err);
    std::ofstream(path / "focal.cpp")
        << "#define VLP_PLUGIN_SHARED\n#include \"" + kExamples + "/plugins/focal.hpp\"\n";
    std::ofstream(path / "names.cpp") << kListOfNames;
    const std::string clang = std::string(VLP_CXX) + " -std=c++20 ";
    names = compiled(clang + "names.cpp $(pkg-config --variable=builtin_plugins vlp) -o names");
    example = compiled("g++ -std=c++20 " + kExamples + "/train_without_recipe.cpp -o example");
    plugin = compiled(clang + "-fPIC -shared focal.cpp -o focal.so");
  }

  /// As a user would: one command of the shell, with vlp's flags from pkg-config.
  [[nodiscard]] std::future<vlp_test::Outcome> compiled(const std::string& command) const {
    return std::async(std::launch::async, [folder = path, command] {
      return vlp_test::run_process(
          {"sh", "-c",
           "PKG_CONFIG_PATH=" + (folder / "vlp" / "lib" / "pkgconfig").string() +
               " && export PKG_CONFIG_PATH && " + command + " $(pkg-config --cflags --libs vlp)"},
          "", folder);
    });
  }
};

Installed& installed() {
  static Installed tree;
  return tree;
}

/// The installed program, run.
vlp_test::Outcome vlp(std::vector<std::string> words) {
  words.insert(words.begin(), (installed().prefix / "bin" / "vlp").string());
  return vlp_test::run_process(words, "", installed().path);
}

std::vector<std::string> sorted_lines(const std::string& text) {
  std::vector<std::string> lines;
  std::istringstream in(text);
  for (std::string line; std::getline(in, line);) lines.push_back(line);
  std::ranges::sort(lines);
  return lines;
}

}  // namespace

BOOST_AUTO_TEST_CASE(the_program_finds_its_libraries_and_vocabularies) {
  const fs::path& prefix = installed().prefix;
  for (const char* name :
       {"bin/vlp", "bin/vlp-demo-data", "lib/libvlp_torch.so", "lib/libvlp_hub.so",
        "lib/pkgconfig/vlp.pc", "include/vlp/run.hpp", "include/vlp_fingerprint.hpp",
        "include/plugins/loss/lm.hpp", "share/vlp/vocabularies/demo.txt",
        "share/vlp/recipes/demo.toml", "share/vlp/builtin_plugins.cpp"})
    BOOST_TEST(fs::exists(prefix / name), name);
  const auto listed = vlp({"list", "loss"});
  BOOST_TEST(listed.code == 0, listed.err);
  BOOST_TEST(listed.out.find("lm") != std::string::npos);
  const auto checked = vlp({"check", (prefix / "share/vlp/recipes/demo.toml").string()});
  BOOST_TEST(checked.code == 0, checked.err);
  const auto cut = vlp_test::run_process(
      {"sh", "-c",
       "echo 'a red circle' | " + (prefix / "bin/vlp").string() + " tokenize --vocabulary " +
           (prefix / "share/vlp/vocabularies/demo.txt").string()});
  BOOST_TEST(cut.code == 0, cut.err);
}

BOOST_AUTO_TEST_CASE(a_plugin_compiles_against_it_and_loads) {
  const auto built = installed().plugin.get();
  BOOST_REQUIRE_MESSAGE(built.code == 0, built.err);
  const auto helped = vlp({"help", "focal", "--plugin", (installed().path / "focal.so").string()});
  BOOST_TEST(helped.code == 0, helped.err);
  BOOST_TEST(helped.out.find("loss 'focal'") != std::string::npos, helped.out);
}

BOOST_AUTO_TEST_CASE(a_program_compiles_against_it_with_plain_gxx_and_runs) {
  const auto built = installed().example.get();
  BOOST_REQUIRE_MESSAGE(built.code == 0, built.err);
  const fs::path& folder = installed().path;
  const auto ran = vlp_test::run_process({(folder / "example").string()}, "", folder);
  BOOST_TEST(ran.code == 0, ran.err);
}

BOOST_AUTO_TEST_CASE(a_program_that_chooses_components_by_name_compiles_with_the_shipped_source) {
  const auto built = installed().names.get();
  BOOST_REQUIRE_MESSAGE(built.code == 0, built.err);
  const fs::path& folder = installed().path;
  const auto ran = vlp_test::run_process({(folder / "names").string()}, "", folder);
  BOOST_TEST(ran.code == 0, ran.err);
  // The program lists the kinds in another order.
  BOOST_TEST(sorted_lines(ran.out) == sorted_lines(vlp({"list"}).out),
             boost::test_tools::per_element());
}

BOOST_AUTO_TEST_SUITE_END()
