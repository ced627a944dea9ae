#pragma once
// A plain way to cut captions into words, for captions that need not be compared with published scores.

#include <cstddef>
#include <string>
#include <string_view>

#include "vlp/text/unicode.hpp"

namespace vlp {

/// Lower-cases a caption and cuts it into words of letters, digits, and apostrophes or hyphens between them, joined by
/// single blanks; U+2019 counts as an apostrophe. Differs from the Penn Treebank tokenizer, which published caption
/// scores rest on: that one splits "isn't" into "is n't" and keeps brackets and symbols as words. This stands in for it,
/// so scores of words cut here are comparable with one another, not with published ones.
[[nodiscard]] inline std::string simple_tokens(std::string_view caption) {
  const auto in_word = [](char32_t c) { return is_letter(c) || is_digit(c); };
  std::string words;
  char32_t joint = 0;  // an apostrophe or hyphen behind a word, kept only if the word goes on
  bool inside = false;
  while (!caption.empty()) {
    char32_t character = take_character(caption);
    if (character == 0x2019) character = '\'';
    if (in_word(character)) {
      if (joint != 0) append_utf8(words, joint);
      if (!inside && !words.empty()) words += ' ';
      append_utf8(words, lower_case(character));
      inside = true;
      joint = 0;
    } else if (inside && joint == 0 && (character == '\'' || character == '-')) {
      joint = character;
    } else {
      inside = false;
      joint = 0;
    }
  }
  return words;
}

}  // namespace vlp
