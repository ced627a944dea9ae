#pragma once
// The hashes by which a hub names its files: SHA-256 of what Git LFS keeps, git's own SHA-1 of
// everything else. Computed by OpenSSL's libcrypto. Includes no torch.

#include <array>
#include <cerrno>
#include <cstddef>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

#include <fcntl.h>
#include <openssl/evp.h>
#include <unistd.h>

#include "vlp/core/error.hpp"
#include "vlp/core/message.hpp"
#include "vlp/hub/model_name.hpp"

namespace vlp {

/// A digest that grows with what is fed to it.
class Digest {
 public:
  /// @param algorithm  e.g. EVP_sha256()
  /// @throws Error if OpenSSL refuses the algorithm
  explicit Digest(const EVP_MD* algorithm) : context_(EVP_MD_CTX_new(), &EVP_MD_CTX_free) {
    require(context_ && EVP_DigestInit_ex(context_.get(), algorithm, nullptr) == 1);
  }
  /// Takes bytes in.
  void feed(std::span<const std::byte> bytes) {
    require(EVP_DigestUpdate(context_.get(), bytes.data(), bytes.size()) == 1);
  }
  /// @return  the digest in lower-case hexadecimal; nothing can be fed afterwards
  [[nodiscard]] std::string text() {
    std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
    unsigned int size = 0;
    require(EVP_DigestFinal_ex(context_.get(), digest.data(), &size) == 1);
    std::string text;
    for (unsigned int i = 0; i < size; ++i) text += hex_byte(digest[i]);
    return text;
  }

 private:
  static void require(bool done) {
    if (!done)
      throw Error(ExitCode::unexpected,
                  "libcrypto: a hash can't be computed. Check the OpenSSL of this system.");
  }

  std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context_;
};

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
  const int descriptor = ::open(file.c_str(), O_RDONLY | O_CLOEXEC);
  if (descriptor < 0) fail(errno);
  const std::unique_ptr<const int, void (*)(const int*)> closer(
      &descriptor, [](const int* open) { ::close(*open); });

  Digest digest(etag.size() == 64 ? EVP_sha256() : EVP_sha1());
  if (etag.size() == 40) {
    const std::string header = "blob " + std::to_string(std::filesystem::file_size(file)) + '\0';
    digest.feed(std::as_bytes(std::span(header)));
  }
  std::vector<std::byte> buffer(std::size_t{1} << 20);
  while (true) {
    const ssize_t read = ::read(descriptor, buffer.data(), buffer.size());
    if (read < 0 && errno == EINTR) continue;
    if (read < 0) fail(errno);
    if (read == 0) return digest.text();
    digest.feed(std::span(buffer).first(static_cast<std::size_t>(read)));
  }
}

}  // namespace vlp
