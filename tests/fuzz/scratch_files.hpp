#pragma once
// A folder for readers that take paths: what is fed to a fuzzer becomes files in it.

#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>

#include "tests/support/scratch_folder.hpp"

/// Writes a file into a folder that lives as long as the program. @return its path
inline std::filesystem::path written_file(const std::string& name, std::string_view bytes) {
  static const ScratchFolder folder;
  const std::filesystem::path path = folder.path / name;
  std::ofstream(path, std::ios::binary | std::ios::trunc)
      .write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  return path;
}
