#pragma once
// The hashes by which a hub names its files: SHA-256 of what Git LFS keeps, git's own SHA-1 of
// everything else. Includes no torch.

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <system_error>

#include "vlp/core/digest.hpp"
#include "vlp/core/error.hpp"
#include "vlp/hub/model_name.hpp"

namespace vlp {

/// @return  whether an ETag is a hash that `content_hash` can be compared with: 64 or 40
///          hexadecimal digits
[[nodiscard]] inline bool is_content_hash(std::string_view etag) {
  return detail::is_hexadecimal(etag, 64) || detail::is_hexadecimal(etag, 40);
}

/// The hash of a whole file, of the sort that the ETag is.
/// @param etag  64 hexadecimal digits: SHA-256 of the bytes; 40: SHA-1 of "blob SIZE", a zero byte
///              and the bytes
/// @throws WeightsError if the file can't be read
[[nodiscard]] inline std::string content_hash(const std::filesystem::path& file,
                                              std::string_view etag) {
  const auto fail = [&](int code) {
    throw WeightsError(file.string() + ": can't be read (" + std::generic_category().message(code) +
                       "). Check the disk.");
  };
  Digest digest(etag.size() == 64 ? EVP_sha256() : EVP_sha1());
  if (etag.size() == 40) {
    std::error_code error;
    const std::uintmax_t size = std::filesystem::file_size(file, error);
    if (error) fail(error.value());
    const std::string header = "blob " + std::to_string(size) + '\0';
    digest.feed(std::as_bytes(std::span(header)));
  }
  if (const int code = digest.feed_file(file)) fail(code);
  return digest.text();
}

/// @return  whether a file has the hash that its ETag is; of 40 digits also plain SHA-1, as some
///          mirrors have it
/// @throws WeightsError if the file can't be read
[[nodiscard]] inline bool has_hash(const std::filesystem::path& file, std::string_view etag) {
  if (content_hash(file, etag) == etag) return true;
  Digest plain(EVP_sha1());
  return etag.size() == 40 && plain.feed_file(file) == 0 && plain.text() == etag;
}

}  // namespace vlp
