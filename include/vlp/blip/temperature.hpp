#pragma once
// BLIP's learned temperature in files for transformers, whose retrieval model has no such tensor
// and would call it unexpected: it stands in the metadata of safetensors, and becomes the tensor
// `temp` again when vlp reads the file. Includes no torch.

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstddef>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "vlp/core/error.hpp"
#include "vlp/core/printable.hpp"
#include "vlp/weights/mapped_file.hpp"
#include "vlp/weights/numbers.hpp"
#include "vlp/weights/read_weights.hpp"
#include "vlp/weights/safetensors.hpp"
#include "vlp/weights/tensor_map.hpp"

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

/// Adds the tensor `temp` if the file is safetensors, says it in its metadata, and has no such
/// tensor.
/// @param path     the file that the tensors were read from
/// @param tensors  of the file
/// @throws WeightsError if the metadata hold something else than a number above 0
inline void take_temperature(const std::filesystem::path& path, TensorMap& tensors) {
  if (tensors.contains(kTemperatureName)) return;
  MappedFile file = map_file(path);
  if (!detail::looks_like_safetensors(detail::text_of(file))) return;
  const Metadata metadata = read_safetensors(path, std::move(file)).metadata;
  const auto found = metadata.find(kTemperatureName);
  if (found == metadata.end()) return;
  const std::string& text = found->second;
  double value = 0;
  const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (problem != std::errc{} || end != text.data() + text.size() || !std::isfinite(value) ||
      value <= 0)
    throw WeightsError(path.string() + ": metadata '" + std::string(kTemperatureName) +
                       "' is no temperature (got \"" + printable(text) +
                       "\", expected a number above 0). Write the file again.");
  tensors.emplace(kTemperatureName, scalar_bytes(value));
}

}  // namespace vlp
