#pragma once
// A dataset whose constructor throws what vlp doesn't know, as plugins do: an exception of the
// standard library, or one of LibTorch with its stack.

#include <span>
#include <stdexcept>
#include <string_view>
#include <tuple>

#include <ATen/ATen.h>

#include "vlp/concepts/dataset.hpp"
#include "vlp/recipe/field.hpp"
#include "vlp/registry/plugin.hpp"

namespace outside {

/// Never made.
class FaultyDataset {
 public:
  static constexpr std::string_view name = "faulty";

  struct Options {
    bool torch = false;

    static constexpr auto fields() {
      return std::tuple{vlp::field<&Options::torch>("Throws what LibTorch throws.")};
    }
  };

  explicit FaultyDataset(const Options& options) {
    if (options.torch) (void)at::zeros({2}).narrow(0, 0, 10);
    throw std::runtime_error("bad row");
  }
  [[nodiscard]] std::span<const vlp::ImageRecord> records(vlp::Split) const { return {}; }
  [[nodiscard]] vlp::CaptionsPerImage captions_per_image() const {
    return vlp::CaptionsPerImage::all;
  }
};
static_assert(vlp::Dataset<FaultyDataset>);

}  // namespace outside

VLP_PLUGIN(faulty, "1.0", outside::FaultyDataset);
