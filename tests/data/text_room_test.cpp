// Room behind a prompt.

#include "vlp/data/text_room.hpp"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include <boost/test/unit_test.hpp>

#include "tests/support/words.hpp"

BOOST_AUTO_TEST_SUITE(text_room)

namespace {

using boost::test_tools::per_element;
using Problems = std::vector<std::string>;

/// Tells how long a text is before it is cut.
struct UncutWords : vlp::test::Words {
  static constexpr std::string_view name = "uncut_words";
  [[nodiscard]] std::vector<std::int64_t> encode_whole(std::string_view text) const {
    return vlp::test::Words{}.encode(text);
  }
};

}  // namespace

BOOST_AUTO_TEST_CASE(a_prompt_is_counted_before_it_is_cut) {
  UncutWords words;
  words.max_length = 4;
  BOOST_TEST(vlp::whole_prompt_length(vlp::AnyTokenizer(words), "w0 w1 w2 w3 w4") == 6);
  BOOST_TEST(vlp::whole_prompt_length(vlp::AnyTokenizer(words), "") == 1);
  vlp::test::Words cut;
  cut.max_length = 4;
  BOOST_TEST(vlp::whole_prompt_length(vlp::AnyTokenizer(cut), "w0 w1 w2 w3 w4") == 3,
             "a tokenizer that can't tell");
}

BOOST_AUTO_TEST_CASE(a_text_has_room_for_a_token_and_the_end) {
  BOOST_TEST(vlp::text_room_problem(6, 8) == "");
  BOOST_TEST(vlp::text_room_problem(7, 8) ==
             "leaves no room for a caption (got 7 tokens with [CLS], expected at most 6, as the "
             "tokenizer cuts texts to 8); shorten it, or give the tokenizer more");
  BOOST_TEST(vlp::text_room_problem(700, 0) == "", "it isn't known where it cuts");
}

BOOST_AUTO_TEST_CASE(captions_have_room_for_a_token_behind_the_prompt) {
  vlp::GenerateOptions options;
  options.max_length = 5;
  BOOST_TEST(vlp::caption_room_problems(options, 4, 0).empty());
  BOOST_TEST(vlp::caption_room_problems(options, 5, 0) ==
                 (Problems{"max_length: the prompt fills the caption (got 5 tokens with [DEC], "
                           "expected fewer than max_length = 5)"}),
             per_element());
  options.max_new_tokens = 1;
  BOOST_TEST(vlp::caption_room_problems(options, 5, 0).empty(), "max_length doesn't count then");
}

BOOST_AUTO_TEST_CASE(captions_are_no_longer_than_the_positions) {
  vlp::GenerateOptions options;
  options.max_length = 12;
  BOOST_TEST(vlp::caption_room_problems(options, 4, 12).empty());
  BOOST_TEST(vlp::caption_room_problems(options, 4, 11) ==
                 (Problems{"max_length: longer than what the model has positions for (got 12 "
                           "tokens, [DEC] and prompt included, expected at most 11)"}),
             per_element());
  options.max_new_tokens = 8;
  BOOST_TEST(vlp::caption_room_problems(options, 4, 12).empty());
  BOOST_TEST(vlp::caption_room_problems(options, 5, 12) ==
                 (Problems{"max_new_tokens: longer than what the model has positions for (got 13 "
                           "tokens, [DEC] and prompt included, expected at most 12)"}),
             per_element());
}

BOOST_AUTO_TEST_CASE(captions_can_be_as_long_as_they_must_and_all_mistakes_are_told) {
  vlp::GenerateOptions options;
  options.max_length = 8;
  options.min_length = 8;
  BOOST_TEST(vlp::caption_room_problems(options, 1, 0).empty());
  options.min_length = 9;
  const std::string least =
      "min_length: longer than the longest caption (got 9, expected at most 8 tokens, [DEC] and "
      "prompt included)";
  BOOST_TEST(vlp::caption_room_problems(options, 1, 0) == (Problems{least}), per_element());
  BOOST_TEST(vlp::caption_room_problems(options, 8, 7).size() == 3U);
  options.max_new_tokens = 6;
  BOOST_TEST(vlp::caption_room_problems(options, 3, 0).empty(), "3 + 6 are 9");
  options.min_new_tokens = 7;
  BOOST_TEST(vlp::caption_room_problems(options, 3, 0) ==
                 (Problems{"min_new_tokens: longer than the longest caption (got 10, expected at "
                           "most 9 tokens, [DEC] and prompt included)"}),
             per_element());
}

BOOST_AUTO_TEST_SUITE_END()
