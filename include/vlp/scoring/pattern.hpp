#pragma once
// Small regular expressions over bytes, as a tree. An alphabet of at most 256 symbols is enough for
// a lexer whose text has been mapped to character classes, so a set of symbols is 256 bits.
//
// Syntax: a literal byte; [abc], [a-z], [^...]; {NAME} for a defined part, also inside brackets if
// it is a set; ( ) and |; ? * + {2} {2,4}; \ takes a byte as it stands. Blanks and line feeds
// outside brackets mean nothing.

#include "vlp/core/error.hpp"

#include <algorithm>
#include <array>
#include <bitset>
#include <cstddef>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace vlp {

/// A pattern that can't be understood.
struct PatternError : Error {
  /// `message` names the pattern and the place in it.
  explicit PatternError(const std::string& message) : Error(ExitCode::unexpected, message) {}
};

/// Any of these bytes.
using ByteSet = std::bitset<256>;

/// A regular expression over bytes.
struct Pattern {
  /// What a node of the tree is.
  enum class Kind {
    bytes,     ///< one byte out of a set
    sequence,  ///< the parts one after another; without parts, the empty text
    choice,    ///< one of the parts
    repeat,    ///< the only part, `least` to `most` times
  };
  static constexpr std::size_t kUnlimited = ~std::size_t{0};  ///< as `most`: any number of times

  Kind kind = Kind::sequence;       ///< what this node is
  ByteSet bytes = {};               ///< of Kind::bytes: the bytes that match
  std::vector<Pattern> parts = {};  ///< of the other kinds: what they are made of
  std::size_t least = 1;            ///< of Kind::repeat: the smallest number of times
  std::size_t most = 1;             ///< of Kind::repeat: the largest number of times, or kUnlimited

  /// Length in bytes of the shortest text that matches.
  [[nodiscard]] std::size_t shortest() const {
    if (kind == Kind::bytes) return 1;
    if (kind == Kind::repeat) return least * parts.front().shortest();
    std::size_t size = kind == Kind::choice ? kUnlimited : 0;
    for (const Pattern& part : parts)
      size = kind == Kind::choice ? std::min(size, part.shortest()) : size + part.shortest();
    return size;
  }
  /// Length in bytes of the longest text that matches, or kUnlimited.
  [[nodiscard]] std::size_t longest() const {
    if (kind == Kind::bytes) return 1;
    std::size_t size = 0;
    for (const Pattern& part : parts) {
      const std::size_t other = part.longest();
      if (other == kUnlimited) return kUnlimited;
      size = kind == Kind::choice ? std::max(size, other) : size + other;
    }
    if (kind != Kind::repeat || size == 0) return size;
    return most == kUnlimited ? kUnlimited : most * size;
  }
};

/// Reads patterns; holds what their names and literals mean.
class PatternSyntax {
 public:
  /// Every literal matches itself only, and [^...] may match any byte.
  PatternSyntax() {
    for (std::size_t byte = 0; byte < literals_.size(); ++byte) literals_[byte].set(byte);
  }
  /// Lets the literal `byte` match all of `set`, as letters do that are to match in any case.
  /// Brackets stay exact.
  void set_literal(char byte, const ByteSet& set) {
    literals_[static_cast<unsigned char>(byte)] = set;
  }
  /// Bytes that [^...] never matches.
  void set_never_negated(const ByteSet& set) { never_negated_ = set; }
  /// Defines {name} as a set of bytes.
  void define(std::string name, const ByteSet& set) {
    define(std::move(name), Pattern{.kind = Pattern::Kind::bytes, .bytes = set});
  }
  /// Defines {name} as a pattern, which may use names defined before. @throws PatternError as
  /// `parse`
  void define(std::string name, std::string_view pattern) {
    define(std::move(name), parse(pattern));
  }

  /// Reads a pattern. @throws PatternError for a wrong bracket, an unknown name, a repetition of
  /// nothing, or a bad count
  [[nodiscard]] Pattern parse(std::string_view pattern) const {
    Reader reader{.whole = pattern, .rest = pattern};
    Pattern result = choice(reader);
    if (!reader.rest.empty()) reader.fail("a closing bracket that nothing opened");
    return result;
  }

 private:
  struct Reader {
    std::string_view whole;
    std::string_view rest;

    [[noreturn]] void fail(const std::string& what) const {
      throw PatternError("pattern: " + what + " at byte " +
                         std::to_string(whole.size() - rest.size()) + " (got `" +
                         std::string(whole) + "`). Correct the pattern.");
    }
    void skip_blanks() { rest.remove_prefix(std::min(rest.find_first_not_of(" \n"), rest.size())); }
    [[nodiscard]] bool starts(char byte) const { return rest.starts_with(byte); }
    bool take_if(char byte) {
      if (!starts(byte)) return false;
      rest.remove_prefix(1);
      return true;
    }
    unsigned char take() {
      if (rest.empty()) fail("the pattern ends too early");
      const auto byte = static_cast<unsigned char>(rest.front());
      rest.remove_prefix(1);
      return byte;
    }
    std::string take_until(char end) {
      const std::size_t size = rest.find(end);
      if (size == std::string_view::npos) fail(std::string("a missing ") + end);
      std::string text(rest.substr(0, size));
      rest.remove_prefix(size + 1);
      return text;
    }
  };

