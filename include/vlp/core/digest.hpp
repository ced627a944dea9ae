#pragma once
// Hashes of bytes and files, computed by OpenSSL's libcrypto. Includes no torch.

#include <array>
#include <cerrno>
#include <cstddef>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include <fcntl.h>
#include <openssl/evp.h>
#include <unistd.h>

#include "vlp/core/error.hpp"
#include "vlp/core/message.hpp"

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
  /// Takes a whole file in. @return  0, or the number of <cerrno> that says why it can't be read
  [[nodiscard]] int feed_file(const std::filesystem::path& file) {
    const int descriptor = ::open(file.c_str(), O_RDONLY | O_CLOEXEC);
    if (descriptor < 0) return errno;
    const std::unique_ptr<const int, void (*)(const int*)> closer(
        &descriptor, [](const int* open) { ::close(*open); });
    std::vector<std::byte> buffer(std::size_t{1} << 20);
    while (true) {
      const ssize_t read = ::read(descriptor, buffer.data(), buffer.size());
      if (read < 0 && errno == EINTR) continue;
      if (read < 0) return errno;
      if (read == 0) return 0;
      feed(std::span(buffer).first(static_cast<std::size_t>(read)));
    }
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

/// @return  SHA-256 of a file, 64 hexadecimal digits; none if it can't be read
[[nodiscard]] inline std::optional<std::string> sha256_of_file(const std::filesystem::path& file) {
  Digest digest(EVP_sha256());
  return digest.feed_file(file) == 0 ? std::optional(digest.text()) : std::nullopt;
}

}  // namespace vlp
