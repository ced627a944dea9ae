#include "vlp/scoring/lexer.hpp"

#include <boost/test/unit_test.hpp>

#include <cstddef>
#include <cstdint>
#include <random>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "tests/support/messages.hpp"

using vlp::Automaton;
using vlp::Lexer;
using vlp::LexerMatch;
using vlp::LexerRule;
using vlp::Pattern;
using vlp::PatternError;
using vlp::PatternSyntax;

namespace {

// A rule's body and look-ahead as text; no look-ahead if it is empty.
using Rule = std::pair<std::string, std::string>;

std::vector<LexerRule> parsed(const std::vector<Rule>& rules, const PatternSyntax& syntax = {}) {
  std::vector<LexerRule> result;
  for (const auto& [body, look_ahead] : rules) {
    result.push_back({.body = syntax.parse(body)});
    if (!look_ahead.empty()) result.back().look_ahead = syntax.parse(look_ahead);
  }
  return result;
}

LexerMatch match(const std::vector<Rule>& rules, std::string_view text, std::size_t begin = 0) {
  return Lexer(parsed(rules)).match(text, begin);
}

// Where matches of `pattern` that begin at `begin` can end: the definition, tried out.
std::set<std::size_t> ends_of(const Pattern& pattern, std::string_view text, std::size_t begin) {
  const auto after = [&](const Pattern& part, const std::set<std::size_t>& places) {
    std::set<std::size_t> result;
    for (const std::size_t place : places) result.merge(ends_of(part, text, place));
    return result;
  };
  std::set<std::size_t> ends;
  switch (pattern.kind) {
    case Pattern::Kind::bytes:
      if (begin < text.size() && pattern.bytes[static_cast<unsigned char>(text[begin])])
        ends.insert(begin + 1);
      break;
    case Pattern::Kind::sequence:
      ends.insert(begin);
      for (const Pattern& part : pattern.parts) ends = after(part, ends);
      break;
    case Pattern::Kind::choice:
      for (const Pattern& part : pattern.parts) ends.merge(ends_of(part, text, begin));
      break;
    case Pattern::Kind::repeat: {
      std::set<std::size_t> places{begin};
      for (std::size_t count = 0; count < pattern.least; ++count)
        places = after(pattern.parts.front(), places);
      ends = places;
      for (std::size_t count = pattern.least;
           count < pattern.most && count <= pattern.least + text.size(); ++count) {
        places = after(pattern.parts.front(), places);
        ends.insert(places.begin(), places.end());
      }
      break;
    }
  }
  return ends;
}

LexerMatch match_by_definition(const std::vector<LexerRule>& rules, std::string_view text,
                               std::size_t begin) {
  LexerMatch best;
  std::size_t longest = begin;
  for (std::size_t rule = 0; rule < rules.size(); ++rule) {
    for (const std::size_t end : ends_of(rules[rule].body, text, begin)) {
      const std::set<std::size_t> whole =
          rules[rule].look_ahead ? ends_of(*rules[rule].look_ahead, text, end) : std::set{end};
      if (whole.empty() || *whole.rbegin() < longest) continue;
      const bool longer = *whole.rbegin() > longest;
      longest = *whole.rbegin();
      if (longer || best.rule == rule)
        best = {.rule = static_cast<std::uint32_t>(rule), .size = end - begin};
    }
  }
  return best;
}

class RandomPatterns {
 public:
  explicit RandomPatterns(std::uint32_t seed) : random_(seed) {}

  std::size_t below(std::size_t count) { return random_() % count; }

  std::string pattern(int depth) {
    switch (depth > 0 ? below(8) : below(2)) {
      case 0:  return std::string(1, letter());
      case 1:  return std::string("[") + (below(3) == 0 ? "^" : "") + letter() + letter() + "]";
      case 2:
      case 3:  return pattern(depth - 1) + " " + pattern(depth - 1);
      case 4:  return "(" + pattern(depth - 1) + "|" + pattern(depth - 1) + ")";
      case 5:  return "(" + pattern(depth - 1) + ")" + "?*+"[below(3)];
      case 6:  return "(" + pattern(depth - 1) + "){1,2}";
      default: return "(" + pattern(depth - 1) + "){2}";
    }
  }

  std::string text(std::size_t size) {
    std::string result;
    while (result.size() < size) result += letter();
    return result;
  }

 private:
  char letter() { return static_cast<char>('a' + below(3)); }

  std::mt19937 random_;
};

std::string message_of(std::string_view pattern) {
  return vlp_test::message_of<PatternError>([&] { (void)PatternSyntax().parse(pattern); });
}

}  // namespace

BOOST_AUTO_TEST_SUITE(lexer)

