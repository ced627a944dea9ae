#pragma once
// Peers: the processes that train one model together, each with its share of every batch. One
// process alone is the default and costs nothing. Includes no torch.

#include <cstddef>
#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

namespace at {
class Tensor;
}

namespace vlp {

/// What connects processes. All of them make the same calls in the same order; a call returns once
/// its result is there.
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
  [[nodiscard]] virtual std::vector<std::vector<std::byte>> gather(
      const std::vector<std::byte>& own) = 0;
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
  [[nodiscard]] std::vector<std::vector<std::byte>> gather(
      const std::vector<std::byte>& own) const {
    return group_ ? group_->gather(own) : std::vector<std::vector<std::byte>>{own};
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

}  // namespace vlp
