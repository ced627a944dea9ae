#pragma once
// TOML files to value trees: parsing, `extends`, `--set`. The only header that includes toml++.

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <memory>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

#include "vlp/core/error.hpp"
#include "vlp/recipe/diagnostics.hpp"
#include "vlp/recipe/recipe.hpp"
#include "vlp/recipe/value.hpp"
#include "vlp/recipe/write.hpp"

#include <toml++/toml.h>

namespace vlp {

namespace detail {

inline Place place_of(const toml::source_region& region,
                      const std::shared_ptr<const std::string>& file) {
  return {file, static_cast<std::uint32_t>(region.begin.line),
          static_cast<std::uint32_t>(region.begin.column)};
}

inline Value convert(const toml::node& node, const std::shared_ptr<const std::string>& file) {
  const Place place = place_of(node.source(), file);
  if (const auto* b = node.as_boolean()) return {b->get(), place};
  if (const auto* n = node.as_integer()) return {n->get(), place};
  if (const auto* f = node.as_floating_point()) return {f->get(), place};
  if (const auto* s = node.as_string()) return {s->get(), place};
  if (const auto* array = node.as_array()) {
    Array items;
    for (const toml::node& item : *array) items.push_back(convert(item, file));
    return {std::move(items), place};
  }
  if (const auto* table = node.as_table()) {
    Table entries;
    for (const auto& [key, item] : *table)
      entries.set(std::string(key.str()), convert(item, file), place_of(key.source(), file));
    std::ranges::sort(entries.entries(), {},
                      [](const Entry& e) { return std::pair(e.place.line, e.place.column); });
    return {std::move(entries), place};
  }
  return {Value::Unsupported{node.is_date()   ? "date"
                             : node.is_time() ? "time"
                                              : "date-time"},
          place};
}

/// All values of a table are of this layer.
inline void set_layer(Value& value, Layer layer) {
  value.place.layer = layer;
  if (Array* array = value.as<Array>())
    for (Value& item : *array) set_layer(item, layer);
  if (Table* table = value.as<Table>())
    for (Entry& entry : table->entries()) {
      entry.place.layer = layer;
      set_layer(entry.value, layer);
    }
}

/// What to do about a table that is written twice; else empty.
/// @param line  of the error, from 1
inline std::string hint_at(std::string_view description, std::string_view text,
                           std::uint32_t line) {
  if (description.find("existing table") == description.npos &&
      description.find("existing array") == description.npos)
    return {};
  for (std::uint32_t at = 1; at < line && !text.empty(); ++at)
    text.remove_prefix(std::min(text.size(), text.find('\n') + 1));
  text = text.substr(0, text.find('\n'));
  const std::size_t begin = text.find_first_not_of('['), end = text.find(']');
  if (!text.starts_with('[') || end == text.npos || end < begin) return {};
  return " Each entry of a list begins with [[" + std::string(text.substr(begin, end - begin)) +
         "]].";
}

}  // namespace detail

/// @param text  a TOML document
/// @param name  what its places are called
/// @throws RecipeError with the place of the first syntax error
[[nodiscard]] inline Value parse_toml(std::string_view text, const std::string& name) {
  const auto file = std::make_shared<const std::string>(name);
  try {
    Value root = detail::convert(toml::parse(text, name), file);
    root.place = {file, 0, 0};
    return root;
  } catch (const toml::parse_error& error) {
    throw RecipeError(detail::place_of(error.source(), file).text() +
                      ": not TOML: " + std::string(error.description()) + "." +
                      detail::hint_at(error.description(), text, error.source().begin.line));
  }
}

/// @throws RecipeError if the file can't be read or isn't TOML
[[nodiscard]] inline Value parse_toml_file(const std::filesystem::path& file) {
  if (std::filesystem::is_directory(file))
    throw RecipeError(file.string() + ": is a folder, expected a recipe file.");
  std::ifstream in(file, std::ios::binary);
  if (!in)
    throw RecipeError(
        file.string() +
        ": recipe not found or not readable. `vlp list` names components; recipes/ holds recipes.");
  std::ostringstream text;
  text << in.rdbuf();
  return parse_toml(text.str(), file.string());
}

/// Whether a value is a table or a list of tables, which `false` takes away.
[[nodiscard]] inline bool holds_tables(const Value& value) {
  return value.as<Table>() || detail::array_of_tables(value);
}

/// Merges `over` into `base`: tables key by key, everything else replaced. A table that names
/// another component (`use`) replaces the base's, since their options differ. `false` in the place
/// of a table, or of a list of tables, takes it away.
inline void merge(Table& base, const Table& over) {
  for (const Entry& entry : over.entries()) {
    Entry* old = base.find(entry.key);
    Table* inner = old ? old->value.as<Table>() : nullptr;
    const Table* inner_over = entry.value.as<Table>();
    if (const bool* wanted = entry.value.as<bool>();
        old && wanted && !*wanted && holds_tables(old->value)) {
      base.erase(entry.key);
      continue;
    }
    if (inner && inner_over) {
      const Entry *was = inner->find("use"), *now = inner_over->find("use");
      const bool other = was && now && was->value.brief() != now->value.brief();
      if (!other) {
        merge(*inner, *inner_over);
        continue;
      }
    }
    base.set(entry.key, entry.value, entry.place);
  }
}

namespace detail {

/// Reads VALUE of `--set KEY=VALUE`: TOML, or a bare word or path as a string.
inline Value parse_set_value(std::string_view text, const Place& place) {
  Value value;
  try {
    const toml::table table = toml::parse("value = " + std::string(text));
    value = table.size() == 1 ? convert(*table.get("value"), place.file) : Value(std::string(text));
  } catch (const toml::parse_error&) {
    value = Value(std::string(text));
  }
  set_layer(value, place.layer);
  value.place = place;
  return value;
}

/// The entry of an array that `step` names: an index, or the one table whose `use` is `step`.
inline Value* array_entry(Array& array, const std::string& step, std::string& why) {
  if (!step.empty() && step.find_first_not_of("0123456789") == step.npos) {
    const std::size_t index = step.size() > 9 ? array.size() : std::stoul(step);
    if (index < array.size()) return &array[index];
    why = "index " + step + " is out of range, the array has " + std::to_string(array.size()) +
          " entries";
    return nullptr;
  }
  std::vector<std::string> names;
  Value* found = nullptr;
  std::size_t matches = 0;
  for (Value& item : array) {
    const Table* table = item.as<Table>();
    const Entry* use = table ? table->find("use") : nullptr;
    const std::string* name = use ? use->value.as<std::string>() : nullptr;
    if (!name) continue;
    names.push_back(*name);
    if (*name == step) found = &item, ++matches;
  }
  if (matches == 1) return found;
  why = matches > 1 ? "'" + step + "' occurs " + std::to_string(matches) + " times, use an index"
                    : "no entry named '" + step + "'" + suggestion(step, names) +
                          "; entries: " + listing(names);
  return nullptr;
}

}  // namespace detail

/// Applies one `--set KEY=VALUE`. Missing tables on the way are made; entries of arrays must exist.
/// `false` takes a table away, as in a recipe that extends another one.
/// @param root         the recipe, changed in place
/// @param text         e.g. `optimizer.lr=1e-4`, `loss.lm.weight=0.5`, `transform.0.size=64`
/// @param diagnostics  receives what is wrong with `text`
inline void apply_set(Value& root, const std::string& text, Diagnostics& diagnostics) {
  const Place place{std::make_shared<const std::string>("--set " + text), 0, 0, Layer::set};
  const std::size_t equals = text.find('=');
  if (equals == std::string::npos || equals == 0) {
    diagnostics.add(place, "",
                    "got '" + text + "', expected KEY=VALUE, e.g. --set train.max_steps=100");
    return;
  }
  std::vector<std::string> steps;
  std::istringstream key(text.substr(0, equals));
  for (std::string step; std::getline(key, step, '.');) steps.push_back(step);

  Value value = detail::parse_set_value(std::string_view(text).substr(equals + 1), place);
  Value* at = &root;
  for (std::size_t i = 0; i < steps.size(); ++i) {
    const bool last = i + 1 == steps.size();
    std::string why = "got " + at->type_name() + " at this key, expected a table or an array";
    if (Array* array = at->as<Array>()) {
      at = detail::array_entry(*array, steps[i], why);
    } else if (Table* table = at->as<Table>()) {
      Entry* entry = table->find(steps[i]);
      if (const bool* wanted = value.as<bool>();
          last && entry && wanted && !*wanted && holds_tables(entry->value)) {
        table->erase(steps[i]);
        return;
      }
      if (!entry) {
        at = &table->set(steps[i], Value(Table{}, place), place);
      } else {
        at = &entry->value;
        if (last) entry->place = place;
      }
    } else {
      at = nullptr;
    }
    if (!at) {
      diagnostics.add(place, text.substr(0, equals), why);
      return;
    }
  }
  *at = std::move(value);
}

/// Reads a recipe file with its base (`extends`, one level, relative to the recipe) and the
/// `--set`s. Problems of `extends` and `--set` are kept in the recipe, to be shown with all others;
/// where there is no base to be had, nothing else can be told.
/// @throws RecipeError if a file can't be read or isn't TOML
[[nodiscard]] inline Recipe load_recipe(const std::filesystem::path& file,
                                        const std::vector<std::string>& sets = {}) {
  Diagnostics diagnostics;
  Value root = parse_toml_file(file);
  Table& table = *root.as<Table>();
  bool incomplete = false;
  if (const Entry* found = table.find("extends")) {
    const Entry extends = *found;
    table.erase("extends");
    const std::string* name = extends.value.as<std::string>();
    const std::filesystem::path base_file =
        name ? file.parent_path() / *name : std::filesystem::path{};
    incomplete = true;
    if (!name) {
      diagnostics.add(extends.value.place, "extends",
                      "got " + extends.value.brief() + ", expected the path of one recipe");
    } else if (!std::filesystem::is_regular_file(base_file)) {
      diagnostics.add(
          extends.value.place, "extends",
          "no recipe at " + base_file.string() + " (relative paths start at this recipe)");
    } else {
      Value base = parse_toml_file(base_file);
      if (const Entry* again = base.as<Table>()->find("extends")) {
        diagnostics.add(again->place, "extends",
                        "a base recipe must not extend another one; write out the common part");
      } else {
        incomplete = false;
        detail::set_layer(base, Layer::base);
        merge(*base.as<Table>(), table);
        base.place = root.place;
        root = std::move(base);
      }
    }
  }
  if (!incomplete)
    for (const std::string& set : sets) apply_set(root, set, diagnostics);
  return {std::move(root), file, std::move(diagnostics), incomplete};
}

}  // namespace vlp
