#pragma once
// Safetensors files: an 8-byte little-endian length N, N bytes of JSON, then the tensors' bytes
// without gaps. The reader trusts nothing: every size and offset is checked before a byte is used.
// Includes no torch.
// @see https://huggingface.co/docs/safetensors (format)

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "vlp/core/atomic_file.hpp"
#include "vlp/core/error.hpp"
#include "vlp/core/header_only.hpp"
#include "vlp/core/named_tensors.hpp"
#include "vlp/weights/mapped_file.hpp"
#include "vlp/weights/tensor_map.hpp"

namespace vlp {

static_assert(std::endian::native == std::endian::little,
              "safetensors files are little-endian and used as they lie");

/// A file that was read: tensors that point into the mapped file, and texts.
struct SafetensorsFile {
  std::filesystem::path path;  ///< where it was read
  TensorMap tensors;           ///< by name; views into the file
  Metadata metadata;           ///< texts by name

  /// @throws WeightsError if the file has no such tensor
  [[nodiscard]] const TensorBytes& tensor(std::string_view name) const {
    const auto found = tensors.find(name);
    if (found == tensors.end())
      throw WeightsError(path.string() + ": tensor '" + std::string(name) + "' is missing.");
    return found->second;
  }
};

/// Maps a file and checks its header; tensors are read from the disk when their bytes are first
/// used.
/// @throws WeightsError for a missing, unreadable or malformed file, and for dtypes that vlp
/// doesn't know
[[nodiscard]] SafetensorsFile read_safetensors(const std::filesystem::path& path);

/// The same for a file that is mapped already; `path` is how messages call it.
[[nodiscard]] SafetensorsFile read_safetensors(const std::filesystem::path& path, MappedFile file);

/// Writes a file that appears complete or not at all. Tensors of larger items come first, so that
/// each is aligned; among equals the given order stays.
/// @param also  hears the bytes of the file as they are written
/// @throws WeightsError naming the path: names used twice, text that is not UTF-8, a folder or disk
/// that can't be written
void write_safetensors(const std::filesystem::path& path, const NamedTensors& tensors,
                       const Metadata& metadata = {}, const ByteSink& also = {});

}  // namespace vlp

#if VLP_HEADER_ONLY
#include "vlp/weights/safetensors_inl.hpp"
#endif
