#include "vlp/registry/use.hpp"

#include <optional>
#include <string>
#include <tuple>
#include <vector>

#include <boost/test/unit_test.hpp>

#include "vlp/concepts/schedule.hpp"
#include "vlp/recipe/load.hpp"

BOOST_AUTO_TEST_SUITE(use)

namespace {

/// A constant factor.
struct Level {
  static constexpr std::string_view name = "level";
  struct Options {
    double value = 1;
    static constexpr auto fields() {
      return std::tuple{vlp::field<&Options::value>("The factor.", vlp::at_least(0))};
    }
  };
  explicit Level(const Options& options) : value(options.value) {}
  double operator()(const vlp::SchedulePosition&) const { return value; }
  double value;
};

/// The sum of two schedules, either of which may be a sum.
struct Sum {
  static constexpr std::string_view name = "sum";
  struct Options {
    vlp::Use<vlp::AnySchedule> left, right;
    static constexpr auto fields() {
      return std::tuple{vlp::field<&Options::left>("One."),
                        vlp::field<&Options::right>("The other.")};
    }
  };
  Sum(const Options& options, const vlp::Context& ctx)
      : left(options.left.build(ctx)), right(options.right.build(ctx)) {}
  double operator()(const vlp::SchedulePosition& position) const {
    return left(position) + right(position);
  }
  vlp::AnySchedule left, right;
};

/// The factor is how many of these were made before.
struct Numbered {
  static constexpr std::string_view name = "numbered";
  Numbered() {
    static int made = 0;
    number = made++;
  }
  double operator()(const vlp::SchedulePosition&) const { return number; }
  int number;
};

/// A schedule with an option that `Beside` has, too.
struct Heavy {
  static constexpr std::string_view name = "heavy";
  struct Options {
    double weight = 1;
    static constexpr auto fields() {
      return std::tuple{vlp::field<&Options::weight>("The factor.")};
    }
  };
  explicit Heavy(const Options& options) : weight(options.weight) {}
  double operator()(const vlp::SchedulePosition&) const { return weight; }
  double weight;
};

struct Beside {
  double weight = 1;
  static constexpr auto fields() {
    return std::tuple{vlp::field<&Beside::weight>("Weight.", vlp::at_least(0))};
  }
};

struct Recipe {
  vlp::Use<vlp::AnySchedule> schedule;
  std::vector<vlp::Use<vlp::AnySchedule, Beside>> more;
  std::optional<vlp::Use<vlp::AnySchedule>> perhaps;
  static constexpr auto fields() {
    return std::tuple{vlp::field<&Recipe::schedule>("Must be there."),
                      vlp::field<&Recipe::more>("Any number."),
                      vlp::field<&Recipe::perhaps>("May be there.")};
  }
};

struct Result {
  Recipe options;
  std::vector<std::string> problems;
};

Result read(const std::string& toml) {
  vlp::Registry registry;
  registry.add<vlp::AnySchedule, Level>("1", "x");
  registry.add<vlp::AnySchedule, Sum>("1", "x");
  if (toml.find("'heavy'") != toml.npos) registry.add<vlp::AnySchedule, Heavy>("1", "x");
  vlp::Diagnostics diagnostics;
  vlp::ReadContext ctx{diagnostics, &registry};
  Result result;
  vlp::read_options(vlp::parse_toml(toml, "r.toml"), "", result.options, ctx);
  for (const auto& problem : diagnostics.problems()) result.problems.push_back(problem.text());
  return result;
}

constexpr const char* kNested = R"(
[schedule]
use = "sum"
[schedule.left]
use = "sum"
left = { use = "level", value = 2 }
right = { use = "level", value = 3 }
[schedule.right]
use = "level"
)";

}  // namespace

BOOST_AUTO_TEST_CASE(components_nest_and_are_built_after_the_registry_is_gone) {
  const auto [options, problems] = read(kNested);
  BOOST_TEST(problems.empty());
  BOOST_TEST(options.schedule.name() == "sum");
  BOOST_TEST(options.schedule.build(vlp::Context{})({}) == 6);
}

