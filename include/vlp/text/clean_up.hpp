#pragma once
// Blanks in decoded captions as transformers removed them before its version 5, and as the captions
// behind BLIP's published scores were written. Includes no torch.

#include <array>
#include <cstddef>
#include <string>
#include <string_view>
#include <utility>

namespace vlp {

/// Removes the blank before . ? ! , n't 'm 's 've 're wherever these begin, and both blanks around
/// an apostrophe that stands alone: "a woman ' s hat ." becomes "a woman's hat.".
/// @param text  UTF-8, as a tokenizer decodes it
[[nodiscard]] inline std::string cleaned_up(std::string text) {
  using Rule = std::pair<std::string_view, std::string_view>;
  constexpr std::array<Rule, 10> rules{{{" .", "."},
                                        {" ?", "?"},
                                        {" !", "!"},
                                        {" ,", ","},
                                        {" ' ", "'"},
                                        {" n't", "n't"},
                                        {" 'm", "'m"},
                                        {" 's", "'s"},
                                        {" 've", "'ve"},
                                        {" 're", "'re"}}};
  for (const auto& [from, to] : rules)  // one after the other: each sees what those before it left
    for (std::size_t at = text.find(from); at != text.npos; at = text.find(from, at + to.size()))
      text.replace(at, from.size(), to);
  return text;
}

}  // namespace vlp
