#pragma once
// The alphabet of the Penn Treebank tokenizer's rules: one byte for each UTF-16 unit of a text.
// ASCII stands for itself, every other unit for the way the rules treat it.

#include <array>
#include <cstdint>
#include <string_view>
#include <utility>

namespace vlp {

/// What a unit outside ASCII is to the rules. Both units of a character above U+FFFF are `dropped`.
enum class PtbClass : std::uint8_t {
  caption_end =
      128,           ///< between two captions of a stream: a line end that is never part of a token
  letter,            ///< a letter without a class of its own below
  letter_upper,      ///< a capital letter
  letter_word_only,  ///< part of words, but not of hyphen compounds: combining marks and the like
  soft_hyphen,       ///< U+00AD, part of words, removed from the printed token
  dotted_i,          ///< U+0130, a capital, which a literal i matches as well
  dotless_i,         ///< U+0131, a letter, which a literal i matches as well
  long_s,            ///< U+017F, a letter, which a literal s matches as well
  kelvin,            ///< U+212A, a capital, which a literal k matches as well
  digit,             ///< a decimal digit outside ASCII
  no_break_space,    ///< U+00A0
  blank,             ///< U+2000-200A and U+3000
  newline,           ///< U+2028 and U+2029
  next_line,   ///< U+0085: prints as an ellipsis, and is a line end to a rule that looks ahead
  hyphen,      ///< U+058A, U+2010, U+2011: join two word parts, else deleted
  dash,        ///< U+2013, U+2014, U+2015, U+0096, U+0097
  apostrophe,  ///< U+2019 and U+0092
  single_quote_open,   ///< U+2018, U+201B and U+0091
  angle_quote_open,    ///< U+2039
  angle_quote_close,   ///< U+203A
  double_quote_open,   ///< U+201C, U+00AB and U+0093
  double_quote_close,  ///< U+201D, U+00BB and U+0094
  low_quote,           ///< U+201A, U+201E and U+201F
  ellipsis,            ///< U+2026
  cent,                ///< U+00A2
  pound,               ///< U+00A3
  other_currency,      ///< U+00A4, U+0080, U+20A0 and U+20AC, which print as a dollar
  one_quarter,         ///< U+00BC
  one_half,            ///< U+00BD
  three_quarters,      ///< U+00BE
  one_third,           ///< U+2153
  two_thirds,          ///< U+2154
  raised_digit,        ///< superscript: U+00B2, U+00B3, U+00B9, U+2070 and U+2074-2079
  lowered_digit,       ///< subscript: U+2080-2089
  raised_sign,         ///< U+207A and U+207B, symbols otherwise
  lowered_sign,        ///< U+208A and U+208B, symbols otherwise
  fraction_slash,      ///< U+2044, a symbol otherwise
  ideographic_comma,   ///< U+3001, a symbol otherwise
  decimal_separator,   ///< U+066B and U+066C, deleted outside numbers
  symbol,              ///< a token of its own
  symbol_upper,   ///< U+24B6-24CF: a symbol that counts as a capital to a rule that looks ahead
  dropped_upper,  ///< U+2160-216F: deleted, but a capital to a rule that looks ahead
  dropped,        ///< deleted, and separates its neighbours
};

namespace detail::ptb_classes {
template <PtbClass kClass>
inline constexpr char kByte = static_cast<char>(kClass);
}  // namespace detail::ptb_classes

/// A text of the rules' alphabet that holds one unit of a class.
template <PtbClass kClass>
inline constexpr std::string_view kPtbClassText{&detail::ptb_classes::kByte<kClass>, 1};

/// The classes by the names that the rules use.
inline constexpr auto kPtbClassNames = std::to_array<std::pair<std::string_view, PtbClass>>({
    {"caption_end", PtbClass::caption_end},
    {"letter", PtbClass::letter},
    {"letter_upper", PtbClass::letter_upper},
    {"letter_word_only", PtbClass::letter_word_only},
    {"soft_hyphen", PtbClass::soft_hyphen},
    {"dotted_i", PtbClass::dotted_i},
    {"dotless_i", PtbClass::dotless_i},
    {"long_s", PtbClass::long_s},
    {"kelvin", PtbClass::kelvin},
    {"digit", PtbClass::digit},
    {"no_break_space", PtbClass::no_break_space},
    {"blank", PtbClass::blank},
    {"newline", PtbClass::newline},
    {"next_line", PtbClass::next_line},
    {"hyphen", PtbClass::hyphen},
    {"dash", PtbClass::dash},
    {"apostrophe", PtbClass::apostrophe},
    {"single_quote_open", PtbClass::single_quote_open},
    {"angle_quote_open", PtbClass::angle_quote_open},
    {"angle_quote_close", PtbClass::angle_quote_close},
    {"double_quote_open", PtbClass::double_quote_open},
    {"double_quote_close", PtbClass::double_quote_close},
    {"low_quote", PtbClass::low_quote},
    {"ellipsis", PtbClass::ellipsis},
    {"cent", PtbClass::cent},
    {"pound", PtbClass::pound},
    {"other_currency", PtbClass::other_currency},
    {"one_quarter", PtbClass::one_quarter},
    {"one_half", PtbClass::one_half},
    {"three_quarters", PtbClass::three_quarters},
    {"one_third", PtbClass::one_third},
    {"two_thirds", PtbClass::two_thirds},
    {"raised_digit", PtbClass::raised_digit},
    {"lowered_digit", PtbClass::lowered_digit},
    {"raised_sign", PtbClass::raised_sign},
    {"lowered_sign", PtbClass::lowered_sign},
    {"fraction_slash", PtbClass::fraction_slash},
    {"ideographic_comma", PtbClass::ideographic_comma},
    {"decimal_separator", PtbClass::decimal_separator},
    {"symbol", PtbClass::symbol},
    {"symbol_upper", PtbClass::symbol_upper},
    {"dropped_upper", PtbClass::dropped_upper},
    {"dropped", PtbClass::dropped},
});

}  // namespace vlp
