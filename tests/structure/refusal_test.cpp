// A type that misses its concept is refused by the compiler with a sentence that says what to do.

#include <algorithm>
#include <cstdint>
#include <fstream>
#include <string>
#include <vector>

#include <boost/test/unit_test.hpp>

#include "tests/support/messages.hpp"
#include "tests/support/process.hpp"

BOOST_AUTO_TEST_SUITE(refusals_of_the_compiler)

namespace {

using vlp_test::contains;

/// The compiler, asked for what all candidates have in common.
std::vector<std::string> compiler() {
  const std::string root = VLP_SOURCE_ROOT;
  return {VLP_CXX, "-std=c++20", "-fdiagnostics-color=never", "-I" + root + "/include",
          "-I" + root};
}

/// What every candidate includes first, compiled once.
struct Precompiled : ScratchFolder {
  std::string file = (path / "plugin.pch").string();

  Precompiled() {
    const std::string header = (path / "plugin.hpp").string();
    std::ofstream(header) << "#define VLP_PLUGIN_BUILTIN vlp_plugin_kind_candidate\n"
                             "#define VLP_PLUGIN_STEM \"candidate\"\n"
                             "#include <map>\n#include <string_view>\n#include <tuple>\n"
                             "#include \"vlp/registry/plugin.hpp\"\n";
    std::vector<std::string> words = compiler();
    words.insert(words.end(), {"-x", "c++-header", header, "-o", file});
    const auto outcome = vlp_test::run_process(words);
    BOOST_REQUIRE_MESSAGE(outcome.code == 0, outcome.err);
  }
};

/// Compiles a plugin whose component consists of `members`, without LibTorch and without making
/// code.
/// @param file_name  of the header that the plugin would be made of
/// @return           what the compiler says, on one line
std::string compiled(const std::vector<std::string>& kinds, const std::string& members,
                     const std::string& before_plugin = {},
                     const std::string& file_name = "candidate") {
  static const Precompiled common;
  const ScratchFolder scratch;
  const std::filesystem::path file = scratch.path / "candidate.cpp";
  std::string text = "#undef VLP_PLUGIN_STEM\n#define VLP_PLUGIN_STEM \"" + file_name + "\"\n";
  for (const std::string& kind : kinds) text += "#include \"vlp/concepts/" + kind + ".hpp\"\n";
  text += "struct Candidate {\n" + members + "};\n" + before_plugin +
          "\nVLP_PLUGIN(candidate, \"1.0\", Candidate);\n";
  std::ofstream(file) << text;
  std::vector<std::string> words = compiler();
  words.insert(words.end(), {"-include-pch", common.file, "-fsyntax-only", file.string()});
  const auto outcome = vlp_test::run_process(words);
  std::string said = outcome.err;
  std::ranges::replace(said, '\n', ' ');
  BOOST_TEST((outcome.code == 0) == said.empty(), said);
  return said;
}

/// The lines of what the compiler says that are errors.
std::int64_t errors(const std::string& said) {
  std::int64_t n = 0;
  for (std::size_t at = said.find("error: "); at != said.npos; at = said.find("error: ", at + 1))
    ++n;
  return n;
}

/// A component's options, and a constructor that takes them.
std::string with_options(const std::string& fields) {
  return "  struct Options {\n" + fields + "  };\n  explicit Candidate(const Options&) {}\n";
}

constexpr const char* kSchedule = R"(
  static constexpr std::string_view name = "candidate";
  double operator()(const vlp::SchedulePosition&) const { return 1; }
)";
constexpr const char* kComponentRule = "a component needs `static constexpr std::string_view name`";
constexpr const char* kKindRule =
    "the type models none (or several) of the kinds whose headers are included";

}  // namespace

BOOST_AUTO_TEST_CASE(a_good_component_compiles) {
  BOOST_TEST(compiled({"schedule"}, kSchedule) == "");
}

BOOST_AUTO_TEST_CASE(a_component_without_a_name_is_refused) {
  const std::string said = compiled(
      {"schedule"}, "double operator()(const vlp::SchedulePosition&) const { return 1; }\n");
  BOOST_TEST(contains(said, kComponentRule), said);
  BOOST_TEST(!contains(said, kKindRule), said);
}

BOOST_AUTO_TEST_CASE(options_with_an_undescribed_member_are_refused) {
  const std::string said = compiled({"schedule"}, std::string(kSchedule) + R"(
  struct Options {
    double described = 1;
    double forgotten = 2;
    static constexpr auto fields() { return std::tuple{vlp::field<&Options::described>("Described.")}; }
  };
  explicit Candidate(Options) {}
)");
  BOOST_TEST(contains(said, kComponentRule), said);
  BOOST_TEST(contains(said, "`Options` with fields() for every member"), said);
}

