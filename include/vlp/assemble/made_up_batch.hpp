#pragma once
// What a dry pass sends through a recipe's parts: one image, captions, and a batch of the longest
// texts, which has shapes only.

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include <ATen/ATen.h>

#include "vlp/concepts/batch.hpp"
#include "vlp/concepts/transform.hpp"
#include "vlp/core/random.hpp"
#include "vlp/data/collate.hpp"
#include "vlp/data/data.hpp"
#include "vlp/plan/plan.hpp"

namespace vlp {

/// Captions as people write them.
inline constexpr std::array<std::string_view, 2> kMadeUpCaptions{
    "Two dogs run after a child's red ball.", "caf\u00e9 \u2013 3 people (one with a hat) & a cat"};

/// uint8 [3, 64, 48], as a decoder of files gives it: all values occur.
[[nodiscard]] inline at::Tensor made_up_image() {
  return at::arange(3 * 64 * 48, at::kLong).remainder(256).to(at::kByte).view({3, 64, 48});
}

/// A batch on the device `meta`: as many pairs as the losses need, at least two, of the longest
/// text that the tokenizer gives.
/// @param trains  whether images have the extra captions that the losses learn from
/// @param steps   what captions go through
/// @param size    of the images, pixels
[[nodiscard]] inline Batch made_up_batch(const Plan& plan, const Preprocessing& data, bool trains,
                                         const Pipeline& steps, ImageSize size) {
  constexpr std::size_t kWords = 2000;  // cut by whatever cuts
  std::int64_t pairs = 2, captions = 1;
  for (const auto& loss : plan.loss) {
    pairs = std::max(pairs, loss.traits().smallest_batch);
    if (trains) captions = std::max(captions, loss.traits().captions_per_image);
  }
  std::string text;
  for (std::size_t i = 0; i < kWords; ++i) text += i == 0 ? "a" : " a";
  RandomStream random(1);
  const std::vector rows(static_cast<std::size_t>(pairs),
                         data.tokenizer.encode(with_prompt(data.prompt, steps(text, random))));
  const auto texts = [&] {
    return collate_ids(rows, data.tokenizer.special().pad,
                       prompt_length(data.tokenizer, data.prompt));
  };
  Batch batch;
  batch.pixels = at::zeros({pairs, 3, size.height, size.width}, at::TensorOptions(at::kMeta));
  batch.texts = texts();
  for (std::int64_t k = 1; k < captions; ++k) batch.extra_captions.push_back(texts());
  batch.image_index = at::arange(pairs, at::kLong);
  batch.image_ids.assign(static_cast<std::size_t>(pairs), "made-up");
  for_each_tensor(batch, [](at::Tensor& tensor) {
    if (tensor.defined()) tensor = tensor.to(at::kMeta);
  });
  return batch;
}

}  // namespace vlp
