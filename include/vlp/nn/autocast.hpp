#pragma once
// The number format of a forward pass: autocast to bf16 or fp16 while a guard lives. LibTorch has
// no such guard in C++.

#include <ATen/autocast_mode.h>

#include "vlp/core/device.hpp"
#include "vlp/nn/device.hpp"

namespace vlp {

/// Whether eligible operations on a device run in a short format, and in which.
struct NumberFormat {
  at::DeviceType device;
  bool lower = false;      ///< whether autocast is on
  at::ScalarType dtype{};  ///< to which it casts

  /// Of a forward pass; the usual one on devices that know no other.
  [[nodiscard]] static NumberFormat of(Precision precision, const DeviceName& name) {
    const at::DeviceType type = torch_device(name).type();
    const bool lower = precision == Precision::bf16 || precision == Precision::fp16;
    return {type, lower && at::autocast::is_autocast_available(type),
            precision == Precision::bf16 ? at::kBFloat16 : at::kHalf};
  }
  /// That of this thread.
  [[nodiscard]] static NumberFormat now(at::DeviceType device) {
    return {
        device,
        at::autocast::is_autocast_available(device) && at::autocast::is_autocast_enabled(device),
        at::autocast::is_autocast_available(device) ? at::autocast::get_autocast_dtype(device)
                                                    : at::kFloat};
  }
};

/// While it lives, eligible operations on this thread run in bf16 or fp16. Does nothing for fp32
/// and tf32. Casts of weights are kept until the outermost guard ends.
class Autocast {
 public:
  /// Does nothing for fp32 and tf32.
  Autocast(Precision precision, const DeviceName& device)
      : Autocast(NumberFormat::of(precision, device)) {}
  /// Does nothing where the format is the usual one.
  explicit Autocast(const NumberFormat& format)
      : active_(format.lower), before_(active_ ? NumberFormat::now(format.device) : format) {
    if (!active_) return;
    at::autocast::set_autocast_enabled(format.device, true);
    at::autocast::set_autocast_dtype(format.device, format.dtype);
    at::autocast::increment_nesting();
  }
  ~Autocast() {
    if (!active_) return;
    if (at::autocast::decrement_nesting() == 0) at::autocast::clear_cache();
    at::autocast::set_autocast_enabled(before_.device, before_.lower);
    at::autocast::set_autocast_dtype(before_.device, before_.dtype);
  }
  Autocast(const Autocast&) = delete;
  Autocast& operator=(const Autocast&) = delete;

 private:
  bool active_;
  NumberFormat before_;
};

/// While it lives, autocast keeps no casts of weights on this thread: for passes without a graph
/// among others that have one.
class WithoutCastCache {
 public:
  WithoutCastCache() : before_(at::autocast::is_autocast_cache_enabled()) {
    at::autocast::set_autocast_cache_enabled(false);
  }
  ~WithoutCastCache() { at::autocast::set_autocast_cache_enabled(before_); }
  WithoutCastCache(const WithoutCastCache&) = delete;
  WithoutCastCache& operator=(const WithoutCastCache&) = delete;

 private:
  bool before_;
};

}  // namespace vlp
