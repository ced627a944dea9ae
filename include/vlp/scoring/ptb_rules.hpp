#pragma once
// The rules of the Penn Treebank tokenizer as caption evaluation runs it (Stanford's
// PTBTokenizer 3.4.1, default options), written from its observed behaviour. Syntax: pattern.hpp,
// over the alphabet of ptb_classes.hpp. A literal letter matches in any case, a letter in brackets
// as written.

#include "vlp/scoring/ptb_classes.hpp"

#include <array>
#include <cstddef>
#include <string_view>

namespace vlp {

/// A named part of the rules.
struct PtbPart {
  std::string_view name;     ///< as the rules write it in braces
  std::string_view pattern;  ///< what it stands for
};

/// What a rule prints for the text that its body matched.
enum class PtbPrint {
  word,         ///< the text without its soft hyphens; of nothing but those, a hyphen
  exact,        ///< all of the text
  fixed,        ///< the rule's own text instead
  nothing,      ///< no token
  first,        ///< the first `count` characters; the others are read again
  repeat_last,  ///< the text, whose last character is read again as well
  normalized,   ///< the text with kPtbSpellings in place
};

/// One rule: among the longest matches the one listed first wins, where the look-ahead counts as
/// matched.
struct PtbRule {
  std::string_view body;             ///< pattern of the token
  std::string_view look_ahead = "";  ///< pattern of what must follow, if not empty
  PtbPrint print = PtbPrint::word;   ///< what becomes of it
  std::string_view text = "";        ///< of PtbPrint::fixed: what is printed, in lower case
  std::size_t count = 0;             ///< of PtbPrint::first: how many characters
};

/// The parts, each defined before it is used. The classes of PtbClass are parts as well, under
/// their own names.
inline constexpr auto kPtbParts = std::to_array<PtbPart>({
    {"LETTER",
     R"([a-zA-Z{letter}{letter_upper}{letter_word_only}{soft_hyphen}{dotted_i}{dotless_i}{long_s}{kelvin}]
                  | & [aeiouAEIOU] (acute | grave | uml) ;)"},
    {"ALPHA", "[a-zA-Z{letter}{letter_upper}{dotted_i}{dotless_i}{long_s}{kelvin}]"},
    {"CAPITAL", "[A-Z{letter_upper}{symbol_upper}{dropped_upper}{dotted_i}{kelvin}]"},
    {"DIGIT", "[0-9{digit}]"},
    {"BLANK", "[ \t{no_break_space}{blank}]"},
    {"NEWLINE", "\r {caption_end} | [\r\n\v\f{newline}{next_line}{caption_end}]"},
    {"GAP", "{BLANK} | {NEWLINE}"},
    {"ANY", "[^] | {caption_end}"},
    {"APOS", R"(['{apostrophe}] | &apos;)"},
    {"QUOTE", R"(['`{apostrophe}{single_quote_open}] | &apos;)"},
    {"CLAUSE_END", "[,;:{ideographic_comma}]"},
    {"QUOT", "[&][q][u][o][t];"},
    {"HYPHEN", R"([\-_{hyphen}])"},
    {"WORD", R"({LETTER} ({LETTER} | {DIGIT})* ([.!?] {LETTER} ({LETTER} | {DIGIT})*)*)"},
    {"CLITIC", R"({APOS} ([msdMSD] | re | ve | ll))"},
    {"NOT", R"([nN] {QUOTE} [tT])"},

    {"NAME", R"([a-zA-Z] [a-zA-Z0-9_:.\-]*)"},
    {"VALUE", R"([ ]* = [ ]* (" [^"]* " | ' [^']* '))"},
    {"TAG_BYTE", "[^>\r\n]"},
    {"TAG",
     R"(< ([!?] [a-zA-Z\-] {TAG_BYTE}* | {NAME} ([ ]+ {NAME} {VALUE}?)* [ ]* /? | / {NAME}) [ ]* >)"},

    {"URL_BYTE", "[^ \t\n\f\r\"<>|()\\{\\}]"},
    {"URL_LAST", "[^ \t\n\f\r\"<>|()\\{\\}.!?,\\-]"},
    {"HOST_LABEL", "[^ \t\n\f\r\"<>|()\\{\\}.!?,]+"},
    {"PLAIN_LABEL", "[^ \t\n\f\r\"<>|()\\{\\}.!?,\\-_/0-9:;=@A-Z\\[\\\\\\]\\^$'`]+"},
    {"PATH", "/ [^ \t\n\f\r\"<>|()]+ {URL_LAST}"},
    {"MAIL_BYTE", "[^ {no_break_space}\t\n\f\r\"<>|()\\{\\}]"},
    {"MAIL_LABEL", "[^ {no_break_space}\t\n\f\r\"<>|()\\{\\}.]+"},

    {"SIGNS", R"(\+ \+?)"},
    {"SEPARATOR", R"([\- {no_break_space}])"},
    {"FRACTION", R"({DIGIT}{1,4} (\\? / | {fraction_slash}) {DIGIT}{1,4})"},
    {"SLASH_PART", R"([a-zA-Z0-9]+ (- [a-zA-Z]+){0,2})"},

    {"LONG_ACRONYM",
     R"([a-zA-Z] (\. [a-zA-Z])+ | (Canada | Sino | Korean | EU | Japan | non) -U\.S | U\.S\.-U\.K | U\.S\.-U\.S\.S\.R)"},
    {"ACRONYM", "[a-zA-Z] | {LONG_ACRONYM}"},
    {"STARTER",
     R"([A] (bout | ccording | dditionally | fter | n | s | t)? | [B]ut | [E]arlier | [H] (e | er | ere | owever) | [I] (f | n | t)
                   | [L]ast | [M] (any | ore | r\. | s\.) | [N]ow | [O] (nce | ne | ther | ur) | [S] (he | ince | o | ome | uch)
                   | [T] (hat | he | heir | hen | here | hese | hey | his) | [W] (e | hen | hile | hat) | [Y] (et | ou) | {TAG})"},
    {"ENDING_ABBREVIATION",
     R"(Jan | Feb | Mar | Apr | Jun | Jul | Aug | Sep | Sept | Oct | Nov | Dec | Mon | Tue | Tues | Wed | Thu | Thurs | Fri
        | Ala | Ariz | Calif | Colo | Conn | Ct | Dak | Fla | Ga | Ind | Kan | Kans | Ky | Md | Mich | Minn | Mo | Mont | Neb | Nev | Okla
        | Penn | Tenn | Va | Vt | Wis | Wisc | Wyo | Inc | Co | Cos | Corp | Ltd | Plc | Rt | Bancorp | Bhd | Assn | Univ | Intl | Sys
        | Pp?t[ye]s? | tel | est | ext | sq | Jr | Sr | Bros | Ed\.D | Ph\.D | Blvd | Rd | Esq | etc | al | seq | Bldg
        | [A] (z | rk) | [D]el | [I]ll | [L]a | [M] (ass | iss) | [O]re | [P]a | [T]ex | [W]ash)"},
    {"TITLE_ABBREVIATION",
     R"(Mr | Mrs | Ms | Dr | Drs | Prof | Profs | Sen | Sens | Rep | Reps | Atty | Attys | Lt | Col | Gen | Messrs | Gov | Govs | Adm | Rev
        | Maj | Sgt | Cpl | Pvt | Capt | St | Ste | Ave | Pres | Lieut | Hon | Brig | Cmdr | Comdr | Pfc | Spc | Supt | Supts | Det | Mt | Ft
        | Adj | Adv | Asst | Assoc | Ens | Insp | Mlle | Mme | Msgr | Sfc | vs | Alex | Wm | Jos | Cie | a\.k\.a | cf | TREAS | Ph | Invt
        | Elec | Natl | Dept | [M]iss | [mM][ft]g)"},

    {"DASHED",
     R"([a-zA-Z0-9] [a-zA-Z0-9.,{soft_hyphen}]* (- ([a-zA-Z0-9{soft_hyphen}]+ | {LONG_ACRONYM} \.))+)"},
    {"PART", "([dolDOL] {QUOTE} [{ALPHA}{DIGIT}])? [{ALPHA}{DIGIT}]+"},
    {"COMPOUND", "{PART} ({HYPHEN} {PART})*"},
    {"AMPERSAND_JOINED", "[A-Z]+ (([&+] | &amp;) [A-Z]+)+"},
    {"EYE", R"([\-\^=~<>'x])"},
});

/// The rules, in the order that decides between matches of equal length.
inline constexpr auto kPtbRules = std::to_array<PtbRule>({
    // words of programming, words that are two
    {.body = R"(c\+\+ | (c | f) #)"},
    {.body = "cannot | gonna | gotta | lemme | gimme | wanna",
     .print = PtbPrint::first,
     .count = 3},
    {.body = "'twas | 'tis", .print = PtbPrint::first, .count = 2},
    // markup, dashes, entities
    {.body = "{TAG}", .print = PtbPrint::exact},
    {.body = "{dash} | &MD; | &mdash; | &ndash;", .print = PtbPrint::fixed, .text = "--"},
    {.body = "&amp;", .print = PtbPrint::fixed, .text = "&"},
    {.body = R"(& (HT | TL | UR | LR | QC | QL | QR | odq | cdq | # [0-9]+) ;)"},
    // words
    {.body = "{WORD}", .look_ahead = "{CLITIC}"},
    {.body = "[a-zA-Z{soft_hyphen}]* [a-mo-zA-MO-Z] {soft_hyphen}*", .look_ahead = "{NOT}"},
    {.body = "{WORD}"},
    // words with an apostrophe
    {.body =
         R"({APOS} n {APOS}? | [ldjLDJ] {APOS} | Dunkin{APOS} | somethin{APOS} | ol{APOS} | {APOS}em | {APOS} [2-9] 0s | {APOS}till?
                | {APOS}cause | cont'd \.? | nor'easter | c'mon | e'er | s'mores | ev'ry | li'l | nat'l
                | O {QUOTE} o | [A-HJ-XZn] {QUOTE} {ALPHA}{2} {ALPHA}* | {ALPHA}+ [aeiouyAEIOUY] {QUOTE} [aeiouA-Z] {ALPHA}*)"},
    {.body = "y{APOS}", .look_ahead = "{ALPHA}"},
    // addresses, names, hash tags
    {.body = "https? :// {URL_BYTE}+ {URL_LAST}", .print = PtbPrint::exact},
    {.body =
         R"(www\. ({HOST_LABEL} \.)+ [a-zA-Z]{2,4} {PATH}? | ({PLAIN_LABEL} \.)+ (com | net | org | edu) {PATH}?)",
     .print = PtbPrint::exact},
    {.body =
         R"((< | &lt;)? [a-zA-Z0-9] {MAIL_BYTE}* @ ({MAIL_LABEL} \.)* {MAIL_LABEL} (> | &gt;)?)",
     .print = PtbPrint::exact},
    {.body = R"(@ [a-zA-Z_] [a-zA-Z_0-9]* | # {LETTER}+)", .print = PtbPrint::exact},
    // clitics before a character that is not a letter
    {.body = "{CLITIC} | {NOT}",
     .look_ahead = "[^a-zA-Z] | {caption_end}",
     .print = PtbPrint::normalized},
    // dates, numbers, fractions
    {.body = R"({DIGIT}{1,2} [\-/] {DIGIT}{1,2} [\-/] {DIGIT}{2,4})"},
    {.body = R"([\-\+]? ({DIGIT}+ | {DIGIT}* ([.:,{soft_hyphen}{decimal_separator}] {DIGIT}+)+))"},
    {.body = R"([{raised_sign}{lowered_sign}]? ({raised_digit}+ | {lowered_digit}+))"},
    {.body = R"(({DIGIT}{1,4} {SEPARATOR})? {FRACTION})"},
    {.body = "{one_quarter}", .print = PtbPrint::fixed, .text = "1/4"},
    {.body = "{one_half}", .print = PtbPrint::fixed, .text = "1/2"},
    {.body = "{three_quarters}", .print = PtbPrint::fixed, .text = "3/4"},
    {.body = "{one_third}", .print = PtbPrint::fixed, .text = "1/3"},
    {.body = "{two_thirds}", .print = PtbPrint::fixed, .text = "2/3"},
    // words of Treebank texts, slash compounds
    {.body =
         R"(- (L | R) (R | C | S) B - | C\.D\.s | pro- | anti- | S&P-500 | S&Ls | Cap{APOS}n | c{APOS}est)"},
    {.body = R"({SLASH_PART} (\\? / {SLASH_PART}){1,2})"},
    // currencies
    {.body = R"([A-Z]* \$ | #)"},
    {.body = "{cent}", .print = PtbPrint::fixed, .text = "cents"},
    {.body = "{pound}", .print = PtbPrint::fixed, .text = "#"},
    {.body = "{other_currency}", .print = PtbPrint::fixed, .text = "$"},
    // periods of acronyms and abbreviations
    {.body = "[a-zA-Z]", .look_ahead = R"(\. {GAP}+ {STARTER} {GAP})"},
    {.body = R"({LONG_ACRONYM} \.)",
     .look_ahead = "{GAP}+ {STARTER} {GAP}",
     .print = PtbPrint::repeat_last},
    {.body = R"((ca | figs? | prop | nos? | art | bldg | pp | op) \.)",
     .look_ahead = "{GAP}? {DIGIT}"},
    {.body = R"((pt[eyEY] | co) \.)", .look_ahead = "{BLANK} (ltd | lim)"},
    {.body = R"({ENDING_ABBREVIATION} \.)",
     .look_ahead = "{GAP} ({GAP} | {CAPITAL} | {TAG})",
     .print = PtbPrint::repeat_last},
    {.body = R"({ENDING_ABBREVIATION} \.)", .look_ahead = "{ANY} {ANY}"},
    {.body = R"({ENDING_ABBREVIATION} \.)", .print = PtbPrint::repeat_last},
    {.body = R"(({TITLE_ABBREVIATION} | {ACRONYM}) \.)"},
    {.body = "{ENDING_ABBREVIATION} | {TITLE_ABBREVIATION}", .look_ahead = "{BLANK}"},
    {.body = "{ACRONYM}", .look_ahead = "{GAP}"},
    // years, file names, a period inside a sentence
    {.body = "{APOS} [0-9]{2}", .look_ahead = "{GAP}"},
    {.body = R"(({LETTER} | {DIGIT})+ (\. ({LETTER} | {DIGIT})+)* \.
                (bat | bmp | c | class | cgi | cpp | dll | doc | docx | exe | gif | gz | h | htm | html | jar | java | jpeg | jpg | mov | mp3
                 | pdf | php | pl | png | ppt | ps | py | sql | tar | txt | wav | x | xml | zip))",
     .look_ahead = "{GAP} | [.?!,]",
     .print = PtbPrint::exact},
    {.body = R"({WORD} \.)", .look_ahead = "{CLAUSE_END}"},
    // telephone numbers
    {.body =
         R"((\( [0-9]{2,3} \) [ {no_break_space}]? | {SIGNS}? ([0-9]{2,4} {SEPARATOR})? [0-9]{2,4} {SEPARATOR})
                [0-9]{3,4} {SEPARATOR}? [0-9]{3,5}
                | ({SIGNS}? [0-9]{2,4} \.)? [0-9]{2,4} \. [0-9]{3,4} \. [0-9]{3,5})",
     .print = PtbPrint::normalized},
    // double quotes, angle brackets
    {.body = "\" | {QUOT}", .look_ahead = "[a-zA-Z0-9$]", .print = PtbPrint::fixed, .text = "``"},
    {.body = "\" | {QUOT}", .print = PtbPrint::fixed, .text = "''"},
    {.body = "&quot;"},
    {.body = "\x7F", .print = PtbPrint::nothing},
    {.body = "< | &lt;", .print = PtbPrint::fixed, .text = "<"},
    {.body = "> | &gt;", .print = PtbPrint::fixed, .text = ">"},
    // smileys
    {.body = R"([<>]? [:;=] [\-o*']? [()DPdpO\\\{@|\[\]])",
     .look_ahead = "[^a-zA-Z0-9] | {caption_end}",
     .print = PtbPrint::normalized},
    {.body = R"({EYE} _ {EYE} | \( {EYE} [_.\-]? {EYE} \))", .print = PtbPrint::normalized},
    // brackets, runs of punctuation
    {.body = R"(\()", .print = PtbPrint::fixed, .text = "-lrb-"},
    {.body = R"(\))", .print = PtbPrint::fixed, .text = "-rrb-"},
    {.body = R"(\[)", .print = PtbPrint::fixed, .text = "-lsb-"},
    {.body = R"(\])", .print = PtbPrint::fixed, .text = "-rsb-"},
    {.body = R"(\{)", .print = PtbPrint::fixed, .text = "-lcb-"},
    {.body = R"(\})", .print = PtbPrint::fixed, .text = "-rcb-"},
    {.body = R"(-{3,4})", .print = PtbPrint::fixed, .text = "--"},
    {.body = R"(-+)"},
    {.body = R"(\.{3,5} | (\. [ {no_break_space}]){2,4} \. | {ellipsis} | {next_line})",
     .print = PtbPrint::fixed,
     .text = "..."},
    {.body = R"(@+ | #+ | _+ | \*+ | [?!]+ | [,;:{ideographic_comma}] | \. | = | /)"},
    // hyphen compounds, capitals joined by signs
    {.body = R"({DASHED} \.)", .look_ahead = "{CLAUSE_END}"},
    {.body = "{DASHED}"},
    {.body = R"({COMPOUND} \.)", .look_ahead = "{CLAUSE_END}"},
    {.body = "{COMPOUND}"},
    {.body = R"({AMPERSAND_JOINED} \.)",
     .look_ahead = "{CLAUSE_END}",
     .print = PtbPrint::normalized},
    {.body = "{AMPERSAND_JOINED}", .print = PtbPrint::normalized},
    // quotes
    {.body = "'",
     .look_ahead = "[a-zA-Z] [^ \t\r\n{no_break_space}]",
     .print = PtbPrint::fixed,
     .text = "`"},
    {.body = "{CLITIC} | {NOT}", .print = PtbPrint::normalized},
    {.body =
         R"('{1,2} | &apos; | (` | {apostrophe} | {single_quote_open} | {angle_quote_open} | {angle_quote_close}
                          | {double_quote_open} | {double_quote_close} | {low_quote}){1,2})",
     .print = PtbPrint::normalized},
    // symbols, and what is left out
    {.body =
         R"(<< | >> | \\\* | [+%&~\^|\\{symbol}{symbol_upper}{raised_sign}{lowered_sign}{fraction_slash}])"},
    {.body = "{BLANK}+ | &nbsp; | {NEWLINE}", .print = PtbPrint::nothing},
    {.body = "[^]", .print = PtbPrint::nothing},
});

/// How something that PtbPrint::normalized meets is printed.
struct PtbSpelling {
  std::string_view classes;  ///< bytes of the rules' alphabet
  std::string_view text;     ///< in lower case
  bool any_case = false;     ///< whether `classes` may be written in capitals
};

/// Quotes in the style of LaTeX, characters for their entities, words for round brackets.
inline constexpr auto kPtbSpellings = std::to_array<PtbSpelling>({
    {"&apos;", "'"},
    {"&amp;", "&", true},
    {"(", "-lrb-"},
    {")", "-rrb-"},
    {kPtbClassText<PtbClass::apostrophe>, "'"},
    {kPtbClassText<PtbClass::single_quote_open>, "`"},
    {kPtbClassText<PtbClass::angle_quote_open>, "`"},
    {kPtbClassText<PtbClass::angle_quote_close>, "'"},
    {kPtbClassText<PtbClass::double_quote_open>, "``"},
    {kPtbClassText<PtbClass::double_quote_close>, "''"},
});

}  // namespace vlp
