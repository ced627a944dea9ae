// Any bytes at all as a file of torch.save. What begins as an archive goes to minizip; anything
// else is also put into a sound archive as its pickle, beside two storages, so that the pickle
// reader and the tensors behind it are reached.

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

#include "tests/fuzz/check_tensors.hpp"
#include "vlp/weights/torch_file.hpp"

#include <zlib.h>

namespace {

void append(std::string& text, std::uint64_t number, std::size_t count) {
  for (; count > 0; --count, number >>= 8) text += static_cast<char>(number);
}

/// What a local header and a directory's entry share: versions, no compression, checksum, sizes,
/// length of the name.
std::string facts(const std::string& name, const std::string& bytes) {
  std::string text;
  append(text, 0, 10);
  append(text,
         crc32(0, reinterpret_cast<const Bytef*>(bytes.data()), static_cast<uInt>(bytes.size())),
         4);
  append(text, bytes.size(), 4);
  append(text, bytes.size(), 4);
  append(text, name.size(), 4);
  return text;
}

std::string archive(const std::string& pickle) {
  std::string text;
  std::string directory;
  for (const auto& [name, bytes] : {std::pair<std::string, std::string>("x/data.pkl", pickle),
                                    {"x/data/0", std::string(64, '\1')},
                                    {"x/data/1", "abcd"}}) {
    const std::size_t begin = text.size();
    text += "PK\x03\x04" + facts(name, bytes) + name + bytes;
    directory += std::string("PK\x01\x02") + std::string(2, '\0') + facts(name, bytes);
    append(directory, 0, 10);
    append(directory, begin, 4);
    directory += name;
  }
  const std::size_t begin = text.size();
  text += directory + "PK\x05\x06";
  append(text, 0, 4);
  append(text, 3, 2);
  append(text, 3, 2);
  append(text, directory.size(), 4);
  append(text, begin, 4);
  append(text, 0, 2);
  return text;
}

void read(std::span<const std::byte> bytes) {
  try {
    check_tensors(vlp::TorchFile({bytes, nullptr}, "fuzz").state_dict());
  } catch (const vlp::WeightsError&) {
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  read(std::as_bytes(std::span(data, size)));
  const std::string bytes(reinterpret_cast<const char*>(data), size);
  if (!bytes.starts_with("PK")) {
    const std::string whole = archive(bytes);
    read(std::as_bytes(std::span(whole)));
  }
  return 0;
}
