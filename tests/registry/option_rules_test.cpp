#include "vlp/registry/option_rules.hpp"

#include <cmath>
#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <tuple>
#include <vector>

#include <boost/test/unit_test.hpp>

BOOST_AUTO_TEST_SUITE(option_rules)

namespace {

enum class Colour { red, green };

struct Size {
  std::int64_t width = 8;
  static constexpr auto fields() {
    return std::tuple{vlp::field<&Size::width>("Width.", vlp::at_least(1))};
  }
};

/// Every type that a recipe can hold, with defaults in their ranges or empty.
struct Good {
  bool on = true;
  std::int64_t count = 2;
  double share = 1;
  std::string required;
  std::filesystem::path file = "a.json";
  Colour colour = Colour::green;
  std::optional<double> perhaps;
  std::vector<std::string> words;
  Size size;
  static constexpr auto fields() {
    using O = Good;
    return std::tuple{vlp::field<&O::on>("On."),
                      vlp::field<&O::count>("Count.", vlp::between(1, 2)),
                      vlp::field<&O::share>("Share.", vlp::above_up_to(0, 1)),
                      vlp::field<&O::required>("Text.", vlp::not_empty()),
                      vlp::field<&O::file>("File.", vlp::not_empty()),
                      vlp::field<&O::colour>("Colour."),
                      vlp::field<&O::perhaps>("Perhaps.", vlp::at_least(3)),
                      vlp::field<&O::words>("Words.", vlp::not_empty()),
                      vlp::field<&O::size>("Size.")};
  }
};
static_assert(vlp::detail::held_by_recipes<Good, false>);
static_assert(!vlp::detail::held_by_recipes<std::map<int, int>, true>);
static_assert(!vlp::detail::held_by_recipes<std::vector<std::map<int, int>>, true>);
static_assert(vlp::detail::held_by_recipes<std::optional<int>, true> &&
              !vlp::detail::held_by_recipes<std::optional<int>, false>);

struct BadDefaults {
  double share = 1.5;
  double never = std::nan("");
  std::optional<std::int64_t> perhaps = 0;
  std::vector<std::string> words{"one", "two", "three"};
  struct Inner {
    std::int64_t width = 0;
    static constexpr auto fields() {
      return std::tuple{vlp::field<&Inner::width>("Width.", vlp::at_least(1))};
    }
  } inner;
  static constexpr auto fields() {
    using O = BadDefaults;
    return std::tuple{
        vlp::field<&O::share>("Share.", vlp::between(0, 1)), vlp::field<&O::never>("No number."),
        vlp::field<&O::perhaps>("Perhaps.", vlp::at_least(1)),
        vlp::field<&O::words>("Words.", vlp::between(0, 2)), vlp::field<&O::inner>("Inner.")};
  }
};

/// Names that belong to places of one kind or another.
struct TakenNames {
  std::string use, prompt, weights;
  double weight = 1;
  std::int64_t repeat = 1;
  bool when = true;
  static constexpr auto fields() {
    using O = TakenNames;
    return std::tuple{vlp::field<&O::use>("U."),     vlp::field<&O::prompt>("P."),
                      vlp::field<&O::weights>("W."), vlp::field<&O::weight>("W."),
                      vlp::field<&O::repeat>("R."),  vlp::field<&O::when>("W.")};
  }
};

struct TwoGroups {
  Size one, other;
  static constexpr auto fields() {
    return std::tuple{vlp::group<&TwoGroups::one>(), vlp::group<&TwoGroups::other>()};
  }
};

using Lines = std::vector<std::string>;

/// The options of `TakenNames` that a kind may not have.
Lines refused(const std::string& kind) {
  Lines names;
  for (const std::string& mistake : vlp::option_mistakes<TakenNames>(kind))
    names.push_back(mistake.substr(8, mistake.find('\'', 8) - 8));
  return names;
}

}  // namespace

BOOST_AUTO_TEST_CASE(good_options_are_told_nothing) {
  BOOST_TEST(vlp::option_mistakes<Good>("loss").empty());
  BOOST_TEST(vlp::option_mistakes<vlp::NoOptions>("loss").empty());
}

BOOST_AUTO_TEST_CASE(defaults_outside_their_ranges_are_found_at_every_depth) {
  const std::string advice = "). Change the default or the range.";
  const Lines expected{
      "option 'share' has a default outside its own range (got 1.5, expected a number, 0 to 1" +
          advice,
      "option 'never' has a default outside its own range (got nan, expected a number" + advice,
      "option 'perhaps' has a default outside its own range (got 0, expected an integer, at least "
      "1" +
          advice,
      "option 'words' has a default outside its own range (got 3 entries, expected 0 to 2" + advice,
      "option 'inner.width' has a default outside its own range (got 0, expected an integer, at "
      "least 1" +
          advice};
  BOOST_TEST(vlp::option_mistakes<BadDefaults>("loss") == expected,
             boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(names_that_belong_to_the_place_are_refused_where_they_do) {
  BOOST_TEST(refused("loss") == (Lines{"use", "weight"}), boost::test_tools::per_element());
  BOOST_TEST(refused("model") == (Lines{"use", "prompt", "weights"}),
             boost::test_tools::per_element());
  BOOST_TEST(refused("transform") == (Lines{"use", "when"}), boost::test_tools::per_element());
  BOOST_TEST(refused("dataset") == (Lines{"use", "repeat"}), boost::test_tools::per_element());
  BOOST_TEST(refused("metric") == (Lines{"use"}), boost::test_tools::per_element());
  const Lines expected{"option 'use' is the key that names the component. Rename the option.",
                       "option 'weight' is a key of [[loss]] itself. Rename the option."};
  BOOST_TEST(vlp::option_mistakes<TakenNames>("loss") == expected,
             boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(a_name_in_two_groups_is_refused) {
  BOOST_TEST(vlp::option_mistakes<TwoGroups>("loss") ==
                 (Lines{"option 'width' stands there twice, of two groups perhaps. Rename one of "
                        "them."}),
             boost::test_tools::per_element());
}

BOOST_AUTO_TEST_SUITE_END()
