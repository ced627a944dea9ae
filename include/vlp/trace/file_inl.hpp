#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "vlp/core/error.hpp"
#include "vlp/trace/file.hpp"
#include "vlp/weights/numbers.hpp"
#include "vlp/weights/safetensors.hpp"

namespace vlp {

namespace detail {

/// Whether `name` ended with it.
inline bool take_suffix(std::string& name, std::string_view suffix) {
  if (name.size() <= suffix.size() || !name.ends_with(suffix)) return false;
  name.resize(name.size() - suffix.size());
  return true;
}

/// The part of a tensor that `name` stands for; leaves the tensor's name.
[[nodiscard]] inline std::optional<Numbers> StoredParts::* take_part(std::string& name) {
  if (take_suffix(name, ".rows")) return &StoredParts::rows;
  if (take_suffix(name, ".columns")) return &StoredParts::columns;
  if (take_suffix(name, ".sums")) return &StoredParts::sums;
  return &StoredParts::whole;
}

/// Whether numbers without the suffix .f64 are float64 all the same. Sums always are and say
/// nothing.
[[nodiscard]] inline bool is_full(const StoredParts& parts) {
  for (const auto* part : {&parts.whole, &parts.rows, &parts.columns})
    if (*part && (*part)->dtype() == "F64") return true;
  return false;
}

}  // namespace detail

VLP_INLINE TraceFile read_trace(const std::filesystem::path& path) {
  SafetensorsFile file;
  try {
    file = read_safetensors(path);
  } catch (const WeightsError& error) {
    throw DataError(error.what());
  }
  TraceFile trace{path.string(), {}, {}};
  if (const auto index = file.tensors.find("row_index"); index != file.tensors.end())
    trace.index = detail::row_index(trace.path, index->second);

  std::map<std::string, std::array<std::optional<StoredParts>, 2>>
      found;  // without and with the suffix .f64
  for (const auto& [full_name, tensor] : file.tensors) {
    if (full_name == "row_index") continue;
    std::string name = full_name;
    const bool full = detail::take_suffix(name, ".f64");
    const auto part = detail::take_part(name);
    std::optional<StoredParts>& parts = found[name][full ? 1 : 0];
    if (!parts) parts.emplace();
    Numbers& numbers = ((*parts).*part).emplace(tensor);
    const auto listed = static_cast<std::int64_t>(trace.index.size());
    const bool rows = part == &StoredParts::rows, columns = part == &StoredParts::columns;
    if ((rows || columns) && (numbers.shape().empty() ||
                              (rows ? numbers.shape().front() : numbers.shape().back()) != listed))
      throw DataError(trace.path + ": '" + full_name + "' doesn't fit row_index (got " +
                      shape_text(numbers.shape()) + ", expected " + std::to_string(listed) +
                      (rows ? " rows" : " columns") + "). Write the file again.");
    if (part == &StoredParts::sums && numbers.size() != 3)
      throw DataError(trace.path + ": '" + full_name + "' is no triple of sums (got " +
                      shape_text(numbers.shape()) + ", expected [3]). Write the file again.");
  }
  for (auto& [name, by_suffix] : found) {
    StoredTensor& tensor = trace.tensors[name];
    tensor.full = std::move(by_suffix[1]);
    if (!by_suffix[0]) continue;
    const bool full = !tensor.full && detail::is_full(*by_suffix[0]);
    (full ? tensor.full : tensor.single) = std::move(by_suffix[0]);
  }
  return trace;
}

}  // namespace vlp
