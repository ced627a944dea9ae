#pragma once
// The device of a context in LibTorch's words.

#include <c10/core/Device.h>

#include "vlp/core/device.hpp"

namespace vlp {

[[nodiscard]] inline c10::Device torch_device(const DeviceName& device) {
  if (device.type == DeviceName::Type::cuda)
    return {c10::kCUDA, static_cast<c10::DeviceIndex>(device.index)};
  return device.type == DeviceName::Type::cpu ? c10::kCPU : c10::kMeta;
}

}  // namespace vlp
