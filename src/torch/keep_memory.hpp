#pragma once
// The allocator's settings, which the program and its benchmark share.

#include <limits>

#include <malloc.h>

namespace vlp {

/// Activations of a few dozen megabytes come and go at every layer. By default each is mapped and
/// unmapped anew, which costs a CPU up to half its time in page faults; kept, the memory is used
/// again and never grows beyond its peak.
inline void keep_freed_memory() {
  mallopt(M_MMAP_MAX, 0);
  mallopt(M_TRIM_THRESHOLD, std::numeric_limits<int>::max());
  mallopt(M_TOP_PAD, 64 << 20);
}

}  // namespace vlp
