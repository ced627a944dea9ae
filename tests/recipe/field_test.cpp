#include "vlp/recipe/field.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

#include <boost/test/unit_test.hpp>

#include "vlp/recipe/load.hpp"
#include "vlp/recipe/read.hpp"

BOOST_AUTO_TEST_SUITE(field)

namespace {

struct Sizes {
  std::int64_t width = 8;
  std::int64_t heads = 2;
  static constexpr auto fields() {
    return std::tuple{vlp::field<&Sizes::width>("Width.", vlp::at_least(1)),
                      vlp::field<&Sizes::heads>("Heads.", vlp::at_least(1))};
  }
  [[nodiscard]] std::string problem() const {
    return width % heads == 0 ? "" : "heads don't divide width";
  }
};

struct Deeper {
  Sizes sizes;
  double share = 0.5;
  static constexpr auto fields() {
    return std::tuple{vlp::group<&Deeper::sizes>(),
                      vlp::field<&Deeper::share>("Share, 0-1.", vlp::between(0, 1))};
  }
};

struct Owner {
  std::string name = "x";
  Deeper deeper;
  bool on = true;
  static constexpr auto fields() {
    return std::tuple{vlp::field<&Owner::name>("Name.", vlp::not_empty()),
                      vlp::group<&Owner::deeper>(), vlp::field<&Owner::on>("On.")};
  }
};
static_assert(vlp::Options<Owner>);

struct Forgetful {
  Sizes sizes;
  int forgotten = 0;
  static constexpr auto fields() { return std::tuple{vlp::group<&Forgetful::sizes>()}; }
};
static_assert(!vlp::Options<Forgetful>, "a member beside the group must be described, too");

struct Repetitive {
  double once = 1, never = 2;
  static constexpr auto fields() {
    return std::tuple{vlp::field<&Repetitive::once>("Once."),
                      vlp::field<&Repetitive::once>("Twice.")};
  }
};
static_assert(!vlp::Options<Repetitive> && vlp::detail::NamesOneTwice<Repetitive>,
              "a member that is named twice can't stand for one that is missing");
static_assert(!vlp::detail::NamesOneTwice<Owner> && !vlp::detail::NamesOneTwice<vlp::NoOptions>);

using vlp::detail::unfit_for_recipes;
static_assert(unfit_for_recipes<int> && unfit_for_recipes<float> && unfit_for_recipes<unsigned> &&
              unfit_for_recipes<char> && unfit_for_recipes<const char*> &&
              unfit_for_recipes<std::string_view> && unfit_for_recipes<std::optional<int>> &&
              unfit_for_recipes<std::vector<float>> && unfit_for_recipes<std::vector<bool>>);
static_assert(!unfit_for_recipes<bool> && !unfit_for_recipes<std::int64_t> &&
              !unfit_for_recipes<double> && !unfit_for_recipes<std::string> &&
              !unfit_for_recipes<std::vector<std::optional<double>>> && !unfit_for_recipes<Sizes>);

/// What is wrong with a table that is read into `options`, one line a problem.
std::string problems_of(const std::string& toml, Owner& options) {
  vlp::Diagnostics problems;
  vlp::ReadContext ctx{problems, nullptr};
  vlp::read_options(vlp::parse_toml(toml, "r.toml"), "", options, ctx);
  std::string text;
  for (const vlp::Problem& problem : problems.problems()) text += problem.text() + "\n";
  return text;
}

}  // namespace

BOOST_AUTO_TEST_CASE(options_of_a_group_stand_among_those_of_its_owner) {
  Owner options;
  BOOST_TEST(problems_of("width = 12\nheads = 3\nshare = 0.25\non = false\n", options) == "");
  BOOST_TEST(options.deeper.sizes.width == 12);
  BOOST_TEST(options.deeper.sizes.heads == 3);
  BOOST_TEST(options.deeper.share == 0.25);
  BOOST_TEST(!options.on);
}

BOOST_AUTO_TEST_CASE(they_are_written_and_described_in_the_place_of_the_group) {
  BOOST_TEST(vlp::write_toml(vlp::write_options(Owner{})) ==
             "name = \"x\"\nwidth = 8\nheads = 2\nshare = 0.5\non = true\n");
  std::vector<std::string> keys;
  for (const vlp::OptionDoc& doc : vlp::describe_options<Owner>()) keys.push_back(doc.key);
  BOOST_TEST(keys == (std::vector<std::string>{"name", "width", "heads", "share", "on"}),
             boost::test_tools::per_element());
  BOOST_TEST(keys == vlp::option_names<Owner>(), boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(ranges_joint_problems_and_unknown_keys_of_a_group_are_told) {
  Owner options;
  BOOST_TEST(problems_of("width = 0\n", options).find("width: got 0, expected an integer") !=
             std::string::npos);
  BOOST_TEST(problems_of("width = 9\n", options).find("heads don't divide width") !=
             std::string::npos);
  BOOST_TEST(problems_of("widht = 9\n", options).find("did you mean 'width'?") !=
             std::string::npos);
  BOOST_TEST(problems_of("deeper = 9\n", options).find("unknown key") != std::string::npos);
}

BOOST_AUTO_TEST_SUITE_END()
