#pragma once
// The rules of ptb_rules.hpp, read into a lexer over the alphabet of ptb_classes.hpp.

#include "vlp/scoring/lexer.hpp"
#include "vlp/scoring/pattern.hpp"
#include "vlp/scoring/ptb_classes.hpp"
#include "vlp/scoring/ptb_rules.hpp"

#include <string>
#include <utility>
#include <vector>

namespace vlp {

/// What the names and literals of the rules mean: the classes by their names, letters in any case,
/// kPtbParts.
/// [^...] matches everything but the end of a caption, so that nothing runs across unless it says
/// so.
[[nodiscard]] inline PatternSyntax ptb_syntax() {
  PatternSyntax syntax;
  const auto set = [](auto... bytes) {
    return (ByteSet() | ... | ByteSet().set(static_cast<unsigned char>(bytes)));
  };
  using enum PtbClass;
  for (char small = 'a'; small <= 'z'; ++small) {
    const char capital = static_cast<char>(small - 'a' + 'A');
    ByteSet any_case = set(small, capital);
    if (small == 'i') any_case |= set(dotted_i, dotless_i);
    if (small == 'k') any_case |= set(kelvin);
    if (small == 's') any_case |= set(long_s);
    syntax.set_literal(small, any_case);
    syntax.set_literal(capital, any_case);
  }
  syntax.set_never_negated(set(caption_end));
  for (const auto& [name, value] : kPtbClassNames) syntax.define(std::string(name), set(value));
  for (const auto& [name, pattern] : kPtbParts) syntax.define(std::string(name), pattern);
  return syntax;
}

/// A lexer of kPtbRules, numbered as there.
[[nodiscard]] inline Lexer ptb_lexer() {
  const PatternSyntax syntax = ptb_syntax();
  std::vector<LexerRule> rules;
  for (const PtbRule& rule : kPtbRules) {
    rules.push_back({.body = syntax.parse(rule.body)});
    if (!rule.look_ahead.empty()) rules.back().look_ahead = syntax.parse(rule.look_ahead);
  }
  return Lexer(std::move(rules));
}

}  // namespace vlp
