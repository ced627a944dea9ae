#pragma once
// The number format of a forward pass: autocast to bf16 or fp16 while a guard lives. LibTorch has
// no such guard in C++.

#include <ATen/autocast_mode.h>

#include "vlp/core/device.hpp"
#include "vlp/nn/device.hpp"

namespace vlp {

/// While it lives, eligible operations on this thread run in bf16 or fp16. Does nothing for fp32.
class Autocast {
 public:
  /// Does nothing for fp32.
  Autocast(Precision precision, const DeviceName& device)
      : type_(torch_device(device).type()),
        active_(precision != Precision::fp32),
        was_enabled_(at::autocast::is_autocast_enabled(type_)),
        old_dtype_(at::autocast::get_autocast_dtype(type_)) {
    if (!active_) return;
    at::autocast::set_autocast_enabled(type_, true);
    at::autocast::set_autocast_dtype(type_,
                                     precision == Precision::bf16 ? at::kBFloat16 : at::kHalf);
    at::autocast::increment_nesting();
  }
  ~Autocast() {
    if (!active_) return;
    if (at::autocast::decrement_nesting() == 0) at::autocast::clear_cache();
    at::autocast::set_autocast_enabled(type_, was_enabled_);
    at::autocast::set_autocast_dtype(type_, old_dtype_);
  }
  Autocast(const Autocast&) = delete;
  Autocast& operator=(const Autocast&) = delete;

 private:
  at::DeviceType type_;
  bool active_;
  bool was_enabled_;
  at::ScalarType old_dtype_;
};

}  // namespace vlp
