#include "vlp/scoring/ptb_characters.hpp"

#include <boost/test/unit_test.hpp>

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <map>
#include <sstream>
#include <string>
#include <string_view>

#include "vlp/scoring/ptb_lower_case.hpp"
#include "vlp/scoring/utf16.hpp"

BOOST_AUTO_TEST_SUITE(ptb_characters)

namespace {

using vlp::PtbClass;

/// Calls `visit(cells)` for each line of a stored table that is no comment.
template <class Visit>
void for_each_row(const char* name, const Visit& visit) {
  std::ifstream in(std::filesystem::path(VLP_TEST_DATA) / "metrics" / name);
  BOOST_REQUIRE_MESSAGE(in, "can't open " << name);
  for (std::string line; std::getline(in, line);)
    if (std::istringstream cells(line); !line.starts_with('#')) visit(cells);
}

/// The word of the stored table for what a class is.
std::string stored_name(PtbClass kind) {
  using enum PtbClass;
  switch (kind) {
    case letter:
    case dotless_i:
    case long_s:            return "letter";
    case letter_upper:
    case dotted_i:
    case kelvin:            return "letter-upper";
    case letter_word_only:  return "letter-word-only";
    case digit:             return "digit";
    case blank:
    case no_break_space:    return "blank";
    case newline:           return "newline";
    case hyphen:            return "hyphen";
    case raised_digit:
    case lowered_digit:
    case low_quote:         return "symbol-run";
    case symbol:
    case symbol_upper:
    case raised_sign:
    case lowered_sign:
    case fraction_slash:
    case ideographic_comma: return "symbol";
    case dropped:
    case dropped_upper:
    case decimal_separator: return "dropped";
    default:                return "special";
  }
}

std::string lower(std::string_view text) {
  std::u16string units;
  vlp::append_units(text, units);
  std::string out;
  vlp::append_lower_case(units, out);
  return out;
}

std::u16string units(std::string_view utf8) {
  std::u16string units;
  vlp::append_units(utf8, units);
  return units;
}

}  // namespace

BOOST_AUTO_TEST_CASE(classes_equal_the_stored_table_at_every_character) {
  unsigned covered = 0x80;
  for_each_row("ptb_char_classes.tsv", [&](std::istringstream& cells) {
    unsigned first = 0, last = 0;
    std::string name;
    BOOST_REQUIRE(cells >> std::hex >> first >> last >> name);
    BOOST_REQUIRE(first == covered);
    covered = last + 1;
    for (unsigned unit = first; unit <= last; ++unit) {
      const std::string got = stored_name(PtbClass{vlp::ptb_class(static_cast<char16_t>(unit))});
      BOOST_TEST(got == name, std::hex << "U+" << unit << " is " << got << ", not " << name);
    }
  });
  BOOST_TEST(covered == 0x10000);
}

BOOST_AUTO_TEST_CASE(ascii_stands_for_itself_and_surrogates_are_dropped) {
  for (char16_t unit = 0; unit < 0x80; ++unit) BOOST_TEST((vlp::ptb_class(unit) == unit));
  for (char32_t unit = 0xD800; unit < 0xE000; ++unit)
    BOOST_TEST((PtbClass{vlp::ptb_class(static_cast<char16_t>(unit))} == PtbClass::dropped));
}

BOOST_AUTO_TEST_CASE(lower_case_equals_the_stored_table_at_every_character) {
  std::map<char32_t, std::u16string> stored;
  for_each_row("ptb_lowercase.tsv", [&](std::istringstream& cells) {
    unsigned upper = 0, part = 0;
    BOOST_REQUIRE(cells >> std::hex >> upper);
    while (cells >> part) stored[upper] += static_cast<char16_t>(part);
  });
  for (char32_t unit = 'A'; unit <= 'Z'; ++unit) stored[unit] = static_cast<char16_t>(unit + 0x20);
  for (char32_t unit = 0; unit < 0x10000; ++unit) {
    if (unit >= 0xD800 && unit < 0xE000) continue;
    const std::u16string alone(1, static_cast<char16_t>(unit));
    std::string got;
    vlp::append_lower_case(alone, got);
    BOOST_TEST((units(got) == (stored.contains(unit) ? stored[unit] : alone)),
               "lower case of U+" << std::hex << static_cast<unsigned>(unit) << " is " << got);
  }
}

