#pragma once

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <initializer_list>
#include <iterator>
#include <string>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include "vlp/core/error.hpp"
#include "vlp/text/tokenizer_json.hpp"

namespace vlp {

namespace detail {

/// Reads one file; all its functions throw a DataError that names the file.
class TokenizerJson {
 public:
  explicit TokenizerJson(const std::filesystem::path& path) : source_(path.string()) {
    std::ifstream in(path, std::ios::binary);
    if (!in) fail("the tokenizer can't be opened. Check the path and its permissions.");
    const std::string text{std::istreambuf_iterator<char>(in), {}};
    try {
      json_ = nlohmann::json::parse(text);
    } catch (const nlohmann::json::exception&) {
      fail("the tokenizer is not JSON. The file is damaged; get it again.");
    }
    if (!json_.is_object())
      fail(std::string("the tokenizer is no JSON object (got ") + json_.type_name() +
           "). Get it again.");
  }

  /// @return  tokens by id
  [[nodiscard]] std::vector<std::string> vocabulary() const {
    expect("/model/type", {"WordPiece"});
    expect("/model/continuing_subword_prefix", {"##", nullptr});
    expect("/model/max_input_chars_per_word", {100, nullptr});
    expect("/normalizer/type", {"BertNormalizer"});
    expect("/normalizer/lowercase", {true});
    expect("/normalizer/clean_text", {true, nullptr});
    expect("/normalizer/handle_chinese_chars", {true, nullptr});
    expect("/normalizer/strip_accents", {true, nullptr});
    expect("/pre_tokenizer/type", {"BertPreTokenizer"});
    const nlohmann::json listed = at("/model/vocab");
    if (!listed.is_object())
      fail("model.vocab is missing (expected tokens with their ids). Get the file again.");
    std::vector<std::string> tokens(listed.size());
    for (const auto& [token, id] : listed.items()) place(token, id, tokens);
    for (const char* own : {"[DEC]", "[ENC]"})  // in this order, behind the vocabulary
      for (const auto& [token, id] : added_tokens())
        if (token == own && id == tokens.size()) tokens.emplace_back(own);
    for (const auto& [token, id] : added_tokens())
      if (id >= tokens.size())
        fail("token '" + token +
             "' was added to the vocabulary (expected none but [DEC] and [ENC]). Use another "
             "tokenizer.");
    return tokens;
  }

 private:
  [[noreturn]] void fail(const std::string& what) const { throw DataError(source_ + ": " + what); }

  [[nodiscard]] nlohmann::json at(const char* pointer) const {
    return json_.value(nlohmann::json::json_pointer(pointer), nlohmann::json());
  }

  void expect(const char* pointer, std::initializer_list<nlohmann::json> allowed) const {
    const nlohmann::json found = at(pointer);
    for (const nlohmann::json& value : allowed)
      if (found == value) return;
    fail(std::string(pointer + 1) + ": not supported (got " + found.dump().substr(0, 60) +
         ", expected " + allowed.begin()->dump() +
         "). Use BERT's lower-casing WordPiece tokenizer.");
  }

  [[nodiscard]] std::vector<std::pair<std::string, std::uint64_t>> added_tokens() const {
    std::vector<std::pair<std::string, std::uint64_t>> tokens;
    const nlohmann::json listed = at("/added_tokens");
    for (const nlohmann::json& entry : listed.is_array() ? listed : nlohmann::json::array()) {
      const bool good = entry.is_object() && entry.contains("content") &&
                        entry["content"].is_string() && entry.contains("id") &&
                        entry["id"].is_number_unsigned();
      if (!good)
        fail("added_tokens holds something else than tokens with ids. Get the file again.");
      tokens.emplace_back(entry["content"].get<std::string>(), entry["id"].get<std::uint64_t>());
    }
    return tokens;
  }

  void place(const std::string& token, const nlohmann::json& id,
             std::vector<std::string>& tokens) const {
    const bool fits = id.is_number_unsigned() && id.get<std::uint64_t>() < tokens.size() &&
                      tokens[id.get<std::size_t>()].empty();
    if (!fits || token.empty())
      fail("the ids of model.vocab are not 0 to " + std::to_string(tokens.size() - 1) +
           ", each once (token '" + token + "' has " + id.dump() + "). Get the file again.");
    tokens[id.get<std::size_t>()] = token;
  }

  std::string source_;
  nlohmann::json json_;
};

}  // namespace detail

VLP_INLINE std::vector<std::string> read_tokenizer_json(const std::filesystem::path& file) {
  return detail::TokenizerJson(file).vocabulary();
}

}  // namespace vlp
