#pragma once
// How much memory work in several threads may take at once. Includes no torch.

#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <utility>

namespace vlp {

/// Memory that images may take while they are being decoded and resized, all threads of a command
/// or run together, bytes: 1 GiB. One that needs more waits until it is alone.
inline constexpr std::size_t kImageMemory = std::size_t{1} << 30;

class ByteBudget;

/// What a thread has taken of a budget; given back when it ends. The budget must outlive it.
class ByteShare {
 public:
  ByteShare() = default;
  ByteShare(ByteShare&& other) noexcept
      : budget_(std::exchange(other.budget_, nullptr)), bytes_(std::exchange(other.bytes_, 0)) {}
  ByteShare& operator=(ByteShare&& other) noexcept {
    std::swap(budget_, other.budget_);
    std::swap(bytes_, other.bytes_);
    return *this;
  }
  ~ByteShare() { release(); }

  /// Gives it back early.
  inline void release();
  /// Bytes.
  [[nodiscard]] std::size_t bytes() const { return bytes_; }

 private:
  friend class ByteBudget;
  ByteShare(ByteBudget& budget, std::size_t bytes) : budget_(&budget), bytes_(bytes) {}

  ByteBudget* budget_ = nullptr;
  std::size_t bytes_ = 0;
};

/// Bytes for several threads, served in the order in which they ask, so that nobody starves. What
/// is larger than the whole budget waits until nobody else holds anything, and then passes. A
/// thread that waits must hold no share of the same budget: then those that hold one go on and give
/// it back, and no thread waits for ever.
class ByteBudget {
 public:
  /// @param limit  bytes
  explicit ByteBudget(std::size_t limit) : limit_(limit) {}
  ByteBudget(const ByteBudget&) = delete;
  ByteBudget& operator=(const ByteBudget&) = delete;

  /// Waits until so many bytes are free.
  [[nodiscard]] ByteShare take(std::size_t bytes) {
    std::unique_lock lock(mutex_);
    const std::uint64_t ticket = next_++;
    changed_.wait(lock, [&] {
      return ticket == turn_ && (used_ == 0 || (used_ <= limit_ && bytes <= limit_ - used_));
    });
    ++turn_;
    used_ += bytes;
    lock.unlock();
    changed_.notify_all();
    return {*this, bytes};
  }

  /// Bytes that are taken now.
  [[nodiscard]] std::size_t used() const {
    const std::lock_guard lock(mutex_);
    return used_;
  }
  /// Bytes in all.
  [[nodiscard]] std::size_t limit() const { return limit_; }

 private:
  friend class ByteShare;
  void give_back(std::size_t bytes) {
    {
      const std::lock_guard lock(mutex_);
      used_ -= bytes;
    }
    changed_.notify_all();
  }

  const std::size_t limit_;
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::size_t used_ = 0;
  std::uint64_t next_ = 0, turn_ = 0;  // tickets: the next to be given out, the next to be served
};

void ByteShare::release() {
  if (budget_) budget_->give_back(bytes_);
  budget_ = nullptr;
  bytes_ = 0;
}

}  // namespace vlp
