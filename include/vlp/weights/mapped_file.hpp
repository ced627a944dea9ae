#pragma once
// A file as bytes in memory that the system loads when they are first read. POSIX.

#include <cerrno>
#include <cstddef>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <system_error>

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "vlp/core/error.hpp"

namespace vlp {

/// A read-only view of a file; `owner` keeps the mapping alive. Don't shorten the file meanwhile;
/// replacing it by renaming another onto its name is safe.
struct MappedFile {
  std::span<const std::byte> bytes;   ///< the whole file
  std::shared_ptr<const void> owner;  ///< keeps the mapping
};

/// @throws WeightsError if `path` is missing, no regular file, or can't be read
[[nodiscard]] inline MappedFile map_file(const std::filesystem::path& path) {
  const auto fail = [&](const std::string& what) {
    throw WeightsError(path.string() + ": " + what);
  };
  std::error_code problem;
  const auto status = std::filesystem::status(path, problem);
  if (!std::filesystem::exists(status)) fail("there is no such file. Check the path.");
  if (!std::filesystem::is_regular_file(status))
    fail("not a regular file. Give the path of a weight file.");

  const int descriptor = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (descriptor < 0) fail("can't be opened (" + std::generic_category().message(errno) + ").");
  const std::shared_ptr<const int> closer(&descriptor, [](const int* d) { ::close(*d); });
  struct stat facts{};
  if (::fstat(descriptor, &facts) != 0)
    fail("can't be read (" + std::generic_category().message(errno) + ").");
  const auto size = static_cast<std::size_t>(facts.st_size);
  if (size == 0) return {};  // an empty mapping is an error to the system

  void* start = ::mmap(nullptr, size, PROT_READ, MAP_PRIVATE, descriptor, 0);
  if (start == MAP_FAILED)
    fail("can't be mapped (" + std::generic_category().message(errno) + ").");
  std::shared_ptr<const void> owner(
      start, [size](const void* p) { ::munmap(const_cast<void*>(p), size); });
  return {{static_cast<const std::byte*>(start), size}, std::move(owner)};
}

}  // namespace vlp
