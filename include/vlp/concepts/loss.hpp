#pragma once
// Loss: a scalar to minimise over one forward pass. Contract: `operator()` asks the pass for what
// it needs, is differentiable, and never waits for the device; `needs` says beforehand which parts
// it will ask for. What it draws in training comes from `pass.training()->random`; in evaluation it
// leaves no trace in any state.

#include <concepts>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <ATen/core/Tensor.h>

#include "vlp/concepts/batch.hpp"
#include "vlp/concepts/forward.hpp"
#include "vlp/concepts/parts.hpp"
#include "vlp/concepts/peers.hpp"

namespace torch::nn {
class Module;
}

namespace vlp {

/// A loss with the parts of which it is made, for the log.
struct LossValue {
  at::Tensor total;                                       ///< scalar, on the device, with gradient
  std::vector<std::pair<std::string, at::Tensor>> parts;  ///< named scalars, detached; may be empty
};

/// What it needs of the model is `static constexpr Parts needs`, or, where it depends on the
/// options, `static Parts needs(const Options&)` beside `Parts needs() const`. A loss with state
/// besides parameters is also `Stateful`. Every loss may offer
///   - static std::int64_t smallest_batch(const Options&): pairs below which it has nothing to
///     compare; checked with the recipe
///   - static std::int64_t captions_per_image(const Options&): captions of an image that it learns
///     from at once, the pair's own included; the others come in `Batch::extra_captions`, in
///     training, as far as the image has so many
///   - begin_update(): called in training once before the micro-batches of each update; what an
///     update that failed half-way has left is forgotten there
///   - end_update(const Peers&): called in training once behind each update; what it keeps of the
///     update's micro-batches it puts into the order of all processes there, e.g. a queue
///   - weight(const Batch&) const -> std::int64_t: of how many independent samples its value is the
///     mean, told from shapes alone, so that nobody waits for the device; micro-batches of an
///     update count by it. Without it they count by their pairs
///   - static constexpr bool compares_pairs = true: its value isn't a mean over independent samples
///     but compares the pairs of a batch, so that accumulation doesn't make the batch larger
///   - module() -> std::shared_ptr<torch::nn::Module>: parameters of its own, which are trained and
///     saved with those of the model, and written beside it; on the device before the first pass
///   - warm_start(const State& tensors, const Console& console): takes what it knows of a file from
///     which the weights come
template <class L>
concept Loss =
    std::move_constructible<L> &&
    (requires { { L::needs } -> std::convertible_to<Parts>; } ||
     requires(const L& loss) { { loss.needs() } -> std::same_as<Parts>; }) &&
    requires(L loss, Forward& pass) {
      // Last: to ask a module holder this is an error, not a no.
      { loss(pass) } -> std::same_as<LossValue>;
    };

/// What a loss needs, from its type where it is a constant there.
template <Loss L>
[[nodiscard]] Parts needs_of(const L& loss) {
  if constexpr (requires {
                  { L::needs } -> std::convertible_to<Parts>;
                })
    return L::needs;
  else
    return loss.needs();
}

/// The parameters of a loss's own; null where it has none.
template <Loss L>
[[nodiscard]] std::shared_ptr<torch::nn::Module> module_of(const L& loss) {
  if constexpr (requires {
                  { loss.module() } -> std::convertible_to<std::shared_ptr<torch::nn::Module>>;
                })
    return loss.module();
  else
    return nullptr;
}

/// Tells a loss that an update begins, if it wants to know.
template <Loss L>
void begin_update(L& loss) {
  if constexpr (requires { loss.begin_update(); }) loss.begin_update();
}

/// Whether a loss says itself how much a batch weighs.
template <class L>
concept WeighsBatches = requires(const L& loss, const Batch& batch) {
  { loss.weight(batch) } -> std::convertible_to<std::int64_t>;
};

/// Image-caption pairs of a batch; of one without images its texts.
[[nodiscard]] inline std::int64_t pairs_of(const Batch& batch) {
  if (batch.pixels.defined()) return batch.size();
  return batch.texts.token_ids.defined() ? batch.texts.token_ids.size(0) : 1;
}

/// Of how many samples a loss's value of a batch is the mean. Never waits for the device.
template <Loss L>
[[nodiscard]] std::int64_t weight_of(const L& loss, const Batch& batch) {
  if constexpr (WeighsBatches<L>)
    return loss.weight(batch);
  else
    return pairs_of(batch);
}

/// Tells a loss that an update is done, if it wants to know.
template <Loss L>
void end_update(L& loss, const Peers& peers) {
  if constexpr (requires { loss.end_update(peers); }) loss.end_update(peers);
}

}  // namespace vlp

#include "vlp/concepts/any_loss.hpp"
