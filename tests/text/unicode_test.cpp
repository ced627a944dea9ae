#include "vlp/text/unicode.hpp"

#include <boost/test/unit_test.hpp>

#include <string>
#include <string_view>
#include <vector>

BOOST_AUTO_TEST_SUITE(unicode)

namespace {

std::vector<std::string> words_of(std::string_view text) {
  std::vector<std::string> words;
  vlp::for_each_word(text, [&](std::string_view word) { words.emplace_back(word); });
  return words;
}

/// Code points of a text.
std::u32string decoded(std::string_view text) {
  std::u32string characters;
  while (!text.empty()) characters += vlp::take_character(text);
  return characters;
}

std::string encode(std::u32string_view characters) {
  std::string text;
  for (const char32_t c : characters) vlp::append_utf8(text, c);
  return text;
}

}  // namespace

BOOST_AUTO_TEST_CASE(valid_utf8_survives_decoding_and_encoding) {
  const std::string text = "a\u00e9\u4e2d\U0001F600";
  BOOST_TEST((decoded(text) == U"a\u00e9\u4e2d\U0001F600"));
  BOOST_TEST(encode(decoded(text)) == text);
}

BOOST_AUTO_TEST_CASE(every_byte_outside_a_character_becomes_a_replacement_character) {
  BOOST_TEST((decoded("a\xff\xc3") == U"a\ufffd\ufffd"));
  BOOST_TEST((decoded("\xed\xa0\x80") == U"\ufffd\ufffd\ufffd"));  // a surrogate
  BOOST_TEST((decoded("\xc0\xafz") == U"\ufffd\ufffdz"));          // overlong
}

BOOST_AUTO_TEST_CASE(decomposition_splits_accents_and_hangul) {
  BOOST_TEST((vlp::decompose(U"\u00e9\u1ec7") == U"e\u0301e\u0323\u0302"));
  BOOST_TEST((vlp::decompose(U"\uac01") == U"\u1100\u1161\u11a8"));
  BOOST_TEST((vlp::decompose(U"\u00bd\ufb01") == U"\u00bd\ufb01"));  // compatibility forms stay
}

BOOST_AUTO_TEST_CASE(decomposition_puts_accents_into_canonical_order) {
  BOOST_TEST((vlp::decompose(U"a\u0301\u0323") == U"a\u0323\u0301"));
  BOOST_TEST(
      (vlp::decompose(U"a\u0301\u0300") == U"a\u0301\u0300"));  // equal classes keep their order
  BOOST_TEST((vlp::decompose(U"a\u0301b\u0323") == U"a\u0301b\u0323"));
}

BOOST_AUTO_TEST_CASE(lower_case_works_character_by_character) {
  BOOST_TEST((vlp::lower_case(U'Q') == U'q'));
  BOOST_TEST((vlp::lower_case(U'[') == U'['));
  BOOST_TEST((vlp::lower_case(U'\u00c9') == U'\u00e9'));
  BOOST_TEST((vlp::lower_case(U'\u03a3') == U'\u03c3'));
}

BOOST_AUTO_TEST_CASE(blank_is_white_space_alone) {
  for (const char* text : {"", " ", "\t\r\n", "\u00a0\u2003\u3000", "\u2028\x1c"})
    BOOST_TEST(vlp::only_white_space(text), text);
  for (const char* text : {"a", " . ", "\u00a0x", "\u200b", "\xff"})
    BOOST_TEST(!vlp::only_white_space(text), text);
}

BOOST_AUTO_TEST_CASE(words_are_cut_at_white_space_as_python_does) {
  const std::vector<std::string> expected{"a", "b", "c\u200bd", "e"};
  BOOST_TEST(words_of(" a\u00a0b\x1c\u3000 c\u200bd\u2029\te\n") == expected,
             boost::test_tools::per_element());
  BOOST_TEST(words_of("").empty());
  BOOST_TEST(words_of(" \t").empty());
}

BOOST_AUTO_TEST_SUITE_END()
