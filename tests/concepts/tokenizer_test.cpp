// What all tokenizers have in common once they are values.

#include "vlp/concepts/tokenizer.hpp"

#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <boost/test/unit_test.hpp>

#include "tests/support/messages.hpp"

namespace {

/// A vocabulary of five, and whatever ids it is told to give.
struct Given {
  static constexpr std::string_view name = "given";
  std::vector<std::int64_t> ids;
  [[nodiscard]] std::vector<std::int64_t> encode(std::string_view) const { return ids; }
  [[nodiscard]] std::string decode(std::span<const std::int64_t>) const { return {}; }
  [[nodiscard]] vlp::SpecialTokens special() const { return {}; }
  [[nodiscard]] std::int64_t vocabulary_size() const { return 5; }
  void write(const std::filesystem::path&) const {}
};

std::string told(const std::vector<std::int64_t>& ids) {
  return vlp_test::message_of<vlp::ContractError>(
      [&] { (void)vlp::AnyTokenizer(Given{ids}).encode("a red picture"); });
}

}  // namespace

BOOST_AUTO_TEST_SUITE(tokenizer)

BOOST_AUTO_TEST_CASE(an_id_outside_the_vocabulary_is_refused_with_the_text) {
  BOOST_TEST(told({0, 5, 4}) ==
             "tokenizer 'given': an id outside the vocabulary (got 5 for \"a red picture\", "
             "expected 0 to 4). Let vocabulary_size() count every id that encode gives.");
  BOOST_TEST(vlp_test::contains(told({0, 1, -1}), "(got -1 for \"a red picture\""));
}

BOOST_AUTO_TEST_CASE(all_ids_of_the_vocabulary_and_none_come_through) {
  const std::vector<std::int64_t> ids{0, 4, 2};
  BOOST_TEST(vlp::AnyTokenizer(Given{ids}).encode("x") == ids, boost::test_tools::per_element());
  BOOST_TEST(vlp::AnyTokenizer(Given{}).encode("").empty());
}

BOOST_AUTO_TEST_SUITE_END()
