#pragma once
// Weight files with numbers planted into them that are none.

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "vlp/core/named_tensors.hpp"
#include "vlp/weights/safetensors.hpp"

namespace vlp_test {

/// Replaces numbers of a float32 tensor in a file of safetensors by another.
/// @param file   written anew, in place of a link, too
/// @param name   of the tensor
/// @param value  e.g. NaN
/// @param count  how many of its numbers, the first ones; 0 = all
inline void plant(const std::filesystem::path& file, const std::string& name, float value,
                  std::size_t count = 0) {
  vlp::SafetensorsFile read = vlp::read_safetensors(file);
  vlp::TensorBytes& tensor = read.tensors.at(name);
  const auto owner =
      std::make_shared<std::vector<std::byte>>(tensor.bytes.begin(), tensor.bytes.end());
  const std::size_t items = owner->size() / sizeof(float);
  for (std::size_t i = 0; i < (count > 0 ? count : items); ++i)
    std::memcpy(owner->data() + i * sizeof(float), &value, sizeof value);
  tensor.bytes = std::span<const std::byte>(*owner);
  tensor.owner = owner;
  const vlp::NamedTensors all(read.tensors.begin(), read.tensors.end());
  const std::filesystem::path fresh = file.string() + ".fresh";
  vlp::write_safetensors(fresh, all, read.metadata);
  std::filesystem::rename(fresh, file);
}

}  // namespace vlp_test
