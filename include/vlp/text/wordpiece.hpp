#pragma once
// WordPiece as BERT uses it (Devlin et al. 2019; Wu et al. 2016, section 4.1): basic tokenization
// with lower-casing and stripped accents, then greedy longest match. Ids and texts equal those of
// Hugging Face's compiled BertTokenizer.

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <functional>
#include <limits>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <system_error>
#include <unordered_map>
#include <utility>
#include <vector>

#include "vlp/core/error.hpp"
#include "vlp/core/special_tokens.hpp"
#include "vlp/core/text_lines.hpp"
#include "vlp/text/tokenizer_json.hpp"
#include "vlp/text/unicode.hpp"
#include "vlp/text/wordpiece_characters.hpp"

namespace vlp {

/// Cuts text as BERT does before it looks anything up: lower case, no accents, no control
/// characters; punctuation and CJK ideographs are words of their own. Calls `visit(word,
/// characters)` for each word, UTF-8, in order.
template <class Visit>
void for_each_bert_word(std::string_view text, Visit&& visit) {
  namespace characters = detail::wordpiece;
  std::u32string kept;
  kept.reserve(text.size());
  while (!text.empty()) {
    const char32_t c = take_character(text);
    if (characters::contains(characters::kRemoved, c)) continue;
    const bool alone = c >= 0x80 && characters::contains(characters::kIdeographs, c);
    if (alone) kept += U' ';
    kept += is_white_space(c) ? U' ' : c;
    if (alone) kept += U' ';
  }

  std::string word;
  std::int64_t length = 0;
  const auto finish = [&] {
    if (length > 0) visit(std::string_view(word), length);
    word.clear();
    length = 0;
  };
  for (const char32_t part : decompose(kept)) {
    if (part >= 0x80 && characters::contains(characters::kNonspacingMarks, part)) continue;
    const char32_t c = lower_case(part);
    const bool punctuation = characters::contains(characters::kPunctuation, c);
    if (c == U' ' || punctuation) finish();
    if (c == U' ') continue;
    append_utf8(word, c);
    ++length;
    if (punctuation) finish();
  }
  finish();
}

/// A vocabulary and the two ways through it. Immutable after construction, callable from any
/// thread.
class WordPiece {
 public:
  static constexpr std::int64_t kUnlimited = std::numeric_limits<std::int64_t>::max();  ///< no cut
  static constexpr const char* kVocabularyFile = "vocab.txt";  ///< as BERT and `write` call it

  /// @param file  UTF-8, one token a line, its id the line's number counted from 0 (BERT's
  ///              vocab.txt), or tokenizer.json
  /// @throws DataError  if the file can't be read, a line is blank or repeated, or a special token
  /// is missing
  explicit WordPiece(const std::filesystem::path& file) {
    read(file);
    special_ = {.pad = required("[PAD]", file),
                .unknown = required("[UNK]", file),
                .cls = required("[CLS]", file),
                .sep = required("[SEP]", file),
                .mask = required("[MASK]", file)};
    vocabulary_size_ = static_cast<std::int64_t>(tokens_.size());
    special_.decode = find(starts_, "[DEC]").value_or(vocabulary_size_);
    if (special_.decode == vocabulary_size_) ++vocabulary_size_;
    special_.encode = find(starts_, "[ENC]").value_or(vocabulary_size_);
    if (special_.encode == vocabulary_size_) ++vocabulary_size_;
  }

  /// [CLS] ... [SEP]. Special tokens that stand literally in the text, such as "[SEP]", become
  /// their ids; "[DEC]" and
  /// "[ENC]" are text like any other. Bytes that are not UTF-8 are ignored.
  /// @param text        UTF-8
  /// @param max_length  ids in all, at least 2; the end of the text is cut off
  [[nodiscard]] std::vector<std::int64_t> encode(std::string_view text,
                                                 std::int64_t max_length = kUnlimited) const {
    std::vector<std::int64_t> ids{special_.cls};
    while (!text.empty()) {
      const auto [position, found] = next_special(text);
      for_each_bert_word(text.substr(0, position), [&](std::string_view word, std::int64_t length) {
        append_pieces(word, length, ids);
      });
      if (position == text.npos) break;
      ids.push_back(found.id);
      text.remove_prefix(position + found.token.size());
    }
    ids.resize(
        static_cast<std::size_t>(std::min(static_cast<std::int64_t>(ids.size()), max_length - 1)));
    ids.push_back(special_.sep);
    return ids;
  }

