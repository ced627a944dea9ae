#pragma once
// Weights from whatever file they come in: safetensors, torch.save's files, and both in shards. The
// format is told by the content, never by the name. Includes no torch.

#include <array>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "vlp/core/error.hpp"
#include "vlp/core/header_only.hpp"
#include "vlp/core/named_tensors.hpp"
#include "vlp/weights/mapped_file.hpp"
#include "vlp/weights/tensor_map.hpp"

namespace vlp {

namespace detail {

/// Header of safetensors: a length of 8 bytes that is not beyond the file, then '{'.
[[nodiscard]] inline bool looks_like_safetensors(std::string_view file) {
  if (file.size() < 9 || file[8] != '{') return false;
  std::uint64_t length = 0;
  for (std::size_t i = 0; i < 8; ++i)
    length |= std::uint64_t{static_cast<unsigned char>(file[i])} << (8 * i);
  return length <= file.size() - 8;
}

[[nodiscard]] inline std::string_view text_of(const MappedFile& file) {
  return {reinterpret_cast<const char*>(file.bytes.data()), file.bytes.size()};
}

}  // namespace detail

/// Reads safetensors, a file of torch.save, or all shards of an index; names are those of the file.
/// Of a file of torch.save they are those of the dict that `choose_state_dict` finds, e.g. of
/// {"model": ...}. Tensors are views of the mapped file. Texts are those of a file of safetensors;
/// shards have none.
/// @throws WeightsError if the file is missing, damaged, no file of weights (it says what it is
/// instead), or asks for
///         anything but tensors, plain containers and settings
[[nodiscard]] WeightFile read_weight_file(const std::filesystem::path& path, MappedFile file);

/// The same for a file on the disk.
[[nodiscard]] WeightFile read_weight_file(const std::filesystem::path& path);

/// Its tensors alone.
[[nodiscard]] inline TensorMap read_weights(const std::filesystem::path& path, MappedFile file) {
  return read_weight_file(path, std::move(file)).tensors;
}
/// The same for a file on the disk.
[[nodiscard]] inline TensorMap read_weights(const std::filesystem::path& path) {
  return read_weight_file(path).tensors;
}

/// @return  the file that holds the weights of a model's folder: model.safetensors, its index,
///          pytorch_model.bin, its index, else the only file of the folder that ends in
///          .safetensors, .bin or .pth, else the only one that ends in .pt or .ckpt
/// @throws WeightsError if there is no such folder, no such file, several of them, or a link to
/// nothing
[[nodiscard]] std::filesystem::path find_weights(const std::filesystem::path& folder);

}  // namespace vlp

#if VLP_HEADER_ONLY
#include "vlp/weights/read_weights_inl.hpp"
#endif
