#pragma once
// Peers: the processes that train and evaluate one model together, each with its share of the
// batches. One process alone is the default and costs nothing. Includes no torch.
//
// Failures. A process that throws makes no further call, and the others would wait for it in
// theirs. So work between two calls that can fail in one process alone (files, components) is done
// in `together`: its end is a call that tells of failures, and all processes throw. `alone` is for
// such work that the others needn't wait for. What throws outside both, such as an optimizer, or a
// part that is opened before the first update, reaches the others by the group only: see PeerGroup.

#include <cstddef>
#include <cstdint>
#include <exception>
#include <memory>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "vlp/core/error.hpp"
#include "vlp/core/foreign_errors.hpp"
#include "vlp/core/packed.hpp"

namespace at {
class Tensor;
}

namespace vlp {

/// What connects processes. All of them make the same calls in the same order; a call returns once
/// its result is there. A group doesn't wait for ever for a process that has ended or come to a
/// stop: its calls throw then, after a time limit at the latest. Tensors may be on any device,
/// bytes never touch one.
class PeerGroup {
 public:
  virtual ~PeerGroup() = default;
  /// Number of this process, from 0.
  [[nodiscard]] virtual std::int64_t rank() const = 0;
  /// How many processes there are.
  [[nodiscard]] virtual std::int64_t size() const = 0;
  /// Each element becomes its sum over all processes.
  virtual void sum(at::Tensor& tensor) = 0;
  /// Each element becomes its maximum over all processes.
  virtual void max(at::Tensor& tensor) = 0;
  /// @param own  of one shape in all processes
  /// @param all  becomes theirs one behind the other along dimension 0, by rank
  virtual void gather(const at::Tensor& own, at::Tensor& all) = 0;
  /// @return  the bytes of every process, by rank; lengths may differ
  [[nodiscard]] virtual std::vector<Bytes> gather(const Bytes& own) = 0;
  /// The tensor becomes that of rank 0.
  virtual void broadcast(at::Tensor& tensor) = 0;
  /// Returns once all processes have come here.
  virtual void barrier() = 0;
};

/// The group that a component belongs to; copies share it.
class Peers {
 public:
  /// A group of one.
  Peers() = default;
  /// Of a group with others.
  explicit Peers(std::shared_ptr<PeerGroup> group) : group_(std::move(group)) {}

  /// Number of this process, from 0.
  [[nodiscard]] std::int64_t rank() const { return group_ ? group_->rank() : 0; }
  /// How many processes there are.
  [[nodiscard]] std::int64_t size() const { return group_ ? group_->size() : 1; }
  /// Whether this is the process that writes files and speaks.
  [[nodiscard]] bool first() const { return rank() == 0; }
  /// Whether this process does the n-th of things that all do in turn, from 0.
  [[nodiscard]] bool takes(std::int64_t n) const { return n % size() == rank(); }

  /// Each element becomes its sum over all processes.
  void sum(at::Tensor& tensor) const {
    if (group_) group_->sum(tensor);
  }
  /// Each element becomes its maximum over all processes.
  void max(at::Tensor& tensor) const {
    if (group_) group_->max(tensor);
  }
  /// @param own  of one shape in all processes
  /// @return     theirs one behind the other along dimension 0, by rank
  template <class Tensor>
  [[nodiscard]] Tensor gather(const Tensor& own) const {
    if (!group_) return own;
    Tensor all;
    group_->gather(own, all);
    return all;
  }
  /// @return  the bytes of every process, by rank; lengths may differ
  [[nodiscard]] std::vector<Bytes> gather(const Bytes& own) const {
    return group_ ? group_->gather(own) : std::vector<Bytes>{own};
  }
  /// The tensor becomes that of rank 0.
  void broadcast(at::Tensor& tensor) const {
    if (group_) group_->broadcast(tensor);
  }
  /// Returns once all processes have come here.
  void barrier() const {
    if (group_) group_->barrier();
  }

 private:
  std::shared_ptr<PeerGroup> group_;
};

/// What went wrong in another process, with that process's exit code.
struct PeerError : Error {
  using Error::Error;
};

namespace detail {

/// A failure as another process tells of it.
[[nodiscard]] inline Bytes told(const std::exception_ptr& failure) {
  try {
    std::rethrow_exception(failure);
  } catch (const Error& error) {
    return pack(error.code(), std::string(error.what()));
  } catch (const std::exception& error) {
    return pack(ExitCode::unexpected, without_stack(error.what()).message);
  } catch (...) {
    return pack(ExitCode::unexpected, std::string("an exception that is not a std::exception."));
  }
}

/// What work gives to the others; nothing if it returns nothing.
template <class Work>
[[nodiscard]] Bytes bytes_of(Work& work) {
  if constexpr (std::is_void_v<std::invoke_result_t<Work&>>) {
    work();
    return {};
  } else {
    return work();
  }
}

}  // namespace detail

/// Does work that all processes do at this point, each its share, and exchanges what it gives. If
/// it fails in one of them, all throw.
/// @param work  () -> Bytes or void; makes no call of the group
/// @return      the bytes of every process, by rank
/// @throws      what the work throws; PeerError if it was done here and failed elsewhere
template <class Work>
std::vector<Bytes> together(const Peers& peers, Work&& work) {
  std::vector<Bytes> all;
  if (peers.size() == 1) {
    all.push_back(detail::bytes_of(work));
    return all;
  }
  constexpr std::byte done{0}, failed{1};  // behind the bytes of each
  std::exception_ptr failure;
  Bytes own;
  try {
    own = detail::bytes_of(work);
  } catch (...) {
    failure = std::current_exception();
    own = detail::told(failure);
  }
  own.push_back(failure ? failed : done);
  try {
    all = peers.gather(own);
  } catch (...) {
    if (failure) std::rethrow_exception(failure);  // it came first
    throw;
  }
  if (failure) std::rethrow_exception(failure);
  for (std::size_t rank = 0; rank < all.size(); ++rank) {
    const std::byte state = all[rank].back();
    all[rank].pop_back();
    if (state != failed) continue;
    const auto [code, message] = unpack<ExitCode, std::string>(all[rank]);
    throw PeerError(code, "process " + std::to_string(rank) + " (of 0 to " +
                              std::to_string(all.size() - 1) + "): " + message);
  }
  return all;
}

/// Does work of this process alone. The others go on; if it fails, their next call, which must be
/// `together`, throws.
/// @param work  makes no call of the group
/// @return      what the work returns
/// @throws      what the work throws
template <class Work>
decltype(auto) alone(const Peers& peers, Work&& work) {
  try {
    return std::forward<Work>(work)();
  } catch (...) {
    together(peers, [] { throw; });
    throw;
  }
}

}  // namespace vlp
