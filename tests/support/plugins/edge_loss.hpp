#pragma once
// A loss from outside that asks for a part that the core has never heard of.

#include <string_view>

#include <ATen/ATen.h>

#include "tests/support/edge_scores.hpp"
#include "vlp/concepts/loss.hpp"
#include "vlp/registry/plugin.hpp"

namespace outside {

/// Mean square of the scores of the batch's edges.
class EdgeLoss {
 public:
  static constexpr std::string_view name = "edge_loss";
  static constexpr auto needs = vlp::Parts::of<vlp::ImageStates, EdgeScores>();

  vlp::LossValue operator()(vlp::Forward& pass) const {
    return {pass.get<EdgeScores>()(pass.image_states()).square().mean(), {}};
  }
};
static_assert(vlp::Loss<EdgeLoss>);

}  // namespace outside

VLP_PLUGIN(edge_loss, "1.0", outside::EdgeLoss);
