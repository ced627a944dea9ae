#pragma once
// A file of a snapshot: a link to its blob, or, where there are no symbolic links, the content
// itself, as huggingface_hub has it. It appears in one step: whoever reads there sees the old file
// or the new one. POSIX. Includes no torch.

#include <cerrno>
#include <cstddef>
#include <filesystem>
#include <fstream>
#include <span>
#include <string>
#include <system_error>
#include <vector>

#include <unistd.h>

#include "vlp/core/atomic_file.hpp"
#include "vlp/core/draft.hpp"
#include "vlp/core/error.hpp"
#include "vlp/hub/cache_calls.hpp"

namespace vlp {

/// A DiskError if the disk is full, broken or read-only, else a WeightsError.
/// @param code  a number of <cerrno>
[[noreturn]] inline void fail_in_cache(const std::filesystem::path& path, const std::string& what,
                                       int code) {
  const std::string message = path.string() + ": " + what + " (" +
                              std::generic_category().message(code) +
                              "). Make room or let HF_HUB_CACHE name another folder that can be "
                              "written; a download goes on where it stopped.";
  if (is_disk_problem(code)) throw DiskError(message);
  throw WeightsError(message);
}

/// Links a snapshot's file to its blob, in place of what is there.
/// @return  0, or the number of <cerrno> that says why the file system has no links
/// @throws DiskError, WeightsError if the folder can't be written
[[nodiscard]] inline int link_to_blob(const std::filesystem::path& file,
                                      const std::filesystem::path& blob, const CacheCalls& calls) {
  const std::filesystem::path draft = draft_of(file);
  ::unlink(draft.c_str());
  const std::filesystem::path target = blob.lexically_relative(file.parent_path());
  if (calls.link(target.c_str(), draft.c_str()) != 0) {
    const int code = errno;
    if (is_disk_problem(code) || code == EACCES || code == ENOENT)
      fail_in_cache(file, "can't be linked to its content", code);
    return code;
  }
  if (::rename(draft.c_str(), file.c_str()) == 0) return 0;
  const int code = errno;
  ::unlink(draft.c_str());
  fail_in_cache(file, "can't be put in place", code);
}

/// Makes the blob itself the snapshot's file. @throws DiskError, WeightsError if that fails
inline void move_blob(const std::filesystem::path& file, const std::filesystem::path& blob) {
  if (::rename(blob.c_str(), file.c_str()) != 0)
    fail_in_cache(file, "can't be put in place", errno);
}

/// Gives the snapshot a copy of a blob that others may use.
/// @throws DiskError, WeightsError if that fails; no part of the file is left then
inline void copy_blob(const std::filesystem::path& file, const std::filesystem::path& blob) {
  std::ifstream in(blob, std::ios::binary);
  AtomicFile<WeightsError> copy(file);
  std::vector<char> piece(std::size_t{1} << 20);
  while (in) {
    in.read(piece.data(), static_cast<std::streamsize>(piece.size()));
    copy.write(std::as_bytes(std::span(piece).first(static_cast<std::size_t>(in.gcount()))));
  }
  if (!in.eof()) throw WeightsError(blob.string() + ": can't be read. Check the disk.");
  copy.commit();
}

}  // namespace vlp
