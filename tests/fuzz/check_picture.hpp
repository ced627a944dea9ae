#pragma once
// What must hold of every picture file, whatever its bytes: it becomes pixels of the size that it
// declares, or is refused with a DataError, and no memory is taken that was not asked for.

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <span>
#include <string_view>

#include "vlp/core/error.hpp"
#include "vlp/image/read.hpp"

/// Gives the bytes to the reader of a format, behind the signature that leads to it.
/// @param signature  what the format's files begin with; files that don't are left alone
inline int check_picture(const std::uint8_t* data, std::size_t size, std::string_view signature) {
  const auto bytes = std::as_bytes(std::span(data, size));
  if (!vlp::detail::begins_with(bytes, signature)) return 0;
  constexpr std::size_t most = 64U << 20U;  // bytes; larger pictures are slow and tell no more
  for (const auto transparency : {vlp::AlphaMode::drop, vlp::AlphaMode::over_white}) {
    std::size_t claimed = 0;
    struct TooLarge {};
    try {
      const vlp::Pixels pixels = vlp::decode_pixels(
          bytes, "fuzz", {.transparency = transparency, .orient = true}, [&](std::size_t memory) {
            claimed = memory;
            if (claimed > most) throw TooLarge();
          });
      if (pixels.height < 1 || pixels.width < 1 || pixels.byte_count() > claimed ||
          pixels.orientation != 1)
        std::abort();
      volatile unsigned sum = 0;  // reads every byte, which finds those that nobody wrote to
      for (const std::uint8_t byte : pixels.bytes()) sum = sum + byte;
    } catch (const vlp::DataError&) {
    } catch (const TooLarge&) {
    }
  }
  return 0;
}
