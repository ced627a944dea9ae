#pragma once
// Captions as BLIP reads them in training: lower case, without most punctuation, cut to a number of
// words.

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <tuple>

#include "vlp/concepts/transform.hpp"
#include "vlp/recipe/field.hpp"
#include "vlp/registry/plugin.hpp"
#include "vlp/text/unicode.hpp"

namespace vlp {

/// Lower-cases, makes each of . ! " ( ) * # : ; ~ a blank and two or more white characters in a row
/// one blank, strips blanks from both ends (line ends behind the text before that), and keeps the
/// first `words` between blanks (Li et al. 2022). Commas, hyphens, apostrophes and question marks
/// stay. Bytes that are no UTF-8 become U+FFFD. Draws nothing.
class PreCaption {
 public:
  static constexpr std::string_view name = "pre_caption";

  struct Options {
    std::int64_t words = 30;
    static constexpr auto fields() {
      return std::tuple{
          field<&Options::words>("Longest caption; further words are cut off.", at_least(1))};
    }
  };
  explicit PreCaption(Options options) : options_(options) {}

  /// @param caption  UTF-8
  std::string operator()(std::string_view caption, RandomStream&) const {
    return first_words(cleaned(caption));
  }

 private:
  /// Differs from Python's lower(), which the reference uses, in two letters: a capital sigma at
  /// the end of a word becomes a plain one, and the dotted capital I loses its dot. BERT's
  /// tokenizer strips the dot anyway.
  static std::string cleaned(std::string_view caption) {
    constexpr std::string_view kBlanked = ".!\"()*#:;~";
    std::string text, white;  // `white` holds white characters that may turn out to be several
    std::int64_t run = 0;
    const auto end_run = [&] {
      text += run > 1 ? " " : white;
      white.clear();
      run = 0;
    };
    while (!caption.empty()) {
      char32_t character = take_character(caption);
      if (character < 0x80 && kBlanked.find(static_cast<char>(character)) != kBlanked.npos)
        character = ' ';
      if (is_white_space(character)) {
        append_utf8(white, character);
        ++run;
      } else {
        if (run > 0) end_run();
        append_utf8(text, lower_case(character));
      }
    }
    if (run > 0) end_run();
    while (text.ends_with('\n')) text.pop_back();
    const std::size_t first = text.find_first_not_of(' ');
    return first == text.npos ? "" : text.substr(first, text.find_last_not_of(' ') - first + 1);
  }

  [[nodiscard]] std::string first_words(std::string text) const {
    std::size_t end = 0;
    for (std::int64_t word = 0; word < options_.words; ++word) {
      end = text.find(' ', word == 0 ? 0 : end + 1);
      if (end == text.npos) return text;
    }
    return text.substr(0, end);
  }

  Options options_;
};
static_assert(Transform<PreCaption>);

}  // namespace vlp

VLP_PLUGIN(pre_caption, "1.0", vlp::PreCaption);
