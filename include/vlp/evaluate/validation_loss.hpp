#pragma once
// The loss over all captions of a split, each image encoded once. A pass holds each image at most
// once, so that losses that compare pairs meet no caption of the same image as a negative.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include <ATen/ATen.h>

#include "vlp/concepts/batch.hpp"
#include "vlp/concepts/forward.hpp"
#include "vlp/concepts/loss.hpp"
#include "vlp/concepts/metric.hpp"
#include "vlp/concepts/model.hpp"
#include "vlp/data/collate.hpp"
#include "vlp/data/to_device.hpp"

namespace vlp {

/// What a pass gives, on the host.
struct PassLoss {
  double weight = 0;  ///< of the pass: its supervised tokens
  double total = 0;   ///< the loss
  Scores parts;       ///< of which it is made

  auto members() { return std::tie(weight, total, parts); }
  [[nodiscard]] auto members() const { return std::tie(weight, total, parts); }
};

/// A loss and its parts over a split.
struct MeanLoss {
  std::optional<double> total;  ///< none if there was no pass
  Scores parts;                 ///< in the order in which they first came
};

/// Means of a loss and its parts over passes, added up in their order and weighted by the passes'
/// supervised tokens: a mean over tokens as `lm` is then the mean over all tokens of the split.
[[nodiscard]] inline MeanLoss mean_loss(std::span<const PassLoss> passes) {
  struct WeightedSum {
    double value = 0, weight = 0;
    void add(double loss, double share) { value += loss * share, weight += share; }
  };
  WeightedSum total;
  std::vector<std::pair<std::string, WeightedSum>> parts;
  for (const PassLoss& pass : passes) {
    total.add(pass.total, pass.weight);
    for (const auto& [name, value] : pass.parts) {
      auto found = std::ranges::find(parts, name, [](const auto& part) { return part.first; });
      if (found == parts.end()) found = parts.insert(parts.end(), {name, {}});
      found->second.add(value, pass.weight);
    }
  }
  MeanLoss mean;
  if (total.weight > 0) mean.total = total.value / total.weight;
  for (const auto& [name, part] : parts)
    if (part.weight > 0) mean.parts.emplace_back(name, part.value / part.weight);
  return mean;
}

/// The captions of one image as ids.
struct ImageTexts {
  std::vector<std::vector<std::int64_t>> ids;  ///< [CLS] prompt caption [SEP] of each
  std::int64_t unsupervised = 1;  ///< positions at the start of each that are never targets, see
                                  ///< `prompt_length`
};

/// A loss and its parts, pass by pass.
class ValidationLoss {
 public:
  /// @param pad  id of [PAD]
  explicit ValidationLoss(std::int64_t pad) : pad_(pad) {}

  /// Adds a batch of images with all their captions: a pass over the first caption of each, one
  /// over the second, and so on. Never waits for the device.
  /// @param parts     of the model, in evaluation mode
  /// @param loss      what to compute
  /// @param images    pixels, image_index and image_ids of B images, on the device
  /// @param known     of these images, states at least
  /// @param captions  [B] of each image
  /// @return          what is known of the images now
  template <Loss L>
  ImageFeatures add(const ModelParts& parts, L& loss, const Batch& images, ImageFeatures known,
                    std::span<const ImageTexts> captions) {
    std::size_t rounds = 0;
    for (const ImageTexts& of_image : captions) rounds = std::max(rounds, of_image.ids.size());
    for (std::size_t round = 0; round < rounds; ++round) {
      std::vector<std::int64_t> rows, unsupervised;
      std::vector<std::vector<std::int64_t>> ids;
      for (std::size_t image = 0; image < captions.size(); ++image)
        if (captions[image].ids.size() > round) {
          rows.push_back(static_cast<std::int64_t>(image));
          ids.push_back(captions[image].ids[round]);
          unsupervised.push_back(captions[image].unsupervised);
        }
      const bool whole = rows.size() == captions.size();
      const Batch batch =
          pairs(whole ? images : selected(images, rows), collate_ids(ids, pad_, unsupervised));
      Forward pass(parts, batch, whole ? known : selected(known, rows));
      add(loss(pass), batch.texts.targets.size(0));
      if (whole) known = pass.images();
    }
    return known;
  }

  /// Passes of all batches until now. Waits for the device.
  [[nodiscard]] std::vector<PassLoss> passes() const {
    if (values_.empty()) return {};
    const at::Tensor host = at::cat(values_).cpu();
    const auto* value = static_cast<const double*>(host.const_data_ptr());
    std::vector<PassLoss> passes = passes_;
    for (PassLoss& pass : passes) {
      pass.total = *value++;
      for (auto& [name, part] : pass.parts) part = *value++;
    }
    return passes;
  }
  /// How many passes there have been.
  [[nodiscard]] std::size_t size() const { return passes_.size(); }

 private:
  void add(const LossValue& loss, std::int64_t targets) {
    PassLoss pass{.weight = static_cast<double>(targets)};
    std::vector<at::Tensor> values;
    const auto keep = [&](const at::Tensor& value) {
      values.push_back(value.detach().to(loss.total.device(), at::kDouble).reshape({}));
    };
    keep(loss.total);
    for (const auto& [name, value] : loss.parts) {
      pass.parts.emplace_back(name, 0);
      keep(value);
    }
    values_.push_back(at::stack(values));
    passes_.push_back(std::move(pass));
  }

  /// Images with a text each.
  [[nodiscard]] static Batch pairs(Batch images, Texts texts) {
    images.texts = std::move(texts);
    const at::Device device = images.pixels.device();
    return to_device(std::move(images), device);
  }

  static at::Tensor rows_of(const at::Tensor& tensor, const at::Tensor& rows) {
    return tensor.defined() ? tensor.index_select(0, rows) : tensor;
  }
  static Batch selected(const Batch& images, const std::vector<std::int64_t>& rows) {
    const at::Tensor index = at::tensor(rows, at::kLong).to(images.pixels.device());
    Batch batch;
    batch.pixels = rows_of(images.pixels, index);
    batch.image_index = rows_of(images.image_index, index);
    if (!images.image_ids.empty())
      for (const std::int64_t row : rows)
        batch.image_ids.push_back(images.image_ids[static_cast<std::size_t>(row)]);
    return batch;
  }
  static ImageFeatures selected(const ImageFeatures& known, const std::vector<std::int64_t>& rows) {
    const at::Tensor index = at::tensor(rows, at::kLong).to(known.memory.states().device());
    return {known.memory.select(index), rows_of(known.embeddings, index),
            rows_of(known.momentum_embeddings, index)};
  }

  std::int64_t pad_;
  std::vector<PassLoss> passes_;    // values 0
  std::vector<at::Tensor> values_;  // [1 + parts] float64 on the device: of each pass total, parts
};

}  // namespace vlp
