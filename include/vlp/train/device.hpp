#pragma once
// Chooses the device. One binary serves CPU and GPU: LibTorch's CUDA libraries are opened only when
// a GPU is asked for, before anything else asks torch about CUDA.

#include <filesystem>
#include <optional>
#include <string>

#include <ATen/ATen.h>
#include <dlfcn.h>

#include "vlp/core/device.hpp"
#include "vlp/core/error.hpp"

namespace vlp {

/// The device that was chosen, and why not another, in words.
struct DeviceChoice {
  DeviceName device;   ///< to be used
  std::string reason;  ///< e.g. "no NVIDIA driver"; empty if the wish was met as it stands
};

namespace detail {

/// Opens LibTorch's CUDA half. @return  what is missing, or nothing if CUDA can be used
inline std::string open_cuda() {
  if (!dlopen("libcuda.so.1", RTLD_LAZY | RTLD_LOCAL)) return "no NVIDIA driver";
  Dl_info info{};
  dladdr(reinterpret_cast<const void*>(static_cast<at::Context& (*)()>(&at::globalContext)), &info);
  const std::filesystem::path library =
      std::filesystem::path(info.dli_fname ? info.dli_fname : "").parent_path() /
      "libtorch_cuda.so";
  if (!dlopen(library.c_str(), RTLD_NOW | RTLD_GLOBAL))
    return std::string("LibTorch's CUDA libraries can't be opened (") + dlerror() +
           "); set up with VLP_CUDA=ON";
  if (!at::globalContext().hasCUDA()) return "LibTorch finds no CUDA";
  return {};
}

}  // namespace detail

/// @param wish  auto, cpu, cuda or cuda:N
/// @return      the GPU for `auto` if one works, else the CPU with the reason
/// @throws RecipeError for an unknown wish, or if a GPU was asked for by name and doesn't work
[[nodiscard]] inline DeviceChoice choose_device(const std::string& wish) {
  if (wish == "cpu") return {};
  int index = 0;
  const bool numbered = wish.starts_with("cuda:") && wish.size() > 5 && wish.size() < 9 &&
                        wish.find_first_not_of("0123456789", 5) == wish.npos;
  if (numbered) index = std::stoi(wish.substr(5));
  if (wish != "auto" && wish != "cuda" && !numbered)
    throw RecipeError("--device " + wish + ": unknown device, expected auto, cpu, cuda or cuda:N.");

  std::string problem = detail::open_cuda();
  if (problem.empty()) {
    try {
      const at::Device device(at::kCUDA, static_cast<at::DeviceIndex>(index));
      if (at::ones({1}, at::TensorOptions().device(device)).add(1).item<float>() == 2.0F)
        return {{DeviceName::Type::cuda, index}, {}};
      problem = "the GPU computes wrongly";
    } catch (const std::exception& error) {
      problem = std::string(error.what()).substr(0, std::string(error.what()).find('\n'));
    }
  }
  if (wish != "auto")
    throw RecipeError("--device " + wish + ": no working GPU (" + problem +
                      "). Use --device cpu or auto.");
  return {{}, problem};
}

}  // namespace vlp