  /// Text again: special tokens and ids without a token are skipped, pieces joined, and no blank
  /// stands before . ? ! , nor before a token that starts with 's, 've, 're, 'm or n't.
  [[nodiscard]] std::string decode(std::span<const std::int64_t> ids) const {
    std::string text;
    bool first = true;
    for (const std::int64_t id : ids) {
      if (id < 0 || id >= static_cast<std::int64_t>(tokens_.size()) || is_special(id)) continue;
      std::string_view token = tokens_[static_cast<std::size_t>(id)];
      if (!first && token.starts_with(kContinuation))
        token.remove_prefix(kContinuation.size());
      else if (!first && !joins_left(token))
        text += ' ';
      text += token;
      first = false;
    }
    return text;
  }

  /// Ids of the special tokens, [DEC] and [ENC] included.
  [[nodiscard]] SpecialTokens special() const { return special_; }
  /// Tokens in all: the file's lines, and [DEC] and [ENC] behind them unless the file holds them.
  [[nodiscard]] std::int64_t vocabulary_size() const { return vocabulary_size_; }
  /// The file's lines, by id.
  [[nodiscard]] const std::vector<std::string>& tokens() const { return tokens_; }

  /// Writes vocab.txt, tokenizer_config.json and special_tokens_map.json, which Hugging Face's
  /// BertTokenizer reads, and makes the folder where needed. @throws DataError if that fails
  void write(const std::filesystem::path& folder) const {
    std::error_code failure;
    std::filesystem::create_directories(folder, failure);
    std::string lines;
    for (const std::string& token : tokens_) lines += token + '\n';
    write_file(folder / kVocabularyFile, lines);
    write_file(folder / "special_tokens_map.json",
               "{\n" + std::string(kSpecialTokensJson) + "\n}\n");
    write_file(folder / "tokenizer_config.json", "{\n" + std::string(kSpecialTokensJson) + R"(,
  "do_lower_case": true,
  "model_max_length": 512,
  "strip_accents": null,
  "processor_class": "BlipProcessor",
  "model_input_names": ["input_ids", "attention_mask"],
  "tokenize_chinese_chars": true,
  "tokenizer_class": "BertTokenizer"
}
)");
  }

 private:
  struct Hash {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const {
      return std::hash<std::string_view>{}(text);
    }
  };
  using Ids = std::unordered_map<std::string, std::int64_t, Hash, std::equal_to<>>;
  struct Literal {
    std::string_view token;
    std::int64_t id = 0;
  };

