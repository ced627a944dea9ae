#pragma once
// Files of torch.save made by hand, so that tests can break one rule at a time.

#include <cstdint>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <span>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "tests/support/messages.hpp"
#include "tests/support/scratch_folder.hpp"
#include "vlp/core/error.hpp"
#include "vlp/core/state.hpp"

#include <minizip/zip.h>

using vlp_test::contains;
using vlp_test::message_of;

inline std::string file_bytes(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

inline std::filesystem::path write_file(const std::filesystem::path& path,
                                        const std::string& bytes) {
  std::ofstream(path, std::ios::binary) << bytes;
  return path;
}

inline std::span<const std::byte> bytes_of(const std::string& text) {
  return std::as_bytes(std::span(text));
}

template <class T>
std::vector<T> values_of(const vlp::TensorBytes& tensor) {
  std::vector<T> values(tensor.bytes.size() / sizeof(T));
  if (!values.empty()) std::memcpy(values.data(), tensor.bytes.data(), tensor.bytes.size());
  return values;
}

/// Instructions of a pickle.
namespace pickled {

inline std::string little_endian(std::uint64_t number, std::size_t count) {
  std::string text;
  for (std::size_t i = 0; i < count; ++i) text += static_cast<char>(number >> (8 * i));
  return text;
}
inline std::string whole(const std::string& body, int protocol = 2) {
  return "\x80" + std::string(1, char(protocol)) + body + ".";
}
inline std::string text(const std::string& value) {
  return "X" + little_endian(value.size(), 4) + value;
}
inline std::string integer(std::int64_t value) {
  return "\x8a\x08" + little_endian(static_cast<std::uint64_t>(value), 8);
}
inline std::string integers(const std::vector<std::int64_t>& values) {
  std::string items;
  for (const std::int64_t value : values) items += integer(value);
  return "(" + items + "t";
}
inline std::string global(const std::string& module, const std::string& name) {
  return "c" + module + "\n" + name + "\n";
}

struct Tensor {
  std::string key = "0";
  std::int64_t items = 4;
  std::vector<std::int64_t> sizes{4};
  std::vector<std::int64_t> strides{1};
  std::int64_t offset = 0;
  std::string storage = "FloatStorage";
  std::string more{};  // arguments beyond the sixth
};
inline std::string storage(const Tensor& t) {
  return "(" + text("storage") + global("torch", t.storage) + text(t.key) + text("cpu") +
         integer(t.items) + "tQ";
}
inline std::string tensor(const Tensor& t) {
  return global("torch._utils", "_rebuild_tensor_v2") + "(" + storage(t) + integer(t.offset) +
         integers(t.sizes) + integers(t.strides) + "\x89" + global("collections", "OrderedDict") +
         ")R" + t.more + "tR";
}
inline std::string dict(const std::vector<std::pair<std::string, std::string>>& entries) {
  std::string items;
  for (const auto& [key, value] : entries) items += text(key) + value;
  return "}(" + items + "u";
}

}  // namespace pickled

/// Writes zip archives; an entry is stored unless a compression level is given.
struct ZipEntry {
  std::string name;
  std::string bytes;
  int level = 0;
  bool zip64 = false;
};
inline std::filesystem::path write_zip(const std::filesystem::path& path,
                                       const std::vector<ZipEntry>& entries) {
  const zipFile zip = zipOpen64(path.c_str(), APPEND_STATUS_CREATE);
  if (!zip) throw std::runtime_error("no zip file");
  for (const auto& [name, bytes, level, zip64] : entries) {
    zip_fileinfo facts{};
    if (zipOpenNewFileInZip64(zip, name.c_str(), &facts, nullptr, 0, nullptr, 0, nullptr,
                              level ? Z_DEFLATED : 0, level, zip64) != ZIP_OK ||
        zipWriteInFileInZip(zip, bytes.data(), static_cast<unsigned>(bytes.size())) != ZIP_OK ||
        zipCloseFileInZip(zip) != ZIP_OK)
      throw std::runtime_error("no zip entry");
  }
  if (zipClose(zip, nullptr) != ZIP_OK) throw std::runtime_error("no zip file");
  return path;
}

/// Four floats 1 2 3 4.
inline std::string four_floats() {
  const float values[]{1, 2, 3, 4};
  return {reinterpret_cast<const char*>(values), sizeof values};
}

struct TorchFolder : ScratchFolder {
  /// A file of torch.save with this pickle and one storage of four floats.
  std::filesystem::path torch(const std::string& pickle) const {
    return write_zip(path / "x.bin", {{"x/data.pkl", pickle},
                                      {"x/byteorder", "little"},
                                      {"x/data/0", four_floats()},
                                      {"x/version", "3\n"}});
  }
};
