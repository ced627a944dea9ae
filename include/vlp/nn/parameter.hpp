#pragma once
// What optimizers ask of a parameter.

#include <string>
#include <string_view>

#include <ATen/core/Tensor.h>

#include "vlp/concepts/tensor_state.hpp"
#include "vlp/core/error.hpp"

namespace vlp {

/// Small steps vanish in fewer bits.
/// @param optimizer  by its name
/// @param name       the parameter's, in the model
/// @param parameter  any shape
/// @throws ShapeError if it is neither float32 nor float64
inline void require_updatable(std::string_view optimizer, const std::string& name,
                              const at::Tensor& parameter) {
  if (parameter.scalar_type() != at::kFloat && parameter.scalar_type() != at::kDouble)
    throw ShapeError(std::string(optimizer) + ": parameter '" + name + "' can't be updated (got " +
                     dtype_name(parameter.scalar_type()) + ", expected F32 or F64).");
}

}  // namespace vlp
