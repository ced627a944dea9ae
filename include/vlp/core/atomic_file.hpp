#pragma once
// A file that appears under its name complete or not at all: written beside it, flushed to the
// disk, renamed. POSIX.

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <filesystem>
#include <functional>
#include <span>
#include <string>
#include <system_error>
#include <utility>

#include <fcntl.h>
#include <unistd.h>

#include "vlp/core/draft.hpp"
#include "vlp/core/error.hpp"

namespace vlp {

/// Whether a number of <cerrno> says that the disk is full, broken or read-only.
[[nodiscard]] constexpr bool is_disk_problem(int code) {
  return code == ENOSPC || code == EDQUOT || code == EROFS || code == EIO || code == EFBIG;
}

/// Brings the names of a folder to the disk, as far as the file system does that.
inline void sync_folder(const std::filesystem::path& folder) {
  const int descriptor =
      ::open(folder.empty() ? "." : folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (descriptor < 0) return;  // can be written but not listed: what was renamed is renamed
  ::fsync(descriptor);
  ::close(descriptor);
}

/// Hears bytes in their order, each once, e.g. to hash what is written.
using ByteSink = std::function<void(std::span<const std::byte>)>;

/// Write, then `commit`; without `commit` nothing is left behind and an older file of that name
/// stays as it was.
/// @tparam E  what is thrown if the folder is missing or writing fails otherwise; a full or
///            read-only disk is a DiskError
template <class E>
class AtomicFile {
 public:
  /// @param also  hears what is to be written, piece by piece
  /// @throws E if the folder is missing or can't be written
  explicit AtomicFile(std::filesystem::path path, ByteSink also = {})
      : path_(std::move(path)), also_(std::move(also)) {
    if (path_.filename().empty()) fail("is not the name of a file", EINVAL);
    draft_ = draft_of(path_);
    descriptor_ = ::open(draft_.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    if (descriptor_ < 0) fail("can't be created", errno);
  }
  ~AtomicFile() {
    if (descriptor_ >= 0) ::close(descriptor_);
    if (!committed_) ::unlink(draft_.c_str());
  }
  AtomicFile(const AtomicFile&) = delete;
  AtomicFile& operator=(const AtomicFile&) = delete;

  /// @throws E if the disk is full or fails
  void write(std::span<const std::byte> bytes) {
    const std::size_t longest = std::size_t{1} << (also_ ? 20 : 30);  // heard while in the cache
    while (!bytes.empty()) {
      const std::span<const std::byte> piece = bytes.first(std::min(bytes.size(), longest));
      if (also_) also_(piece);
      write_all(piece);
      bytes = bytes.subspan(piece.size());
    }
  }

  /// Puts the file in its place. @throws E if the data can't be brought to the disk
  void commit() {
    if (::fsync(descriptor_) != 0) fail("can't be flushed to the disk", errno);
    if (::close(std::exchange(descriptor_, -1)) != 0) fail("can't be closed", errno);
    if (::rename(draft_.c_str(), path_.c_str()) != 0) fail("can't be put in place", errno);
    committed_ = true;
    sync_folder(path_.parent_path());
  }

 private:
  void write_all(std::span<const std::byte> bytes) {
    while (!bytes.empty()) {
      const ssize_t written = ::write(descriptor_, bytes.data(), bytes.size());
      if (written < 0 && errno == EINTR) continue;
      if (written < 0) fail("can't be written", errno);
      bytes = bytes.subspan(static_cast<std::size_t>(written));
    }
  }

  [[noreturn]] void fail(const std::string& what, int code) const {
    const std::string message =
        path_.string() + ": " + what + " (" + std::generic_category().message(code) + ").";
    if (is_disk_problem(code)) throw DiskError(message + " Make room or allow writing.");
    throw E(message);
  }

  std::filesystem::path path_;
  std::filesystem::path draft_;
  ByteSink also_;
  int descriptor_ = -1;
  bool committed_ = false;
};

}  // namespace vlp
