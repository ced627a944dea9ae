#pragma once
// In how many images of a set an n-gram stands in a reference: what CIDEr weighs n-grams by. A file
// of them is JSON,
// {"images": 31014, "df": {"a man": 12044, ...}}, an n-gram being 1 to 4 words joined by single
// blanks. Includes no torch.

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "vlp/core/error.hpp"
#include "vlp/core/parallel.hpp"
#include "vlp/core/read_file.hpp"
#include "vlp/scoring/caption_set.hpp"
#include "vlp/scoring/ngrams.hpp"

#include <nlohmann/json.hpp>

namespace vlp {

/// Counts by order, from 1, and by an n-gram's id; 0 for other numbers. 16 bytes a word.
using FrequencyTable = std::array<std::vector<std::uint32_t>, kLongestNGram>;

namespace detail {

struct TextHash {
  using is_transparent = void;
  std::size_t operator()(std::string_view text) const {
    return std::hash<std::string_view>{}(text);
  }
};
using FrequencyMap = std::unordered_map<std::string, std::uint32_t, TextHash, std::equal_to<>>;

/// Takes the events of a JSON parser; a tree of a large file would be several times as large as the
/// file.
class FrequencyReader : public nlohmann::json_sax<nlohmann::json> {
 public:
  explicit FrequencyReader(std::string name) : name_(std::move(name)) {}

  std::size_t images = 0;
  FrequencyMap counts;

  bool key(std::string& text) override {
    key_ = text;
    if (depth_ == 1 && !seen_.insert(text).second) fail("has '" + text + "' twice");
    return true;
  }
  bool number_unsigned(number_unsigned_t number) override {
    if (depth_ == 1 && key_ == "images") {
      images = number;
    } else if (depth_ == 2 && in_counts_) {
      if (number > 0xffffffffU || number == 0)
        fail("the count of '" + key_ + "' is " + std::to_string(number) + " (expected at least 1)");
      if (!counts.emplace(key_, static_cast<std::uint32_t>(number)).second)
        fail("has '" + key_ + "' twice");
      most_ = std::max(most_, number);
    } else {
      return other("a number");
    }
    return true;
  }
  bool start_object(std::size_t) override {
    if (depth_ == 1 && key_ == "df") in_counts_ = true;
    if (++depth_ > 2 || (depth_ == 2 && !in_counts_)) return other("an object");
    return true;
  }
  bool end_object() override {
    if (depth_-- == 2) in_counts_ = false;
    return true;
  }
  bool null() override { return other("null"); }
  bool boolean(bool) override { return other("a truth value"); }
  bool number_integer(number_integer_t) override { return other("a negative number"); }
  bool number_float(number_float_t, const string_t&) override { return other("a fraction"); }
  bool string(string_t&) override { return other("a text"); }
  bool binary(binary_t&) override { return other("bytes"); }
  bool start_array(std::size_t) override { return other("a list"); }
  bool end_array() override { return true; }
  bool parse_error(std::size_t position, const std::string&,
                   const nlohmann::json::exception&) override {
    fail("no JSON at byte " + std::to_string(position));
  }

  /// Checks the whole. @throws DataError
  void finish() const {
    for (const char* needed : {"images", "df"})
      if (!seen_.contains(needed)) fail("has no '" + std::string(needed) + "'");
    if (images == 0) fail("are of 0 images");
    if (most_ > images)
      fail("an n-gram stands in " + std::to_string(most_) + " of " + std::to_string(images) +
           " images");
  }

 private:
  [[noreturn]] void fail(const std::string& what) const {
    throw DataError(
        name_ + ": document frequencies: " + what +
        R"(. Expected {"images": N, "df": {"a man": 12, ...}}, as vlp score --save-document-frequencies writes it.)");
  }
  bool other(const std::string& what) const {
    fail("got " + what + (key_.empty() ? "" : " at '" + key_ + "'"));
  }

