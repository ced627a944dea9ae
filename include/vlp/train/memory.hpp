#pragma once
// How much memory a run takes.

#include <sys/resource.h>

#include <cstddef>

#include <c10/core/CachingDeviceAllocator.h>
#include <c10/core/DeviceType.h>

#include "vlp/core/device.hpp"
#include "vlp/nn/device.hpp"

namespace vlp {

/// The most memory so far, MiB: on a GPU that of tensors, on the CPU that of the process. Doesn't
/// wait for the device.
[[nodiscard]] inline double peak_memory_mb(const DeviceName& name) {
  constexpr double kMebi = 1 << 20;
  if (name.type == DeviceName::Type::cuda) {
    const auto stats =
        c10::getDeviceAllocator(at::kCUDA)->getDeviceStats(torch_device(name).index());
    const auto all = static_cast<std::size_t>(c10::CachingAllocator::StatType::AGGREGATE);
    return static_cast<double>(stats.allocated_bytes[all].peak) / kMebi;
  }
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return static_cast<double>(usage.ru_maxrss) / 1024;  // Linux counts KiB
}

}  // namespace vlp
