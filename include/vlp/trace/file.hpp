#pragma once
// A file of a model's numbers, sorted by what they are. A trace holds tensors by name, whole. A
// stored reference may hold less: NAME.rows and NAME.columns (along the first and the last axis)
// are those that `row_index` lists, NAME.sums is (sum, sum of absolute values, sum of squares) of
// the whole, NAME.f64 is the same computed in float64. Includes no torch.

#include <algorithm>
#include <array>
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
#include "vlp/core/header_only.hpp"
#include "vlp/weights/numbers.hpp"

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

[[nodiscard]] inline std::vector<std::int64_t> row_index(const std::string& path,
                                                         const TensorBytes& tensor) {
  if (tensor.dtype != "I64" || tensor.shape.size() != 1)
    throw DataError(path + ": row_index is not a list of integers (got " + tensor.dtype + " " +
                    shape_text(tensor.shape) + ", expected I64 [R]). Write the file again.");
  std::vector<std::int64_t> index(static_cast<std::size_t>(tensor.shape[0]));
  for (std::size_t i = 0; i < index.size(); ++i)
    index[i] = item_at<std::int64_t>(tensor.bytes.data(), i);
  std::vector<std::int64_t> sorted = index;
  std::ranges::sort(sorted);
  if (std::ranges::adjacent_find(sorted) != sorted.end() || (!sorted.empty() && sorted.front() < 0))
    throw DataError(path +
                    ": row_index holds a row twice or a negative one. Write the file again.");
  return index;
}

}  // namespace detail

/// @throws DataError if the file is missing or malformed, or holds rows or columns that `row_index`
/// doesn't list
[[nodiscard]] TraceFile read_trace(const std::filesystem::path& path);

}  // namespace vlp

#if VLP_HEADER_ONLY
#include "vlp/trace/file_inl.hpp"
#endif
