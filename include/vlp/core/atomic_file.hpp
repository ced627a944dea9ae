#pragma once
// A file that appears under its name complete or not at all: written beside it, flushed to the
// disk, renamed. POSIX.

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <filesystem>
#include <span>
#include <string>
#include <system_error>
#include <utility>

#include <fcntl.h>
#include <unistd.h>

namespace vlp {

/// Write, then `commit`; without `commit` nothing is left behind and an older file of that name
/// stays as it was.
/// @tparam E  what is thrown if the folder is missing, the disk is full, or writing fails otherwise
template <class E>
class AtomicFile {
 public:
  /// @throws E if the folder is missing or can't be written
  explicit AtomicFile(std::filesystem::path path) : path_(std::move(path)) {
    if (path_.filename().empty()) fail("is not the name of a file", EINVAL);
    draft_ = path_.parent_path() /
             ("." + path_.filename().string() + "." + std::to_string(::getpid()) + ".part");
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
    while (!bytes.empty()) {
      const ssize_t written = ::write(descriptor_, bytes.data(),
                                      std::min<std::size_t>(bytes.size(), std::size_t{1} << 30));
      if (written < 0 && errno == EINTR) continue;
      if (written < 0) fail("can't be written", errno);
      bytes = bytes.subspan(static_cast<std::size_t>(written));
    }
  }

  /// Puts the file in its place. @throws E if the data can't be brought to the disk
  void commit() {
    if (::fsync(descriptor_) != 0) fail("can't be flushed to the disk", errno);
    if (::close(std::exchange(descriptor_, -1)) != 0) fail("can't be closed", errno);
    if (::rename(draft_.c_str(), path_.c_str()) != 0) fail("can't be put in place", errno);
    committed_ = true;
    const std::filesystem::path folder = path_.has_parent_path() ? path_.parent_path() : ".";
    const int descriptor = ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (descriptor < 0)
      return;  // a folder that can be written but not listed: the rename itself is done
    ::fsync(descriptor);
    ::close(descriptor);
  }

 private:
  [[noreturn]] void fail(const std::string& what, int code) const {
    throw E(path_.string() + ": " + what + " (" + std::generic_category().message(code) + ").");
  }

  std::filesystem::path path_;
  std::filesystem::path draft_;
  int descriptor_ = -1;
  bool committed_ = false;
};

}  // namespace vlp
