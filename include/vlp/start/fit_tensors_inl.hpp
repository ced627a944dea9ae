#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <string>

#include <ATen/ATen.h>

#include "vlp/concepts/full_precision.hpp"
#include "vlp/concepts/model_layout.hpp"
#include "vlp/concepts/tensor_state.hpp"
#include "vlp/core/console.hpp"
#include "vlp/nn/position_table.hpp"
#include "vlp/start/fit_tensors.hpp"

namespace vlp {

namespace detail {

[[nodiscard]] inline TensorShapes shapes_of(const ModelTensors& model) {
  TensorShapes shapes;
  for (const auto& [name, tensor] : model) shapes.emplace(name, tensor.sizes().vec());
  return shapes;
}

/// Patches along one side of a square, or 0 if that many make none.
[[nodiscard]] inline std::int64_t square_side(std::int64_t patches) {
  const std::int64_t side = patches < 1 ? 0 : std::llround(std::sqrt(static_cast<double>(patches)));
  return side * side == patches ? side : 0;
}

/// Another number of patches than the model's; what else doesn't fit is reported when it is loaded.
inline void fit_grid(const GridTable& grid, TensorMap& tensors, const ModelTensors& model,
                     const std::string& source, const Console& console) {
  const auto wanted = model.find(grid.name);
  const auto found = tensors.find(grid.name);
  if (wanted == model.end() || found == tensors.end()) return;
  const at::Tensor table = tensor_view(found->second);
  const std::int64_t dim = wanted->second.dim(), rows = dim - 2;  // [1, N, D] or [N, D]
  if ((dim != 2 && dim != 3) || table.dim() != dim || !table.is_floating_point() ||
      (dim == 3 && table.size(0) != 1) || table.size(-1) != wanted->second.size(-1))
    return;
  const std::int64_t have = table.size(rows) - grid.leading,
                     want = wanted->second.size(rows) - grid.leading;
  const std::int64_t from = square_side(have), to = square_side(want);
  if (have == want || from == 0 || to == 0) return;
  const at::Tensor precise = table.to(at::kDouble);
  const at::Tensor resized = resized_positions(dim == 3 ? precise : precise.unsqueeze(0),
                                               {from, from}, {to, to}, grid.leading);
  found->second = tensor_bytes(dim == 3 ? resized : resized.squeeze(0));
  console.note(source + ": positions of " + std::to_string(from) + " x " + std::to_string(from) +
               " patches interpolated to " + std::to_string(to) + " x " + std::to_string(to));
}

/// The table that the layout says a tensor is; null if none.
[[nodiscard]] inline const RowTable* row_table(const ModelLayout& layout, const std::string& name) {
  const auto found = std::ranges::find_if(
      layout.rows, [&](const RowTable& table) { return name.ends_with(table.ending); });
  return found == layout.rows.end() ? nullptr : &*found;
}

}  // namespace detail

VLP_INLINE void fit_tensors(TensorMap& tensors, const ModelTensors& model,
                            const ModelLayout& layout, const std::string& source,
                            const Console& console) {
  if (layout.settle) layout.settle(tensors, detail::shapes_of(model), source, console);
  for (const GridTable& grid : layout.grids)
    detail::fit_grid(grid, tensors, model, source, console);
}

VLP_INLINE std::vector<std::string> fit_rows(TensorMap& tensors, const ModelTensors& model,
                                             const ModelLayout& layout, bool may_grow) {
  std::vector<std::string> changes;
  for (auto& [name, tensor] : tensors) {
    const RowTable* kind = detail::row_table(layout, name);
    const auto wanted = model.find(name);
    if (!kind || wanted == model.end() || tensor.shape.empty() ||
        tensor.shape.size() != static_cast<std::size_t>(wanted->second.dim()))
      continue;
    const at::Tensor own = wanted->second.detach(), table = precise(tensor_view(tensor));
    const std::int64_t have = table.size(0), want = own.size(0), added = want - have;
    if (added == 0 || table.sizes().slice(1) != own.sizes().slice(1)) continue;
    if (kind->words && (added < 0 || added > layout.new_words))
      continue;  // what doesn't fit is reported when it is loaded
    if (added > 0 && !may_grow) continue;
    tensor = tensor_bytes(added > 0 ? at::cat({table, own.slice(0, have).to(table.scalar_type())})
                                    : table.slice(0, 0, want));
    changes.push_back(
        name + ": " +
        (added > 0
             ? std::to_string(added) + " rows of " + std::to_string(want) + " begin at random"
             : "the first " + std::to_string(want) + " of " + std::to_string(have) + " rows"));
  }
  return changes;
}

}  // namespace vlp
