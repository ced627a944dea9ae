#pragma once
// A model of given embeddings, online and of momentum encoders, for tests of losses that compare
// pairs.

#include <cstdint>

#include <ATen/ATen.h>

#include "vlp/concepts/forward.hpp"
#include "vlp/concepts/model.hpp"

namespace vlp_test {

inline at::Tensor unit_rows(const at::Tensor& x) { return x / x.norm(2, {1}, /*keepdim=*/true); }

/// B pairs of random embeddings of width E. The token of pair i is i, its image has number i and
/// states [1, 1] of value i.
struct Pairs {
  explicit Pairs(std::int64_t pairs, std::int64_t width = 6, std::uint64_t seed = 1,
                 at::ScalarType dtype = at::kDouble) {
    at::manual_seed(seed);
    image = at::randn({pairs, width}, dtype).set_requires_grad(true);
    text = at::randn({pairs, width}, dtype).set_requires_grad(true);
    image_m = unit_rows(at::randn({pairs, width}, dtype));
    text_m = unit_rows(at::randn({pairs, width}, dtype));
    temperature = at::full({}, 0.2, dtype).set_requires_grad(true);
    batch.pixels = at::arange(pairs, dtype).view({pairs, 1, 1});
    batch.texts.token_ids = at::arange(pairs, at::kLong).view({pairs, 1});
    batch.texts.token_mask = at::ones({pairs, 1}, at::kBool);
    batch.image_index = at::arange(pairs, at::kLong);
    parts.set<vlp::ImageStates>([](const at::Tensor& pixels) { return pixels; });
    parts.set<vlp::TextStates>(
        [](const at::Tensor& ids, const at::Tensor&) { return ids.unsqueeze(2); });
    parts.set<vlp::ImageEmbeddings>([this](const at::Tensor&) { return unit_rows(image); });
    parts.set<vlp::TextEmbeddings>(
        [this](const at::Tensor&, const at::Tensor&) { return unit_rows(text); });
    parts.set<vlp::Temperature>([this] { return temperature; });
  }
  Pairs(const Pairs&) = delete;

  /// Adds the momentum encoders.
  Pairs& with_momentum() {
    parts.set<vlp::MomentumImageEmbeddings>([this](const at::Tensor&) { return image_m; });
    parts.set<vlp::MomentumTextEmbeddings>(
        [this](const at::Tensor&, const at::Tensor&) { return text_m; });
    return *this;
  }
  /// A pass in evaluation.
  [[nodiscard]] vlp::Forward evaluation() const { return vlp::Forward(parts, batch); }
  /// A pass in training, behind so many updates of ten an epoch, with random numbers of a seed.
  [[nodiscard]] vlp::Forward training(std::int64_t steps = 1000, std::uint64_t seed = 1) const {
    return vlp::Forward(parts, batch, {},
                        vlp::TrainingStep{{steps, 10'000, 10}, vlp::RandomStream(seed)});
  }

  at::Tensor image, text, image_m, text_m, temperature;
  vlp::ModelParts parts;
  vlp::Batch batch;
};

}  // namespace vlp_test
