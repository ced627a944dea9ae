#pragma once
// The Penn Treebank tokenizer of caption evaluation: what pycocoevalcap's call of Stanford's
// PTBTokenizer 3.4.1 prints, and its filter of punctuation. Its text is a stream of captions; no
// token crosses the end of one.

#include "vlp/scoring/lexer.hpp"
#include "vlp/scoring/ptb_characters.hpp"
#include "vlp/scoring/ptb_classes.hpp"
#include "vlp/scoring/ptb_lexer.hpp"
#include "vlp/scoring/ptb_lower_case.hpp"
#include "vlp/scoring/ptb_rules.hpp"
#include "vlp/scoring/utf16.hpp"
#include "vlp/text/unicode.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <span>
#include <string>
#include <string_view>

namespace vlp {

/// The tokens that caption evaluation leaves out. It names brackets as well, but in capitals, which
/// no token has.
inline constexpr auto kPtbPunctuation = std::to_array<std::string_view>(
    {"''", "'", "``", "`", ".", "?", "!", ",", ":", "-", "--", "...", ";"});

/// Cuts captions into lower-cased tokens. Its lexer grows while it reads, so each thread has a
/// tokenizer of its own.
class PtbTokenizer {
 public:
  /// Appends the tokens of captions[index] to `out`, separated by one U+0020; blanks inside a token
  /// are U+00A0. Rules that look ahead see the captions behind it. A line feed in a caption is a
  /// blank; every other line end only separates.
  /// @param captions  UTF-8; what is not becomes U+FFFD, which is deleted
  /// @param index  of the caption to cut
  /// @param isolated  whether the caption is the whole text, so that look-ahead ends with it
  /// @param keep_punctuation  whether the tokens of kPtbPunctuation are printed too
  /// @param out  where the tokens go
  void tokenize(std::span<const std::string_view> captions, std::size_t index, bool isolated,
                bool keep_punctuation, std::string& out) {
    open(isolated ? captions.subspan(index, 1) : captions.subspan(index));
    const std::size_t line = out.size();
    std::size_t last = line;  // where the last token begins
    bool kept = false;        // whether it stays
    for (std::size_t place = 0; place < size_;) {
      // A single blank before a visible ASCII character is nothing but that; a run of blanks is
      // left to the rules, because one such as U+00A0 begins a token where nothing has taken it
      // along.
      if (classes_[place] == ' ' && classes_[place + 1] > ' ' && classes_[place + 1] < '\x7F') {
        ++place;
        continue;
      }
      const LexerMatch match = next_match(place);
      const std::size_t end = out.size();
      if (end != line) out += ' ';
      const std::size_t token = out.size();
      place += print(kPtbRules[match.rule], place, match.size, out);
      if (out.size() != token) {
        last = token;
        kept = keep_punctuation || !is_punctuation(std::string_view(out).substr(token));
      }
      if (out.size() == token || !kept) out.resize(end);
    }
    if (kept && !keep_punctuation) strip_blanks(last, out);
  }

 private:
  // Makes the first of `captions` the text to cut.
  void open(std::span<const std::string_view> captions) {
    lexer_.begin();
    behind_ = captions.subspan(1);
    following_ = 1;
    complete_ = false;
    classes_.clear();
    units_.clear();
    if (!append_plain(captions.front())) append_classes(captions.front(), units_);
    size_ = classes_.size();
    append_end();
  }

  // ASCII stands for itself. @returns false, having done nothing, if the caption holds anything
  // else
  bool append_plain(std::string_view caption) {
    unsigned char bits = 0;
    bool line_feed = false;
    for (const char byte : caption) {
      bits |= static_cast<unsigned char>(byte);
      line_feed |= byte == '\n';
    }
    if (bits >= 0x80 || line_feed) return false;
    classes_ += caption;
    return true;
  }

  void append_classes(std::string_view caption, std::u16string& units) {
    append_units(caption, units);
    std::ranges::replace(units, u'\n', u' ');
    for (const char16_t unit : units)
      classes_ += static_cast<char>(unit < 0x80 ? unit : static_cast<char16_t>(ptb_class(unit)));
  }

  void append_end() {
    complete_ = behind_.empty();
    if (!complete_) classes_ += static_cast<char>(PtbClass::caption_end);
  }

