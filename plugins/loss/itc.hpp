#pragma once
// Image-text contrastive loss (Li et al. 2022, section 3.2) with soft targets from momentum
// encoders (Li et al. 2021, equation 6) and a queue of earlier embeddings (He et al. 2020). Without
// both it is CLIP's loss (Radford et al. 2021).

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

#include <ATen/ATen.h>

#include "vlp/concepts/context.hpp"
#include "vlp/concepts/full_precision.hpp"
#include "vlp/concepts/loss.hpp"
#include "vlp/core/console.hpp"
#include "vlp/core/state.hpp"
#include "vlp/nn/device.hpp"
#include "vlp/nn/feature_queue.hpp"
#include "vlp/nn/positives.hpp"
#include "vlp/recipe/field.hpp"
#include "vlp/registry/plugin.hpp"

namespace vlp {

/// The share of soft targets at a point of a run: it grows linearly from 0 over the first epochs.
/// @param alpha          final share, 0-1
/// @param warmup_epochs  epochs until then; 0 = at once
/// @param training       where the run stands; none = evaluation, with the final share
[[nodiscard]] inline double ramped_alpha(double alpha, double warmup_epochs,
                                         const std::optional<SchedulePosition>& training) {
  if (!training || warmup_epochs <= 0) return alpha;
  const double ramp =
      warmup_epochs * static_cast<double>(std::max<std::int64_t>(1, training->steps_per_epoch));
  return alpha * std::min(1.0, static_cast<double>(training->step) / ramp);
}

/// alpha softmax(similarities of the momentum encoders) + (1 - alpha) (what belongs together, each
/// row summing up to 1).
/// @param together   [B, C] bool, at least one true a row
/// @param of_momentum   [B, C] similarities divided by the temperature; read only if alpha > 0
/// @param alpha      0-1
/// @param dtype      of the result
/// @return           [B, C], rows sum up to 1, no gradient
[[nodiscard]] inline at::Tensor contrastive_targets(const at::Tensor& together,
                                                    const at::Tensor& of_momentum, double alpha,
                                                    at::ScalarType dtype) {
  const at::NoGradGuard no_grad;
  const at::Tensor positives = together.to(dtype);
  const at::Tensor hard = positives / positives.sum(1, /*keepdim=*/true);
  return alpha > 0 ? of_momentum.softmax(1).mul(alpha).add(hard, 1 - alpha) : hard;
}

/// Mean of image-to-text and text-to-image cross-entropy between similarities and targets over the
/// batch and the queue.
class ImageTextContrastive {
 public:
  static constexpr std::string_view name = "itc";

  struct Options {
    double alpha = 0.4;
    double alpha_warmup_epochs = 2;
    std::int64_t queue_size = 57'600;
    Positives positives = Positives::pair;

    static constexpr auto fields() {
      return std::tuple{
          field<&Options::alpha>("Share of the momentum encoders' soft targets, 0-1.",
                                 between(0, 1)),
          field<&Options::alpha_warmup_epochs>(
              "Epochs over which that share grows from 0; 0 = none.", at_least(0)),
          field<&Options::queue_size>("Negatives kept from earlier batches, pairs; 0 = none.",
                                      between(0, 1 << 24)),
          field<&Options::positives>("What a text belongs to: its own image, or in batch and queue "
                                     "all that show the same image, as in "
                                     "retrieval fine-tuning."),
      };
    }
  };
  /// Momentum encoders only for soft targets or a queue.
  [[nodiscard]] static constexpr Parts needs(const Options& options) {
    return parts::similarities |
           (options.alpha > 0 || options.queue_size > 0 ? parts::momentum_embeddings : Parts());
  }
  /// The same of this loss.
  [[nodiscard]] Parts needs() const { return needs(options_); }
  /// Without a queue a pair alone has nothing to be told from.
  [[nodiscard]] static constexpr std::int64_t smallest_batch(const Options& options) {
    return options.queue_size == 0 ? 2 : 1;
  }

  ImageTextContrastive(const Options& options, const Machine& machine, const Facts& facts)
      : options_(options),
        console_(machine.console),
        queue_(options.queue_size, torch_device(machine.device), facts.seeds.derive("itc")) {}

