// Any bytes at all as a WebP file.

#include <cstddef>
#include <cstdint>

#include "tests/fuzz/check_picture.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  return check_picture(data, size, "RIFF");
}
