#include "vlp/recipe/read.hpp"

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <tuple>
#include <vector>

#include <boost/test/unit_test.hpp>

#include "vlp/recipe/load.hpp"

BOOST_AUTO_TEST_SUITE(read_options)

namespace {

enum class Shape { round, square };
enum class Fault { none, nan, inf };

struct Limits {
  std::int64_t low = 1;
  std::int64_t high = 2;
  static constexpr auto fields() {
    return std::tuple{vlp::field<&Limits::low>("Low."), vlp::field<&Limits::high>("High.")};
  }
  [[nodiscard]] std::string problem() const {
    return low <= high ? "" : "low is above high; change one of them";
  }
};

struct Search {
  Limits range;
  std::int64_t depth = 3;
  Fault fault = Fault::none;
  static constexpr auto fields() {
    return std::tuple{vlp::field<&Search::range>("Range."), vlp::field<&Search::depth>("Depth."),
                      vlp::field<&Search::fault>("Fault.")};
  }
  [[nodiscard]] std::string problem() const {
    return range.high < 100 ? "" : "range.high is too much for a search";
  }
};

struct Inner {
  double share = 0.8;
  static constexpr auto fields() {
    return std::tuple{vlp::field<&Inner::share>("Share, 0-1.", vlp::between(0, 1))};
  }
  [[nodiscard]] std::string problem() const { return share == 0.5 ? "a half is nobody's" : ""; }
};

struct Sample {
  double lr = 5e-5;
  std::int64_t count = 3;
  Shape shape = Shape::square;
  std::string name = "x";
  Inner inner;
  std::optional<std::int64_t> limit;
  std::vector<double> betas{0.9, 0.999};
  bool on = true;
  static constexpr auto fields() {
    return std::tuple{vlp::field<&Sample::lr>("Learning rate.", vlp::above(0)),
                      vlp::field<&Sample::count>("Count.", vlp::at_least(1)),
                      vlp::field<&Sample::shape>("Shape."),
                      vlp::field<&Sample::name>("Name.", vlp::not_empty()),
                      vlp::field<&Sample::inner>("Inner."),
                      vlp::field<&Sample::limit>("Limit."),
                      vlp::field<&Sample::betas>("Betas."),
                      vlp::field<&Sample::on>("On.")};
  }
};
static_assert(vlp::Options<Sample>);

struct Forgotten {
  std::int64_t a = 0;
  std::int64_t b = 0;
  static constexpr auto fields() { return std::tuple{vlp::field<&Forgotten::a>("A.")}; }
};
static_assert(!vlp::Options<Forgotten>, "a member without a field must not be accepted");

struct Result {
  Sample options;
  std::vector<std::string> problems;
};

/// What a recipe that overrides `base` is told, one line a problem.
std::string problems_of(const std::string& base, const std::string& over,
                        const std::vector<std::string>& sets = {}, Search search = {}) {
  vlp::Value root = vlp::parse_toml(base, "base.toml");
  vlp::detail::set_layer(root, vlp::Layer::base);
  vlp::merge(*root.as<vlp::Table>(), *vlp::parse_toml(over, "r.toml").as<vlp::Table>());
  vlp::Diagnostics diagnostics;
  for (const std::string& set : sets) vlp::apply_set(root, set, diagnostics);
  vlp::ReadContext ctx{diagnostics};
  vlp::read_options(root, "", search, ctx);
  std::string text;
  for (const auto& problem : diagnostics.problems()) text += problem.text() + "\n";
  return text;
}

Result read(const std::string& toml) {
  vlp::Diagnostics diagnostics;
  vlp::ReadContext ctx{diagnostics};
  Result result;
  vlp::read_options(vlp::parse_toml(toml, "r.toml"), "", result.options, ctx);
  for (const auto& problem : diagnostics.problems()) result.problems.push_back(problem.text());
  return result;
}

}  // namespace

BOOST_AUTO_TEST_CASE(values_of_every_type_are_read) {
  const auto [o, problems] = read(
      "lr = 1\ncount = 7\nshape = 'round'\nname = 'n'\ninner = { share = 0.25 }\nlimit = 4\nbetas "
      "= [1, 2.5, 3]\non = false\n");
  BOOST_TEST(problems.empty());
  BOOST_TEST(o.lr == 1.0);
  BOOST_TEST(o.count == 7);
  BOOST_TEST((o.shape == Shape::round));
  BOOST_TEST(o.name == "n");
  BOOST_TEST(o.inner.share == 0.25);
  BOOST_TEST(o.limit.value() == 4);
  BOOST_TEST(o.betas == (std::vector<double>{1, 2.5, 3}), boost::test_tools::per_element());
  BOOST_TEST(!o.on);
}

