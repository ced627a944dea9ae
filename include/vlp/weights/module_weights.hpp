#pragma once
// The parameters and buffers of a torch module, saved and loaded by name. Tensors that a module
// holds under several names (tied weights) are saved once, under the first.

#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "vlp/concepts/tensor_state.hpp"
#include "vlp/core/error.hpp"
#include "vlp/core/state.hpp"
#include "vlp/weights/safetensors.hpp"
#include "vlp/weights/tensor_map.hpp"

#include <torch/nn/module.h>

namespace vlp {

/// What loading did besides copying.
struct LoadReport {
  std::int64_t loaded = 0;             ///< tensors taken from the file
  std::vector<std::string> converted;  ///< names whose floating dtype was changed to the module's
  std::vector<std::string> ignored;  ///< names of the file that no module needs, e.g. position_ids
};

/// Tensors by name, in an order that says something.
using NamedTensorList = std::vector<std::pair<std::string, at::Tensor>>;

namespace detail {

/// Parameters, then buffers, in the order of registration, under every name; the undefined ones
/// left out.
[[nodiscard]] inline NamedTensorList all_tensors(const torch::nn::Module& module) {
  NamedTensorList tensors;
  for (const auto& item : module.named_parameters())
    if (item.value().defined()) tensors.emplace_back(item.key(), item.value());
  for (const auto& item : module.named_buffers())
    if (item.value().defined()) tensors.emplace_back(item.key(), item.value());
  return tensors;
}

/// Each tensor once, under its first name.
[[nodiscard]] inline NamedTensorList distinct_tensors(const torch::nn::Module& module) {
  std::set<const void*> seen;
  NamedTensorList tensors = all_tensors(module);
  std::erase_if(tensors, [&](const auto& named) {
    return !seen.insert(named.second.unsafeGetTensorImpl()).second;
  });
  return tensors;
}

/// Counters 0, 1, 2, ... that older checkpoints store and that every model can make itself.
[[nodiscard]] inline bool ignorable(std::string_view name) {
  return name == "position_ids" || name.ends_with(".position_ids");
}

[[nodiscard]] inline std::string described(const at::Tensor& tensor) {
  return dtype_name(tensor.scalar_type()) + " " + shape_text(tensor.sizes().vec());
}

}  // namespace detail

/// Each parameter once, under its first name, however many parts of the module share it.
[[nodiscard]] inline NamedTensorList distinct_parameters(const torch::nn::Module& module) {
  std::set<const void*> seen;
  NamedTensorList parameters;
  for (const auto& item : module.named_parameters())
    if (item.value().defined() && seen.insert(item.value().unsafeGetTensorImpl()).second)
      parameters.emplace_back(item.key(), item.value());
  return parameters;
}

/// Parameters and buffers of floating point become `dtype`; counters and masks stay what they are.
inline void cast_floating(torch::nn::Module& module, at::ScalarType dtype) {
  const at::NoGradGuard no_grad;
  for (auto& [name, tensor] : detail::distinct_tensors(module))
    if (tensor.is_floating_point()) tensor.set_data(tensor.to(dtype));
}

/// Compares and copies the tensors of a file with those of a module; collects every mismatch before
/// it copies anything.
class ModuleLoader {
 public:
  /// @param module  what to fill; must outlive the loader
  /// @param file    its tensors; must outlive the loader
  /// @param source  how messages call the file
  ModuleLoader(torch::nn::Module& module, const TensorMap& file, std::string source)
      : tensors_(detail::all_tensors(module)), file_(file), source_(std::move(source)) {}

  /// @throws WeightsError listing all tensors that are missing, unexpected, mis-shaped, of another
  /// kind of number, or
  ///         different although the module ties them; the module is then unchanged
  LoadReport load() {
    match();
    find_unexpected();
    if (!problems_.empty()) {
      std::string text = source_ + ": the weights don't fit the model.";
      for (const std::string& problem : problems_) text += "\n  " + problem;
      throw WeightsError(text + "\nChoose the model that the weights were made for.");
    }
    const at::NoGradGuard no_grad;
    for (auto& [into, from] : copies_) into.copy_(from);
    return report_;
  }

