#pragma once
// Reads a table into an options aggregate, collecting every mistake instead of stopping at the
// first.

#include <array>
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
    for (std::size_t i = 0; s && i < EnumNames<E>::count(); ++i)
      if (EnumNames<E>::table[i] == *s) return out = static_cast<E>(i), true;
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
    if (!array) return detail::report(ctx, value, path, expected());
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

template <Options O>
void report_joint_problem(const O& options, const Place& place, const std::string& path,
                          ReadContext& ctx);

namespace detail {

template <auto... Path>
void report_problem_of_group(const auto&, const Field<Path...>&, const Place&, const std::string&,
                             ReadContext&) {}
template <auto Member>
void report_problem_of_group(const auto& options, const FieldGroup<Member>&, const Place& place,
                             const std::string& path, ReadContext& ctx) {
  report_joint_problem(options.*Member, place, path, ctx);
}

}  // namespace detail

/// Reports what an aggregate and its groups say of their options taken together: `std::string
/// problem() const`, empty = none.
template <Options O>
void report_joint_problem(const O& options, const Place& place, const std::string& path,
                          ReadContext& ctx) {
  if constexpr (requires {
                  { options.problem() } -> std::same_as<std::string>;
                })
    if (std::string problem = options.problem(); !problem.empty())
      ctx.diagnostics.add(place, path, std::move(problem));
  std::apply(
      [&](const auto&... fields) {
        (detail::report_problem_of_group(options, fields, place, path, ctx), ...);
      },
      O::fields());
}

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

/// Reads a table into an aggregate; what is wrong, unknown keys included, is reported in `ctx`.
template <Options O>
void read_options(const Value& value, const std::string& path, O& options, ReadContext& ctx) {
  const Table* table = value.as<Table>();
  if (!table) {
    detail::report(ctx, value, path, "a table");
    return;
  }
  report_unknown_keys(*table, path, option_names<O>(), ctx);
  read_fields(*table, value.place, path, options, ctx);
  report_joint_problem(options, value.place, path, ctx);
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
