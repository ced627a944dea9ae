// What tests/parity compares is counted, and a count that is missing or too small is noticed.

#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include <boost/test/unit_test.hpp>

#include "tests/support/tally.hpp"

BOOST_AUTO_TEST_SUITE(parity_list)

namespace {

namespace fs = std::filesystem;
using parity::Counts;

constexpr auto kEach = boost::test_tools::per_element();

}  // namespace

BOOST_AUTO_TEST_CASE(every_stored_folder_is_listed) {
  std::stringstream list;
  list << std::ifstream(parity::expected_cases()).rdbuf();
  int folders = 0;
  for (const auto& entry : fs::directory_iterator(parity::expected_cases().parent_path())) {
    if (!entry.is_directory()) continue;
    ++folders;
    const std::string name = entry.path().filename().string();
    BOOST_TEST(list.str().find(": " + name + " 1\n") != std::string::npos,
               name << " is not listed in " << parity::expected_cases());
    for (const char* precision : {"float32", "float64"})
      BOOST_TEST(list.str().find("\n" + name + " " + precision) != std::string::npos,
                 name << " has no counts of " << precision);
  }
  BOOST_TEST(folders == 4);
}

BOOST_AUTO_TEST_CASE(a_scope_is_read_without_others_that_begin_alike) {
  std::istringstream list(
      "# of these\n\nm float32: states 10\nm float32: losses of sequences 1\n"
      "m float32 generate: beam cases 3\nm2 float32: states 4\n");
  BOOST_TEST((parity::read_counts(list, "m float32") ==
              Counts{{"states", 10}, {"losses of sequences", 1}}));
}

BOOST_AUTO_TEST_CASE(counts_that_differ_are_named) {
  const Counts expected{{"cases", 2}, {"states", 10}};
  BOOST_TEST(parity::differing(expected, expected).empty());
  BOOST_TEST(parity::differing({{"cases", 2}, {"states", 9}}, expected) ==
                 (std::vector<std::string>{"states: compared 9, expected 10"}),
             kEach);
  BOOST_TEST(parity::differing({{"cases", 2}, {"more", 1}}, expected) ==
                 (std::vector<std::string>{"more: compared 1, expected 0",
                                           "states: compared 0, expected 10"}),
             kEach);
  BOOST_TEST(parity::differing({}, expected).size() == 2U);
}

BOOST_AUTO_TEST_SUITE_END()
