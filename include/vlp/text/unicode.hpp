#pragma once
// UTF-8, and the few Unicode properties that text processing here needs, over utf8proc.

#include <utf8proc.h>

#include <algorithm>
#include <cstddef>
#include <string>
#include <string_view>

namespace vlp {

/// Stands for bytes that are not UTF-8.
inline constexpr char32_t kReplacementCharacter = 0xFFFD;

/// Takes the first character off `text`, which must not be empty; a byte that starts no valid
/// character gives U+FFFD.
[[nodiscard]] inline char32_t take_character(std::string_view& text) {
  if (const auto byte = static_cast<unsigned char>(text.front()); byte < 0x80) {
    text.remove_prefix(1);
    return byte;
  }
  utf8proc_int32_t character = 0;
  const auto* bytes = reinterpret_cast<const utf8proc_uint8_t*>(text.data());
  const utf8proc_ssize_t taken =
      utf8proc_iterate(bytes, static_cast<utf8proc_ssize_t>(text.size()), &character);
  text.remove_prefix(taken > 0 ? static_cast<std::size_t>(taken) : 1);
  return taken > 0 ? static_cast<char32_t>(character) : kReplacementCharacter;
}

/// Appends one code point as UTF-8.
inline void append_utf8(std::string& text, char32_t character) {
  if (character < 0x80) {
    text += static_cast<char>(character);
    return;
  }
  utf8proc_uint8_t bytes[4];
  const utf8proc_ssize_t size =
      utf8proc_encode_char(static_cast<utf8proc_int32_t>(character), bytes);
  text.append(reinterpret_cast<const char*>(bytes), static_cast<std::size_t>(size));
}

/// Lower case of one character by itself (a final capital sigma becomes a plain one); never more
/// than one character.
[[nodiscard]] inline char32_t lower_case(char32_t character) {
  if (character < 0x80)
    return character >= 'A' && character <= 'Z' ? character + ('a' - 'A') : character;
  return static_cast<char32_t>(utf8proc_tolower(static_cast<utf8proc_int32_t>(character)));
}

/// Canonical decomposition (NFD): base characters followed by their accents in canonical order.
[[nodiscard]] inline std::u32string decompose(std::u32string_view text) {
  constexpr std::size_t kLongest = 4;  // code points of one canonical decomposition
  std::u32string result;
  result.reserve(text.size());
  for (const char32_t character : text) {
    utf8proc_int32_t parts[kLongest];
    int boundary = 0;
    const auto count =
        character < 0xC0 ? -1
                         : utf8proc_decompose_char(static_cast<utf8proc_int32_t>(character), parts,
                                                   kLongest, UTF8PROC_DECOMPOSE, &boundary);
    if (count <= 0 || count > static_cast<utf8proc_ssize_t>(kLongest))
      result += character;
    else
      result.append(parts, parts + count);
  }
  const auto combining = [](char32_t c) {
    return c < 0x300
               ? 0
               : static_cast<int>(
                     utf8proc_get_property(static_cast<utf8proc_int32_t>(c))->combining_class);
  };
  auto run = result.begin();  // of combining characters, sorted by class up to `here`
  for (auto here = run; here != result.end(); ++here) {
    const int own = combining(*here);
    if (own == 0) {
      run = here + 1;
    } else {
      const auto place = std::upper_bound(
          run, here, own, [&](int value, char32_t c) { return value < combining(c); });
      std::rotate(place, here, here + 1);
    }
  }
  return result;
}

/// White space as Python's str.split sees it.
[[nodiscard]] constexpr bool is_white_space(char32_t c) {
  return c == ' ' || (c >= 0x09 && c <= 0x0D) || (c >= 0x1C && c <= 0x1F) || c == 0x85 ||
         c == 0xA0 || c == 0x1680 || (c >= 0x2000 && c <= 0x200A) || c == 0x2028 || c == 0x2029 ||
         c == 0x202F || c == 0x205F || c == 0x3000;
}

/// Whether there is nothing but white space, or nothing at all.
[[nodiscard]] inline bool only_white_space(std::string_view text) {
  while (!text.empty())
    if (!is_white_space(take_character(text))) return false;
  return true;
}

/// Calls `visit(word)` with each run of characters between white space, in order; a word is a view
/// into `text`.
template <class Visit>
void for_each_word(std::string_view text, Visit&& visit) {
  const char* word = text.data();
  while (!text.empty()) {
    const char* const here = text.data();
    if (!is_white_space(take_character(text))) continue;
    if (here != word) visit(std::string_view(word, here));
    word = text.data();
  }
  if (text.data() != word) visit(std::string_view(word, text.data()));
}

}  // namespace vlp
