#pragma once
// Ids of images in the JSON that vlp writes and reads back.

#include <charconv>
#include <cstdint>
#include <string>
#include <system_error>

#include "vlp/core/image_id.hpp"
#include "vlp/core/json.hpp"

namespace vlp {

/// An integer where the id is one, of 64 bits; else a string.
inline void to_json(Json& json, const ImageId& id) {
  const std::string& text = id.text();
  const auto take = [&]<class Number>(Number number) {
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error != std::errc{} || end != text.data() + text.size()) return false;
    json = number;
    return true;
  };
  if (id.is_number() && (take(std::int64_t{}) || take(std::uint64_t{}))) return;
  json = text;
}

/// @throws Json::type_error if it is neither an integer nor a string
inline void from_json(const Json& json, ImageId& id) {
  id = json.is_number_integer() ? ImageId::number(json.dump()) : ImageId(json.get<std::string>());
}

}  // namespace vlp
