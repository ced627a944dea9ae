#pragma once
// The parts of a model that tensors belong to: the first words of their names. Includes no torch.

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

#include "vlp/core/named_tensors.hpp"
#include "vlp/core/printable.hpp"

namespace vlp {

/// The part that a tensor belongs to: `text_proj` of `text_proj.bias`.
[[nodiscard]] inline std::string part_of(std::string_view name) {
  return std::string(name.substr(0, name.find('.')));
}

/// How many tensors there are of each part.
[[nodiscard]] inline PartCounts count_parts(const TensorMap& tensors) {
  PartCounts parts;
  for (const auto& [name, tensor] : tensors) ++parts[part_of(name)];
  return parts;
}

/// `text_encoder (198 tensors), itm_head (2 tensors)`
[[nodiscard]] inline std::string parts_text(const PartCounts& parts) {
  std::string text;
  for (const auto& [part, count] : parts)
    text += (text.empty() ? "" : ", ") + part + " (" + std::to_string(count) +
            (count == 1 ? " tensor)" : " tensors)");
  return text;
}

/// The first names, for messages: `'a', 'b', 'c'`.
/// @param named  anything by name, at least one
[[nodiscard]] std::string first_names(const auto& named) {
  constexpr std::size_t most = 3;
  std::string text;
  std::size_t shown = 0;
  for (auto entry = named.begin(); entry != named.end() && shown < most; ++entry, ++shown)
    text += (text.empty() ? "'" : ", '") + printable(entry->first) + "'";
  return text;
}

/// Whether some tensor's name begins so.
[[nodiscard]] inline bool has_beginning(const TensorMap& tensors, std::string_view beginning) {
  const auto first = tensors.lower_bound(beginning);
  return first != tensors.end() && first->first.starts_with(beginning);
}

/// Whether dtype, shape and all bytes are equal.
[[nodiscard]] inline bool same_values(const TensorBytes& a, const TensorBytes& b) {
  if (a.dtype != b.dtype || a.shape != b.shape || a.bytes.size() != b.bytes.size()) return false;
  return a.bytes.empty() || a.bytes.data() == b.bytes.data() ||
         std::memcmp(a.bytes.data(), b.bytes.data(), a.bytes.size()) == 0;
}

}  // namespace vlp
