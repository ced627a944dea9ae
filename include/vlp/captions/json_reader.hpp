#pragma once
// JSON read once from front to back, over simdjson: every byte is checked, an object has no name
// twice, and messages say line and column. Includes no torch.

#include <algorithm>
#include <array>
#include <cstddef>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_set>
#include <utility>

#include "vlp/captions/json_mistake.hpp"
#include "vlp/captions/json_number.hpp"
#include "vlp/captions/problems.hpp"
#include "vlp/captions/text_file.hpp"
#include "vlp/core/error.hpp"
#include "vlp/core/image_id.hpp"
#include "vlp/core/printable.hpp"
#include "vlp/text/utf8.hpp"

#include <simdjson.h>

namespace vlp {

namespace detail {

/// The names of one object, to find one that comes twice.
class FieldNames {
 public:
  /// @return  whether `name` is new; it must stay where it is
  bool add(std::string_view name) {
    if (count_ < few_.size()) {
      if (std::find(few_.begin(), few_.begin() + count_, name) != few_.begin() + count_)
        return false;
      few_[count_++] = name;
      return true;
    }
    if (many_.empty()) many_.insert(few_.begin(), few_.end());
    return many_.insert(name).second;
  }

 private:
  std::array<std::string_view, 16> few_;
  std::size_t count_ = 0;
  std::unordered_set<std::string_view> many_;
};

}  // namespace detail

/// Reads the JSON documents of one file. A value is visited once, in the order of the text; what
/// nobody takes is checked all the same. Text that it gives lasts until the next document.
class JsonReader {
 public:
  /// What stands at one place.
  using Value = simdjson::ondemand::value;
  /// Levels of objects and arrays.
  static constexpr int kDeepest = 64;

  /// @param file  must outlive the reader
  explicit JsonReader(const TextFile& file) : file_(file) {}

  /// Looks at a document before it is read; what is wrong with it doesn't matter yet.
  /// @param part  as in `document`
  /// @param look  called with simdjson's document if the text may be one
  template <class Look>
  void peek(std::string_view part, Look&& look) {
    if (!open(part)) return;
    look(document_);
    rewound_ = document_.is_alive();
    if (rewound_) document_.rewind();
  }

  /// Reads one document, an object or an array.
  /// @param part   where it stands in the file's text, without anything else but white space
  /// @param visit  called with the outermost value, which it passes to `fields`, `elements` or
  ///               `skip`
  /// @throws DataError naming line and column, if `part` is not a JSON object or array, not UTF-8,
  /// has a name twice in an
  ///         object, or nests deeper than `kDeepest`
  template <class Visit>
  void document(std::string_view part, Visit&& visit) {
    const bool is_open = rewound_ && part_.data() == part.data() && part_.size() == part.size();
    if (!is_open && !open(part)) refuse();
    rewound_ = false;
    depth_ = 0;
    Value root = take(document_.get_value());
    visit(root);
    if (document_.current_location().error() != simdjson::OUT_OF_BOUNDS)
      refuse();  // more stands behind it
  }

  /// Reads JSON lines, the whole file: calls `visit(value, line)` for each line that is not blank,
  /// lines counted from 1; where it returns false the value is checked and skipped.
  /// @throws DataError as `document` does
  template <class Visit>
  void lines(Visit&& visit) {
    std::string_view rest = file_.text();
    for (std::size_t number = 1; !rest.empty(); ++number) {
      const std::size_t end = std::min(rest.find('\n'), rest.size());
      const std::string_view line = rest.substr(0, end);
      if (line.find_first_not_of(" \t\r") != line.npos)
        document(line, [&](Value& root) {
          if (!visit(root, number)) skip(root);
        });
      rest.remove_prefix(std::min(end + 1, rest.size()));
    }
  }

  /// Calls `visit(name, value)` for each field of an object; where it returns false the value is
  /// checked and skipped.
  template <class Visit>
  void fields(Value& object, Visit&& visit) {
    visit_fields(object, std::ref(visit));
  }

  /// Calls `visit(index, value)` for each element of an array; where it returns false the value is
  /// checked and skipped.
  template <class Visit>
  void elements(Value& array, Visit&& visit) {
    visit_elements(array, std::ref(visit));
  }

  /// Checks a value and goes on behind it.
  void skip(Value& value) {
    const auto nothing = [](const auto&, Value&) { return false; };
    if (is_object(value)) return fields(value, nothing);
    if (is_array(value)) return elements(value, nothing);
    if (is_string(value))
      (void)characters(value);
    else if (const std::string_view word = token(value);
             word != "true" && word != "false" && word != "null" && !is_json_number(word))
      refuse();
  }

  /// Whether a value is an object, by its first character.
  [[nodiscard]] static bool is_object(Value& value) {
    return value.raw_json_token().front() == '{';
  }
  /// Whether a value is an array, by its first character.
  [[nodiscard]] static bool is_array(Value& value) { return value.raw_json_token().front() == '['; }
  /// Whether a value is null, by its first character.
  [[nodiscard]] static bool is_null(Value& value) { return value.raw_json_token().front() == 'n'; }
  /// Whether a value is a string, by its first character.
  [[nodiscard]] static bool is_string(Value& value) {
    return value.raw_json_token().front() == '"';
  }

  /// A string without its escapes; nothing if the value is another, which is checked and skipped.
  [[nodiscard]] std::optional<std::string_view> string(Value& value) {
    if (is_string(value)) return characters(value);
    skip(value);
    return std::nullopt;
  }