  std::string name_, key_;
  int depth_ = 0;
  bool in_counts_ = false;
  std::uint64_t most_ = 0;
  std::set<std::string> seen_;
};

}  // namespace detail

/// Document frequencies by the n-grams' words, for files and for sets other than the one they come
/// from.
class DocumentFrequencies {
 public:
  /// None of 0 images.
  DocumentFrequencies() = default;
  /// Of a set's references.
  explicit DocumentFrequencies(const CaptionSet& captions) : images_(captions.size()) {
    for (std::size_t caption = 0; caption < captions.captions(); ++caption)
      for_each_new(captions, caption, [&](std::size_t order, NGram ngram) {
        if (ngram.documents > 0)
          counts_.emplace(captions.ngram_text(order, ngram.id), ngram.documents);
      });
  }

  /// Number of images that were counted.
  [[nodiscard]] std::size_t images() const { return images_; }
  /// Number of different n-grams.
  [[nodiscard]] std::size_t size() const { return counts_.size(); }
  /// In how many images the n-gram stands; 0 if in none.
  [[nodiscard]] std::uint32_t operator[](std::string_view ngram) const {
    const auto found = counts_.find(ngram);
    return found == counts_.end() ? 0 : found->second;
  }

  /// Adds the counts of other images, which must be others than these.
  void merge(const DocumentFrequencies& other) {
    images_ += other.images_;
    for (const auto& [ngram, count] : other.counts_) counts_[ngram] += count;
  }

  /// The same counts by the ids that the n-grams have in `captions`.
  [[nodiscard]] FrequencyTable table(const CaptionSet& captions) const {
    FrequencyTable table;
    for (auto& counts : table) counts.resize(captions.ngrams().begin(captions.captions()));
    parallel_for(captions.threads(), captions.captions(), [&](std::size_t begin, std::size_t end) {
      for (std::size_t caption = begin; caption < end; ++caption)
        for_each_new(captions, caption, [&](std::size_t order, NGram ngram) {
          table[order - 1][ngram.id] = (*this)[captions.ngram_text(order, ngram.id)];
        });
    });
    return table;
  }

  /// As JSON, n-grams in the order of their bytes.
  [[nodiscard]] std::string json() const {
    std::vector<std::pair<std::string_view, std::uint32_t>> sorted(counts_.begin(), counts_.end());
    std::ranges::sort(sorted);
    std::string text = R"({"images":)" + std::to_string(images_) + R"(,"df":{)";
    for (const auto& [ngram, count] : sorted) {
      if (text.back() != '{') text += ',';
      text += nlohmann::json(ngram).dump() + ':' + std::to_string(count);
    }
    return text + "}}\n";
  }

  /// @param name  how messages call the text
  /// @throws DataError naming the place, if the text is not such a file
  [[nodiscard]] static DocumentFrequencies parse(std::string_view text, const std::string& name) {
    detail::FrequencyReader reader(name);
    nlohmann::json::sax_parse(text, &reader);
    reader.finish();
    DocumentFrequencies result;
    result.images_ = reader.images;
    result.counts_ = std::move(reader.counts);
    return result;
  }

  /// @throws DataError if the file can't be read or is none
  [[nodiscard]] static DocumentFrequencies read(const std::filesystem::path& file) {
    const std::optional<std::string> text = read_file(file);
    if (!text || text->empty())
      throw DataError(file.string() +
                      ": document frequencies can't be read. Check the path and its permissions.");
    return parse(*text, file.string());
  }

 private:
  /// Calls `visit(order, ngram)` for each n-gram that first stands in this caption.
  template <class Visit>
  static void for_each_new(const CaptionSet& captions, std::size_t caption, Visit&& visit) {
    const NGrams& ngrams = captions.ngrams();
    for (std::size_t order = 1; order <= kLongestNGram; ++order)
      for_each_distinct(ngrams.of(caption, order), [&](NGram ngram, std::uint32_t) {
        if (ngram.id >= ngrams.begin(caption)) visit(order, ngram);
      });
  }

  std::size_t images_ = 0;
  detail::FrequencyMap counts_;
};

}  // namespace vlp
