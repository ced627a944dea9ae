#pragma once
// A lock between processes: flock on a file of its own, as huggingface_hub does it, so that each
// waits for the other. POSIX. Includes no torch.

#include <cerrno>
#include <filesystem>
#include <functional>
#include <string>
#include <system_error>

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include "vlp/core/error.hpp"

namespace vlp {

/// Held from construction to destruction. The file stays: who deletes a lock file lets two in at
/// once.
class FileLock {
 public:
  /// Waits until nobody else holds it.
  /// @param on_wait  called once if somebody does
  /// @throws WeightsError if the file can't be made, or its file system has no locks
  explicit FileLock(const std::filesystem::path& path, const std::function<void()>& on_wait = {})
      : path_(path) {
    std::error_code error;
    std::filesystem::create_directories(path.parent_path(), error);
    if (error) fail("its folder can't be made", error.value());
    descriptor_ = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0664);
    if (descriptor_ < 0) fail("can't be opened", errno);
    if (::flock(descriptor_, LOCK_EX | LOCK_NB) == 0) return;
    if (errno == EWOULDBLOCK && on_wait) on_wait();
    while (::flock(descriptor_, LOCK_EX) != 0) {
      if (errno == EINTR) continue;
      const int code = errno;
      ::close(descriptor_);
      fail("can't be locked", code);
    }
  }
  ~FileLock() { ::close(descriptor_); }
  FileLock(const FileLock&) = delete;
  FileLock& operator=(const FileLock&) = delete;

 private:
  [[noreturn]] void fail(const std::string& what, int code) const {
    throw WeightsError(
        path_.string() + ": " + what + " (" + std::generic_category().message(code) +
        "). Let HF_HUB_CACHE name a folder that can be written, on a disk that knows locks.");
  }

  std::filesystem::path path_;
  int descriptor_ = -1;
};

}  // namespace vlp
