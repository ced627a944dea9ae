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
#include "vlp/concepts/peers.hpp"

namespace vlp {

/// The micro-batches of an update, made when they are asked for.
struct MicroBatches {
  std::int64_t count = 1;  ///< at most; of every process as many
  std::function<std::optional<Batch>()>
      next;  ///< on any device, from the first to the last; then none
};

/// A factor of scalars: the share of a micro-batch in the mean over an update.
struct Share {
  double factor = 1;
  at::Tensor divisor = {};  ///< scalar float64 on the device, where processes have agreed on one

  /// Its share of a value of any shape, in the value's dtype; the value itself if that is all.
  [[nodiscard]] at::Tensor of(const at::Tensor& value) const {
    if (!divisor.defined()) return factor == 1 ? value : value * factor;
    return value * (factor / divisor).to(value.scalar_type());
  }
};

/// A loss and its parts as shares.
[[nodiscard]] inline LossValue shared(LossValue value, const Share& share) {
  value.total = share.of(value.total);
  for (auto& [name, part] : value.parts) part = share.of(part.detach());
  return value;
}

/// A loss that is a sum of others, each of which counts micro-batches its own way.
template <class L>
concept SumOfLosses =
    requires(L loss, Forward& pass, const Batch& batch, std::span<const Share> shares) {
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
[[nodiscard]] LossValue value_of(L& loss, Forward& pass, std::span<const Share> shares) {
  if constexpr (SumOfLosses<L>)
    return loss(pass, shares);
  else
    return shares.empty() ? loss(pass) : shared(loss(pass), shares.front());
}

/// Hands out the micro-batches of an update one at a time. Where losses weigh them differently all
/// are made before the first is handed out, and wait where they were made, since their weights must
/// be known; else there is never more than one.
class BatchQueue {
 public:
  /// @param weights  tells the weights of a batch, by loss
  /// @param all      whether all must be known beforehand
  template <class Weights>
  BatchQueue(const MicroBatches& given, const Weights& weights, bool all) : given_(&given) {
    const std::int64_t ahead = all ? given.count : 1;
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
  std::int64_t made_ = 0;
  std::deque<Batch> waiting_;
  std::vector<double> known_;
};

/// The shares of an update's micro-batches in its means: sum of weight * mean over sum of weights.
/// With several processes gradients of all become one mean afterwards.
class Accumulation {
 public:
  /// Where all weights are known, shares are right at once. Where only the first micro-batch's are,
  /// all are taken to weigh as much as the first, and `rest` puts the sums right, once.
  /// @param known  sums of the weights that are known, by loss
  /// @param count  micro-batches, if only the first one's weights are known; else 0
  Accumulation(std::vector<double> known, std::int64_t count, const Peers& peers, at::Device device)
      : reference_(std::move(known)),
        guessed_(count > 0),
        peers_(peers),
        processes_(static_cast<double>(peers.size())),
        device_(device) {
    if (guessed_)
      for (double& weight : reference_) weight *= static_cast<double>(count);
    else if (peers.size() > 1)
      totals_ = sum(reference_);
  }

  /// @param weights  of one micro-batch, by loss
  [[nodiscard]] std::vector<Share> shares(const std::vector<double>& weights) {
    std::vector<Share> all;
    for (std::size_t i = 0; i < weights.size(); ++i)
      all.push_back(totals_.defined()
                        ? Share{weights[i] * processes_, totals_[static_cast<std::int64_t>(i)]}
                        : Share{weights[i] / reference_[i]});
    seen_ += weights.front();
    return all;
  }

  /// What is still to be multiplied with this process's sums of gradients, losses and parts.
  [[nodiscard]] Share rest() const {
    if (!guessed_) return {};
    if (peers_.size() == 1) return {reference_.front() / seen_};
    return {reference_.front() * processes_, sum({seen_})[0]};
  }

 private:
  /// Over all processes, float64 on the device.
  [[nodiscard]] at::Tensor sum(const std::vector<double>& own) const {
    at::Tensor all = at::tensor(own, at::kDouble).to(device_, /*non_blocking=*/true);
    peers_.sum(all);
    return all;
  }

  std::vector<double> reference_;  // what shares are of
  bool guessed_;
  Peers peers_;
  double processes_;
  at::Device device_;
  at::Tensor totals_;  // of all processes, by loss
  double seen_ = 0;    // weight of the first loss
};

}  // namespace vlp