BOOST_AUTO_TEST_CASE(mistakes_at_every_depth_are_reported_at_once_with_place_and_path) {
  const auto problems = read(R"([schedule]
use = "sum"
[schedule.left]
use = "sum"
[schedule.left.left]
use = "level"
valeu = 3
[schedule.left.right]
use = "level"
value = -1
[schedule.right]
use = "levle"
)")
                            .problems;
  const std::vector<std::string> expected{
      "r.toml:7:1: schedule.left.left.valeu: unknown key (did you mean 'value'?)",
      "r.toml:10:9: schedule.left.right.value: got -1, expected a number, at least 0",
      "r.toml:12:7: schedule.right.use: no schedule named 'levle' (did you mean 'level'?); there "
      "are: level, sum. A plugin's .so is added "
      "by "
      "--plugin FILE.so",
  };
  BOOST_TEST(problems == expected, boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(a_name_that_resembles_nothing_gets_the_list_only) {
  BOOST_TEST(read("[schedule]\nuse = 'polynomial'\n").problems.at(0) ==
             "r.toml:2:7: schedule.use: no schedule named 'polynomial'; there are: level, sum. A "
             "plugin's .so is added by --plugin FILE.so");
}

BOOST_AUTO_TEST_CASE(of_a_run_its_plugins_are_named_where_a_component_is_missing) {
  vlp::Registry registry;
  vlp::Diagnostics diagnostics;
  vlp::ReadContext ctx{diagnostics, &registry, "this run was made with wsd.so, version 1.0"};
  Recipe options;
  vlp::read_options(vlp::parse_toml("schedule = { use = 'wsd' }\n", "r.toml"), "", options, ctx);
  BOOST_TEST_REQUIRE(diagnostics.problems().size() == 1U);
  BOOST_TEST(diagnostics.problems()[0].message ==
             "no schedule named 'wsd'; there are: none. A plugin's .so is added by --plugin "
             "FILE.so; this run was made with wsd.so, version 1.0");
}

BOOST_AUTO_TEST_CASE(a_table_without_use_is_told_the_names) {
  BOOST_TEST(
      read("[schedule]\nvalue = 3\n").problems.at(0) ==
      "r.toml:1:1: schedule.use: missing, expected the name of a schedule, one of: level, sum");
  BOOST_TEST(
      read("schedule = { use = 3 }\n").problems.at(0) ==
      "r.toml:1:20: schedule.use: got 3, expected the name of a schedule, one of: level, sum");
  BOOST_TEST(read("schedule = 'level'\n").problems.at(0) ==
             "r.toml:1:12: schedule: got \"level\", expected a table with `use` naming a schedule");
}

BOOST_AUTO_TEST_CASE(
    a_component_that_is_missing_as_a_whole_is_reported_and_an_optional_one_is_not) {
  const auto problems = read("more = []\n").problems;
  const std::vector<std::string> expected{
      "r.toml: schedule: missing, expected a table with `use` naming a schedule, one of: level, "
      "sum"};
  BOOST_TEST(problems == expected, boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(options_of_the_place_stand_beside_the_components_own) {
  const auto [options, problems] = read(
      "[schedule]\nuse = 'level'\n[[more]]\nuse = 'level'\nweight = 0.5\nvalue = 4\n[[more]]\nuse "
      "= 'level'\n");
  BOOST_TEST(problems.empty());
  BOOST_TEST_REQUIRE(options.more.size() == 2U);
  BOOST_TEST(options.more[0].extra.weight == 0.5);
  BOOST_TEST(options.more[0].build(vlp::Context{})({}) == 4);
  BOOST_TEST(options.more[1].extra.weight == 1);
  BOOST_TEST(!options.perhaps.has_value());
}

BOOST_AUTO_TEST_CASE(mistakes_in_options_of_the_place_are_found_and_suggested_too) {
  const auto problems = read(
                            "[schedule]\nuse = 'level'\n[[more]]\nuse = 'level'\nwieght = "
                            "2\n[[more]]\nuse = 'level'\nweight = -2\n")
                            .problems;
  const std::vector<std::string> expected{
      "r.toml:5:1: more.0.wieght: unknown key (did you mean 'weight'?)",
      "r.toml:8:10: more.1.weight: got -2, expected a number, at least 0"};
  BOOST_TEST(problems == expected, boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(options_of_the_place_are_unknown_where_the_place_has_none) {
  BOOST_TEST(read("[schedule]\nuse = 'level'\nweight = 1\n").problems.at(0) ==
             "r.toml:3:1: schedule.weight: unknown key; expected one of: use, value");
}

BOOST_AUTO_TEST_CASE(an_option_with_the_name_of_a_key_of_the_place_is_told) {
  BOOST_TEST(read("[schedule]\nuse = 'heavy'\nweight = 2\n").problems.empty());
  const auto problems =
      read("[schedule]\nuse = 'level'\n[[more]]\nuse = 'heavy'\nweight = 2\n").problems;
  const std::vector<std::string> expected{
      "r.toml:3:1: more.0.weight: a key of this table and an option of schedule 'heavy' have one "
      "name, so neither can be set. Rename the option."};
  BOOST_TEST(problems == expected, boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(write_gives_the_table_with_every_default) {
  const auto options =
      read(std::string(kNested) + "[[more]]\nuse = 'level'\nweight = 0.5\n").options;
  const std::string text = vlp::write_toml(vlp::write_options(options));
  BOOST_TEST(text == R"([schedule]
use = "sum"

[schedule.left]
use = "sum"

[schedule.left.left]
use = "level"
value = 2.0

[schedule.left.right]
use = "level"
value = 3.0

[schedule.right]
use = "level"
value = 1.0

[[more]]
use = "level"
weight = 0.5
value = 1.0
)");
  const auto again = read(text);
  BOOST_TEST(again.problems.empty());
  BOOST_TEST(vlp::write_toml(vlp::write_options(again.options)) == text);
}

BOOST_AUTO_TEST_CASE(a_component_is_chosen_in_code_without_registry_and_recipe) {
  using Use = vlp::Use<vlp::AnySchedule>;
  const auto sum = Use::of<Sum>({.left = Use::of<Level>({.value = 2}), .right = Use::of<Level>()});
  BOOST_TEST(sum.chosen());
  BOOST_TEST(sum.name() == "sum");
  BOOST_TEST(sum.build(vlp::Context{})({}) == 3);
  BOOST_TEST(sum.write().as<vlp::Table>()->entries().size() == 3U);
}

BOOST_AUTO_TEST_CASE(each_build_makes_another_component) {
  const auto use = vlp::Use<vlp::AnySchedule>::of<Numbered>();
  const double first = use.build(vlp::Context{})({});
  BOOST_TEST(use.build(vlp::Context{})({}) == first + 1);
}

BOOST_AUTO_TEST_CASE(nothing_chosen_is_said_in_words) {
  const vlp::Use<vlp::AnySchedule> use;
  BOOST_TEST(!use.chosen());
  BOOST_CHECK_EXCEPTION(
      (void)use.build(vlp::Context{}), vlp::RecipeError, [](const vlp::RecipeError& error) {
        return std::string(error.what()) ==
               "no schedule was chosen. Read a recipe, or use Use<...>::of<Component>().";
      });
}

BOOST_AUTO_TEST_SUITE_END()