  /// Computed in float32 at least. In training the momentum encoders' embeddings enter the queue
  /// behind the update, those of all micro-batches at once.
  /// @throws ShapeError if positives = image and the batch doesn't number its images
  LossValue operator()(Forward& pass) {
    const bool momentum = needs().covers(parts::momentum_embeddings);
    Similarities similarities = momentum ? pass.similarities() : pass.own_similarities();
    const FullPrecision full_precision;
    Similarities of_momentum;
    const double alpha =
        ramped_alpha(options_.alpha, options_.alpha_warmup_epochs, pass.training());
    if (momentum) {
      const at::Tensor &image = pass.momentum_image_embeddings(),
                       &text = pass.momentum_text_embeddings();
      queue_.open(image, console_);
      if (alpha > 0) {
        const at::NoGradGuard no_grad;
        of_momentum =
            with_queue(pass, {pass.scaled_products(image, text), pass.scaled_products(text, image)},
                       image, text);
      }
      similarities = with_queue(pass, std::move(similarities), pass.image_embeddings(),
                                pass.text_embeddings());
    }
    // Another split numbers its images anew: outside training the queue holds negatives only.
    const at::Tensor further = queue_.image_index();
    const bool same_numbers = pass.training().has_value() || !further.defined();
    const at::Tensor together = positive_pairs(
        options_.positives, pass.batch(),
        same_numbers ? further : at::full_like(further, FeatureQueue::kNoImage), "loss 'itc'");
    const at::Tensor i2t =
        cross_entropy(similarities.image_to_text, together, of_momentum.image_to_text, alpha);
    const at::Tensor t2i =
        cross_entropy(similarities.text_to_image, together, of_momentum.text_to_image, alpha);
    LossValue value{(i2t + t2i) / 2,
                    {{"i2t", i2t.detach()},
                     {"t2i", t2i.detach()},
                     {"temperature", pass.temperature().detach().clone()}}};
    if (options_.alpha > 0) value.parts.emplace_back("alpha", at::full({}, alpha, i2t.options()));
    if (pass.training() && queue_.size() > 0) {
      new_images_.push_back(pass.momentum_image_embeddings());
      new_texts_.push_back(pass.momentum_text_embeddings());
      new_index_.push_back(pass.batch().image_index.defined()
                               ? pass.batch().image_index
                               : at::full({new_images_.back().size(0)}, FeatureQueue::kNoImage,
                                          new_images_.back().options().dtype(at::kLong)));
    }
    return value;
  }

  /// What an update that failed has collected doesn't enter the queue with the next one.
  void begin_update() {
    for (auto* rows : {&new_images_, &new_texts_, &new_index_}) rows->clear();
  }

  /// The queue takes what all processes have embedded in this update, in their order.
  void end_update(const Peers& peers) {
    if (new_images_.empty()) return;
    const auto all = [&](std::vector<at::Tensor>& rows) {
      return peers.gather(at::cat(std::exchange(rows, {})));
    };
    const at::Tensor images = all(new_images_), texts = all(new_texts_), index = all(new_index_);
    queue_.push(images, texts, index);
  }

  /// The negatives of earlier batches.
  [[nodiscard]] const FeatureQueue& queue() const { return queue_; }

  void save(State& state) const { queue_.save(state); }
  void load(const State& state) { queue_.load(state); }
  /// Takes over the queues of a checkpoint of BLIP's own.
  void warm_start(const State& tensors, const Console& console) {
    queue_.warm_start(tensors, console);
  }

 private:
  /// Adds the columns of the queue.
  /// @param batch  [B, B] each
  /// @param image  [B, E]
  /// @param text   [B, E]
  /// @return       [B, B + Q] each
  Similarities with_queue(Forward& pass, Similarities batch, const at::Tensor& image,
                          const at::Tensor& text) const {
    if (queue_.size() == 0) return batch;
    // The backward pass reads these columns, too: the queue moves on behind it.
    return {at::cat({batch.image_to_text, pass.scaled_products(image, queue_.texts().t())}, 1),
            at::cat({batch.text_to_image, pass.scaled_products(text, queue_.images().t())}, 1)};
  }

  static at::Tensor cross_entropy(const at::Tensor& similarities, const at::Tensor& together,
                                  const at::Tensor& of_momentum, double alpha) {
    const at::Tensor targets =
        contrastive_targets(together, of_momentum, alpha, similarities.scalar_type());
    return -(targets * similarities.log_softmax(1)).sum(1).mean();
  }

  Options options_;
  Console console_;
  FeatureQueue queue_;
  std::vector<at::Tensor> new_images_, new_texts_, new_index_;  // of the update under way
};
static_assert(Loss<ImageTextContrastive> && Stateful<ImageTextContrastive>);

}  // namespace vlp

VLP_PLUGIN(itc, "1.0", vlp::ImageTextContrastive);
