#pragma once
// A file that is on its way: what has arrived stays on the disk, so that the next try goes on
// there, and takes its real name only when it is whole. POSIX. Includes no torch.

#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <utility>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "vlp/core/atomic_file.hpp"
#include "vlp/hub/snapshot_file.hpp"

namespace vlp {

/// Bytes of a file from its beginning, up to where they have arrived.
class PartialFile {
 public:
  /// Opens what an earlier try has left, or an empty file.
  /// @param stays  whether what has arrived stays if the file never gets its name
  /// @throws DiskError, WeightsError if it can't be opened
  explicit PartialFile(std::filesystem::path path, bool stays = true)
      : path_(std::move(path)), stays_(stays) {
    descriptor_ = ::open(path_.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0666);
    struct stat status{};
    if (descriptor_ < 0 || ::fstat(descriptor_, &status) != 0) fail("can't be opened", errno);
    size_ = status.st_size;
  }
  ~PartialFile() {
    if (descriptor_ >= 0) ::close(descriptor_);
    if (!stays_) remove();
  }
  PartialFile(const PartialFile&) = delete;
  PartialFile& operator=(const PartialFile&) = delete;

  /// Its name while it is on its way.
  [[nodiscard]] const std::filesystem::path& path() const { return path_; }
  /// Bytes that have arrived.
  [[nodiscard]] std::int64_t size() const { return size_; }

  /// Forgets everything from `size` bytes on. @throws DiskError, WeightsError if the disk fails
  void cut(std::int64_t size) {
    if (size >= size_) return;
    if (::ftruncate(descriptor_, size) != 0) fail("can't be cut", errno);
    size_ = size;
  }

  /// Adds bytes at the end. @throws DiskError if the disk is full or fails; what was written stays
  void write(std::span<const std::byte> bytes) {
    while (!bytes.empty()) {
      const ssize_t written = ::pwrite(descriptor_, bytes.data(), bytes.size(), size_);
      if (written < 0 && errno == EINTR) continue;
      if (written < 0)
        fail(errno == ENOSPC || errno == EDQUOT ? "the disk is full" : "can't be written", errno);
      size_ += written;
      bytes = bytes.subspan(static_cast<std::size_t>(written));
    }
  }

  /// Gives the whole file its name, after its bytes have reached the disk.
  /// @throws DiskError, WeightsError if that fails
  void rename_to(const std::filesystem::path& path) {
    if (::fsync(descriptor_) != 0) fail("can't be flushed to the disk", errno);
    if (::rename(path_.c_str(), path.c_str()) != 0)
      fail("can't be put in place as " + path.string(), errno);
    sync_folder(path.parent_path());
    stays_ = true;
  }

  /// Removes it from the disk.
  void remove() { ::unlink(path_.c_str()); }

 private:
  [[noreturn]] void fail(const std::string& what, int code) {
    if (descriptor_ >= 0) ::close(std::exchange(descriptor_, -1));
    fail_in_cache(path_, what, code);
  }

  std::filesystem::path path_;
  int descriptor_ = -1;
  std::int64_t size_ = 0;
  bool stays_;
};

}  // namespace vlp
