#pragma once
// The image fixtures: where they lie, and the tensors of their expected.safetensors.

#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <string>
#include <vector>

#include <ATen/core/Tensor.h>
#include <ATen/ops/empty.h>
#include <nlohmann/json.hpp>

namespace vlp::test {

/// tests/fixtures/images, or VLP_PARITY_DIR/images where that variable is set.
inline std::filesystem::path image_fixtures() {
  if (const char* parity = std::getenv("VLP_PARITY_DIR"))
    return std::filesystem::path(parity) / "images";
  return std::filesystem::path(VLP_TEST_DATA) / "images";
}

inline std::string file_bytes(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

/// Every tensor of a safetensors file that holds only F32 and U8.
inline std::map<std::string, at::Tensor> read_tensors(const std::filesystem::path& path) {
  const std::string file = file_bytes(path);
  std::uint64_t header_size = 0;
  std::memcpy(&header_size, file.data(), sizeof header_size);
  std::map<std::string, at::Tensor> tensors;
  const auto header = nlohmann::json::parse(file.substr(8, header_size));
  for (const auto& [name, entry] : header.items()) {
    if (name == "__metadata__") continue;
    const auto shape = entry["shape"].get<std::vector<std::int64_t>>();
    const std::uint64_t begin = entry["data_offsets"][0], end = entry["data_offsets"][1];
    const at::Tensor tensor =
        at::empty(shape, at::TensorOptions(entry["dtype"] == "U8" ? at::kByte : at::kFloat));
    std::memcpy(tensor.mutable_data_ptr(), file.data() + 8 + header_size + begin, end - begin);
    tensors[name] = tensor;
  }
  return tensors;
}

}  // namespace vlp::test