  static constexpr std::string_view kContinuation = "##";  // marks a token that goes on with a word
  static constexpr std::int64_t kLongestWord = 100;        // characters; longer words are unknown
  static constexpr std::string_view kSpecialTokensJson = R"(  "cls_token": "[CLS]",
  "mask_token": "[MASK]",
  "pad_token": "[PAD]",
  "sep_token": "[SEP]",
  "unk_token": "[UNK]")";

  void read(const std::filesystem::path& file) {
    if (file.extension() == ".json") {
      for (std::string& token : read_tokenizer_json(file)) add(std::move(token), file.string());
      return;
    }
    if (std::error_code failure; std::filesystem::is_directory(file, failure))
      throw DataError(file.string() + ": the vocabulary can't be read. Name a file, not a folder.");
    std::ifstream in(file, std::ios::binary);
    if (!in)
      throw DataError(file.string() +
                      ": the vocabulary can't be opened. Check the path and its permissions.");
    TextLines lines(in);
    while (auto line = lines.next()) {
      const std::string where = file.string() + ":" + std::to_string(tokens_.size() + 1);
      if (line->empty())
        throw DataError(where + ": the line is blank (expected one token). Remove it.");
      add(std::move(*line), where);
    }
    if (in.bad())
      throw DataError(file.string() + ": reading stopped after line " +
                      std::to_string(tokens_.size()) + ". Check the disk.");
  }

  void add(std::string token, const std::string& where) {
    const bool continues = token.starts_with(kContinuation) && token.size() > kContinuation.size();
    Ids& ids = continues ? continuations_ : starts_;
    const auto [entry, added] = ids.emplace(continues ? token.substr(kContinuation.size()) : token,
                                            static_cast<std::int64_t>(tokens_.size()));
    if (!added)
      throw DataError(where + ": token '" + token + "' stands on line " +
                      std::to_string(entry->second + 1) + " already. Remove one of the two.");
    longest_token_ = std::max(longest_token_, token.size());
    tokens_.push_back(std::move(token));
  }

  [[nodiscard]] static std::optional<std::int64_t> find(const Ids& ids, std::string_view token) {
    const auto found = ids.find(token);
    return found == ids.end() ? std::nullopt : std::optional(found->second);
  }

  [[nodiscard]] std::int64_t required(std::string_view token,
                                      const std::filesystem::path& file) const {
    if (const auto id = find(starts_, token)) return *id;
    throw DataError(file.string() + ": special token " + std::string(token) + " is missing (got " +
                    std::to_string(tokens_.size()) +
                    " lines). Use a BERT vocabulary, one token a line.");
  }

  [[nodiscard]] bool is_special(std::int64_t id) const {
    return id == special_.pad || id == special_.unknown || id == special_.cls ||
           id == special_.sep || id == special_.mask || id == special_.decode ||
           id == special_.encode;
  }

  /// The leftmost special token that stands literally in `text`; npos if there is none.
  [[nodiscard]] std::pair<std::size_t, Literal> next_special(std::string_view text) const {
    const std::array<Literal, 5> literals{{{"[PAD]", special_.pad},
                                           {"[UNK]", special_.unknown},
                                           {"[CLS]", special_.cls},
                                           {"[SEP]", special_.sep},
                                           {"[MASK]", special_.mask}}};
    for (std::size_t at = text.find('['); at != text.npos; at = text.find('[', at + 1))
      for (const Literal& literal : literals)
        if (text.substr(at).starts_with(literal.token)) return {at, literal};
    return {text.npos, {}};
  }

  /// Cuts a word into the longest tokens from left to right; a word that can't be cut is one
  /// unknown token.
  void append_pieces(std::string_view word, std::int64_t characters,
                     std::vector<std::int64_t>& ids) const {
    const std::size_t before = ids.size();
    bool known = characters <= kLongestWord;
    for (const Ids* pieces = &starts_; known && !word.empty(); pieces = &continuations_) {
      std::size_t size = std::min(word.size(), longest_token_);
      std::optional<std::int64_t> id;
      while (size > 0 && !(id = find(*pieces, word.substr(0, size)))) --size;
      known = id.has_value();
      if (known) ids.push_back(*id);
      word.remove_prefix(size);
    }
    if (known) return;
    ids.resize(before);
    ids.push_back(special_.unknown);
  }

  [[nodiscard]] static bool joins_left(std::string_view token) {
    constexpr std::array<std::string_view, 9> endings{".",  "?",  "!",   ",",  "n't",
                                                      "'m", "'s", "'ve", "'re"};
    return std::ranges::any_of(
        endings, [token](std::string_view ending) { return token.starts_with(ending); });
  }

  static void write_file(const std::filesystem::path& file, std::string_view content) {
    std::ofstream out(file, std::ios::binary);
    out.write(content.data(), static_cast<std::streamsize>(content.size()));
    out.close();
    if (!out)
      throw DataError(file.string() +
                      ": can't be written. Check that its folder exists and has room.");
  }

  std::vector<std::string> tokens_;
  Ids starts_;         // tokens that start a word
  Ids continuations_;  // tokens that go on with one, without "##"
  std::size_t longest_token_ = 0;
  SpecialTokens special_;
  std::int64_t vocabulary_size_ = 0;
};

}  // namespace vlp
