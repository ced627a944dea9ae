#pragma once
// A file of a model's numbers, sorted by what they are. A trace holds tensors by name, whole. A stored reference may
// hold less: NAME.rows and NAME.columns (along the first and the last axis) are those that `row_index` lists, NAME.sums is
// (sum, sum of absolute values, sum of squares) of the whole, NAME.f64 is the same computed in float64. Includes no torch.

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
#include "vlp/weights/numbers.hpp"
#include "vlp/weights/safetensors.hpp"

namespace vlp {

/// What a file holds of one tensor at one precision; at least one of them.
struct StoredParts {
  std::optional<Numbers> whole;    ///< all of it
  std::optional<Numbers> rows;     ///< along the first axis
  std::optional<Numbers> columns;  ///< along the last axis
  std::optional<Numbers> sums;     ///< [3]
};

/// One tensor of a file, at one precision or two.
struct StoredTensor {
  std::optional<StoredParts> single;  ///< in float32, or of integers
  std::optional<StoredParts> full;    ///< in float64
};

/// A file sorted out.
struct TraceFile {
  std::string path;                             ///< as messages call it
  std::map<std::string, StoredTensor> tensors;  ///< by name without suffix
  std::vector<std::int64_t> index;              ///< which rows and columns are stored
};

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

/// Whether numbers without the suffix .f64 are float64 all the same. Sums always are and say nothing.
[[nodiscard]] inline bool is_full(const StoredParts& parts) {
  for (const auto* part : {&parts.whole, &parts.rows, &parts.columns})
    if (*part && (*part)->dtype() == "F64") return true;
  return false;
}

[[nodiscard]] inline std::vector<std::int64_t> row_index(const std::string& path, const TensorBytes& tensor) {
  if (tensor.dtype != "I64" || tensor.shape.size() != 1)
    throw DataError(path + ": row_index is not a list of integers (got " + tensor.dtype + " " + shape_text(tensor.shape) +
                    ", expected I64 [R]). Write the file again.");
  std::vector<std::int64_t> index(static_cast<std::size_t>(tensor.shape[0]));
  for (std::size_t i = 0; i < index.size(); ++i) index[i] = item_at<std::int64_t>(tensor.bytes.data(), i);
  std::vector<std::int64_t> sorted = index;
  std::ranges::sort(sorted);
  if (std::ranges::adjacent_find(sorted) != sorted.end() || (!sorted.empty() && sorted.front() < 0))
    throw DataError(path + ": row_index holds a row twice or a negative one. Write the file again.");
  return index;
}

}  // namespace detail

/// @throws DataError if the file is missing or malformed, or holds rows or columns that `row_index` doesn't list
[[nodiscard]] inline TraceFile read_trace(const std::filesystem::path& path) {
  SafetensorsFile file;
  try {
    file = read_safetensors(path);
  } catch (const WeightsError& error) {
    throw DataError(error.what());
  }
  TraceFile trace{path.string(), {}, {}};
  if (const auto index = file.tensors.find("row_index"); index != file.tensors.end())
    trace.index = detail::row_index(trace.path, index->second);

  std::map<std::string, std::array<std::optional<StoredParts>, 2>> found;  // without and with the suffix .f64
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
    if ((rows || columns) && (numbers.shape().empty() || (rows ? numbers.shape().front() : numbers.shape().back()) != listed))
      throw DataError(trace.path + ": '" + full_name + "' doesn't fit row_index (got " + shape_text(numbers.shape()) + ", expected " +
                      std::to_string(listed) + (rows ? " rows" : " columns") + "). Write the file again.");
    if (part == &StoredParts::sums && numbers.size() != 3)
      throw DataError(trace.path + ": '" + full_name + "' is no triple of sums (got " + shape_text(numbers.shape()) +
                      ", expected [3]). Write the file again.");
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