  /// What names an image, a string or an integer as it is written, without a fraction that is 0, as
  /// pandas writes integers of a column with gaps; nothing if the value is another, which is
  /// skipped.
  [[nodiscard]] std::optional<ImageIdView> id(Value& value) {
    if (is_string(value)) return ImageIdView{characters(value)};
    skip(value);
    if (is_object(value) || is_array(value)) return std::nullopt;
    std::string_view number = token(value);
    if (const std::size_t dot = number.find('.');
        dot != number.npos && number.find_first_not_of('0', dot + 1) == number.npos)
      number = number.substr(0, dot);
    if (!is_json_integer(number)) return std::nullopt;
    return ImageIdView{number == "-0" ? number.substr(1) : number, /*is_number=*/true};
  }

  /// Whether a string that was read is a part of the file's text, so that it lasts as long; it is,
  /// if it had no escapes.
  [[nodiscard]] bool is_in_text(std::string_view string) const {
    const std::string_view text = file_.text();
    return string.data() >= text.data() &&
           string.data() + string.size() <= text.data() + text.size();
  }

  /// Notes that a value, read already or not, is another than it should be.
  /// @param where     its path, e.g. "annotations[17].caption"
  /// @param expected  e.g. "a string"
  void wrong(Value& value, const std::string& where, const std::string& expected) {
    problems_.add([&] {
      return place(value) + ": " + where + " is wrong (got " + described(value) + ", expected " +
             expected + "). Mend it.";
    });
  }

  /// Notes that an object lacks a field.
  /// @param where     the object's path
  /// @param name      the field
  /// @param expected  e.g. "a string"
  void missing(Value& object, const std::string& where, const std::string& name,
               const std::string& expected) {
    problems_.add([&] {
      return place(object) + ": " + where + " has no \"" + name + "\" (expected " + expected +
             "). Add it.";
    });
  }

  /// `file:line:column` of a value.
  [[nodiscard]] std::string place(Value& value) const {
    return file_.place(
        static_cast<std::size_t>(value.raw_json_token().data() - file_.text().data()));
  }

  /// The mistakes that were noted.
  [[nodiscard]] Problems& problems() { return problems_; }

 private:
  template <class T>
  T take(simdjson::simdjson_result<T>&& result) const {
    T value;
    if (std::move(result).get(value) != simdjson::SUCCESS) refuse();
    return value;
  }

  [[nodiscard]] bool open(std::string_view part) {
    part_ = part;
    rewound_ = false;
    return parser_.iterate(file_.padded(part)).get(document_) == simdjson::SUCCESS;
  }

  // Not templates, as simdjson's code is long.
  void visit_fields(Value& object, const std::function<bool(std::string_view, Value&)>& visit) {
    enter(object);
    detail::FieldNames names;
    for (auto result : take(object.get_object())) {
      simdjson::ondemand::field field = take(std::move(result));
      const std::string_view name = name_of(field);
      Value value = field.value();
      if (!names.add(name))
        throw DataError(place(value) + ": \"" + printable(name) +
                        "\" stands twice in one object (expected once). Delete one of them.");
      if (!visit(name, value)) skip(value);
    }
    --depth_;
  }

  void visit_elements(Value& array, const std::function<bool(std::size_t, Value&)>& visit) {
    enter(array);
    std::size_t index = 0;
    for (auto result : take(array.get_array())) {
      Value value = take(std::move(result));
      if (!visit(index++, value)) skip(value);
    }
    --depth_;
  }

  void enter(Value& value) {
    if (++depth_ <= kDeepest) return;
    throw DataError(place(value) + ": nests too deeply (expected at most " +
                    std::to_string(kDeepest) + " levels). Is it a caption file?");
  }

  /// A value that is no object or array, as it is written.
  [[nodiscard]] static std::string_view token(Value& value) {
    const std::string_view text = value.raw_json_token();
    return text.substr(0, text.find_last_not_of(" \t\r\n") + 1);
  }

  /// simdjson has checked all but escapes; without any, the string is what stands between its
  /// quotes.
  [[nodiscard]] std::string_view characters(Value& string) {
    const std::string_view text = token(string);
    if (text.size() < 2 || text.back() != '"' || text.find('\\') != text.npos)
      return take(string.get_string());
    return text.substr(1, text.size() - 2);
  }

  [[nodiscard]] std::string_view name_of(simdjson::ondemand::field& field) {
    const char* const begin = field.key().raw();
    const char* end = begin;
    while (*end != '"' && *end != '\\') ++end;
    return *end == '"' ? std::string_view(begin, end) : take(field.unescaped_key());
  }

  [[nodiscard]] static std::string described(Value& value) {
    if (is_object(value)) return "an object";
    if (is_array(value)) return "an array";
    return is_string(value) ? "a string" : printable(token(value));
  }

  [[noreturn]] void refuse() const {
    const auto begin = static_cast<std::size_t>(part_.data() - file_.text().data());
    if (const std::size_t good = utf8_prefix(part_); good < part_.size())
      throw DataError(file_.place(begin + good) +
                      ": bytes that are not UTF-8. Convert the file to UTF-8.");
    if (const std::optional<JsonMistake> mistake = find_json_mistake(part_))
      throw DataError(file_.place(begin + mistake->offset) + ": not JSON (" + mistake->reason +
                      "). Mend the file or write it anew.");
    throw DataError(file_.place(begin) +
                    ": a value by itself (expected an object or an array). Is it a caption file?");
  }

  const TextFile& file_;
  std::string_view part_;  // of the document that was opened last
  bool rewound_ = false;   // whether it is at its beginning, after a peek
  int depth_ = 0;
  Problems problems_;
  simdjson::ondemand::parser parser_;
  simdjson::ondemand::document document_;
};

}  // namespace vlp
