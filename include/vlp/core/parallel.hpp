#pragma once
// Work on many equal items, shared among threads.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <thread>
#include <utility>
#include <vector>

namespace vlp {

/// How many threads a number from a user means. @param wanted  0 = as many as there are cores
[[nodiscard]] inline std::int64_t threads_for(std::int64_t wanted) {
  return wanted > 0 ? wanted : std::max<std::int64_t>(1, std::thread::hardware_concurrency());
}

/// The same, but at most one and one more for each `worth` items, since a thread takes its time to
/// start.
[[nodiscard]] inline std::int64_t threads_for(std::int64_t wanted, std::size_t items,
                                              std::size_t worth) {
  return std::min(threads_for(wanted), static_cast<std::int64_t>(1 + items / worth));
}

/// How many blocks `parallel_blocks` makes of `count` items: one a thread, none empty unless there
/// is no item.
[[nodiscard]] inline std::size_t block_count(std::int64_t threads, std::size_t count) {
  return std::clamp<std::size_t>(static_cast<std::size_t>(threads_for(threads)), 1,
                                 std::max<std::size_t>(count, 1));
}

/// Calls `work(block, begin, end)` for blocks of [0, count) at the same time, one block a thread,
/// and waits for all of them. Blocks are numbered in the order of their items and the same for
/// equal threads and count. The caller's thread takes the first block, so that one thread starts
/// none.
/// @throws what `work` threw, the first block's exception first
template <class Work>
void parallel_blocks(std::int64_t threads, std::size_t count, const Work& work) {
  const std::size_t blocks = block_count(threads, count);
  const auto begin_of = [&](std::size_t block) {
    return count / blocks * block + std::min(block, count % blocks);
  };
  std::vector<std::exception_ptr> failures(blocks);
  const auto run = [&](std::size_t block) {
    try {
      work(block, begin_of(block), begin_of(block + 1));
    } catch (...) {
      failures[block] = std::current_exception();
    }
  };
  {
    std::vector<std::jthread> others;  // joined at the end of this scope
    for (std::size_t block = 1; block < blocks; ++block) others.emplace_back(run, block);
    run(0);
  }
  for (const std::exception_ptr& failure : failures)
    if (failure) std::rethrow_exception(failure);
}

/// The same for work that needn't know its block: `work(begin, end)`.
template <class Work>
void parallel_for(std::int64_t threads, std::size_t count, const Work& work) {
  parallel_blocks(threads, count,
                  [&](std::size_t, std::size_t begin, std::size_t end) { work(begin, end); });
}

}  // namespace vlp
