#pragma once
// Whole files in memory.

#include <filesystem>
#include <fstream>
#include <ios>
#include <optional>
#include <string>
#include <system_error>

namespace vlp {

/// The bytes of a regular file, none of anything else that can be opened; nothing if it can't be
/// read.
[[nodiscard]] inline std::optional<std::string> read_file(const std::filesystem::path& file) {
  std::error_code error;
  std::string bytes(
      std::filesystem::is_regular_file(file, error) ? std::filesystem::file_size(file, error) : 0,
      '\0');
  std::ifstream stream(file, std::ios::binary);
  if (error || !stream.read(bytes.data(), static_cast<std::streamsize>(bytes.size())))
    return std::nullopt;
  return bytes;
}

}  // namespace vlp
