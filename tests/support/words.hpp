#pragma once
// A tokenizer for tests: one id a word, counted up from 10 in the order of `w0 w1 w2 ...`.

#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <span>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

#include "vlp/concepts/tokenizer.hpp"

namespace vlp::test {

struct Words {
  static constexpr std::int64_t kPad = 0, kCls = 1, kSep = 2, kFirst = 10;
  std::size_t max_length = 100;

  [[nodiscard]] std::vector<std::int64_t> encode(std::string_view text) const {
    std::vector<std::int64_t> ids{kCls};
    std::istringstream words{std::string(text)};
    for (std::string word; words >> word && ids.size() + 1 < max_length;)
      ids.push_back(kFirst + std::stoll(word.substr(1)));
    ids.push_back(kSep);
    return ids;
  }
  [[nodiscard]] std::string decode(std::span<const std::int64_t> ids) const {
    std::string text;
    for (const std::int64_t id : ids)
      if (id >= kFirst) text += (text.empty() ? "w" : " w") + std::to_string(id - kFirst);
    return text;
  }
  [[nodiscard]] SpecialTokens special() const {
    return {
        .pad = kPad, .unknown = 3, .cls = kCls, .sep = kSep, .mask = 4, .decode = 5, .encode = 6};
  }
  [[nodiscard]] std::int64_t vocabulary_size() const { return 1000; }
  void write(const std::filesystem::path&) const {}
};
static_assert(Tokenizer<Words>);

}  // namespace vlp::test
