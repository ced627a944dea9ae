#pragma once
// Lower case as caption evaluation makes it: Java 17's String.toLowerCase in an English locale,
// whatever the locale and the Unicode version of the machine. The tables hold what Java printed
// when run on every character.

#include "vlp/scoring/ptb_characters.hpp"
#include "vlp/scoring/utf16.hpp"
#include "vlp/text/unicode.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <span>
#include <string>
#include <string_view>

namespace vlp {

namespace detail::ptb_lower_case {

/// A run of capitals, every `step`-th code point one; their lower-case letters lie `distance`
/// further on.
struct Capitals {
  char32_t first;
  char32_t last;
  char32_t step;
  std::int32_t distance;
};

/// All but ASCII's and U+0130, sorted.
inline constexpr Capitals kCapitals[] = {
    {0xC0, 0xD6, 1, 32},         {0xD8, 0xDE, 1, 32},         {0x100, 0x12E, 2, 1},
    {0x132, 0x136, 2, 1},        {0x139, 0x147, 2, 1},        {0x14A, 0x176, 2, 1},
    {0x178, 0x178, 1, -121},     {0x179, 0x17D, 2, 1},        {0x181, 0x181, 1, 210},
    {0x182, 0x184, 2, 1},        {0x186, 0x186, 1, 206},      {0x187, 0x187, 1, 1},
    {0x189, 0x18A, 1, 205},      {0x18B, 0x18B, 1, 1},        {0x18E, 0x18E, 1, 79},
    {0x18F, 0x18F, 1, 202},      {0x190, 0x190, 1, 203},      {0x191, 0x191, 1, 1},
    {0x193, 0x193, 1, 205},      {0x194, 0x194, 1, 207},      {0x196, 0x196, 1, 211},
    {0x197, 0x197, 1, 209},      {0x198, 0x198, 1, 1},        {0x19C, 0x19C, 1, 211},
    {0x19D, 0x19D, 1, 213},      {0x19F, 0x19F, 1, 214},      {0x1A0, 0x1A4, 2, 1},
    {0x1A6, 0x1A6, 1, 218},      {0x1A7, 0x1A7, 1, 1},        {0x1A9, 0x1A9, 1, 218},
    {0x1AC, 0x1AC, 1, 1},        {0x1AE, 0x1AE, 1, 218},      {0x1AF, 0x1AF, 1, 1},
    {0x1B1, 0x1B2, 1, 217},      {0x1B3, 0x1B5, 2, 1},        {0x1B7, 0x1B7, 1, 219},
    {0x1B8, 0x1B8, 1, 1},        {0x1BC, 0x1BC, 1, 1},        {0x1C4, 0x1C4, 1, 2},
    {0x1C5, 0x1C5, 1, 1},        {0x1C7, 0x1C7, 1, 2},        {0x1C8, 0x1C8, 1, 1},
    {0x1CA, 0x1CA, 1, 2},        {0x1CB, 0x1DB, 2, 1},        {0x1DE, 0x1EE, 2, 1},
    {0x1F1, 0x1F1, 1, 2},        {0x1F2, 0x1F4, 2, 1},        {0x1F6, 0x1F6, 1, -97},
    {0x1F7, 0x1F7, 1, -56},      {0x1F8, 0x21E, 2, 1},        {0x220, 0x220, 1, -130},
    {0x222, 0x232, 2, 1},        {0x23A, 0x23A, 1, 10795},    {0x23B, 0x23B, 1, 1},
    {0x23D, 0x23D, 1, -163},     {0x23E, 0x23E, 1, 10792},    {0x241, 0x241, 1, 1},
    {0x243, 0x243, 1, -195},     {0x244, 0x244, 1, 69},       {0x245, 0x245, 1, 71},
    {0x246, 0x24E, 2, 1},        {0x370, 0x372, 2, 1},        {0x376, 0x376, 1, 1},
    {0x37F, 0x37F, 1, 116},      {0x386, 0x386, 1, 38},       {0x388, 0x38A, 1, 37},
    {0x38C, 0x38C, 1, 64},       {0x38E, 0x38F, 1, 63},       {0x391, 0x3A1, 1, 32},
    {0x3A3, 0x3AB, 1, 32},       {0x3CF, 0x3CF, 1, 8},        {0x3D8, 0x3EE, 2, 1},
    {0x3F4, 0x3F4, 1, -60},      {0x3F7, 0x3F7, 1, 1},        {0x3F9, 0x3F9, 1, -7},
    {0x3FA, 0x3FA, 1, 1},        {0x3FD, 0x3FF, 1, -130},     {0x400, 0x40F, 1, 80},
    {0x410, 0x42F, 1, 32},       {0x460, 0x480, 2, 1},        {0x48A, 0x4BE, 2, 1},
    {0x4C0, 0x4C0, 1, 15},       {0x4C1, 0x4CD, 2, 1},        {0x4D0, 0x52E, 2, 1},
    {0x531, 0x556, 1, 48},       {0x10A0, 0x10C5, 1, 7264},   {0x10C7, 0x10C7, 1, 7264},
    {0x10CD, 0x10CD, 1, 7264},   {0x13A0, 0x13EF, 1, 38864},  {0x13F0, 0x13F5, 1, 8},
    {0x1C90, 0x1CBA, 1, -3008},  {0x1CBD, 0x1CBF, 1, -3008},  {0x1E00, 0x1E94, 2, 1},
    {0x1E9E, 0x1E9E, 1, -7615},  {0x1EA0, 0x1EFE, 2, 1},      {0x1F08, 0x1F0F, 1, -8},
    {0x1F18, 0x1F1D, 1, -8},     {0x1F28, 0x1F2F, 1, -8},     {0x1F38, 0x1F3F, 1, -8},
    {0x1F48, 0x1F4D, 1, -8},     {0x1F59, 0x1F5F, 2, -8},     {0x1F68, 0x1F6F, 1, -8},
    {0x1F88, 0x1F8F, 1, -8},     {0x1F98, 0x1F9F, 1, -8},     {0x1FA8, 0x1FAF, 1, -8},
    {0x1FB8, 0x1FB9, 1, -8},     {0x1FBA, 0x1FBB, 1, -74},    {0x1FBC, 0x1FBC, 1, -9},
    {0x1FC8, 0x1FCB, 1, -86},    {0x1FCC, 0x1FCC, 1, -9},     {0x1FD8, 0x1FD9, 1, -8},
    {0x1FDA, 0x1FDB, 1, -100},   {0x1FE8, 0x1FE9, 1, -8},     {0x1FEA, 0x1FEB, 1, -112},
    {0x1FEC, 0x1FEC, 1, -7},     {0x1FF8, 0x1FF9, 1, -128},   {0x1FFA, 0x1FFB, 1, -126},
    {0x1FFC, 0x1FFC, 1, -9},     {0x2126, 0x2126, 1, -7517},  {0x212A, 0x212A, 1, -8383},
    {0x212B, 0x212B, 1, -8262},  {0x2132, 0x2132, 1, 28},     {0x2160, 0x216F, 1, 16},
    {0x2183, 0x2183, 1, 1},      {0x24B6, 0x24CF, 1, 26},     {0x2C00, 0x2C2E, 1, 48},
    {0x2C60, 0x2C60, 1, 1},      {0x2C62, 0x2C62, 1, -10743}, {0x2C63, 0x2C63, 1, -3814},
    {0x2C64, 0x2C64, 1, -10727}, {0x2C67, 0x2C6B, 2, 1},      {0x2C6D, 0x2C6D, 1, -10780},
    {0x2C6E, 0x2C6E, 1, -10749}, {0x2C6F, 0x2C6F, 1, -10783}, {0x2C70, 0x2C70, 1, -10782},
    {0x2C72, 0x2C72, 1, 1},      {0x2C75, 0x2C75, 1, 1},      {0x2C7E, 0x2C7F, 1, -10815},
    {0x2C80, 0x2CE2, 2, 1},      {0x2CEB, 0x2CED, 2, 1},      {0x2CF2, 0x2CF2, 1, 1},
    {0xA640, 0xA66C, 2, 1},      {0xA680, 0xA69A, 2, 1},      {0xA722, 0xA72E, 2, 1},
    {0xA732, 0xA76E, 2, 1},      {0xA779, 0xA77B, 2, 1},      {0xA77D, 0xA77D, 1, -35332},
    {0xA77E, 0xA786, 2, 1},      {0xA78B, 0xA78B, 1, 1},      {0xA78D, 0xA78D, 1, -42280},
    {0xA790, 0xA792, 2, 1},      {0xA796, 0xA7A8, 2, 1},      {0xA7AA, 0xA7AA, 1, -42308},
    {0xA7AB, 0xA7AB, 1, -42319}, {0xA7AC, 0xA7AC, 1, -42315}, {0xA7AD, 0xA7AD, 1, -42305},
    {0xA7AE, 0xA7AE, 1, -42308}, {0xA7B0, 0xA7B0, 1, -42258}, {0xA7B1, 0xA7B1, 1, -42282},
    {0xA7B2, 0xA7B2, 1, -42261}, {0xA7B3, 0xA7B3, 1, 928},    {0xA7B4, 0xA7BE, 2, 1},
    {0xA7C2, 0xA7C2, 1, 1},      {0xA7C4, 0xA7C4, 1, -48},    {0xA7C5, 0xA7C5, 1, -42307},
    {0xA7C6, 0xA7C6, 1, -35384}, {0xA7C7, 0xA7C9, 2, 1},      {0xA7F5, 0xA7F5, 1, 1},
    {0xFF21, 0xFF3A, 1, 32},     {0x10400, 0x10427, 1, 40},   {0x104B0, 0x104D3, 1, 40},
    {0x10C80, 0x10CB2, 1, 64},   {0x118A0, 0x118BF, 1, 32},   {0x16E40, 0x16E5F, 1, 32},
    {0x1E900, 0x1E921, 1, 34}};

/// The first and the last code point of a run.
struct Run {
  char32_t first;
  char32_t last;
};

/// Letters of scripts that have capitals; between them stand characters that are never part of a
/// word.
inline constexpr Run kCased[] = {
    {0x41, 0x5A},     {0x61, 0x7A},     {0xB5, 0xB5},     {0xC0, 0x1BA},    {0x1BC, 0x1BF},
    {0x1C4, 0x293},   {0x295, 0x2B8},   {0x2C0, 0x2C1},   {0x2E0, 0x2E4},   {0x345, 0x345},
    {0x370, 0x373},   {0x376, 0x377},   {0x37A, 0x37D},   {0x386, 0x3F5},   {0x3F7, 0x481},
    {0x48A, 0x556},   {0x561, 0x587},   {0x10A0, 0x10FA}, {0x10FD, 0x10FF}, {0x13A0, 0x13F4},
    {0x1D00, 0x1D61}, {0x1D6B, 0x1D77}, {0x1D79, 0x1D9A}, {0x1E00, 0x1FFC}, {0x2102, 0x2134},
    {0x2139, 0x2C7B}, {0x2C7E, 0x2D2D}, {0xA640, 0xA66D}, {0xA680, 0xA697}, {0xA722, 0xA76F},
    {0xA771, 0xA787}, {0xA78B, 0xA7AA}, {0xA7FA, 0xA7FA}, {0xFB00, 0xFB17}, {0xFF21, 0xFF5A}};

/// Letters that are words of their own: of Chinese and Japanese, modifiers, signs.
inline constexpr Run kApart[] = {
    {0x2C2, 0x2C5},   {0x2D2, 0x2DF},   {0x2E5, 0x2EB},   {0x2ED, 0x2ED},   {0x2EF, 0x2FF},
    {0x375, 0x375},   {0x378, 0x379},   {0x384, 0x385},   {0x3F6, 0x3F6},   {0x55A, 0x55F},
    {0x6DE, 0x6DE},   {0x6E9, 0x6E9},   {0x6FD, 0x6FE},   {0x74B, 0x74C},   {0xA43, 0xA46},
    {0xA49, 0xA4A},   {0xA4E, 0xA4F},   {0xAC6, 0xAC6},   {0xACA, 0xACA},   {0xACE, 0xACF},
    {0xC45, 0xC45},   {0xC49, 0xC49},   {0xC4E, 0xC54},   {0x3005, 0x3005}, {0x3041, 0x3094},
    {0x309D, 0x309E}, {0x30A1, 0x30FE}, {0x4E00, 0x9FA5}, {0xF900, 0xFA2D}};

inline constexpr char32_t kCapitalSigma = 0x3A3;
inline constexpr char32_t kFinalSigma = 0x3C2;
inline constexpr char32_t kCapitalDottedI = 0x130;

/// The last of the sorted runs that begins at or before `character`, or nullptr.
template <class R>
[[nodiscard]] constexpr const R* last_run(std::span<const R> runs, char32_t character) {
  const auto after = std::ranges::upper_bound(runs, character, {}, &R::first);
  return after == runs.begin() ? nullptr : &*std::prev(after);
}

/// Whether `character` lies in one of the sorted runs.
[[nodiscard]] constexpr bool lies_in(std::span<const Run> runs, char32_t character) {
  const Run* run = last_run<Run>(runs, character);
  return run != nullptr && character <= run->last;
}

/// Whether a character goes on with a word.
[[nodiscard]] inline bool is_letter_or_digit(char16_t unit) {
  using enum PtbClass;
  if (unit < 0x80)
    return (unit >= '0' && unit <= '9') || ((unit | 0x20) >= 'a' && (unit | 0x20) <= 'z');
  const PtbClass kind{ptb_class(unit)};
  return kind == letter || kind == letter_upper || kind == letter_word_only || kind == digit ||
         lies_in(kCased, unit);
}

/// Whether a character ends no word where it stands between two letters.
[[nodiscard]] inline bool joins_letters(char16_t unit) {
  constexpr std::u16string_view kJoiners =
      u"\"'-._\u00AD\u058A\u2010\u2011\u2012\u2013\u2014\u2015\u2027\u203F\u2040\u2054";
  return kJoiners.find(unit) != kJoiners.npos;
}

/// Whether the word that holds units[sigma] has a letter with capitals on one side of it. @param
/// step  1: behind; -1: before
[[nodiscard]] inline bool has_cased(std::u16string_view units, std::size_t sigma,
                                    std::ptrdiff_t step) {
  const auto at = [&](std::ptrdiff_t place) {
    return place >= 0 && place < std::ssize(units) ? units[static_cast<std::size_t>(place)] : u'\0';
  };
  const auto is_digit = [](char16_t unit) {
    return (unit >= '0' && unit <= '9') || PtbClass{ptb_class(unit)} == PtbClass::digit;
  };
  for (auto place = static_cast<std::ptrdiff_t>(sigma) + step;; place += step) {
    char16_t unit = at(place);
    if (joins_letters(unit) && !is_digit(at(place - step)) && !is_digit(at(place + step)))
      unit = at(place += step);
    if (lies_in(kCased, unit)) return true;
    if (!is_letter_or_digit(unit) || lies_in(kApart, unit)) return false;
  }
}

}  // namespace detail::ptb_lower_case

/// Appends a token in lower case, as UTF-8. A capital sigma becomes a final one at the end of a
/// word, which here goes on behind a hyphen or a period between letters; U+0130 becomes i and
/// U+0307; half of a surrogate pair a question mark.
inline void append_lower_case(std::u16string_view token, std::string& out) {
  using namespace detail::ptb_lower_case;
  for (std::size_t place = 0; place < token.size();) {
    const std::size_t begin = place;
    const char32_t character = take_code_point(token, place);
    if (character < 0x80) {
      out += static_cast<char>(character >= 'A' && character <= 'Z' ? character + 0x20 : character);
    } else if (character == kCapitalDottedI) {
      out += "i\u0307";
    } else if (character == kCapitalSigma && has_cased(token, begin, -1) &&
               !has_cased(token, begin, 1)) {
      append_utf8(out, kFinalSigma);
    } else if (character >= 0xD800 && character < 0xE000) {
      out += '?';
    } else {
      const Capitals* run = last_run<Capitals>(kCapitals, character);
      const bool is_capital =
          run != nullptr && character <= run->last && (character - run->first) % run->step == 0;
      append_utf8(out, is_capital ? character + static_cast<char32_t>(run->distance) : character);
    }
  }
}

}  // namespace vlp
