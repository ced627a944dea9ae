#include "vlp/core/packed.hpp"

#include <cmath>
#include <cstdint>
#include <limits>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include <boost/test/unit_test.hpp>

namespace {

struct Person {
  std::string name;
  std::vector<double> heights;
  auto members() { return std::tie(name, heights); }
  [[nodiscard]] auto members() const { return std::tie(name, heights); }
};

}  // namespace

BOOST_AUTO_TEST_SUITE(packed)

BOOST_AUTO_TEST_CASE(what_was_packed_is_unpacked_bit_by_bit) {
  using Named = std::vector<std::pair<std::string, double>>;
  const Named named{
      {"loss", 0.1}, {"", -0.0}, {"endless", std::numeric_limits<double>::infinity()}};
  const std::vector<Person> people{{"Ada", {1.65, 1.66}}, {"", {}}};
  const vlp::Bytes bytes = vlp::pack(named, std::int64_t{-7}, std::string("a\0b", 3), people);
  const auto [numbers, seven, text, persons] =
      vlp::unpack<Named, std::int64_t, std::string, std::vector<Person>>(bytes);
  BOOST_TEST((numbers == named));
  BOOST_TEST(std::signbit(numbers[1].second));
  BOOST_TEST(seven == -7);
  BOOST_TEST((text == std::string("a\0b", 3)));
  BOOST_TEST_REQUIRE(persons.size() == 2U);
  BOOST_TEST(persons[0].name == "Ada");
  BOOST_TEST((persons[0].heights == std::vector<double>{1.65, 1.66}));
  BOOST_TEST(persons[1].heights.empty());
}

BOOST_AUTO_TEST_CASE(what_is_not_a_number_stays_so) {
  const auto [nan] = vlp::unpack<double>(vlp::pack(std::nan("")));
  BOOST_TEST(std::isnan(nan));
}

BOOST_AUTO_TEST_CASE(other_types_than_those_packed_are_refused) {
  const vlp::Bytes bytes = vlp::pack(std::int32_t{3});
  BOOST_CHECK_EXCEPTION((void)vlp::unpack<std::int64_t>(bytes), vlp::ContractError,
                        [](const vlp::ContractError& error) {
                          return std::string(error.what()) ==
                                 "packed values: too few bytes (got 4, expected at least 8). "
                                 "Unpack the types that were packed.";
                        });
  BOOST_CHECK_EXCEPTION((void)vlp::unpack<std::int16_t>(bytes), vlp::ContractError,
                        [](const vlp::ContractError& error) {
                          return std::string(error.what()) ==
                                 "packed values: too many bytes (got 2 behind the last value, "
                                 "expected none). Unpack the types that were packed.";
                        });
  BOOST_CHECK_THROW((void)vlp::unpack<std::string>(vlp::pack(std::uint64_t{1} << 60)),
                    vlp::ContractError);
}

BOOST_AUTO_TEST_SUITE_END()
