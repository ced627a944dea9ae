#pragma once
// BLIP's learned temperature in files for transformers, whose retrieval model has no such tensor
// and would call it unexpected: it stands in the metadata of safetensors, and becomes the tensor
// `temp` again when vlp reads the file. Includes no torch.

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "vlp/core/error.hpp"
#include "vlp/core/named_tensors.hpp"
#include "vlp/core/printable.hpp"
#include "vlp/weights/numbers.hpp"

namespace vlp {

/// The tensor's name in BLIP's own files and in vlp's models, and the key in metadata.
inline constexpr std::string_view kTemperatureName = "temp";

/// A number as a tensor without dimensions.
/// @param value  of float64
[[nodiscard]] inline TensorBytes scalar_bytes(double value) {
  const auto owner = std::make_shared<const double>(value);
  return {"F64", {}, std::as_bytes(std::span(owner.get(), 1)), owner};
}

/// Moves a scalar `temp` from the tensors into the metadata, in as many digits as bring it back bit
/// by bit.
inline void move_temperature(NamedTensors& tensors, Metadata& metadata) {
  const auto found = std::ranges::find(tensors, kTemperatureName, &NamedTensors::value_type::first);
  if (found == tensors.end()) return;
  const Numbers numbers(found->second);
  if (numbers.size() != 1 || !numbers.shape().empty())
    return;  // another model's tensor of that name
  char text[32];
  char* const last = text + sizeof text;
  const bool single = numbers.dtype() != "F64";  // then fewer digits bring it back
  const auto end = single ? std::to_chars(text, last, static_cast<float>(numbers[0])).ptr
                          : std::to_chars(text, last, numbers[0]).ptr;
  metadata.emplace(kTemperatureName, std::string(text, end));
  tensors.erase(found);
}

/// Adds the tensor `temp` if the file says it in its metadata and has no such tensor.
/// @param file  changed
/// @throws WeightsError if the metadata hold something else than a number above 0
inline void take_temperature(WeightFile& file) {
  if (file.tensors.contains(kTemperatureName)) return;
  const auto found = file.metadata.find(kTemperatureName);
  if (found == file.metadata.end()) return;
  const std::string& text = found->second;
  double value = 0;
  const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (problem != std::errc{} || end != text.data() + text.size() || !std::isfinite(value) ||
      value <= 0)
    throw WeightsError(file.source + ": metadata '" + std::string(kTemperatureName) +
                       "' is no temperature (got \"" + printable(text) +
                       "\", expected a number above 0). Write the file again.");
  file.tensors.emplace(kTemperatureName, scalar_bytes(value));
}

}  // namespace vlp
