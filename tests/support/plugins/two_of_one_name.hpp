#pragma once
// A plugin that brings two components of one name, of two kinds: allowed, since recipes tell them
// apart by their table.

#include <string_view>

#include <ATen/ATen.h>

#include "vlp/concepts/schedule.hpp"
#include "vlp/concepts/transform.hpp"
#include "vlp/registry/plugin.hpp"

namespace outside {

/// Factor 1/2 throughout.
struct HalfRate {
  static constexpr std::string_view name = "half";
  double operator()(const vlp::SchedulePosition&) const { return 0.5; }
};

/// Every value halved.
struct HalfValue {
  static constexpr std::string_view name = "half";
  at::Tensor operator()(const at::Tensor& image, vlp::RandomStream&) const {
    return image.to(at::kFloat) * 0.5;
  }
};

}  // namespace outside

VLP_PLUGIN(two_of_one_name, "1.0", outside::HalfRate, outside::HalfValue);
