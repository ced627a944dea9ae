#pragma once
// What formats do to tensors that are only bytes: put rows together, leave one out, add one to all.
// Results are float32, or float64 where a tensor is; what only moves bytes keeps the dtype.
// Includes no torch.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <span>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "vlp/core/state.hpp"
#include "vlp/weights/numbers.hpp"

namespace vlp {

namespace detail {

/// A tensor that owns its items.
template <class T>
[[nodiscard]] TensorBytes owned_tensor(std::string dtype, std::vector<std::int64_t> shape,
                                       std::vector<T> items) {
  const auto owner = std::make_shared<const std::vector<T>>(std::move(items));
  return {std::move(dtype), std::move(shape), std::as_bytes(std::span(*owner)), owner};
}

/// Adds all items to a list.
template <class T>
void append_items(const TensorBytes& tensor, std::vector<T>& items) {
  const Numbers numbers(tensor);  // checks that bytes and shape agree
  const std::size_t before = items.size();
  items.resize(before + numbers.size());
  if (tensor.dtype == (std::is_same_v<T, float> ? "F32" : "F64")) {
    if (numbers.size() > 0)
      std::memcpy(items.data() + before, tensor.bytes.data(), tensor.bytes.size());
    return;
  }
  for (std::size_t i = 0; i < numbers.size(); ++i) items[before + i] = static_cast<T>(numbers[i]);
}

template <class T>
[[nodiscard]] TensorBytes joined_rows(const std::vector<TensorBytes>& parts, std::string dtype) {
  std::vector<std::int64_t> shape = parts.front().shape;
  shape[0] = 0;
  std::vector<T> items;
  for (const TensorBytes& part : parts) {
    shape[0] += part.shape[0];
    append_items(part, items);
  }
  return owned_tensor(std::move(dtype), std::move(shape), std::move(items));
}

template <class T>
[[nodiscard]] TensorBytes rows_plus(const TensorBytes& table, const TensorBytes& row,
                                    std::string dtype) {
  std::vector<T> items, added;
  append_items(table, items);
  append_items(row, added);
  const std::size_t width = static_cast<std::size_t>(table.shape[1]);
  for (std::size_t i = 0; i < items.size(); ++i) items[i] += added[i % width];
  return owned_tensor(std::move(dtype), table.shape, std::move(items));
}

}  // namespace detail

/// Whether `joined_rows` can put these together: they have rows, all of one shape.
[[nodiscard]] inline bool have_rows_alike(const std::vector<TensorBytes>& parts) {
  return !parts.empty() && std::ranges::all_of(parts, [&](const TensorBytes& part) {
    return !part.shape.empty() && std::ranges::equal(std::span(part.shape).subspan(1),
                                                     std::span(parts.front().shape).subspan(1));
  });
}

/// @param parts  `have_rows_alike`: [R1, ...], [R2, ...], ...
/// @return       [R1 + R2 + ..., ...]
/// @throws WeightsError if a tensor's bytes and shape don't agree
[[nodiscard]] inline TensorBytes joined_rows(const std::vector<TensorBytes>& parts) {
  const bool wide = std::ranges::count(parts, "F64", &TensorBytes::dtype) > 0;
  return wide ? detail::joined_rows<double>(parts, "F64")
              : detail::joined_rows<float>(parts, "F32");
}

/// @param table  [R, D]
/// @param rows   [S, D], the first of which is added to each of the table's; S at least 1
/// @return       [R, D]
/// @throws WeightsError if a tensor's bytes and shape don't agree
[[nodiscard]] inline TensorBytes plus_first_row(const TensorBytes& table, const TensorBytes& rows) {
  const bool wide = table.dtype == "F64" || rows.dtype == "F64";
  return wide ? detail::rows_plus<double>(table, rows, "F64")
              : detail::rows_plus<float>(table, rows, "F32");
}

/// @param table  [1, R, D]
/// @param row    which of the R is left out
/// @return       [1, R - 1, D] of the same dtype
/// @throws WeightsError if bytes and shape don't agree
[[nodiscard]] inline TensorBytes without_row(const TensorBytes& table, std::int64_t row) {
  const Numbers numbers(table);  // checks that bytes and shape agree
  const std::size_t width = table.bytes.size() / static_cast<std::size_t>(table.shape[1]);
  const auto begin = table.bytes.begin() + row * static_cast<std::int64_t>(width);
  std::vector<std::byte> bytes(table.bytes.begin(), begin);
  bytes.insert(bytes.end(), begin + static_cast<std::int64_t>(width), table.bytes.end());
  return detail::owned_tensor(table.dtype, {1, table.shape[1] - 1, table.shape[2]},
                              std::move(bytes));
}

}  // namespace vlp
