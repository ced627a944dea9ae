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

BOOST_AUTO_TEST_SUITE(tokenizer)

namespace {

/// A vocabulary of five, and whatever ids it is told to give.
struct Given {
  static constexpr std::string_view name = "given";
  std::vector<std::int64_t> ids;
  vlp::SpecialTokens tokens = {};
  [[nodiscard]] std::vector<std::int64_t> encode(std::string_view) const { return ids; }
  [[nodiscard]] std::string decode(std::span<const std::int64_t>) const { return {}; }
  [[nodiscard]] vlp::SpecialTokens special() const { return tokens; }
  [[nodiscard]] std::int64_t vocabulary_size() const { return 5; }
  void write(const std::filesystem::path&) const {}
};

std::string told(const std::vector<std::int64_t>& ids) {
  return vlp_test::message_of<vlp::ContractError>(
      [&] { (void)vlp::AnyTokenizer(Given{ids}).encode("a red picture"); });
}

}  // namespace

BOOST_AUTO_TEST_CASE(an_id_outside_the_vocabulary_is_refused_with_the_text) {
  BOOST_TEST(told({0, 5, 4}) ==
             "tokenizer 'given': an id outside the vocabulary (got 5 for \"a red picture\", "
             "expected 0 to 4). Let vocabulary_size() count every id that encode gives.");
  BOOST_TEST(vlp_test::contains(told({0, 1, -1}), "(got -1 for \"a red picture\""));
}

BOOST_AUTO_TEST_CASE(an_uncut_text_is_given_by_who_knows_it) {
  struct Uncut : Given {
    [[nodiscard]] std::vector<std::int64_t> encode_whole(std::string_view) const {
      return {0, 4, 4, 4};
    }
  };
  const vlp::SpecialTokens bert{.pad = 0, .cls = 1, .sep = 2, .decode = 3, .encode = 4};
  BOOST_TEST(!vlp::AnyTokenizer(Given{{0, 4}, bert}).encode_whole("x").has_value());
  BOOST_TEST((vlp::AnyTokenizer(Uncut{{{0, 4}, bert}}).encode_whole("x").value() ==
              std::vector<std::int64_t>{1, 0, 4, 4, 4, 2}));
}

BOOST_AUTO_TEST_CASE(what_begins_and_ends_a_text_is_put_there_if_the_tokenizer_does_not) {
  using Ids = std::vector<std::int64_t>;
  const auto encoded = [](const Ids& ids, const vlp::SpecialTokens& tokens) {
    return vlp::AnyTokenizer(Given{ids, tokens}).encode("x");
  };
  const auto same = boost::test_tools::per_element();
  const vlp::SpecialTokens bert{.pad = 0, .cls = 1, .sep = 2, .decode = 3, .encode = 4};
  BOOST_TEST(encoded({1, 4, 0, 2}, bert) == (Ids{1, 4, 0, 2}), same);
  BOOST_TEST(encoded({4, 0}, bert) == (Ids{1, 4, 0, 2}), same);
  BOOST_TEST(encoded({1, 2}, bert) == (Ids{1, 2}), same);
  BOOST_TEST(encoded({}, bert) == (Ids{1, 2}), same);
  const vlp::SpecialTokens without_cls{.pad = 0, .sep = 2, .decode = 3, .encode = 3};
  BOOST_TEST(encoded({4, 0}, without_cls) == (Ids{3, 4, 0, 2}), same);
  const vlp::SpecialTokens one_for_both{.pad = 0, .sep = 3, .decode = 3, .encode = 3};
  BOOST_TEST(encoded({4}, one_for_both) == (Ids{3, 4, 3}), same);
  BOOST_TEST(encoded({}, one_for_both) == (Ids{3, 3}), same);
}

BOOST_AUTO_TEST_CASE(special_tokens_outside_the_vocabulary_are_refused) {
  BOOST_TEST(vlp_test::contains(
      vlp_test::message_of<vlp::ContractError>(
          [] { (void)vlp::AnyTokenizer(Given{{}, {.pad = 0, .sep = 5}}); }),
      "tokenizer 'given': a special token outside the vocabulary (got 5, expected 0 to 4"));
}

BOOST_AUTO_TEST_SUITE_END()