  void define(std::string name, Pattern pattern) {
    names_.insert_or_assign(std::move(name), std::move(pattern));
  }

  [[nodiscard]] Pattern choice(Reader& reader) const {
    std::vector<Pattern> parts{sequence(reader)};
    while (reader.take_if('|')) parts.push_back(sequence(reader));
    if (parts.size() == 1) return std::move(parts.front());
    Pattern set{.kind = Pattern::Kind::bytes};  // a choice between single bytes is a set
    for (const Pattern& part : parts) {
      if (part.kind != Pattern::Kind::bytes)
        return {.kind = Pattern::Kind::choice, .parts = std::move(parts)};
      set.bytes |= part.bytes;
    }
    return set;
  }

  [[nodiscard]] Pattern sequence(Reader& reader) const {
    std::vector<Pattern> parts;
    for (reader.skip_blanks(); !reader.rest.empty() && !reader.starts('|') && !reader.starts(')');
         reader.skip_blanks())
      parts.push_back(repeated(reader));
    return parts.size() == 1 ? std::move(parts.front())
                             : Pattern{.kind = Pattern::Kind::sequence, .parts = std::move(parts)};
  }

  [[nodiscard]] Pattern repeated(Reader& reader) const {
    Pattern part = single(reader);
    for (;;) {
      std::size_t least = 0;
      std::size_t most = Pattern::kUnlimited;
      if (reader.take_if('?')) {
        most = 1;
      } else if (reader.take_if('+')) {
        least = 1;
      } else if (reader.rest.size() > 1 && reader.starts('{') && is_digit(reader.rest[1])) {
        reader.take();
        least = most = number(reader);
        if (reader.take_if(',')) most = number(reader);
        if (!reader.take_if('}') || most < least) reader.fail("a bad count");
      } else if (!reader.take_if('*')) {
        return part;
      }
      part = Pattern{
          .kind = Pattern::Kind::repeat, .parts = {std::move(part)}, .least = least, .most = most};
    }
  }

  [[nodiscard]] Pattern single(Reader& reader) const {
    if (reader.take_if('(')) {
      Pattern inside = choice(reader);
      if (!reader.take_if(')')) reader.fail("a missing )");
      return inside;
    }
    if (reader.take_if('[')) return {.kind = Pattern::Kind::bytes, .bytes = set(reader)};
    if (reader.take_if('{')) return named(reader);
    if (reader.starts('?') || reader.starts('*') || reader.starts('+'))
      reader.fail("a repetition of nothing");
    if (reader.take_if('\\'))
      return {.kind = Pattern::Kind::bytes, .bytes = ByteSet().set(reader.take())};
    return {.kind = Pattern::Kind::bytes, .bytes = literals_[reader.take()]};
  }

  [[nodiscard]] ByteSet set(Reader& reader) const {
    const bool negated = reader.take_if('^');
    ByteSet bytes;
    while (!reader.take_if(']')) {
      if (reader.take_if('{')) {
        const Pattern& part = named(reader);
        if (part.kind != Pattern::Kind::bytes)
          reader.fail("a name inside brackets that is not a set");
        bytes |= part.bytes;
        continue;
      }
      const auto element = [&] {
        reader.take_if('\\');
        return reader.take();
      };
      const std::size_t first = element();
      const std::size_t last = reader.take_if('-') ? element() : first;
      if (last < first) reader.fail("a range that runs backwards");
      for (std::size_t byte = first; byte <= last; ++byte) bytes.set(byte);
    }
    return negated ? ~bytes & ~never_negated_ : bytes;
  }

  [[nodiscard]] const Pattern& named(Reader& reader) const {
    const auto found = names_.find(reader.take_until('}'));
    if (found == names_.end()) reader.fail("an unknown name");
    return found->second;
  }

  [[nodiscard]] static bool is_digit(char byte) { return byte >= '0' && byte <= '9'; }

  [[nodiscard]] static std::size_t number(Reader& reader) {
    constexpr std::size_t kLargest = 1000;  // a count is unrolled, so a larger one is a mistake
    std::size_t value = 0;
    if (reader.rest.empty() || !is_digit(reader.rest.front())) reader.fail("a bad count");
    while (!reader.rest.empty() && is_digit(reader.rest.front()) && value <= kLargest)
      value = 10 * value + static_cast<std::size_t>(reader.take() - '0');
    if (value > kLargest) reader.fail("a count above 1000");
    return value;
  }

  std::map<std::string, Pattern, std::less<>> names_;
  std::array<ByteSet, 256> literals_;
  ByteSet never_negated_;
};

}  // namespace vlp