BOOST_AUTO_TEST_CASE(all_problems_are_found_at_once_with_their_places) {
  const auto problems = read(
                            "lr = 0\ncount = 'a'\nshap = 3\nshape = 'squar'\nname = ''\nbetas = "
                            "[1, 'x']\non = 1\n[inner]\nshare = 3\nother = 1\n")
                            .problems;
  const std::vector<std::string> expected{
      "r.toml:3:1: shap: unknown key (did you mean 'shape'?)",
      "r.toml:1:6: lr: got 0, expected a number, above 0",
      "r.toml:2:9: count: got \"a\", expected an integer, at least 1",
      "r.toml:4:9: shape: got \"squar\", expected one of \"round\", \"square\" (did you mean "
      "'square'?)",
      "r.toml:5:8: name: got \"\", expected a string that is not empty",
      "r.toml:10:1: inner.other: unknown key; expected one of: share",
      "r.toml:9:9: inner.share: got 3, expected a number, 0 to 1",
      "r.toml:6:13: betas.1: got \"x\", expected a number",
      "r.toml:7:6: on: got 1, expected true or false",
  };
  BOOST_TEST(problems == expected, boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(a_float_where_an_integer_belongs_is_refused) {
  BOOST_TEST(read("count = 2.0").problems.at(0) ==
             "r.toml:1:9: count: got 2.0, expected an integer, at least 1");
  BOOST_TEST(read("lr = inf").problems.at(0) ==
             "r.toml:1:6: lr: got inf, expected a number, above 0");
  BOOST_TEST(read("lr = 1979-05-27").problems.at(0) ==
             "r.toml:1:6: lr: got date, expected a number, above 0");
}

BOOST_AUTO_TEST_CASE(options_that_clash_with_each_other_are_reported_at_their_table) {
  BOOST_TEST(read("[inner]\nshare = 0.5").problems.at(0) ==
             "r.toml:1:1: inner: a half is nobody's");
}

BOOST_AUTO_TEST_CASE(a_clash_is_reported_where_the_newest_value_that_it_names_stands) {
  const std::string base = "depth = 1\n[range]\nlow = 4\nhigh = 5\n";
  const std::string clash = "range: low is above high; change one of them\n";
  BOOST_TEST(problems_of(base, "[range]\nhigh = 2\n") == "r.toml:2:8: " + clash);
  BOOST_TEST(problems_of(base, "[range]\nhigh = 6\n", {"range.low=7"}) ==
             "--set range.low=7: " + clash);
  BOOST_TEST(problems_of("", "[range]\nlow = 3\nhigh = 2\n") == "r.toml:1:1: " + clash,
             "in one file it is the table");
  BOOST_TEST(problems_of(base, "depth = 2\n[range]\nhigh = 100\n") ==
             "r.toml:3:8: range.high is too much for a search\n");
}

BOOST_AUTO_TEST_CASE(a_table_with_mistakes_is_not_asked_what_its_options_are_together) {
  BOOST_TEST(problems_of("", "[range]\nlow = 'x'\nhigh = 0\n") ==
             "r.toml:2:7: range.low: got \"x\", expected an integer\n");
  BOOST_TEST(problems_of("", "[range]\nlow = 7\nhihg = 8\n") ==
             "r.toml:3:1: range.hihg: unknown key (did you mean 'high'?)\n");
  BOOST_TEST(problems_of("", "depth = 'x'\n[range]\nhigh = 100\n") ==
                 "r.toml:1:9: depth: got \"x\", expected an integer\n",
             "nor the one around it");
}

BOOST_AUTO_TEST_CASE(an_enumerator_that_toml_takes_for_a_number_can_be_set_without_quotes) {
  BOOST_TEST(problems_of("", "", {"fault=nan"}) == "");
  BOOST_TEST(problems_of("", "", {"fault=inf"}) == "");
  BOOST_TEST(problems_of("", "", {"depth=nan"}) ==
             "--set depth=nan: depth: got nan, expected an integer\n");
  BOOST_TEST(problems_of("", "fault = nan\n") ==
                 "r.toml:1:9: fault: got nan, expected one of \"none\", \"nan\", \"inf\"\n",
             "a file has quotes for that");
}

BOOST_AUTO_TEST_CASE(a_table_in_the_place_of_a_list_is_told_how_entries_begin) {
  BOOST_TEST(read("[betas]\na = 1\n").problems.at(0) ==
             "r.toml:1:1: betas: got { a = 1 }, expected an array; each entry begins with "
             "[[betas]]");
}

BOOST_AUTO_TEST_CASE(what_is_written_reads_back_the_same) {
  Sample odd;
  odd.lr = 0.1 + 0.2;
  odd.name = "tab\t quote\" back\\slash \x01 \xc3\xa9";
  odd.limit = -5;
  odd.betas = {1e-300, 3};
  const std::string text = vlp::write_toml(vlp::write_options(odd));
  const auto [o, problems] = read(text);
  BOOST_TEST(problems.empty());
  BOOST_TEST(o.lr == odd.lr);
  BOOST_TEST(o.name == odd.name);
  BOOST_TEST(o.limit.value() == -5);
  BOOST_TEST(o.betas == odd.betas, boost::test_tools::per_element());
  BOOST_TEST(vlp::write_toml(vlp::write_options(o)) == text);
}

BOOST_AUTO_TEST_CASE(describe_lists_default_range_and_meaning) {
  const auto docs = vlp::describe_options<Sample>();
  BOOST_TEST(docs.at(0).key == "lr");
  BOOST_TEST(docs.at(0).default_value == "5e-05");
  BOOST_TEST(docs.at(0).allowed == "a number, above 0");
  BOOST_TEST(docs.at(5).key == "inner.share");
}

BOOST_AUTO_TEST_SUITE_END()