BOOST_AUTO_TEST_CASE(random_rules_match_as_defined) {
  constexpr int kSets = 1500;
  RandomPatterns random(7);
  int with_look_ahead = 0;
  for (int set = 0; set < kSets; ++set) {
    std::vector<Rule> rules;
    while (rules.size() < 3) {
      Rule rule{random.pattern(3), random.below(2) == 0 ? random.pattern(2) : ""};
      if (PatternSyntax().parse(rule.first).shortest() > 0) rules.push_back(std::move(rule));
    }
    const std::vector<LexerRule> patterns = parsed(rules);
    Lexer lexer(patterns);
    const std::string text = random.text(12);
    lexer.begin();
    for (std::size_t begin = 0; begin < text.size(); ++begin) {
      const LexerMatch expected = match_by_definition(patterns, text, begin);
      const LexerMatch actual = lexer.match(text, begin);
      BOOST_REQUIRE_MESSAGE(actual.rule == expected.rule && actual.size == expected.size,
                            rules[0].first << " / " << rules[0].second << "  " << rules[1].first
                                           << " / " << rules[1].second << "  " << rules[2].first
                                           << " / " << rules[2].second << "  on "
                                           << text.substr(begin));
      if (actual.rule != Automaton::kNone && patterns[actual.rule].look_ahead) ++with_look_ahead;
    }
  }
  BOOST_TEST(with_look_ahead > kSets);
}

BOOST_AUTO_TEST_CASE(longest_match_counts_the_look_ahead) {
  const std::vector<Rule> rules{{"abc", ""}, {"ab", "cd"}};
  BOOST_TEST(match(rules, "abce").rule == 0U);
  BOOST_TEST(match(rules, "abcd").rule == 1U);
  BOOST_TEST(match(rules, "abcd").size == 2U);
}

BOOST_AUTO_TEST_CASE(first_of_equally_long_rules_wins) {
  BOOST_TEST(match({{"a+", ""}, {"[ab]+", ""}}, "aa").rule == 0U);
  BOOST_TEST(match({{"[ab]+", ""}, {"a+", ""}}, "aa").rule == 0U);
  BOOST_TEST(match({{"a", "b"}, {"ab", ""}}, "ab").size == 1U);
}

BOOST_AUTO_TEST_CASE(body_takes_as_much_as_it_can) {
  BOOST_TEST(match({{"a+", "a*b"}}, "aaab").size == 3U);
  BOOST_TEST(match({{"a+", "a+b"}}, "aaab").size == 2U);
  BOOST_TEST(match({{"[ab]+", "b+"}}, "abbb").size == 3U);
}

BOOST_AUTO_TEST_CASE(a_place_where_no_rule_matches_has_no_rule) {
  const LexerMatch found = match({{"ab", ""}}, "acab");
  BOOST_TEST(found.rule == Automaton::kNone);
  BOOST_TEST(found.size == 0U);
  BOOST_TEST(match({{"ab", ""}}, "acab", 2).rule == 0U);
}

BOOST_AUTO_TEST_CASE(a_text_that_may_go_on_says_so) {
  Lexer lexer(parsed({{"ab?", ""}, {"a", "b?c"}}));
  BOOST_TEST(lexer.match("a", 0, false).at_end);
  BOOST_TEST(!lexer.match("a", 0, true).at_end);
  BOOST_TEST(!lexer.match("ad", 0, false).at_end);
  BOOST_TEST(lexer.match("ab", 0, false).at_end);
  BOOST_TEST(lexer.match("abc", 0, true).rule == 1U);
}

BOOST_AUTO_TEST_CASE(states_beyond_the_limit_are_made_again) {
  // Whether the 16th byte before the end is an a takes 2^16 states, more than a lexer keeps.
  RandomPatterns random(3);
  Lexer lexer(parsed({{"[ab]* a [ab]{15}", ""}, {"[abc]", ""}}));
  for (int round = 0; round < 20; ++round) {
    const std::string text = random.text(4000);
    lexer.begin();
    for (std::size_t begin = 0; begin < text.size(); begin += 7) {
      const std::size_t run =
          text.find('c', begin) == std::string::npos ? text.size() : text.find('c', begin);
      std::size_t end = begin + 1;
      for (std::size_t place = begin; place + 16 <= run; ++place)
        if (text[place] == 'a') end = place + 16;
      BOOST_REQUIRE_EQUAL(lexer.match(text, begin).size, end - begin);
    }
  }
}

BOOST_AUTO_TEST_CASE(a_megabyte_of_unfinished_tags_is_no_trouble) {
  // In quadratic time this test would not end: 10^11 steps.
  std::string text;
  while (text.size() < 1'000'000) text += "<!a";
  Lexer lexer(parsed({{"< ! [^>]* >", ""}, {"[a-z!<]", ""}}));
  lexer.begin();
  std::size_t tokens = 0;
  for (std::size_t place = 0; place < text.size(); place += lexer.match(text, place).size) ++tokens;
  BOOST_TEST(tokens == text.size());
}

