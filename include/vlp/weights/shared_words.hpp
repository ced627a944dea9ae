#pragma once
// Words before all names of a file, as programs that wrap a model leave them: "module." of
// DistributedDataParallel, "_orig_mod." of torch.compile, "model." of Lightning. Includes no torch.

#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "vlp/core/named_tensors.hpp"
#include "vlp/core/printable.hpp"

namespace vlp {

/// @return  what all names begin with, dots included, the shortest first, e.g. "_orig_mod." and
///          "_orig_mod.module."; at least the last word of each name stands behind it
[[nodiscard]] inline std::vector<std::string> shared_beginnings(const TensorMap& tensors) {
  if (tensors.empty()) return {};
  // Names are sorted: what the first and the last have in common all have.
  const std::string_view first = tensors.begin()->first, last = tensors.rbegin()->first;
  std::vector<std::string> beginnings;
  for (std::size_t i = 0; i + 1 < first.size() && i + 1 < last.size() && first[i] == last[i]; ++i)
    if (first[i] == '.') beginnings.emplace_back(first.substr(0, i + 1));
  return beginnings;
}

/// The same tensors with shorter names.
/// @param beginning  of `shared_beginnings`
[[nodiscard]] inline TensorMap without_beginning(const TensorMap& tensors,
                                                 std::string_view beginning) {
  TensorMap shorter;
  for (const auto& [name, tensor] : tensors) shorter.emplace(name.substr(beginning.size()), tensor);
  return shorter;
}

/// `weights.pth: all 473 names begin with 'module.', which is taken off`
[[nodiscard]] inline std::string taken_off_text(const std::string& source, std::size_t count,
                                                std::string_view beginning) {
  return source +
         (count == 1 ? ": its only name begins"
                     : ": all " + std::to_string(count) + " names begin") +
         " with '" + printable(beginning) + "', which is taken off";
}

}  // namespace vlp
