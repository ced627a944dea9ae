#pragma once
// Writes a value tree as TOML that reads back to the same tree; keys keep their order.

#include <array>
#include <charconv>
#include <cmath>
#include <string>
#include <string_view>

#include "vlp/recipe/value.hpp"

namespace vlp {

namespace detail {

inline std::string toml_string(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (byte < 0x20 || byte == 0x7f) {
      std::array<char, 8> escape{};
      std::snprintf(escape.data(), escape.size(), "\\u%04X", byte);
      out += escape.data();
    } else {
      out += c;
    }
  }
  return out + "\"";
}

inline std::string key_text(std::string_view key) {
  const bool bare =
      !key.empty() &&
      key.find_first_not_of("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-") ==
          key.npos;
  return bare ? std::string(key) : toml_string(key);
}

/// Shortest decimal that reads back to the same double, always recognisable as a float.
inline std::string float_text(double x) {
  if (std::isnan(x)) return "nan";
  if (std::isinf(x)) return x > 0 ? "inf" : "-inf";
  std::array<char, 32> buffer{};
  const auto end = std::to_chars(buffer.data(), buffer.data() + buffer.size(), x).ptr;
  std::string text(buffer.data(), end);
  return text.find_first_of(".e") == text.npos ? text + ".0" : text;
}

inline std::string inline_text(const Value& value) {
  if (const auto* b = value.as<bool>()) return *b ? "true" : "false";
  if (const auto* n = value.as<std::int64_t>()) return std::to_string(*n);
  if (const auto* f = value.as<double>()) return float_text(*f);
  if (const auto* s = value.as<std::string>()) return toml_string(*s);
  std::string text;
  if (const auto* array = value.as<Array>()) {
    for (const Value& item : *array) text += (text.empty() ? "" : ", ") + inline_text(item);
    return "[" + text + "]";
  }
  if (const auto* table = value.as<Table>()) {
    for (const Entry& entry : table->entries())
      text += (text.empty() ? "" : ", ") + key_text(entry.key) + " = " + inline_text(entry.value);
    return text.empty() ? "{}" : "{ " + text + " }";
  }
  return std::get<Value::Unsupported>(value.data).type;
}

inline bool array_of_tables(const Value& value) {
  const Array* array = value.as<Array>();
  return array && !array->empty() && array->front().as<Table>();
}

inline void write_table(const Table& table, const std::string& path, std::string& out) {
  for (const Entry& entry : table.entries())
    if (!entry.value.as<Table>() && !array_of_tables(entry.value))
      out += key_text(entry.key) + " = " + inline_text(entry.value) + "\n";
  for (const Entry& entry : table.entries()) {
    const std::string inner = (path.empty() ? "" : path + ".") + key_text(entry.key);
    if (const Table* sub = entry.value.as<Table>()) {
      out += (out.empty() ? "[" : "\n[") + inner + "]\n";
      write_table(*sub, inner, out);
    } else if (array_of_tables(entry.value)) {
      for (const Value& item : *entry.value.as<Array>()) {
        out += (out.empty() ? "[[" : "\n[[") + inner + "]]\n";
        if (const Table* sub = item.as<Table>()) write_table(*sub, inner, out);
      }
    }
  }
}

}  // namespace detail

/// @param root  a table; dates and times can't occur
/// @return      a whole TOML document
[[nodiscard]] inline std::string write_toml(const Value& root) {
  std::string out;
  if (const Table* table = root.as<Table>()) detail::write_table(*table, "", out);
  return out;
}

inline std::string Value::brief() const {
  std::string text = detail::inline_text(*this);
  if (text.size() > 60) {
    text.resize(57);
    while (!text.empty() && (static_cast<unsigned char>(text.back()) & 0xc0) == 0x80)
      text.pop_back();
    text += "...";
  }
  return text;
}

}  // namespace vlp