BOOST_AUTO_TEST_CASE(capitals_beyond_the_first_plane_have_lower_case) {
  BOOST_TEST(lower("\U00010400\U00010427 \U000104B0 \U00010CB2 \U000118A0 \U00016E5F \U0001E921") ==
             "\U00010428\U0001044F \U000104D8 \U00010CF2 \U000118C0 \U00016E7F \U0001E943");
  BOOST_TEST(lower("\U0001F600\U00010428") == "\U0001F600\U00010428");
  std::string half;
  vlp::append_lower_case(std::u16string(u"a\xD83D"
                                        u"b"),
                         half);
  BOOST_TEST(half == "a?b");
}

BOOST_AUTO_TEST_CASE(sigma_is_final_at_the_end_of_a_word) {  // as Java printed these
  const std::map<std::string, std::string> printed{{"Σ", "σ"},
                                                   {"ΑΣ", "ας"},
                                                   {"ΣΑΣΑΣ", "σασας"},
                                                   {"ΑΣ.", "ας."},
                                                   {"ΑΣ.Β", "ασ.β"},
                                                   {"ΑΣ-ΒΣ", "ασ-βς"},
                                                   {"ΑΣ--Β", "ας--β"},
                                                   {"ΑΣ'Β", "ασ'β"},
                                                   {"ΑΣ’Β", "ας’β"},
                                                   {"ΑΣ1Β", "ασ1β"},
                                                   {"ΑΣ1", "ας1"},
                                                   {"Α1Σ", "α1ς"},
                                                   {"1Σ", "1σ"},
                                                   {"ΑΣ.1Β", "ας.1β"},
                                                   {"Α.Σ", "α.ς"},
                                                   {"Α/Σ", "α/σ"},
                                                   {"ΑΣ/Β", "ας/β"},
                                                   {"AΣ漢", "aς漢"},
                                                   {"漢Σ", "漢σ"},
                                                   {"ΑーΣ", "αーσ"},
                                                   {"ΑاΣ", "αاς"},
                                                   {"اΣ", "اσ"},
                                                   {"Α\u0301Σ", "α\u0301ς"},
                                                   {"Σ\u0301", "σ\u0301"},
                                                   {"ΑΣ\u0301Β", "ασ\u0301β"},
                                                   {"ΑΣ_Β", "ασ_β"}};
  for (const auto& [text, expected] : printed) BOOST_TEST(lower(text) == expected);
}

BOOST_AUTO_TEST_CASE(malformed_utf8_becomes_replacement_characters) {
  BOOST_TEST((units("a\xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80") == u"a\u00E9\u20AC\U0001F600"));
  BOOST_TEST((units("\x80") == u"\uFFFD"));
  BOOST_TEST((units("a\xE2\x82") == u"a\uFFFD"));  // cut off: one for what is there
  BOOST_TEST((units("\xE2\x82z") == u"\uFFFDz"));
  BOOST_TEST((units("\xF0\x9F\x98\xC3\xA9") == u"\uFFFD\u00E9"));
  BOOST_TEST((units("\xC0\xAF") == u"\uFFFD\uFFFD"));  // overlong
  BOOST_TEST((units("\xE0\x80\xAF") == u"\uFFFD\uFFFD\uFFFD"));
  BOOST_TEST((units("\xED\xA0\x80") == u"\uFFFD\uFFFD\uFFFD"));            // a surrogate
  BOOST_TEST((units("\xF4\x90\x80\x80") == u"\uFFFD\uFFFD\uFFFD\uFFFD"));  // above U+10FFFF
  BOOST_TEST((units("\xF4\x8F\xBF\xBF\xFF") == u"\U0010FFFF\uFFFD"));
}

BOOST_AUTO_TEST_SUITE_END()
