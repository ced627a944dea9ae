#pragma once
// Updates before a second look at a model's numbers. Includes no torch.

#include <cstdint>

#include "vlp/recipe/value.hpp"

namespace vlp {

/// Updates that a trace makes after everything else, of all parameters in one group.
struct TraceUpdates {
  std::int64_t steps = 0;  ///< 0 = none
  Table optimizer = {};    ///< as a recipe's [optimizer], with `use`
};

}  // namespace vlp
