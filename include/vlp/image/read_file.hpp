#pragma once
// Image files as bytes. What a disk or a network doesn't give at once is asked for again.

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstddef>
#include <filesystem>
#include <span>
#include <string>
#include <system_error>
#include <thread>
#include <vector>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "vlp/core/error.hpp"
#include "vlp/image/pixels.hpp"

namespace vlp {

/// How long is waited before a file is read again.
inline constexpr std::array<std::chrono::milliseconds, 3> kReadWaits{
    std::chrono::milliseconds(100), std::chrono::milliseconds(300),
    std::chrono::milliseconds(1000)};

/// A failure that may have passed when the file is read again.
struct PassingReadError : ReadError {
  using ReadError::ReadError;
};

/// Does work, and again after each wait as long as it throws `PassingReadError`.
/// @return  what the work returns
/// @throws  what the work throws at last
template <class Work>
auto tried_again(std::span<const std::chrono::milliseconds> waits, Work&& work) {
  for (const std::chrono::milliseconds wait : waits) try {
      return work();
    } catch (const PassingReadError&) {
      std::this_thread::sleep_for(wait);
    }
  return work();
}

namespace detail {

/// @param code  an errno
[[noreturn]] inline void fail_reading(const std::filesystem::path& path, int code) {
  const std::string why = " (" + std::generic_category().message(code) + ")";
  if (code == ENOENT || code == ENOTDIR)
    throw MissingFileError(path.string() + ": can't open" + why + ". Check the path.");
  if (code == EACCES || code == EPERM)
    throw ReadError(path.string() + ": can't be read" + why + ". Check its permissions.");
  if (code == EISDIR || code == ELOOP || code == ENAMETOOLONG)
    throw DataError(path.string() + ": not a readable file" + why + ". Check the path.");
  throw PassingReadError(path.string() + ": can't be read" + why + ", tried " +
                         std::to_string(kReadWaits.size() + 1) +
                         " times. Check the disk or the network.");
}

/// As many bytes as the largest picture takes without any compression.
inline constexpr std::size_t kMaxImageFileBytes = std::size_t{kMaxImagePixels} * 8;

/// A file that is open while it lives.
class OpenFile {
 public:
  /// A pipe that nobody writes to doesn't hold it up.
  explicit OpenFile(const std::filesystem::path& path)
      : descriptor_(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK)) {
    if (descriptor_ < 0) fail_reading(path, errno);
  }
  ~OpenFile() { ::close(descriptor_); }
  OpenFile(const OpenFile&) = delete;
  OpenFile& operator=(const OpenFile&) = delete;

  [[nodiscard]] int descriptor() const { return descriptor_; }

 private:
  int descriptor_;
};

/// The whole file, at the first try.
[[nodiscard]] inline std::vector<std::byte> read_image_file_once(
    const std::filesystem::path& path) {
  const OpenFile file(path);
  struct stat status{};
  if (::fstat(file.descriptor(), &status) != 0) fail_reading(path, errno);
  if (S_ISDIR(status.st_mode)) fail_reading(path, EISDIR);
  if (!S_ISREG(status.st_mode))
    throw DataError(path.string() +
                    ": not a readable file (got a pipe or a device). Check the path.");
  const auto size = static_cast<std::size_t>(status.st_size);
  if (size > kMaxImageFileBytes)
    fail_image(path.string(), "too large for a picture (got " + std::to_string(size) +
                                  " bytes, expected at most " + std::to_string(kMaxImageFileBytes) +
                                  ").");
  std::vector<std::byte> bytes(size + 1);  // one more, so that its end is found without growing
  std::size_t count = 0;
  while (true) {
    if (count == bytes.size()) bytes.resize(2 * count);
    const ssize_t got = ::read(file.descriptor(), bytes.data() + count, bytes.size() - count);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) fail_reading(path, errno);
    if (got == 0) break;
    count += static_cast<std::size_t>(got);
  }
  if (count < size)
    throw PassingReadError(path.string() + ": can't read all of its " + std::to_string(size) +
                           " bytes (got " + std::to_string(count) + "). Check the disk.");
  bytes.resize(count);
  return bytes;
}

/// The whole file.
/// @throws MissingFileError if it isn't there; ReadError if it can't be read though it is, where
///         that can pass after some tries; DataError if it is no file
[[nodiscard]] inline std::vector<std::byte> read_image_file(const std::filesystem::path& path) {
  return tried_again(kReadWaits, [&] { return read_image_file_once(path); });
}

}  // namespace detail

}  // namespace vlp
