#pragma once
// BERT's WordPiece tokenizer with the vocabulary that ships with vlp, or any other vocab.txt.

#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <system_error>
#include <tuple>
#include <vector>

#include "vlp/concepts/context.hpp"
#include "vlp/concepts/tokenizer.hpp"
#include "vlp/core/error.hpp"
#include "vlp/core/message.hpp"
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

  /// Tokens of a text at most.
  [[nodiscard]] static std::int64_t longest_text(const Options& options) {
    return options.max_length;
  }

  /// The same tokenizer of the files that `write` has left in a folder, if it has.
  [[nodiscard]] static Options from_folder(Options options, const std::filesystem::path& folder) {
    const std::filesystem::path written = folder / WordPiece::kVocabularyFile;
    std::error_code error;
    if (std::filesystem::exists(written, error)) options.vocabulary = written.string();
    return options;
  }

  /// @throws RecipeError if no vocabulary of this name ships with vlp, DataError if it can't be
  /// read or lacks a special token
  WordPieceTokenizer(const Options& options, const Folders& folders)
      : pieces_(existing_file(options.vocabulary, folders)), max_length_(options.max_length) {}

  /// [CLS] ... [SEP], at most max_length ids.
  [[nodiscard]] std::vector<std::int64_t> encode(std::string_view text) const {
    return pieces_.encode(text, max_length_);
  }
  /// [CLS] ... [SEP], however many.
  [[nodiscard]] std::vector<std::int64_t> encode_whole(std::string_view text) const {
    return pieces_.encode(text);
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
                                                             const Folders& folders) {
    if (vocabulary.find('/') != vocabulary.npos || vocabulary.ends_with(".txt") ||
        vocabulary.ends_with(".json"))
      return vocabulary;
    return folders.share / "vocabularies" / (vocabulary + ".txt");
  }

 private:
  /// The same, for names of which there is a file; a path is told of when it is opened.
  static std::filesystem::path existing_file(const std::string& vocabulary,
                                             const Folders& folders) {
    const std::filesystem::path file = vocabulary_file(vocabulary, folders);
    std::error_code error;
    if (file == vocabulary || std::filesystem::exists(file, error)) return file;
    std::vector<std::string> names;
    for (const auto& entry : std::filesystem::directory_iterator(file.parent_path(), error))
      if (entry.path().extension() == ".txt") names.push_back(entry.path().stem().string());
    std::ranges::sort(names);
    throw RecipeError("tokenizer 'wordpiece': no vocabulary named '" + vocabulary +
                      "' ships with vlp (looked for " + file.string() + "; there are: " +
                      listing(names) + "). Name one of them, or the path of a vocab.txt.");
  }

  WordPiece pieces_;
  std::int64_t max_length_;
};
static_assert(Tokenizer<WordPieceTokenizer>);

}  // namespace vlp

VLP_PLUGIN(wordpiece, "1.0", vlp::WordPieceTokenizer);
