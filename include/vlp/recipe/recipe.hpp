#pragma once
// A recipe that has been read but not yet understood: its values, and the problems met so far.

#include <filesystem>

#include "vlp/recipe/diagnostics.hpp"
#include "vlp/recipe/value.hpp"

namespace vlp {

/// The value of a dotted key in a table; null if there is none.
[[nodiscard]] inline const Value* value_at(const Value& root, std::string_view key) {
  const Value* at = &root;
  while (at && !key.empty()) {
    const std::size_t dot = key.find('.');
    const Table* table = at->as<Table>();
    const Entry* entry = table ? table->find(key.substr(0, dot)) : nullptr;
    at = entry ? &entry->value : nullptr;
    key = dot == key.npos ? std::string_view{} : key.substr(dot + 1);
  }
  return at;
}

/// A recipe as it was written.
struct Recipe {
  Value value;                 ///< the root table, with `extends` and `--set` already applied
  std::filesystem::path file;  ///< as it was named
  Diagnostics problems;        ///< of `extends` and `--set`
  bool incomplete = false;     ///< its base couldn't be read: what is missing can't be told

  /// The place of a dotted key, or of the whole recipe where it isn't written.
  [[nodiscard]] Place place_of(std::string_view key) const {
    const Value* found = value_at(value, key);
    return found ? found->place : value.place;
  }
};

}  // namespace vlp
