#pragma once
// Unpacks gzip (RFC 1952) in memory. Includes no torch.

#include <algorithm>
#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "vlp/core/error.hpp"

#include <zlib.h>

namespace vlp {

/// Bytes that grow without being filled with zeros first.
class ByteBuffer {
 public:
  /// What has been written.
  [[nodiscard]] std::string_view text() const { return {bytes_.get(), size_}; }
  /// Where more can be written, up to `room` bytes; say how many with `grow`.
  [[nodiscard]] char* end() { return bytes_.get() + size_; }
  /// Bytes that can be written at `end`.
  [[nodiscard]] std::size_t room() const { return capacity_ - size_; }
  /// Counts bytes that were written at `end`.
  void grow(std::size_t written) { size_ += written; }

  /// Makes `room` at least `more`.
  void reserve(std::size_t more) {
    if (room() >= more) return;
    capacity_ = std::max(size_ + more, 2 * capacity_);
    auto larger = std::make_unique_for_overwrite<char[]>(capacity_);
    std::copy_n(bytes_.get(), size_, larger.get());
    bytes_ = std::move(larger);
  }
  /// Writes `text` at the end.
  void append(std::string_view text) {
    reserve(text.size());
    std::copy(text.begin(), text.end(), end());
    grow(text.size());
  }

 private:
  std::unique_ptr<char[]> bytes_;
  std::size_t size_ = 0, capacity_ = 0;
};

/// Whether bytes begin as a gzip file does.
[[nodiscard]] constexpr bool is_gzip(std::string_view bytes) {
  return bytes.starts_with("\x1F\x8B");
}

/// Unpacks a gzip file, which may have several members.
/// @param bytes    the whole file
/// @param name     how messages call it
/// @param largest  of the result, in bytes
/// @throws DataError if it is broken, cut short, or unpacks to more than `largest`
[[nodiscard]] inline ByteBuffer unpack_gzip(std::string_view bytes, const std::string& name,
                                            std::size_t largest) {
  constexpr int kGzipOnly = 16 + MAX_WBITS;
  constexpr std::size_t kStep = 1 << 20;
  constexpr std::size_t kPiece = 1 << 30;  // below what zlib's counters hold
  const std::size_t whole = bytes.size();
  z_stream stream{};
  if (::inflateInit2(&stream, kGzipOnly) != Z_OK)
    throw DataError(name + ": can't be unpacked (zlib found no memory).");
  const std::unique_ptr<z_stream, int (*)(z_stream*)> ender(&stream, ::inflateEnd);
  ByteBuffer buffer;
  while (true) {
    buffer.reserve(kStep);
    const std::size_t input = std::min(bytes.size(), kPiece),
                      output = std::min(buffer.room(), kPiece);
    stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
    stream.avail_in = static_cast<uInt>(input);
    stream.next_out = reinterpret_cast<Bytef*>(buffer.end());
    stream.avail_out = static_cast<uInt>(output);
    const int result = ::inflate(&stream, Z_NO_FLUSH);
    bytes.remove_prefix(input - stream.avail_in);
    buffer.grow(output - stream.avail_out);
    if (buffer.text().size() > largest)
      throw DataError(name + ": unpacks to too much (expected at most " + std::to_string(largest) +
                      " bytes). Split the file.");
    if (result == Z_STREAM_END) {
      if (bytes.empty()) return buffer;
      ::inflateReset(&stream);
    } else if (result != Z_OK) {
      const std::string reason = result == Z_BUF_ERROR ? "it ends too early"
                                 : stream.msg          ? stream.msg
                                                       : "zlib's error " + std::to_string(result);
      throw DataError(name + ": broken gzip file at byte " + std::to_string(whole - bytes.size()) +
                      " (" + reason + "). Fetch or pack it anew.");
    }
  }
}

}  // namespace vlp
