#pragma once
// Where a model's initial weights come from: one source for all of it, or sources for its parts,
// whose names are those of the model's own layout. Includes no torch.

#include <algorithm>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "vlp/concepts/model_layout.hpp"
#include "vlp/recipe/read.hpp"
#include "vlp/recipe/recipe.hpp"
#include "vlp/recipe/value.hpp"

namespace vlp {

/// Sources of initial weights, each as `find_model` takes it. In a recipe a string is the source of
/// the whole model, and a table names the sources of parts, which win over the whole's.
class WeightSources {
 public:
  /// The key of every part that has no source of its own.
  static constexpr std::string_view kWhole = "model";

  /// Names a source, in place of one that the key has.
  /// @param key     `kWhole`, or one of `weight_keys`
  /// @param source  empty = none
  void set(std::string_view key, const std::string& source) {
    std::erase_if(given_, [key](const auto& given) { return given.first == key; });
    if (!source.empty()) given_.emplace(key == kWhole ? given_.begin() : given_.end(), key, source);
  }
  /// The source of a key; empty = none.
  [[nodiscard]] std::string of(std::string_view key) const {
    const auto found = std::ranges::find(
        given_, key, [](const auto& given) { return std::string_view(given.first); });
    return found == given_.end() ? std::string() : found->second;
  }
  /// The keys that name a source, with it, in the order in which a recipe has them, that of the
  /// whole first.
  [[nodiscard]] const std::vector<std::pair<std::string, std::string>>& given() const {
    return given_;
  }
  /// Whether there is no source at all.
  [[nodiscard]] bool empty() const { return given_.empty(); }
  /// `runs/a`, or `encoder = runs/a, text = bert-base-uncased`.
  [[nodiscard]] std::string in_words() const {
    if (only_whole()) return of(kWhole);
    std::string words;
    for (const auto& [key, source] : given_)
      words.append(words.empty() ? "" : ", ").append(key).append(" = ").append(source);
    return words;
  }
  /// Whether no part has a source of its own.
  [[nodiscard]] bool only_whole() const {
    return std::ranges::none_of(given_, [](const auto& given) { return given.first != kWhole; });
  }

  friend bool operator==(const WeightSources&, const WeightSources&) = default;

 private:
  std::vector<std::pair<std::string, std::string>> given_;
};

/// The keys that [model.weights] of a model can have: `WeightSources::kWhole`, and those of the
/// parts that its recipe chooses, the best of each part first.
/// @param layout    of the model
/// @param resolved  its recipe, every default written out
[[nodiscard]] inline std::vector<std::string> weight_keys(const ModelLayout& layout,
                                                          const Value& resolved) {
  std::vector<std::string> keys{std::string(WeightSources::kWhole)};
  for (const LayoutPart& part : layout.parts) {
    if (!part.table.empty() && !value_at(resolved, part.table)) continue;
    for (const std::string& key : part.sources)
      if (std::ranges::find(keys, key) == keys.end()) keys.push_back(key);
  }
  return keys;
}

/// A string, or a table of strings. Which keys there are only the chosen model knows, so that a
/// plan checks them (`check_weight_keys`).
template <>
struct OptionType<WeightSources> {
  static std::string expected() { return "a string, or a table with a string for each part"; }

  static bool read(const Value& value, const std::string& path, WeightSources& out, const Range&,
                   ReadContext& ctx) {
    WeightSources sources;
    const std::size_t before = ctx.diagnostics.problems().size();
    if (const std::string* whole = value.as<std::string>()) {
      sources.set(WeightSources::kWhole, *whole);
    } else if (const Table* table = value.as<Table>()) {
      for (const Entry& entry : table->entries()) {
        std::string source;
        OptionType<std::string>::read(entry.value, detail::join(path, entry.key), source, {}, ctx);
        sources.set(entry.key, source);
      }
    } else {
      return detail::report(ctx, value, path, expected());
    }
    return out = std::move(sources), ctx.diagnostics.problems().size() == before;
  }

  /// Nothing where there is no source, so that `--set` can still make either form of it.
  static std::optional<Value> write(const WeightSources& sources) {
    if (sources.empty()) return std::nullopt;
    if (sources.only_whole()) return Value(sources.of(WeightSources::kWhole));
    Table table;
    for (const auto& [key, source] : sources.given()) table.set(key, Value(source));
    return Value(std::move(table));
  }
};

}  // namespace vlp