  LexerMatch next_match(std::size_t place) {
    for (;;) {
      const LexerMatch match = lexer_.match(classes_, place, complete_);
      if (!match.at_end) return match;
      append_following();
    }
  }

  // Shows the look-ahead more captions, each time twice as many.
  void append_following() {
    for (std::size_t count = 0; count < following_ && !complete_; ++count) {
      std::u16string units;
      if (!append_plain(behind_.front())) append_classes(behind_.front(), units);
      behind_ = behind_.subspan(1);
      append_end();
    }
    following_ *= 2;
  }

  // Prints what `rule` makes of its body. @returns how many units are done with
  std::size_t print(const PtbRule& rule, std::size_t begin, std::size_t size, std::string& out) {
    switch (rule.print) {
      case PtbPrint::word:        print_text(begin, size, out); return size;
      case PtbPrint::exact:       print_text(begin, size, out, true); return size;
      case PtbPrint::fixed:       out += rule.text; return size;
      case PtbPrint::nothing:     return size;
      case PtbPrint::first:       print_text(begin, rule.count, out); return rule.count;
      case PtbPrint::repeat_last: print_text(begin, size, out); return size - 1;
      case PtbPrint::normalized:  print_normalized(begin, size, out); return size;
    }
    return size;
  }

  void print_text(std::size_t begin, std::size_t size, std::string& out,
                  bool soft_hyphens = false) {
    const std::string_view plain = std::string_view(classes_).substr(begin, size);
    if (units_.empty() && plain.find(' ') == std::string_view::npos) {
      const std::size_t token = out.size();
      out += plain;
      std::ranges::transform(out.begin() + static_cast<std::ptrdiff_t>(token), out.end(),
                             out.begin() + static_cast<std::ptrdiff_t>(token), lower);
      return;
    }
    token_.clear();
    for (std::size_t place = begin; place < begin + size; ++place)
      if (unit(place) != kSoftHyphen || soft_hyphens)
        token_ += unit(place) == u' ' ? kNoBreakSpace : unit(place);
    if (token_.empty()) token_ = u'-';
    append_lower_case(token_, out);
  }

  void print_normalized(std::size_t begin, std::size_t size, std::string& out) {
    const std::string_view classes = std::string_view(classes_).substr(begin, size);
    for (std::size_t place = 0; place < size; ++place) {
      const auto begins = [&](const PtbSpelling& spelling) {
        return std::ranges::equal(
            classes.substr(place, spelling.classes.size()), spelling.classes, {},
            [&](char byte) { return spelling.any_case ? lower(byte) : byte; });
      };
      const auto written = std::ranges::find_if(kPtbSpellings, begins);
      if (written == kPtbSpellings.end()) {
        print_text(begin + place, 1, out);
      } else {
        out += written->text;
        place += written->classes.size() - 1;
      }
    }
  }

  // Takes white space as Python sees it off the end of `out`, as far as it belongs to the token at
  // `begin`.
  static void strip_blanks(std::size_t begin, std::string& out) {
    std::size_t end = begin;
    for (std::string_view rest = std::string_view(out).substr(begin); !rest.empty();)
      if (!is_white_space(take_character(rest))) end = out.size() - rest.size();
    out.resize(end);
  }

  [[nodiscard]] char16_t unit(std::size_t place) const {
    return units_.empty() ? static_cast<unsigned char>(classes_[place]) : units_[place];
  }

  static constexpr char lower(char byte) {
    return byte >= 'A' && byte <= 'Z' ? static_cast<char>(byte + ('a' - 'A')) : byte;
  }

  static bool is_punctuation(std::string_view token) {
    return token.size() <= 3 && token.front() < 'a' &&
           std::ranges::find(kPtbPunctuation, token) != kPtbPunctuation.end();
  }

  static constexpr char16_t kSoftHyphen = 0xAD;
  static constexpr char16_t kNoBreakSpace = 0xA0;

  Lexer lexer_ = ptb_lexer();
  std::span<const std::string_view> behind_;  // captions that `classes_` don't show yet
  std::size_t following_ = 1;                 // captions to show the next time
  std::string
      classes_;  // of the caption's units, and of as many behind it as look-ahead wanted to see
  std::u16string units_;   // of the caption, unless it is plain ASCII
  std::size_t size_ = 0;   // units of the caption
  bool complete_ = false;  // whether `classes_` reach the end of the text
  std::u16string token_;
};

}  // namespace vlp
