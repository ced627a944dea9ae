#pragma once
// Rows that processes compute in turn, block by block, put into the order that one process alone
// would have given them.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <tuple>
#include <utility>
#include <vector>

#include <ATen/ATen.h>

#include "vlp/concepts/peers.hpp"
#include "vlp/core/error.hpp"
#include "vlp/core/packed.hpp"

namespace vlp {

/// Of each column the blocks of this process, in order.
using Columns = std::vector<std::vector<at::Tensor>>;

/// What a process brings of one column.
struct ColumnShape {
  std::vector<std::int64_t> rows;    ///< of each block
  std::vector<std::int64_t> row;     ///< sizes of a row; of no blocks empty
  at::ScalarType type = at::kFloat;  ///< of no blocks any

  auto members() { return std::tie(rows, row, type); }
  [[nodiscard]] auto members() const { return std::tie(rows, row, type); }

  /// Of blocks that fit together.
  [[nodiscard]] static ColumnShape of(const std::vector<at::Tensor>& blocks) {
    ColumnShape shape;
    for (const at::Tensor& block : blocks) shape.rows.push_back(block.size(0));
    if (blocks.empty()) return shape;
    shape.row = blocks.front().sizes().slice(1).vec();
    shape.type = blocks.front().scalar_type();
    return shape;
  }
  /// All rows.
  [[nodiscard]] std::int64_t count() const {
    std::int64_t count = 0;
    for (const std::int64_t n : rows) count += n;
    return count;
  }
};

namespace detail {

/// One column of all processes.
/// @param own     this process's blocks
/// @param shapes  of every process
/// @param device  where the rows are
inline at::Tensor gathered_column(const Peers& peers, const std::vector<at::Tensor>& own,
                                  const std::vector<ColumnShape>& shapes, at::Device device) {
  std::int64_t most = 0, total = 0;
  std::size_t blocks = 0;
  const ColumnShape* known = nullptr;
  for (const ColumnShape& shape : shapes) {
    most = std::max(most, shape.count());
    total += shape.count();
    blocks += shape.rows.size();
    if (shape.rows.empty()) continue;
    if (!known) known = &shape;
    if (shape.row != known->row || shape.type != known->type)
      throw ShapeError(
          "evaluation: processes have rows of different sizes or types. Give all of them the same "
          "model and recipe.");
  }
  if (!known) return {};
  std::vector<std::int64_t> sizes{most};
  sizes.insert(sizes.end(), known->row.begin(), known->row.end());
  const at::TensorOptions options = at::TensorOptions().dtype(known->type).device(device);
  at::Tensor padded = at::zeros(sizes, options);  // a group gathers tensors of one shape
  if (padded.numel() == 0) {
    sizes.front() = total;
    return at::empty(sizes, options);
  }
  if (!own.empty()) {
    const at::Tensor rows = at::cat(own);
    padded.narrow(0, 0, rows.size(0)).copy_(rows);
  }
  const at::Tensor all = peers.gather(padded);
  std::vector<std::int64_t> next(shapes.size());  // rows of each process that are placed
  std::vector<at::Tensor> ordered;
  for (std::size_t block = 0; block < blocks; ++block) {
    const std::size_t rank = block % shapes.size();
    const std::int64_t count = shapes[rank].rows.at(block / shapes.size());
    ordered.push_back(all.narrow(0, static_cast<std::int64_t>(rank) * most + next[rank], count));
    next[rank] += count;
  }
  return at::cat(ordered);
}

}  // namespace detail

/// Rows of blocks that processes make in turn: the n-th of all is made by the process that
/// `takes(n)`. One process alone exchanges nothing.
/// @param columns  how many tensors there are of each block
/// @param device   where they are
/// @param work     () -> Columns: blocks of [n, ...] each, n at will; makes no call of the group
/// @return         of each column the rows of all blocks, in order; undefined without blocks
/// @throws         what the work throws; PeerError if it failed elsewhere
template <class Work>
[[nodiscard]] std::vector<at::Tensor> in_turn(const Peers& peers, std::size_t columns,
                                              at::Device device, Work&& work) {
  Columns own;
  const std::vector<Bytes> told = together(peers, [&] {
    own = std::forward<Work>(work)();
    std::vector<ColumnShape> shapes;
    if (peers.size() > 1)
      for (const auto& blocks : own) shapes.push_back(ColumnShape::of(blocks));
    return pack(shapes);
  });
  std::vector<at::Tensor> all;
  if (peers.size() == 1) {
    for (const auto& blocks : own) all.push_back(blocks.empty() ? at::Tensor() : at::cat(blocks));
    return all;
  }
  std::vector<std::vector<ColumnShape>> shapes;
  for (const Bytes& bytes : told)
    shapes.push_back(std::get<0>(unpack<std::vector<ColumnShape>>(bytes)));
  for (std::size_t column = 0; column < columns; ++column) {
    std::vector<ColumnShape> of_all;
    for (const auto& of_one : shapes) of_all.push_back(of_one.at(column));
    all.push_back(detail::gathered_column(peers, own.at(column), of_all, device));
  }
  return all;
}

}  // namespace vlp
