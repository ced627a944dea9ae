#pragma once
// What differs between two recipes, key by key.

#include <algorithm>
#include <cstddef>
#include <string>
#include <utility>
#include <vector>

#include "vlp/recipe/value.hpp"
#include "vlp/recipe/write.hpp"

namespace vlp {

/// A key whose value has changed.
struct ValueChange {
  std::string key;            ///< path, e.g. `loss.0.weight`
  std::string before, after;  ///< as TOML; `nothing` where the key isn't there

  /// `train.epochs: 3 -> 5`
  [[nodiscard]] std::string text() const { return key + ": " + before + " -> " + after; }
  friend bool operator==(const ValueChange&, const ValueChange&) = default;
};

namespace detail {

inline void collect_changes(const Value* before, const Value* after, const std::string& key,
                            std::vector<ValueChange>& changes) {
  const auto inner = [&](const std::string& name) { return key.empty() ? name : key + "." + name; };
  const Table* old_table = before ? before->as<Table>() : nullptr;
  const Table* new_table = after ? after->as<Table>() : nullptr;
  if ((old_table || !before) && (new_table || !after) && (old_table || new_table)) {
    if (old_table)
      for (const Entry& entry : old_table->entries()) {
        const Entry* other = new_table ? new_table->find(entry.key) : nullptr;
        collect_changes(&entry.value, other ? &other->value : nullptr, inner(entry.key), changes);
      }
    if (new_table)
      for (const Entry& entry : new_table->entries())
        if (!old_table || !old_table->find(entry.key))
          collect_changes(nullptr, &entry.value, inner(entry.key), changes);
    return;
  }
  if (before && after && array_of_tables(*before) && array_of_tables(*after)) {
    const Array &old_items = *before->as<Array>(), &new_items = *after->as<Array>();
    for (std::size_t i = 0; i < std::max(old_items.size(), new_items.size()); ++i)
      collect_changes(i < old_items.size() ? &old_items[i] : nullptr,
                      i < new_items.size() ? &new_items[i] : nullptr, inner(std::to_string(i)),
                      changes);
    return;
  }
  const auto text = [](const Value* value) { return value ? inline_text(*value) : "nothing"; };
  if (std::string was = text(before), is = text(after); was != is)
    changes.push_back({key, std::move(was), std::move(is)});
}

}  // namespace detail

/// The keys whose values differ, in the order of the old recipe, new ones behind the old ones of
/// their table.
[[nodiscard]] inline std::vector<ValueChange> differences(const Value& before, const Value& after) {
  std::vector<ValueChange> changes;
  detail::collect_changes(&before, &after, "", changes);
  return changes;
}

}  // namespace vlp