 private:
  void match() {
    std::map<const void*, std::vector<std::string>> names;  // of each tensor
    for (const auto& [name, tensor] : tensors_) names[tensor.unsafeGetTensorImpl()].push_back(name);
    for (const auto& [name, tensor] : tensors_) {
      const std::vector<std::string>& same = names[tensor.unsafeGetTensorImpl()];
      const auto source =
          std::ranges::find_if(same, [&](const std::string& n) { return file_.contains(n); });
      if (source == same.end()) {
        if (name == same.front())
          problems_.push_back("missing: " + name + " (" + detail::described(tensor) + ")");
      } else if (name == *source) {
        match(name, tensor);
      } else if (const auto tied = file_.find(name);
                 tied != file_.end() && !equal(tied->second, file_.at(*source))) {
        problems_.push_back("different: " + name + " and " + *source +
                            " are one parameter in the model");
      }
      report_.loaded += file_.contains(name);
    }
  }

  void match(const std::string& name, const at::Tensor& tensor) {
    const at::Tensor found = tensor_view(file_.at(name));
    const bool convertible = found.is_floating_point() && tensor.is_floating_point();
    if (found.sizes() != tensor.sizes() ||
        (found.scalar_type() != tensor.scalar_type() && !convertible)) {
      problems_.push_back("mis-shaped: " + name + " (got " + detail::described(found) +
                          ", expected " + detail::described(tensor) + ")");
      return;
    }
    if (found.scalar_type() != tensor.scalar_type()) report_.converted.push_back(name);
    copies_.emplace_back(tensor, found);
  }

  void find_unexpected() {
    std::set<std::string_view> known;
    for (const auto& named : tensors_) known.insert(named.first);
    for (const auto& [name, tensor] : file_) {
      if (known.contains(name)) continue;
      if (detail::ignorable(name))
        report_.ignored.push_back(name);
      else
        problems_.push_back("unexpected: " + name + " (" + tensor.dtype + " " +
                            shape_text(tensor.shape) + ")");
    }
  }

  static bool equal(const TensorBytes& a, const TensorBytes& b) {
    return a.dtype == b.dtype && a.shape == b.shape && std::ranges::equal(a.bytes, b.bytes);
  }

  NamedTensorList tensors_;
  const TensorMap& file_;
  std::string source_;
  std::vector<std::string> problems_;
  std::vector<std::pair<at::Tensor, at::Tensor>> copies_;
  LoadReport report_;
};

/// Copies tensors into a module's own memory by name. Floating dtypes are converted to the
/// module's; extra `position_ids` are ignored; of tied names one is enough.
/// @param module   changed in place
/// @param tensors  by name
/// @param source   how messages call where the tensors come from, e.g. the path of a file
/// @throws WeightsError as `ModuleLoader::load`
inline LoadReport load_module(torch::nn::Module& module, const TensorMap& tensors,
                              const std::string& source) {
  return ModuleLoader(module, tensors, source).load();
}

/// The same from a safetensors file. @throws WeightsError also for a missing or malformed file
inline LoadReport load_module(torch::nn::Module& module, const std::filesystem::path& path) {
  return load_module(module, read_safetensors(path).tensors, path.string());
}

/// All parameters and buffers under the module's own names, for writing a file at once; see
/// `tensor_bytes`.
[[nodiscard]] inline NamedTensors module_tensors(const torch::nn::Module& module) {
  NamedTensors tensors;
  for (const auto& [name, tensor] : detail::distinct_tensors(module))
    tensors.emplace_back(name, tensor_bytes(tensor));
  return tensors;
}

/// Writes all parameters and buffers as a safetensors file under the module's own names.
/// @throws WeightsError naming the path if it can't be written
inline void save_module(const torch::nn::Module& module, const std::filesystem::path& path,
                        const Metadata& metadata = {}) {
  write_safetensors(path, module_tensors(module), metadata);
}

/// Puts copies of all parameters and buffers into a state, for checkpoints.
inline void save_module(const torch::nn::Module& module, State& state) {
  for (const auto& [name, tensor] : detail::distinct_tensors(module))
    put_tensor(state, name, tensor);
}

/// Takes a module's tensors back from a state. @throws WeightsError if one is missing or has
/// another shape or dtype
inline void load_module(torch::nn::Module& module, const State& state) {
  for (auto& [name, tensor] : detail::distinct_tensors(module)) load_tensor(state, name, tensor);
}

}  // namespace vlp
