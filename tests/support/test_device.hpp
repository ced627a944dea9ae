#pragma once
// The device of tests that are worth running on a GPU: VLP_TEST_DEVICE as --device says it, else a
// GPU that works, else the CPU.

#include <cstdlib>
#include <string>
#include <vector>

#include <boost/test/unit_test.hpp>

#include <ATen/ATen.h>

#include "vlp/nn/device.hpp"
#include "vlp/nn/tf32.hpp"
#include "vlp/train/device.hpp"

namespace vlp_test {

/// Chosen once. Float32 is computed as such: no TensorFloat-32.
inline const vlp::DeviceChoice& test_device() {
  static const vlp::DeviceChoice choice = [] {
    const char* wish = std::getenv("VLP_TEST_DEVICE");
    vlp::DeviceChoice chosen = vlp::choose_device(wish ? wish : "auto");
    vlp::choose_tf32(vlp::Precision::fp32);
    return chosen;
  }();
  return choice;
}

inline at::Device test_torch_device() { return vlp::torch_device(test_device().device); }

inline bool on_gpu() { return test_device().device.type == vlp::DeviceName::Type::cuda; }

/// For cases that say something of a GPU only.
inline boost::test_tools::assertion_result needs_gpu(boost::unit_test::test_unit_id) {
  boost::test_tools::assertion_result there(on_gpu());
  if (!there) there.message() << "no GPU: " << test_device().reason;
  return there;
}

/// How results differ: the largest difference over the largest number.
inline double relative_distance(const at::Tensor& actual, const at::Tensor& exact) {
  const at::Tensor a = actual.detach().to(at::kCPU, at::kDouble),
                   b = exact.detach().to(at::kCPU, at::kDouble);
  return (a - b).abs().max().item<double>() / b.abs().max().item<double>();
}

}  // namespace vlp_test
