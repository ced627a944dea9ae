#pragma once
// Micro-batches that together are one batch: each counts by the number of samples of which its loss
// is the mean (tokens, pairs), so that the update is that of the larger batch.

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include <ATen/ATen.h>

#include "vlp/concepts/batch.hpp"
#include "vlp/concepts/forward.hpp"
#include "vlp/concepts/loss.hpp"

namespace vlp {

/// The micro-batches of an update, made when they are asked for.
struct MicroBatches {
  std::int64_t count = 1;  ///< at most; of every process as many
  std::function<std::optional<Batch>()>
      next;  ///< on any device, from the first to the last; then none
};

/// A share of a value; the value itself if that is all.
[[nodiscard]] inline at::Tensor share_of(const at::Tensor& value, double share) {
  return share == 1 ? value : value * share;
}

/// A loss and its parts as shares of those of an update.
[[nodiscard]] inline LossValue share_of(LossValue value, double share) {
  value.total = share_of(value.total, share);
  for (auto& [name, part] : value.parts) part = share_of(part.detach(), share);
  return value;
}

/// A loss that is a sum of others, each of which counts micro-batches its own way.
template <class L>
concept SumOfLosses =
    requires(L loss, Forward& pass, const Batch& batch, std::span<const double> shares) {
      { loss(pass, shares) } -> std::same_as<LossValue>;
      { loss.weights(batch) } -> std::same_as<std::vector<double>>;
      { loss.weighs_alike() } -> std::same_as<bool>;
    };

/// Of how many samples the value of each loss of a sum is the mean; a loss alone is one.
template <Loss L>
[[nodiscard]] std::vector<double> weights_of(const L& loss, const Batch& batch) {
  if constexpr (SumOfLosses<L>)
    return loss.weights(batch);
  else
    return {static_cast<double>(weight_of(loss, batch))};
}
/// Whether one number tells how much a batch weighs for all losses of a sum.
template <Loss L>
[[nodiscard]] bool weighs_alike(const L& loss) {
  if constexpr (SumOfLosses<L>)
    return loss.weighs_alike();
  else
    return true;
}
/// A loss's value of a micro-batch among others. @param shares  by loss; none = it is alone
template <Loss L>
[[nodiscard]] LossValue value_of(L& loss, Forward& pass, std::span<const double> shares) {
  if constexpr (SumOfLosses<L>)
    return loss(pass, shares);
  else
    return shares.empty() ? loss(pass) : share_of(loss(pass), shares.front());
}

/// Hands out the micro-batches of an update one at a time. Where losses weigh them differently all
/// are made before the first is handed out, and wait where they were made, since their weights must
/// be known; else there is never more than one.
class BatchQueue {
 public:
  /// @param all  whether all must be known beforehand
  BatchQueue(const MicroBatches& given, bool all) : given_(&given), all_(all) {}

  /// Makes what must be known beforehand.
  /// @param weights  tells the weights of a batch, by loss
  template <class Weights>
  void open(const Weights& weights) {
    const std::int64_t ahead = all_ ? given_->count : 1;
    while (made_ < ahead) {
      std::optional<Batch> batch = make();
      if (!batch) break;
      const std::vector<double> of_batch = weights(*batch);
      known_.resize(of_batch.size());
      for (std::size_t i = 0; i < of_batch.size(); ++i) known_[i] += of_batch[i];
      waiting_.push_back(std::move(*batch));
    }
  }

  /// Sums of the weights of the batches that were made beforehand, by loss.
  [[nodiscard]] const std::vector<double>& known() const { return known_; }
  /// Whether there is none at all.
  [[nodiscard]] bool empty() const { return made_ == 0; }
  /// Micro-batches at most.
  [[nodiscard]] std::int64_t count() const { return given_->count; }
  /// The next one; none behind the last.
  [[nodiscard]] std::optional<Batch> next() {
    if (waiting_.empty()) return made_ < given_->count ? make() : std::nullopt;
    Batch batch = std::move(waiting_.front());
    waiting_.pop_front();
    return batch;
  }

 private:
  std::optional<Batch> make() {
    std::optional<Batch> batch = given_->next();
    if (batch) ++made_;
    return batch;
  }

  const MicroBatches* given_;
  bool all_;
  std::int64_t made_ = 0;
  std::deque<Batch> waiting_;
  std::vector<double> known_;
};

/// The shares of an update's micro-batches in its means: sum of weight * mean over sum of weights.
/// Gradients of several processes become their mean afterwards, so shares are larger by their
/// number.
class Accumulation {
 public:
  /// Where all weights are known, shares are right at once. Where only the first micro-batch's are,
  /// all are taken to weigh as much as the first, and `rest` puts the sums right, once.
  /// @param known      sums of weights by loss: of all processes and micro-batches, or those of the
  ///                   first micro-batch
  /// @param count      micro-batches, if only the first one's weights are known; else 0
  /// @param processes  that train together
  Accumulation(std::vector<double> known, std::int64_t count, std::int64_t processes)
      : reference_(std::move(known)),
        guessed_(count > 0),
        processes_(static_cast<double>(processes)) {
    for (double& weight : reference_)
      weight = guessed_ ? weight * static_cast<double>(count) : weight / processes_;
  }

  /// @param weights  of one micro-batch, by loss
  [[nodiscard]] std::vector<double> shares(const std::vector<double>& weights) {
    std::vector<double> all;
    for (std::size_t i = 0; i < weights.size(); ++i) all.push_back(weights[i] / reference_[i]);
    seen_ += weights.front();
    return all;
  }
  /// The weight of this process's micro-batches so far, by the first loss.
  [[nodiscard]] double seen() const { return seen_; }

  /// What is still to be multiplied with this process's sums of gradients, losses and parts.
  /// @param all  the weight of all processes' micro-batches, by the first loss
  [[nodiscard]] double rest(double all) const {
    return guessed_ ? reference_.front() * processes_ / all : 1;
  }

 private:
  std::vector<double> reference_;  // what shares are of
  bool guessed_;
  double processes_;
  double seen_ = 0;
};

}  // namespace vlp
