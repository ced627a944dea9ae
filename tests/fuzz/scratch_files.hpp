#pragma once
// A folder for readers that take paths: what is fed to a fuzzer becomes files in it.

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>

#include "tests/support/scratch_folder.hpp"

/// Writes a file into a folder that lives as long as the program. @return its path
inline std::filesystem::path written_file(const std::string& name, std::string_view bytes) {
  static const ScratchFolder folder = [] {
    if (std::filesystem::is_directory("/dev/shm")) ::setenv("TMPDIR", "/dev/shm", /*replace=*/0);
    return ScratchFolder();  // in memory, where there is such a place
  }();
  const std::filesystem::path path = folder.path / name;
  std::ofstream(path, std::ios::binary | std::ios::trunc)
      .write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  return path;
}
