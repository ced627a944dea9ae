#pragma once
// The loss scaling that fp16 needs. LibTorch has no gradient scaler in C++; this one lives on the
// device.

#include <ATen/ATen.h>

#include "vlp/concepts/tensor_state.hpp"
#include "vlp/core/device.hpp"
#include "vlp/core/state.hpp"
#include "vlp/nn/device.hpp"

namespace vlp {

/// Dynamic loss scaling (Micikevicius et al. 2018, section 3.2), wholly on the device. With fp32
/// and bf16 the scale stays 1.
class LossScaler {
 public:
  /// Starts at 65,536 with fp16.
  LossScaler(Precision precision, const DeviceName& device)
      : dynamic_(precision == Precision::fp16),
        scale_(at::full({1}, dynamic_ ? kInitialScale : 1.0,
                        at::TensorOptions(at::kFloat).device(torch_device(device)))),
        growth_tracker_(at::zeros({1}, at::TensorOptions(at::kInt).device(torch_device(device)))) {}

  /// @return  [1] float32, what the loss is multiplied by before backward
  [[nodiscard]] const at::Tensor& scale() const { return scale_; }
  /// Whether the scale ever changes.
  [[nodiscard]] bool dynamic() const { return dynamic_; }

  /// After a step: halves the scale where `found_inf` [1] is 1, doubles it after 2,000 good steps.
  void update(const at::Tensor& found_inf) {
    if (dynamic_) at::_amp_update_scale_(scale_, growth_tracker_, found_inf, 2.0, 0.5, 2000);
  }

  void save(State& state) const {
    put_tensor(state, "scale", scale_);
    put_tensor(state, "growth_tracker", growth_tracker_);
  }
  void load(const State& state) {
    load_tensor(state, "scale", scale_);
    load_tensor(state, "growth_tracker", growth_tracker_);
  }

 private:
  static constexpr double kInitialScale = 65536.0;
  bool dynamic_;
  at::Tensor scale_;
  at::Tensor growth_tracker_;
};

}  // namespace vlp