BOOST_AUTO_TEST_CASE(what_failed_in_one_text_is_tried_in_the_next) {
  const std::string tags(3000, '<');
  Lexer lexer(parsed({{"<+ >", ""}, {"<", ""}}));
  lexer.begin();
  for (std::size_t place = 0; place < tags.size(); ++place)
    BOOST_REQUIRE_EQUAL(lexer.match(tags, place).size, 1U);
  lexer.begin();
  BOOST_TEST(lexer.match(tags + ">", 0).size == tags.size() + 1);
}

BOOST_AUTO_TEST_CASE(a_rule_that_matches_the_empty_text_is_refused) {
  BOOST_CHECK_EXCEPTION(Lexer(parsed({{"a", ""}, {"b*", ""}})), PatternError,
                        [](const PatternError& error) {
                          return std::string_view(error.what()) ==
                                 "lexer: rule 1 matches the empty text (expected at least one "
                                 "byte). Correct its body.";
                        });
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_AUTO_TEST_SUITE(pattern)

BOOST_AUTO_TEST_CASE(names_and_letters_mean_what_was_defined) {
  PatternSyntax syntax;
  syntax.set_literal('a', vlp::ByteSet().set('a').set('A'));
  syntax.set_never_negated(vlp::ByteSet().set('!'));
  syntax.define("DIGIT", "[0-9]");
  syntax.define("HEX", "[{DIGIT}a-f]{2,3}");
  syntax.define("BANG", vlp::ByteSet().set('!'));
  Lexer lexer(parsed({{"a {HEX}", ""}, {"[a]", ""}, {"{BANG}", ""}, {"[^x]", ""}}, syntax));
  BOOST_TEST(lexer.match("A1f0", 0).size == 4U);
  BOOST_TEST(lexer.match("a1", 0).rule == 1U);  // brackets are exact
  BOOST_TEST(lexer.match("A1", 0).rule == 3U);
  BOOST_TEST(lexer.match("!", 0).rule == 2U);
  BOOST_TEST(Lexer(parsed({{"[^x]", ""}}, syntax)).match("!", 0).rule == Automaton::kNone);
}

BOOST_AUTO_TEST_CASE(a_backslash_takes_the_next_byte_as_it_stands) {
  BOOST_TEST(match({{R"(\( \[ \? \\)", ""}}, R"(([?\)").size == 4U);
  BOOST_TEST(match({{R"([\]\-\^]+)", ""}}, "]-^").size == 3U);
  BOOST_TEST(match({{R"(a\ b)", ""}}, "a b").size == 3U);
}

BOOST_AUTO_TEST_CASE(lengths_are_those_of_the_shortest_and_the_longest_match) {
  const PatternSyntax syntax;
  BOOST_TEST(syntax.parse("a(b|cd)?e{2,3}").shortest() == 3U);
  BOOST_TEST(syntax.parse("a(b|cd)?e{2,3}").longest() == 6U);
  BOOST_TEST(syntax.parse("a b*").longest() == Pattern::kUnlimited);
  BOOST_TEST(syntax.parse("").longest() == 0U);
}

BOOST_AUTO_TEST_CASE(a_wrong_pattern_is_refused_with_its_place) {
  BOOST_TEST(message_of("a(b") ==
             "pattern: a missing ) at byte 3 (got `a(b`). Correct the pattern.");
  BOOST_TEST(
      message_of("a)") ==
      "pattern: a closing bracket that nothing opened at byte 1 (got `a)`). Correct the pattern.");
  BOOST_TEST(message_of("[ab") ==
             "pattern: the pattern ends too early at byte 3 (got `[ab`). Correct the pattern.");
  BOOST_TEST(message_of("{NAME}") ==
             "pattern: an unknown name at byte 6 (got `{NAME}`). Correct the pattern.");
  BOOST_TEST(message_of("{NAME") ==
             "pattern: a missing } at byte 1 (got `{NAME`). Correct the pattern.");
  BOOST_TEST(message_of("a|*") ==
             "pattern: a repetition of nothing at byte 2 (got `a|*`). Correct the pattern.");
  BOOST_TEST(message_of("a{3,2}") ==
             "pattern: a bad count at byte 6 (got `a{3,2}`). Correct the pattern.");
  BOOST_TEST(message_of("a{2,x}") ==
             "pattern: a bad count at byte 4 (got `a{2,x}`). Correct the pattern.");
  BOOST_TEST(message_of("a{2000}") ==
             "pattern: a count above 1000 at byte 6 (got `a{2000}`). Correct the pattern.");
  BOOST_TEST(message_of("[b-a]") ==
             "pattern: a range that runs backwards at byte 4 (got `[b-a]`). Correct the pattern.");
  BOOST_TEST(message_of("a\\") ==
             "pattern: the pattern ends too early at byte 2 (got `a\\`). Correct the pattern.");
}

BOOST_AUTO_TEST_SUITE_END()
