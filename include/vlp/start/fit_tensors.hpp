#pragma once
// A file's tensors in the shapes that a model has, as far as its layout says what may differ:
// tables of positions, added words, and what a file says twice and the model once.

#include <map>
#include <string>
#include <vector>

#include <ATen/core/Tensor.h>

#include "vlp/concepts/model_layout.hpp"
#include "vlp/core/console.hpp"
#include "vlp/core/header_only.hpp"
#include "vlp/core/named_tensors.hpp"

namespace vlp {

/// A model's tensors under all their names.
using ModelTensors = std::map<std::string, at::Tensor, std::less<>>;

/// Settles what stands twice, and interpolates positions to the model's grid of patches.
/// @param tensors  of a file, or of one part; changed
/// @param model    all of the model's
/// @param layout   of the model
/// @param source   how messages call the file
/// @param console  hears what was changed
/// @throws WeightsError if the model can't hold what the file says
void fit_tensors(TensorMap& tensors, const ModelTensors& model, const ModelLayout& layout,
                 const std::string& source, const Console& console);

/// Cuts or lengthens tables with a row for each word or position. Rows that are added keep the
/// model's values.
/// @param tensors    as `fit_tensors` leaves them; changed
/// @param model      all of the model's
/// @param layout     of the model
/// @param may_grow   whether rows may be added
/// @return           what was changed, a sentence a tensor
[[nodiscard]] std::vector<std::string> fit_rows(TensorMap& tensors, const ModelTensors& model,
                                                const ModelLayout& layout, bool may_grow);

}  // namespace vlp

#if VLP_HEADER_ONLY
#include "vlp/start/fit_tensors_inl.hpp"
#endif
