#pragma once
// A lock between processes: flock on a file of its own, as huggingface_hub does it, so that each
// waits for the other. Where there can be none, nothing waits. POSIX. Includes no torch.

#include <cerrno>
#include <filesystem>
#include <functional>
#include <string>
#include <system_error>

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "vlp/hub/cache_calls.hpp"

namespace vlp {

/// Held from construction to destruction. The file stays: who deletes a lock file lets two in at
/// once.
class FileLock {
 public:
  /// Waits until nobody else holds it. Where the file can't be made or its file system has no
  /// locks, returns at once, with a `problem`.
  /// @param on_wait  called once if somebody holds it
  explicit FileLock(const std::filesystem::path& path, const std::function<void()>& on_wait = {},
                    const CacheCalls& calls = {}) {
    if (const int code = take(path, on_wait, calls))
      problem_ = path.string() + " can't be locked (" + std::generic_category().message(code) + ")";
    else if (!keeps_out(path, calls))
      problem_ = path.string() + " can be locked twice";
  }
  ~FileLock() {
    if (descriptor_ >= 0) ::close(descriptor_);
  }
  FileLock(const FileLock&) = delete;
  FileLock& operator=(const FileLock&) = delete;

  /// Why nobody is kept out; "" = everybody else is.
  [[nodiscard]] const std::string& problem() const { return problem_; }

 private:
  /// @return  0, or a number of <cerrno>
  int take(const std::filesystem::path& path, const std::function<void()>& on_wait,
           const CacheCalls& calls) {
    std::error_code error;
    std::filesystem::create_directories(path.parent_path(), error);
    if (error) return error.value();
    descriptor_ = open(path);
    if (descriptor_ < 0) return errno;
    int result = calls.lock(descriptor_, LOCK_EX | LOCK_NB);
    if (result != 0 && errno == EWOULDBLOCK) {
      if (on_wait) on_wait();
      do {
        result = calls.lock(descriptor_, LOCK_EX);
      } while (result != 0 && errno == EINTR);
    }
    return result == 0 ? 0 : errno;
  }

  /// Others of the same group may wait on it too; on another user's file one can wait as well.
  static int open(const std::filesystem::path& path) {
    constexpr mode_t kMode = 0664;
    const int descriptor = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, kMode);
    if (descriptor < 0) return ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
    (void)::fchmod(descriptor, kMode);
    return descriptor;
  }

  /// Some file systems grant every lock to everybody.
  static bool keeps_out(const std::filesystem::path& path, const CacheCalls& calls) {
    const int other = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
    if (other < 0) return true;
    const bool kept_out = calls.lock(other, LOCK_EX | LOCK_NB) != 0;
    ::close(other);
    return kept_out;
  }

  std::string problem_;
  int descriptor_ = -1;
};

}  // namespace vlp
