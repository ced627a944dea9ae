#pragma once
// JSON files with settings that other programs wrote: typed access with defaults and bounds, every
// mistake collected and shown at once with its file, its key, what it is and what it should be.
// Includes no torch.

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <initializer_list>
#include <iterator>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "vlp/core/error.hpp"
#include "vlp/recipe/field.hpp"
#include "vlp/recipe/read.hpp"

#include <nlohmann/json.hpp>

namespace vlp {

/// An object in a JSON file. Copies and inner objects share the file's list of mistakes.
class ConfigObject {
 public:
  /// @param file   how messages call the file
  /// @param value  its content, an object
  explicit ConfigObject(std::string file, nlohmann::json value = nlohmann::json::object())
      : file_(std::move(file)),
        value_(std::move(value)),
        problems_(std::make_shared<std::vector<std::string>>()) {}

  /// Whether the key is there and not null.
  [[nodiscard]] bool has(const char* key) const {
    return value_.contains(key) && !value_[key].is_null();
  }
  /// The value as it stands; null if the key is missing.
  [[nodiscard]] nlohmann::json raw(const char* key) const {
    return value_.contains(key) ? value_[key] : nlohmann::json();
  }
  /// The value as messages show it, shortened beyond 60 characters; "nothing" if the key is
  /// missing.
  [[nodiscard]] std::string shown(const char* key) const {
    using nlohmann::json;
    std::string text = value_.contains(key)
                           ? value_[key].dump(-1, ' ', true, json::error_handler_t::replace)
                           : "nothing";
    return text.size() > 60 ? text.substr(0, 57) + "..." : text;
  }
  /// All keys, in alphabetical order.
  [[nodiscard]] std::vector<std::string> keys() const {
    std::vector<std::string> keys;
    for (const auto& item : value_.items()) keys.push_back(item.key());
    return keys;
  }
  /// How messages call the file.
  [[nodiscard]] const std::string& file() const { return file_; }

  /// An integer in a range; `otherwise` if the key is missing.
  [[nodiscard]] std::int64_t integer(const char* key, std::int64_t otherwise,
                                     const Range& range) const {
    if (!value_.contains(key)) return otherwise;
    const nlohmann::json& value = value_[key];
    const bool small =
        value.is_number_integer() &&
        (!value.is_number_unsigned() || value.get<std::uint64_t>() < std::uint64_t{1} << 62);
    if (small && range.contains(static_cast<double>(value.get<std::int64_t>())))
      return value.get<std::int64_t>();
    wrong(key, detail::expected_text("an integer", range));
    return otherwise;
  }
  /// The side of a square: an integer in a range, or two that are equal in a list; `otherwise` if
  /// the key is missing.
  [[nodiscard]] std::int64_t side(const char* key, std::int64_t otherwise,
                                  const Range& range) const {
    if (!value_.contains(key) || !value_[key].is_array()) return integer(key, otherwise, range);
    ConfigObject both = *this;
    if (value_[key].size() == 2 && value_[key][0] == value_[key][1]) {
      both.value_[key] = value_[key][0];
      return both.integer(key, otherwise, range);
    }
    wrong(key, "one integer, or two that are equal");
    return otherwise;
  }
  /// A number in a range; `otherwise` if the key is missing.
  [[nodiscard]] double number(const char* key, double otherwise, const Range& range) const {
    if (!value_.contains(key)) return otherwise;
    if (value_[key].is_number() && range.contains(value_[key].get<double>()))
      return value_[key].get<double>();
    wrong(key, detail::expected_text("a number", range));
    return otherwise;
  }
  /// true or false; `otherwise` if the key is missing.
  [[nodiscard]] bool flag(const char* key, bool otherwise) const {
    if (!value_.contains(key)) return otherwise;
    if (value_[key].is_boolean()) return value_[key].get<bool>();
    wrong(key, "true or false");
    return otherwise;
  }
  /// Numbers in a list of a given length; `otherwise` if the key is missing.
  [[nodiscard]] std::vector<double> numbers(const char* key, std::vector<double> otherwise) const {
    if (!value_.contains(key)) return otherwise;
    std::vector<double> found;
    if (value_[key].is_array())
      for (const nlohmann::json& item : value_[key])
        if (item.is_number()) found.push_back(item.get<double>());
    if (value_[key].is_array() && found.size() == otherwise.size() &&
        value_[key].size() == otherwise.size())
      return found;
    wrong(key, "a list of " + std::to_string(otherwise.size()) + " numbers");
    return otherwise;
  }
  /// An object inside; an empty one if the key is missing or something else, which is a mistake.
  [[nodiscard]] ConfigObject object(const char* key) const {
    const bool good = value_.contains(key) && value_[key].is_object();
    if (!good) wrong(key, "an object");
    ConfigObject inner(file_, good ? value_[key] : nlohmann::json::object());
    inner.problems_ = problems_;
    inner.path_ = path_ + key + ".";
    return inner;
  }
  /// The key's value must be one of these; a missing key is right if `required` isn't set.
  void expect(const char* key, std::initializer_list<nlohmann::json> allowed,
              bool required = false) const {
    if (!value_.contains(key) && !required) return;
    std::string names;
    for (const nlohmann::json& value : allowed) {
      if (value_.contains(key) && value_[key] == value) return;
      names += (names.empty() ? "" : " or ") + value.dump();
    }
    wrong(key, names);
  }

  /// Adds a mistake: the key's value isn't what was expected.
  void wrong(const char* key, const std::string& expected) const {
    problems_->push_back(file_ + ": " + path_ + key + ": not supported (got " + shown(key) +
                         ", expected " + expected + ").");
  }
  /// @param advice  what to do, a sentence
  /// @throws WeightsError with all mistakes so far, a line each
  void throw_if_wrong(std::string_view advice) const {
    if (problems_->empty()) return;
    std::string text;
    for (const std::string& problem : *problems_) text += (text.empty() ? "" : "\n") + problem;
    throw WeightsError(text + " " + std::string(advice));
  }

 private:
  std::string file_;
  std::string path_;  // of this object in the file, with a dot behind it; empty for the root
  nlohmann::json value_;
  std::shared_ptr<std::vector<std::string>> problems_;
};

/// @throws WeightsError if the file can't be read, isn't JSON, or holds something else than an
/// object
[[nodiscard]] inline ConfigObject read_config_file(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  std::string text{std::istreambuf_iterator<char>(in), {}};
  if (!in.is_open() || in.bad())
    throw WeightsError(path.string() + ": can't be read. Check the path and its permissions.");
  const std::string again = " The file is damaged; get it again.";
  try {
    nlohmann::json value = nlohmann::json::parse(text);
    if (!value.is_object())
      throw WeightsError(path.string() + ": not a JSON object (got " + value.type_name() + ")." +
                         again);
    return ConfigObject(path.string(), std::move(value));
  } catch (const nlohmann::json::parse_error& error) {
    throw WeightsError(path.string() + ": not JSON at byte " + std::to_string(error.byte) + "." +
                       again);
  } catch (const nlohmann::json::exception&) {
    throw WeightsError(path.string() + ": holds a number that is out of range." + again);
  }
}

}  // namespace vlp
