#pragma once

#include <algorithm>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include <nlohmann/json.hpp>

#include "vlp/captions/json_mistake.hpp"

namespace vlp {

namespace detail {

/// Takes any JSON and keeps nothing but the first mistake.
struct JsonMistakeFinder final : nlohmann::json_sax<nlohmann::json> {
  bool null() override { return true; }
  bool boolean(bool) override { return true; }
  bool number_integer(number_integer_t) override { return true; }
  bool number_unsigned(number_unsigned_t) override { return true; }
  bool number_float(number_float_t, const string_t&) override { return true; }
  bool string(string_t&) override { return true; }
  bool binary(binary_t&) override { return true; }
  bool start_object(std::size_t) override { return true; }
  bool key(string_t&) override { return true; }
  bool end_object() override { return true; }
  bool start_array(std::size_t) override { return true; }
  bool end_array() override { return true; }
  bool parse_error(std::size_t position, const std::string&,
                   const nlohmann::detail::exception& error) override {
    // "[json.exception.parse_error.101] parse error at line 1, column 2: REASON; last read: 'TEXT';
    // expected ..."
    std::string_view text = error.what();
    if (const std::size_t place = text.find(": "); place != text.npos)
      text.remove_prefix(place + 2);
    mistake = {position, std::string(text.substr(0, text.find("; last read")))};
    return false;
  }

  JsonMistake mistake;
};

}  // namespace detail

VLP_INLINE std::optional<JsonMistake> find_json_mistake(std::string_view text) {
  const std::size_t nul = text.find('\0');  // none may be there; nlohmann-json takes it for the end
  detail::JsonMistakeFinder finder;
  if (nlohmann::json::sax_parse(text.substr(0, nul), &finder)) {
    if (nul == text.npos) return std::nullopt;
    return JsonMistake{nul, "a NUL byte"};
  }
  JsonMistake mistake = finder.mistake;
  mistake.offset = std::min(std::max<std::size_t>(mistake.offset, 1) - 1,
                            text.size());  // nlohmann counts from 1
  return mistake;
}

}  // namespace vlp
