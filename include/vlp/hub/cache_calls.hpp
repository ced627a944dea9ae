#pragma once
// What file systems do differently under a cache: some know no symbolic links (FAT, many network
// drives), some no locks (parts of NFS, FUSE and Lustre). POSIX. Includes no torch.

#include <functional>

#include <sys/file.h>
#include <unistd.h>

namespace vlp {

/// The system's calls that may not work where a cache lies; a test gives its own. Each gives 0, or
/// -1 with errno set.
struct CacheCalls {
  /// symlink(2): what it leads to, and the link's own name.
  std::function<int(const char*, const char*)> link = [](const char* to, const char* name) {
    return ::symlink(to, name);
  };
  /// flock(2): a descriptor, and what to do.
  std::function<int(int, int)> lock = [](int descriptor, int operation) {
    return ::flock(descriptor, operation);
  };
};

}  // namespace vlp
