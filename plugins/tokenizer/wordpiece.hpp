#pragma once
// BERT's WordPiece tokenizer with the vocabulary that ships with vlp, or any other vocab.txt.

#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

#include "vlp/concepts/context.hpp"
#include "vlp/concepts/tokenizer.hpp"
#include "vlp/recipe/field.hpp"
#include "vlp/registry/plugin.hpp"
#include "vlp/text/wordpiece.hpp"

namespace vlp {

/// Lower-casing WordPiece (Devlin et al. 2019); the same ids as Hugging Face's BertTokenizer.
class WordPieceTokenizer {
 public:
  static constexpr std::string_view name = "wordpiece";

  struct Options {
    std::string vocabulary = "bert-base-uncased";
    std::int64_t max_length = 40;
    static constexpr auto fields() {
      return std::tuple{
          field<&Options::vocabulary>(
              "A vocabulary that ships with vlp, or the path of a vocab.txt or tokenizer.json.",
              not_empty()),
          field<&Options::max_length>(
              "Most tokens of a text, [CLS] and [SEP] included; the rest is cut off.",
              at_least(3))};
    }
  };

  /// @throws DataError if the vocabulary can't be read or lacks a special token
  WordPieceTokenizer(const Options& options, const Context& ctx)
      : pieces_(vocabulary_file(options.vocabulary, ctx)), max_length_(options.max_length) {}

  /// [CLS] ... [SEP], at most max_length ids.
  [[nodiscard]] std::vector<std::int64_t> encode(std::string_view text) const {
    return pieces_.encode(text, max_length_);
  }
  /// Text without special tokens.
  [[nodiscard]] std::string decode(std::span<const std::int64_t> ids) const {
    return pieces_.decode(ids);
  }
  /// Ids of the special tokens.
  [[nodiscard]] SpecialTokens special() const { return pieces_.special(); }
  /// Tokens, [DEC] and [ENC] included.
  [[nodiscard]] std::int64_t vocabulary_size() const { return pieces_.vocabulary_size(); }
  /// Files from which the same tokenizer can be made; see `WordPiece::write`.
  void write(const std::filesystem::path& folder) const { pieces_.write(folder); }

  /// A text with a slash, or that ends in .txt or .json, is a path; anything else names a file in
  /// share/vocabularies.
  [[nodiscard]] static std::filesystem::path vocabulary_file(const std::string& vocabulary,
                                                             const Context& ctx) {
    if (vocabulary.find('/') != vocabulary.npos || vocabulary.ends_with(".txt") ||
        vocabulary.ends_with(".json"))
      return vocabulary;
    return ctx.folders.share / "vocabularies" / (vocabulary + ".txt");
  }

 private:
  WordPiece pieces_;
  std::int64_t max_length_;
};
static_assert(Tokenizer<WordPieceTokenizer>);

}  // namespace vlp

VLP_PLUGIN(wordpiece, "1.0", vlp::WordPieceTokenizer);
