#pragma once
// A text file in memory: mapped, or read if it is a pipe, unpacked if it is gzip, with spare bytes
// behind it for simdjson. POSIX. Includes no torch.

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstring>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "vlp/captions/gzip.hpp"
#include "vlp/core/error.hpp"

#include <simdjson.h>

namespace vlp {

/// The text of a file and the name by which messages call it. Don't shorten the file while it is
/// used; replacing it by renaming another onto its name is safe.
class TextFile {
 public:
  /// Bytes behind the text that may be read; their values mean nothing.
  static constexpr std::size_t kSpare = simdjson::SIMDJSON_PADDING;
  /// Largest text that is read, in bytes: simdjson's limit of 4 GiB.
  static constexpr std::size_t kLargest = 0xFFFFFFFF - kSpare;

  /// Opens a file, or reads a pipe to its end.
  /// @throws DataNotFoundError if there is none
  /// @throws DataError if it can't be read, is a broken gzip file, or exceeds `kLargest`
  [[nodiscard]] static TextFile read(const std::filesystem::path& path) {
    TextFile file(path.string());
    file.open(path);
    file.unwrap();
    return file;
  }

  /// A text that is in memory already, packed or not; it is copied.
  /// @throws DataError as `read` does
  [[nodiscard]] static TextFile of(std::string name, std::string_view bytes) {
    TextFile file(std::move(name));
    ByteBuffer buffer;
    buffer.append(bytes);
    file.take(std::move(buffer));
    file.unwrap();
    return file;
  }

  /// How messages call the file.
  [[nodiscard]] const std::string& name() const { return name_; }
  /// The text without its byte order mark; `kSpare` readable bytes follow it.
  [[nodiscard]] std::string_view text() const { return text_; }
  /// A part of the text as simdjson takes it.
  [[nodiscard]] simdjson::padded_string_view padded(std::string_view part) const {
    const auto readable =
        static_cast<std::size_t>(text_.data() + text_.size() - part.data()) + kSpare;
    return simdjson::padded_string_view(part.data(), part.size(), readable);
  }
  /// `name:line:column` of a byte of the text, both from 1, columns in bytes.
  [[nodiscard]] std::string place(std::size_t offset) const {
    const std::string_view before = text_.substr(0, offset);
    const std::size_t line =
        static_cast<std::size_t>(std::count(before.begin(), before.end(), '\n')) + 1;
    const std::size_t column = before.size() - (before.rfind('\n') + 1) + 1;  // npos + 1 is 0
    return name_ + ":" + std::to_string(line) + ":" + std::to_string(column);
  }

 private:
  explicit TextFile(std::string name) : name_(std::move(name)) {}

  void open(const std::filesystem::path& path) {
    const auto check = [&](bool good) {
      if (good) return;
      const std::string message = name_ + ": can't be read (" +
                                  std::generic_category().message(errno) + "). Check the path";
      if (errno == ENOENT) throw DataNotFoundError(message + ".");
      throw DataError(message + " and its permissions.");
    };
    const int descriptor = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
    check(descriptor >= 0);
    const std::shared_ptr<const int> closer(&descriptor, [](const int* d) { ::close(*d); });
    struct stat facts{};
    check(::fstat(descriptor, &facts) == 0);
    if (S_ISREG(facts.st_mode) && facts.st_size > 0)
      check(map(descriptor, static_cast<std::size_t>(facts.st_size)));
    else
      check(read_all(descriptor));
  }

  /// The file lies over the beginning of zeros that are a little longer. @return  false with errno
  /// set if it can't be mapped
  [[nodiscard]] bool map(int descriptor, std::size_t size) {
    check_size(size);
    void* const zeros =
        ::mmap(nullptr, size + kSpare, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (zeros == MAP_FAILED) return false;
    owner_.reset(zeros, [length = size + kSpare](void* start) { ::munmap(start, length); });
    text_ = {static_cast<const char*>(zeros), size};
    return ::mmap(zeros, size, PROT_READ, MAP_PRIVATE | MAP_FIXED | MAP_POPULATE, descriptor, 0) !=
           MAP_FAILED;
  }

  /// @return  false with errno set if it can't be read
  [[nodiscard]] bool read_all(int descriptor) {
    constexpr std::size_t kStep = 1 << 16;
    ByteBuffer buffer;
    while (true) {
      buffer.reserve(kStep);
      const ssize_t got = ::read(descriptor, buffer.end(), buffer.room());
      if (got < 0 && errno == EINTR) continue;
      if (got < 0) return false;
      if (got == 0) break;
      buffer.grow(static_cast<std::size_t>(got));
      check_size(buffer.text().size());
    }
    take(std::move(buffer));
    return true;
  }

  void take(ByteBuffer buffer) {
    buffer.append(std::string(kSpare, '\0'));
    const auto owner = std::make_shared<ByteBuffer>(std::move(buffer));
    text_ = owner->text().substr(0, owner->text().size() - kSpare);
    owner_ = owner;
  }

  void unwrap() {
    constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";
    if (is_gzip(text_)) take(unpack_gzip(text_, name_, kLargest));
    if (text_.starts_with(kByteOrderMark)) text_.remove_prefix(kByteOrderMark.size());
  }

  void check_size(std::size_t size) const {
    if (size > kLargest)
      throw DataError(name_ + ": too large (got more than " + std::to_string(kLargest) +
                      " bytes). Split the file.");
  }

  std::string name_;
  std::shared_ptr<void> owner_;  // of the bytes of the text
  std::string_view text_;
};

}  // namespace vlp
