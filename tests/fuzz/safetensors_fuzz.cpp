// Any bytes at all as a safetensors file: they are read, or refused with a WeightsError.

#include <cstddef>
#include <cstdint>
#include <span>

#include "tests/fuzz/check_tensors.hpp"
#include "vlp/weights/safetensors.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  try {
    check_tensors(
        vlp::read_safetensors("fuzz", {std::as_bytes(std::span(data, size)), nullptr}).tensors);
  } catch (const vlp::WeightsError&) {
  }
  return 0;
}
