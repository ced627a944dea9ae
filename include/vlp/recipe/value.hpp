#pragma once
// A recipe as a tree of values, each with the place where it was written. The only thing other
// rooms see of TOML.

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace vlp {

/// What overrides what: a recipe its base, and a `--set` both.
enum class Layer : std::uint8_t { base, recipe, set };

/// Where a value stands: `file:line:column`, or the text of a `--set`.
struct Place {
  std::shared_ptr<const std::string> file;  ///< null = not written in a file
  std::uint32_t line = 0;                   ///< from 1; 0 = the whole file
  std::uint32_t column = 0;                 ///< from 1
  Layer layer = Layer::recipe;              ///< the newest of several values is of the last layer

  /// `FILE:LINE:COLUMN`, as far as known.
  [[nodiscard]] std::string text() const {
    if (!file) return "recipe";
    if (line == 0) return *file;
    return *file + ":" + std::to_string(line) + ":" + std::to_string(column);
  }
};

class Value;
struct Entry;
/// Values in their order.
using Array = std::vector<Value>;

/// Named values in the order in which they were written.
class Table {
 public:
  Table();
  Table(const Table&);                 ///< copies all values
  Table(Table&&) noexcept;             ///< leaves an empty table
  Table& operator=(const Table&);      ///< copies all values
  Table& operator=(Table&&) noexcept;  ///< leaves an empty table
  ~Table();

  /// Null if there is no such key.
  [[nodiscard]] const Entry* find(std::string_view key) const;
  /// Null if there is no such key.
  [[nodiscard]] Entry* find(std::string_view key);
  /// Sets or replaces `key`, keeping its position in the order if it exists.
  Value& set(std::string key, Value value);
  /// The same; `place` is the key's own.
  Value& set(std::string key, Value value, Place place);
  /// Takes a key away, if it is there.
  void erase(std::string_view key);
  /// In the order in which they were written.
  [[nodiscard]] const std::vector<Entry>& entries() const;
  /// In the order in which they were written.
  [[nodiscard]] std::vector<Entry>& entries();

 private:
  std::vector<Entry> entries_;
};

/// A boolean, integer, float, string, array or table. `Unsupported` holds the name of TOML's date
/// and time types.
class Value {
 public:
  /// Stands for a value that no recipe uses.
  struct Unsupported {
    std::string type;  ///< "date", "time" or "date-time"
  };
  /// One alternative for each type of value.
  using Data = std::variant<bool, std::int64_t, double, std::string, Array, Table, Unsupported>;

  Value();
  /// A value and where it was written.
  Value(Data d, Place p = {});

  /// Null if the value is of another type.
  template <class T>
  [[nodiscard]] const T* as() const {
    return std::get_if<T>(&data);
  }
  /// Null if the value is of another type.
  template <class T>
  [[nodiscard]] T* as() {
    return std::get_if<T>(&data);
  }

  /// What a person calls the type, with its article: "an integer", "a table".
  [[nodiscard]] std::string type_name() const;
  /// The value as one line of TOML, shortened beyond 60 characters.
  [[nodiscard]] std::string brief() const;

  Data data;  ///< the value itself
  Place place;
};

/// A key of a table with its value; `place` is the key's own.
struct Entry {
  std::string key;
  Value value;
  Place place;
};

inline Table::Table() = default;
inline Table::Table(const Table&) = default;
inline Table::Table(Table&&) noexcept = default;
inline Table& Table::operator=(const Table&) = default;
inline Table& Table::operator=(Table&&) noexcept = default;
inline Table::~Table() = default;
inline const std::vector<Entry>& Table::entries() const { return entries_; }
inline std::vector<Entry>& Table::entries() { return entries_; }

inline Value::Value() : data(Table{}) {}
inline Value::Value(Data d, Place p) : data(std::move(d)), place(std::move(p)) {}

inline const Entry* Table::find(std::string_view key) const {
  for (const Entry& entry : entries_)
    if (entry.key == key) return &entry;
  return nullptr;
}
inline Entry* Table::find(std::string_view key) {
  return const_cast<Entry*>(std::as_const(*this).find(key));
}

inline void Table::erase(std::string_view key) {
  std::erase_if(entries_, [key](const Entry& entry) { return entry.key == key; });
}

inline Value& Table::set(std::string key, Value value) {
  Place place = value.place;
  return set(std::move(key), std::move(value), std::move(place));
}
inline Value& Table::set(std::string key, Value value, Place place) {
  if (Entry* entry = find(key)) {
    entry->value = std::move(value);
    entry->place = std::move(place);
    return entry->value;
  }
  entries_.push_back({std::move(key), std::move(value), std::move(place)});
  return entries_.back().value;
}

inline std::string Value::type_name() const {
  switch (data.index()) {
    case 0:  return "a boolean";
    case 1:  return "an integer";
    case 2:  return "a number";
    case 3:  return "a string";
    case 4:  return "an array";
    case 5:  return "a table";
    default: return "a " + std::get<Unsupported>(data).type;
  }
}

}  // namespace vlp
