#pragma once
// Whether the prompt leaves room behind it: a caption that is all prompt teaches and says nothing.

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "vlp/concepts/generation.hpp"
#include "vlp/concepts/tokenizer.hpp"

namespace vlp {

/// Tokens with which every text begins, however many a text may have: [CLS] and the prompt's.
[[nodiscard]] inline std::int64_t whole_prompt_length(const AnyTokenizer& tokenizer,
                                                      std::string_view prompt) {
  const std::vector<std::int64_t> ids =
      tokenizer.encode_whole(prompt).value_or(tokenizer.encode(prompt));
  return static_cast<std::int64_t>(ids.size()) - 1;  // the last is [SEP]
}

/// @param begin    tokens with which every text begins, [CLS] and the prompt's
/// @param longest  tokens of a text at most, as its tokenizer cuts it; 0 = not known
/// @return  why no caption fits behind them; empty = one of a token and [SEP] does
[[nodiscard]] inline std::string text_room_problem(std::int64_t begin, std::int64_t longest) {
  if (longest == 0 || begin + 2 <= longest) return {};
  return "leaves no room for a caption (got " + std::to_string(begin) +
         " tokens with [CLS], expected at most " + std::to_string(longest - 2) +
         ", as the tokenizer cuts texts to " + std::to_string(longest) +
         "); shorten it, or give the tokenizer more";
}

/// @param options  of the generation
/// @param begin    tokens given, [DEC] and the prompt's
/// @param most     tokens of a caption at most, as many as the model has positions for; 0 = any
/// @return  what keeps captions from being written as long, or as short, as they say, each
///          beginning with the option that it is about
[[nodiscard]] inline std::vector<std::string> caption_room_problems(const GenerateOptions& options,
                                                                    std::int64_t begin,
                                                                    std::int64_t most) {
  const bool counts_new = options.max_new_tokens > 0;
  const std::int64_t longest = counts_new ? begin + options.max_new_tokens : options.max_length;
  std::vector<std::string> problems;
  if (longest <= begin)
    problems.push_back(
        "max_length: the prompt fills the caption (got " + std::to_string(begin) +
        " tokens with [DEC], expected fewer than max_length = " + std::to_string(longest) + ")");
  if (most > 0 && longest > most)
    problems.push_back((counts_new ? "max_new_tokens" : "max_length") +
                       (": longer than what the model has positions for (got " +
                        std::to_string(longest) + " tokens, [DEC] and prompt included, expected " +
                        "at most " + std::to_string(most) + ")"));
  const bool needs_new = options.min_new_tokens > 0;
  const std::int64_t shortest = needs_new ? begin + options.min_new_tokens : options.min_length;
  if (shortest > longest)
    problems.push_back((needs_new ? "min_new_tokens" : "min_length") +
                       (": longer than the longest caption (got " + std::to_string(shortest) +
                        ", expected at most " + std::to_string(longest) +
                        " tokens, [DEC] and prompt included)"));
  return problems;
}

}  // namespace vlp
