#pragma once
// Reads a table into an options aggregate, collecting every mistake instead of stopping at the
// first.

#include <array>
#include <cctype>
#include <cmath>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "vlp/recipe/diagnostics.hpp"
#include "vlp/recipe/field.hpp"
#include "vlp/recipe/value.hpp"
#include "vlp/recipe/write.hpp"

namespace vlp {

class Registry;

/// What reading needs besides the value: where mistakes go, and the names of components.
struct ReadContext {
  Diagnostics& diagnostics;            ///< receives every mistake
  const Registry* registry = nullptr;  ///< needed by options that choose components
  std::string made_with = {};          ///< said of components that nobody knows; may be empty
};

/// A table, where it stands, and what messages call it.
struct TableAt {
  const Table& table;
  const Place& place;
  const std::string& path;
};

/// How one type is read, written and described; specialise it for a new option type.
/// `read` returns false when it reported a mistake; `expected` is what a person is told.
template <class T>
struct OptionType;

template <Options O>
void read_options(const Value& value, const std::string& path, O& options, ReadContext& ctx);

namespace detail {

inline std::string join(const std::string& path, std::string_view key) {
  return path.empty() ? std::string(key) : path + "." + std::string(key);
}

inline std::string number_text(double x) {
  if (x == std::floor(x) && std::abs(x) < 1e15) return std::to_string(static_cast<std::int64_t>(x));
  std::array<char, 32> text{};
  std::snprintf(text.data(), text.size(), "%g", x);
  return text.data();
}

inline std::string range_text(const Range& range) {
  const bool high_free = std::isinf(range.high), low_free = std::isinf(range.low);
  if (low_free && high_free) return {};
  if (high_free) return (range.low_open ? "above " : "at least ") + number_text(range.low);
  if (low_free) return "at most " + number_text(range.high);
  if (range.low_open)
    return "above " + number_text(range.low) + ", at most " + number_text(range.high);
  return number_text(range.low) + " to " + number_text(range.high);
}

inline std::string expected_text(const std::string& type, const Range& range) {
  const std::string bounds = range_text(range);
  return bounds.empty() ? type : type + ", " + bounds;
}

/// `nan` and `inf` of a `--set` are numbers in TOML, and may have been meant as words; else empty.
inline std::string word_of_set(const Value& value) {
  const double* x = value.as<double>();
  return x && !std::isfinite(*x) && value.place.layer == Layer::set ? float_text(*x) : "";
}

inline bool report(ReadContext& ctx, const Value& value, const std::string& path,
                   const std::string& expected) {
  ctx.diagnostics.add(value.place, path, "got " + value.brief() + ", expected " + expected);
  return false;
}

}  // namespace detail

/// A boolean.
template <>
struct OptionType<bool> {
  static std::string expected() { return "true or false"; }
  static bool read(const Value& value, const std::string& path, bool& out, const Range& range,
                   ReadContext& ctx) {
    if (const bool* b = value.as<bool>()) return out = *b, true;
    return detail::report(ctx, value, path, detail::expected_text(expected(), range));
  }
  static std::optional<Value> write(bool x) { return Value(x); }
};

/// An integer in its range.
template <>
struct OptionType<std::int64_t> {
  static std::string expected() { return "an integer"; }
  static bool read(const Value& value, const std::string& path, std::int64_t& out,
                   const Range& range, ReadContext& ctx) {
    const std::int64_t* n = value.as<std::int64_t>();
    if (n && range.contains(static_cast<double>(*n))) return out = *n, true;
    return detail::report(ctx, value, path, detail::expected_text(expected(), range));
  }
  static std::optional<Value> write(std::int64_t x) { return Value(x); }
};

/// A finite number in its range; integers are taken, too.
template <>
struct OptionType<double> {
  static std::string expected() { return "a number"; }
  static bool read(const Value& value, const std::string& path, double& out, const Range& range,
                   ReadContext& ctx) {
    double x = std::nan("");
    if (const double* f = value.as<double>()) x = *f;
    if (const std::int64_t* n = value.as<std::int64_t>()) x = static_cast<double>(*n);
    if (std::isfinite(x) && range.contains(x)) return out = x, true;
    return detail::report(ctx, value, path, detail::expected_text(expected(), range));
  }
  static std::optional<Value> write(double x) { return Value(x); }
};

/// A string whose length is in its range.
template <>
struct OptionType<std::string> {
  static std::string expected() { return "a string"; }
  static bool read(const Value& value, const std::string& path, std::string& out,
                   const Range& range, ReadContext& ctx) {
    const std::string* s = value.as<std::string>();
    if (s && range.contains(static_cast<double>(s->size()))) return out = *s, true;
    return detail::report(ctx, value, path,
                          range.bounded() ? "a string that is not empty" : expected());
  }
  static std::optional<Value> write(const std::string& x) { return Value(x); }
};

/// A path, written as a string.
template <>
struct OptionType<std::filesystem::path> {
  static std::string expected() { return "a path"; }
  static bool read(const Value& value, const std::string& path, std::filesystem::path& out,
                   const Range& range, ReadContext& ctx) {
    const std::string* s = value.as<std::string>();
    if (s && range.contains(static_cast<double>(s->size()))) return out = *s, true;
    return detail::report(ctx, value, path,
                          range.bounded() ? "a path that is not empty" : expected());
  }
  static std::optional<Value> write(const std::filesystem::path& x) { return Value(x.string()); }
};

/// An enumerator, written as a string.
template <class E>
  requires std::is_enum_v<E>
struct OptionType<E> {
  /// All enumerators, as recipes write them.
  static std::vector<std::string> names() {
    return {EnumNames<E>::table.begin(), EnumNames<E>::table.begin() + EnumNames<E>::count()};
  }
  static std::string expected() {
    std::string text = "one of";
    for (const std::string& name : names())
      text += (text.size() > 6 ? ", \"" : " \"") + name + "\"";
    return text;
  }
  static bool read(const Value& value, const std::string& path, E& out, const Range&,
                   ReadContext& ctx) {
    const std::string* s = value.as<std::string>();
    const std::string word = s ? *s : detail::word_of_set(value);
    for (std::size_t i = 0; i < EnumNames<E>::count(); ++i)
      if (EnumNames<E>::table[i] == word) return out = static_cast<E>(i), true;
    return detail::report(ctx, value, path, expected() + (s ? suggestion(*s, names()) : ""));
  }
  static std::optional<Value> write(E x) { return Value(std::string(EnumNames<E>::of(x))); }
};

/// An option that may be left out altogether. One that is there and wrong is a default value, not
/// nothing, so that what is checked later doesn't report it as missing.
template <class T>
struct OptionType<std::optional<T>> {
  static std::string expected() { return OptionType<T>::expected(); }
  static bool read(const Value& value, const std::string& path, std::optional<T>& out,
                   const Range& range, ReadContext& ctx) {
    return OptionType<T>::read(value, path, out.emplace(), range, ctx);
  }
  static std::optional<Value> write(const std::optional<T>& x) {
    return x ? OptionType<T>::write(*x) : std::nullopt;
  }
};

/// An array whose length is in its range.
template <class T>
struct OptionType<std::vector<T>> {
  static std::string expected() { return "an array"; }
  static bool read(const Value& value, const std::string& path, std::vector<T>& out,
                   const Range& range, ReadContext& ctx) {
    const Array* array = value.as<Array>();
    if (!array)
      return detail::report(
          ctx, value, path,
          expected() + (value.as<Table>() ? "; each entry begins with [[" + path + "]]" : ""));
    if (!range.contains(static_cast<double>(array->size()))) {
      ctx.diagnostics.add(value.place, path,
                          "got " + std::to_string(array->size()) + " entries, expected " +
                              detail::range_text(range));
      return false;
    }
    std::vector<T> items;
    bool good = true;
    for (std::size_t i = 0; i < array->size(); ++i)
      good &= OptionType<T>::read((*array)[i], detail::join(path, std::to_string(i)),
                                  items.emplace_back(), {}, ctx);
    return out = std::move(items), good;
  }
  static std::optional<Value> write(const std::vector<T>& x) {
    Array array;
    for (const T& item : x)
      if (auto value = OptionType<T>::write(item)) array.push_back(std::move(*value));
    return Value(std::move(array));
  }
};

/// Writes every field that has a value, in declaration order.
template <Options O>
[[nodiscard]] Value write_options(const O& options) {
  Table table;
  for_each_field<O>([&]<auto... Path>(const Field<Path...>& f) {
    if (auto value = OptionType<typename Field<Path...>::type>::write(f.of(options)))
      table.set(std::string(f.name), std::move(*value));
  });
  return Value(std::move(table));
}

/// A table with options of its own.
template <Options O>
struct OptionType<O> {
  static std::string expected() { return "a table"; }
  static bool read(const Value& value, const std::string& path, O& out, const Range&,
                   ReadContext& ctx) {
    const std::size_t before = ctx.diagnostics.problems().size();
    read_options(value, path, out, ctx);
    return ctx.diagnostics.problems().size() == before;
  }
  static std::optional<Value> write(const O& x) { return write_options(x); }
};

/// Names of an aggregate's options, in order.
template <Options O>
[[nodiscard]] std::vector<std::string> option_names() {
  std::vector<std::string> names;
  for_each_field<O>([&](const auto& f) { names.emplace_back(f.name); });
  return names;
}

/// Reads the fields that `table` holds; leaves the others at their defaults. Doesn't look for
/// unknown keys. A field whose type has `absent(place, path, ctx)` is told when its key is missing.
template <Options O>
void read_fields(const Table& table, const Place& place, const std::string& path, O& options,
                 ReadContext& ctx) {
  for_each_field<O>([&]<auto... Path>(const Field<Path...>& f) {
    using Type = OptionType<typename Field<Path...>::type>;
    const std::string key = detail::join(path, f.name);
    if (const Entry* entry = table.find(f.name))
      Type::read(entry->value, key, f.of(options), f.range, ctx);
    else if constexpr (requires { Type::absent(place, key, ctx); })
      Type::absent(place, key, ctx);
  });
}

namespace detail {

/// Whether `text` holds `word` with neither a letter, a digit nor `_` beside it.
[[nodiscard]] inline bool says_word(std::string_view text, std::string_view word) {
  const auto of_word = [](char c) {
    return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_';
  };
  for (std::size_t at = text.find(word); at != text.npos && !word.empty();
       at = text.find(word, at + 1)) {
    const std::size_t end = at + word.size();
    if ((at == 0 || !of_word(text[at - 1])) && (end == text.size() || !of_word(text[end])))
      return true;
  }
  return false;
}

/// The place of the newest value below `table`, among several the first; `newest` is the best so
/// far.
/// @param message  counts only values that it names, with the tables in which they are; empty = all
inline void find_newest(const Table& table, std::string_view message, Place& newest) {
  for (const Entry& entry : table.entries()) {
    if (!message.empty() && !says_word(message, entry.key)) continue;
    if (const Table* inner = entry.value.as<Table>())
      find_newest(*inner, message, newest);
    else if (entry.value.place.layer > newest.layer)
      newest = entry.value.place;
  }
}

/// Where a problem of a table's values is to be mended: at the table, or where a recipe or a --set
/// has changed it since.
/// @param place  of the table
[[nodiscard]] inline Place place_of_problem(const Table& table, const Place& place,
                                            const std::string& message) {
  Place newest = place;
  find_newest(table, message, newest);
  if (newest.layer == place.layer) find_newest(table, {}, newest);
  return newest;
}

template <auto... Path>
void report_problem_of_group(const auto&, const Field<Path...>&, const TableAt&, ReadContext&) {}
template <auto Member>
void report_problem_of_group(const auto& options, const FieldGroup<Member>&, const TableAt& at,
                             ReadContext& ctx);

/// Reports what an aggregate and its groups say of their options taken together: `std::string
/// problem() const`, empty = none.
template <Options O>
void report_joint_problems(const O& options, const TableAt& at, ReadContext& ctx) {
  if constexpr (requires {
                  { options.problem() } -> std::same_as<std::string>;
                })
    if (std::string problem = options.problem(); !problem.empty())
      ctx.diagnostics.add(place_of_problem(at.table, at.place, problem), at.path, problem);
  std::apply(
      [&](const auto&... fields) { (report_problem_of_group(options, fields, at, ctx), ...); },
      O::fields());
}

template <auto Member>
void report_problem_of_group(const auto& options, const FieldGroup<Member>&, const TableAt& at,
                             ReadContext& ctx) {
  report_joint_problems(options.*Member, at, ctx);
}

}  // namespace detail

/// Reports every key of `table` that is not in `known`, with the nearest one that is.
inline void report_unknown_keys(const Table& table, const std::string& path,
                                const std::vector<std::string>& known, ReadContext& ctx) {
  const std::set<std::string, std::less<>> names(known.begin(), known.end());
  for (const Entry& entry : table.entries()) {
    if (names.contains(entry.key)) continue;
    const std::string near = suggestion(entry.key, known);
    ctx.diagnostics.add(
        entry.place, detail::join(path, entry.key),
        "unknown key" + (near.empty() ? "; expected one of: " + listing(known) : near));
  }
}

/// Reads a table into an aggregate, unknown keys reported, and then what its options, taken
/// together, say of themselves (`std::string problem() const`, empty = none); of a table with
/// mistakes, that is not asked, since defaults stand in for what couldn't be read.
/// @param known  keys that may stand in the table, the aggregate's included
template <Options O>
void read_table(const TableAt& at, const std::vector<std::string>& known, O& options,
                ReadContext& ctx) {
  const std::size_t before = ctx.diagnostics.problems().size();
  report_unknown_keys(at.table, at.path, known, ctx);
  read_fields(at.table, at.place, at.path, options, ctx);
  if (ctx.diagnostics.problems().size() == before) detail::report_joint_problems(options, at, ctx);
}

/// Reads a table into an aggregate; what is wrong, unknown keys included, is reported in `ctx`.
template <Options O>
void read_options(const Value& value, const std::string& path, O& options, ReadContext& ctx) {
  const Table* table = value.as<Table>();
  if (!table) {
    detail::report(ctx, value, path, "a table");
    return;
  }
  read_table({*table, value.place, path}, option_names<O>(), options, ctx);
}

/// One line of a help page or of the reference.
struct OptionDoc {
  std::string key, default_value, allowed, meaning;
};

/// Describes an aggregate's options; nested tables become dotted keys.
template <Options O>
[[nodiscard]] std::vector<OptionDoc> describe_options(const std::string& prefix = {}) {
  std::vector<OptionDoc> docs;
  const O defaults{};
  for_each_field<O>([&]<auto... Path>(const Field<Path...>& f) {
    using T = typename Field<Path...>::type;
    const auto value = OptionType<T>::write(f.of(defaults));
    const std::string key = detail::join(prefix, f.name);
    if constexpr (Options<T>) {
      docs.push_back({key, "", "a table", std::string(f.doc)});
      for (OptionDoc& inner : describe_options<T>(key)) docs.push_back(std::move(inner));
    } else {
      docs.push_back({key, value ? value->brief() : "",
                      detail::expected_text(OptionType<T>::expected(), f.range),
                      std::string(f.doc)});
    }
  });
  return docs;
}

}  // namespace vlp
