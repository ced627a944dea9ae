#pragma once
// Where a model's initial weights come from: one source for all of it, or sources for its parts.
// Includes no torch.

#include <algorithm>
#include <array>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "vlp/recipe/read.hpp"
#include "vlp/recipe/value.hpp"

namespace vlp {

/// Sources of initial weights, each as `find_model` takes it; empty = none. In a recipe a string is
/// the source of the whole model, and a table names the sources of parts, which win over the
/// whole's.
struct WeightSources {
  std::string model;    ///< of every part that has no source of its own
  std::string encoder;  ///< of the image encoder
  std::string text;  ///< of text encoder and decoder, as far as they have no sources of their own
  std::string text_encoder;  ///< of the text encoder
  std::string decoder;       ///< of the text decoder

  /// A key of the table with the member that it stands for.
  struct Key {
    std::string_view name;                ///< as recipes write it
    std::string WeightSources::* member;  ///< its source
  };
  static constexpr std::size_t kKeyCount = 5;  ///< sources that a table can name
  /// All keys, in the order in which they are written.
  [[nodiscard]] static constexpr std::array<Key, kKeyCount> keys() {
    using S = WeightSources;
    return {{{"model", &S::model},
             {"encoder", &S::encoder},
             {"text", &S::text},
             {"text_encoder", &S::text_encoder},
             {"decoder", &S::decoder}}};
  }

  /// The keys that name a source, with it.
  [[nodiscard]] std::vector<std::pair<std::string_view, std::string>> given() const {
    std::vector<std::pair<std::string_view, std::string>> sources;
    for (const Key& key : keys())
      if (!(this->*key.member).empty()) sources.emplace_back(key.name, this->*key.member);
    return sources;
  }
  /// Whether there is no source at all.
  [[nodiscard]] bool empty() const { return given().empty(); }
  /// `runs/a`, or `encoder = runs/a, text = bert-base-uncased`.
  [[nodiscard]] std::string in_words() const {
    if (only_whole()) return model;
    std::string words;
    for (const auto& [key, source] : given())
      words += (words.empty() ? "" : ", ") + std::string(key) + " = " + source;
    return words;
  }
  /// Whether no part has a source of its own.
  [[nodiscard]] bool only_whole() const {
    return std::ranges::none_of(given(),
                                [](const auto& source) { return source.first != "model"; });
  }

  friend bool operator==(const WeightSources&, const WeightSources&) = default;
};

/// A string, or a table of strings.
template <>
struct OptionType<WeightSources> {
  /// The table's keys.
  static std::vector<std::string> names() {
    std::vector<std::string> names;
    for (const auto& key : WeightSources::keys()) names.emplace_back(key.name);
    return names;
  }
  static std::string expected() {
    return "a string, or a table with strings for some of: " + listing(names());
  }

  static bool read(const Value& value, const std::string& path, WeightSources& out, const Range&,
                   ReadContext& ctx) {
    WeightSources sources;
    const Table* table = value.as<Table>();
    if (const std::string* whole = value.as<std::string>())
      sources.model = *whole;
    else if (!table)
      return detail::report(ctx, value, path, expected());
    const std::size_t before = ctx.diagnostics.problems().size();
    if (table) {
      report_unknown_keys(*table, path, names(), ctx);
      for (const auto& key : WeightSources::keys())
        if (const Entry* entry = table->find(key.name))
          OptionType<std::string>::read(entry->value, detail::join(path, key.name),
                                        sources.*key.member, {}, ctx);
    }
    return out = std::move(sources), ctx.diagnostics.problems().size() == before;
  }

  /// Nothing where there is no source, so that `--set` can still make either form of it.
  static std::optional<Value> write(const WeightSources& sources) {
    if (sources.empty()) return std::nullopt;
    if (sources.only_whole()) return Value(sources.model);
    Table table;
    for (const auto& [key, source] : sources.given()) table.set(std::string(key), Value(source));
    return Value(std::move(table));
  }
};

}  // namespace vlp