BOOST_AUTO_TEST_CASE(a_constructor_that_takes_something_else_is_refused) {
  for (const char* constructor :
       {"explicit Candidate(int) {}\n", "Candidate(const vlp::Facts&, const vlp::Machine&) {}\n"})
    BOOST_TEST(contains(
        compiled({"schedule"}, std::string(kSchedule) + constructor),
        "a constructor from its options, if it has any, and behind them nothing, a const Context&, "
        "or of that only some parts in the order const Machine&, const Folders&, const Facts&"));
}

BOOST_AUTO_TEST_CASE(options_that_no_constructor_takes_are_refused) {
  const std::string options = R"(
  struct Options {
    double value = 1;
    static constexpr auto fields() { return std::tuple{vlp::field<&Options::value>("Value.")}; }
  };
)";
  for (const char* constructor : {"", "  explicit Candidate(const vlp::Context&) {}\n"}) {
    const std::string said = compiled({"schedule"}, kSchedule + options + constructor);
    BOOST_TEST(contains(said, "the component has options that no constructor takes"), said);
    BOOST_TEST(!contains(said, kComponentRule), said);
    BOOST_TEST(errors(said) == 1, said);
  }
}

BOOST_AUTO_TEST_CASE(a_member_that_is_described_twice_is_refused) {
  const std::string said = compiled({"schedule"}, kSchedule + with_options(R"(
    double twice = 1, never = 2;
    static constexpr auto fields() {
      return std::tuple{vlp::field<&Options::twice>("A."), vlp::field<&Options::twice>("B.")};
    }
)"));
  BOOST_TEST(contains(said, "names a member twice; name each member once"), said);
  BOOST_TEST(!contains(said, kComponentRule), said);
}

BOOST_AUTO_TEST_CASE(a_number_that_toml_does_not_have_is_refused_in_one_sentence_at_its_line) {
  for (const char* type : {"int", "float", "std::optional<int>", "std::vector<float>"}) {
    const std::string said = compiled({"schedule"}, kSchedule + with_options(R"(
    )" + std::string(type) + R"( steps = {};
    static constexpr auto fields() { return std::tuple{vlp::field<&Options::steps>("Steps.")}; }
)"));
    BOOST_TEST(contains(said, "an option is a bool, std::int64_t, double, std::string"), said);
    BOOST_TEST(contains(said, "Options::steps"), said);
    BOOST_TEST(errors(said) == 1, said);
  }
}

BOOST_AUTO_TEST_CASE(an_option_of_a_type_that_recipes_cannot_hold_is_refused) {
  const std::string said = compiled({"schedule"}, kSchedule + with_options(R"(
    std::map<int, int> table;
    static constexpr auto fields() { return std::tuple{vlp::field<&Options::table>("Table.")}; }
)"));
  BOOST_TEST(contains(said, "an option of the component has a type that recipes can't hold"), said);
  BOOST_TEST(errors(said) == 1, said);
}

BOOST_AUTO_TEST_CASE(a_plugin_with_another_name_than_its_file_is_refused) {
  const std::string said = compiled({"schedule"}, kSchedule, "", "other");
  BOOST_TEST(contains(said, "VLP_PLUGIN names candidate, and the file is other.hpp"), said);
  BOOST_TEST(errors(said) == 1, said);
}

BOOST_AUTO_TEST_CASE(a_type_of_no_kind_is_refused_and_told_how_to_find_out) {
  const std::string said =
      compiled({"metric"}, "static constexpr std::string_view name = \"candidate\";\n");
  BOOST_TEST(contains(said, kKindRule), said);
  BOOST_TEST(
      contains(said,
               "write static_assert(vlp::Loss<T>), or the concept that you mean, above VLP_PLUGIN"),
      said);
  BOOST_TEST(!contains(said, kComponentRule), said);
}

BOOST_AUTO_TEST_CASE(a_type_of_two_kinds_is_refused) {
  const std::string said = compiled({"metric", "schedule"}, std::string(kSchedule) + R"(
  vlp::ImageStatistics measure(const vlp::CaptionSet&) const { return {}; }
  vlp::Scores scores(std::span<const double>) const { return {}; }
)");
  BOOST_TEST(contains(said, kKindRule), said);
}

BOOST_AUTO_TEST_CASE(the_advised_static_assert_names_what_is_missing) {
  const std::string said = compiled({"metric"}, R"(
  static constexpr std::string_view name = "candidate";
  vlp::ImageStatistics measure(const vlp::CaptionSet&) const { return {}; }
)",
                                    "static_assert(vlp::Metric<Candidate>);");
  BOOST_TEST(contains(said, "scores"), said);
}

BOOST_AUTO_TEST_SUITE_END()
