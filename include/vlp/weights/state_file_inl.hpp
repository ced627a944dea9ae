#pragma once

#include <charconv>
#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <variant>

#include "vlp/core/error.hpp"
#include "vlp/core/state.hpp"
#include "vlp/weights/safetensors.hpp"
#include "vlp/weights/state_file.hpp"

namespace vlp {

namespace detail {

inline constexpr std::string_view kStateFormatKey = "format";

inline constexpr std::string_view kStateFormat =
    "vlp-state-1";  // the number grows when old readers would misread

/// Shortest text that reads back to the same number.
template <class T>
[[nodiscard]] std::string number_text(T value) {
  char buffer[32];
  return {buffer, std::to_chars(buffer, buffer + sizeof buffer, value).ptr};
}

/// @throws WeightsError if `text` is not exactly one number
template <class T>
[[nodiscard]] T parse_number(const std::filesystem::path& path, std::string_view name,
                             std::string_view text) {
  T value{};
  const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (problem != std::errc{} || end != text.data() + text.size())
    throw WeightsError(path.string() + ": entry '" + std::string(name) +
                       "' is not a number (got \"" + std::string(text) + "\").");
  return value;
}

}  // namespace detail

VLP_INLINE void save_state(const State& state, const std::filesystem::path& path,
                           const ByteSink& also) {
  NamedTensors tensors;
  Metadata metadata{{std::string(detail::kStateFormatKey), std::string(detail::kStateFormat)}};
  for (const auto& [name, entry] : state.entries()) {
    if (const auto* integer = std::get_if<std::int64_t>(&entry))
      metadata.emplace("integer:" + name, detail::number_text(*integer));
    else if (const auto* number = std::get_if<double>(&entry))
      metadata.emplace("number:" + name, detail::number_text(*number));
    else if (const auto* text = std::get_if<std::string>(&entry))
      metadata.emplace("text:" + name, *text);
    else
      tensors.emplace_back(name, std::get<TensorBytes>(entry));
  }
  write_safetensors(path, tensors, metadata, also);
}

VLP_INLINE State load_state(const std::filesystem::path& path) {
  SafetensorsFile file = read_safetensors(path);
  const auto format = file.metadata.find(detail::kStateFormatKey);
  if (format == file.metadata.end() || format->second != detail::kStateFormat) {
    throw WeightsError(path.string() + ": not a checkpoint of this version (got format " +
                       (format == file.metadata.end() ? "none" : "\"" + format->second + "\"") +
                       ", expected \"" + std::string(detail::kStateFormat) +
                       "\"). Give a file that training wrote.");
  }
  file.metadata.erase(format);

  State state;
  for (auto& [key, text] : file.metadata) {
    const std::size_t colon = key.find(':');
    const std::string_view type = std::string_view(key).substr(0, colon);
    const std::string name = colon == std::string::npos ? "" : key.substr(colon + 1);
    if (type == "integer")
      state.put(name, detail::parse_number<std::int64_t>(path, name, text));
    else if (type == "number")
      state.put(name, detail::parse_number<double>(path, name, text));
    else if (type == "text")
      state.put(name, std::move(text));
    else
      throw WeightsError(path.string() + ": unknown entry '" + key +
                         "'. Give a file that training wrote.");
  }
  for (auto& [name, tensor] : file.tensors) state.put(name, std::move(tensor));
  return state;
}

}  // namespace vlp
