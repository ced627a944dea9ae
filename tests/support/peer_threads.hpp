#pragma once
// Processes that train together, as threads: every call waits until all have made it.

#include <barrier>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <functional>
#include <memory>
#include <thread>
#include <utility>
#include <vector>

#include <ATen/ATen.h>

#include "vlp/concepts/peers.hpp"

namespace vlp_test {

/// What the threads share.
struct PeerBoard {
  explicit PeerBoard(std::size_t size) : tensors(size), bytes(size), all(static_cast<long>(size)) {}
  std::vector<at::Tensor> tensors;            // what each has brought
  std::vector<std::vector<std::byte>> bytes;  // likewise
  std::barrier<> all;
};

/// One of them.
class PeerThread : public vlp::PeerGroup {
 public:
  PeerThread(std::shared_ptr<PeerBoard> board, std::size_t rank)
      : board_(std::move(board)), rank_(rank) {}
  [[nodiscard]] std::int64_t rank() const override { return static_cast<std::int64_t>(rank_); }
  [[nodiscard]] std::int64_t size() const override {
    return static_cast<std::int64_t>(board_->tensors.size());
  }
  void sum(at::Tensor& tensor) override {
    const at::Tensor result = at::stack(exchange(tensor.clone())).sum(0);
    tensor.copy_(result);
  }
  void max(at::Tensor& tensor) override {
    const at::Tensor result = at::stack(exchange(tensor.clone())).amax(0);
    tensor.copy_(result);
  }
  void gather(const at::Tensor& own, at::Tensor& all) override { all = at::cat(exchange(own)); }
  std::vector<std::vector<std::byte>> gather(const std::vector<std::byte>& own) override {
    board_->bytes[rank_] = own;
    board_->all.arrive_and_wait();
    auto all = board_->bytes;
    board_->all.arrive_and_wait();
    return all;
  }
  void broadcast(at::Tensor& tensor) override {
    const std::vector<at::Tensor> all = exchange(tensor.clone());
    tensor.copy_(all.front());
  }
  void barrier() override { board_->all.arrive_and_wait(); }

 private:
  std::vector<at::Tensor> exchange(const at::Tensor& own) {
    board_->tensors[rank_] = own;
    board_->all.arrive_and_wait();
    std::vector<at::Tensor> all = board_->tensors;
    board_->all.arrive_and_wait();
    return all;
  }

  std::shared_ptr<PeerBoard> board_;
  std::size_t rank_;
};

/// Runs `work` once a process, at the same time; an exception in one ends the test program.
inline void run_together(std::size_t size, const std::function<void(const vlp::Peers&)>& work) {
  const auto board = std::make_shared<PeerBoard>(size);
  std::vector<std::jthread> threads;
  for (std::size_t rank = 0; rank < size; ++rank)
    threads.emplace_back(
        [&, rank] { work(vlp::Peers(std::make_shared<PeerThread>(board, rank))); });
}

}  // namespace vlp_test
