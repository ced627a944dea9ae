#pragma once
// Captions of a split as the model reads them.

#include <cstddef>
#include <cstdint>
#include <vector>

#include "vlp/concepts/dataset.hpp"
#include "vlp/core/random.hpp"
#include "vlp/data/collate.hpp"
#include "vlp/data/data.hpp"

namespace vlp {

/// @param data     tokenizer, text steps, and the prompt of images that have none of their own
/// @param record   of the image
/// @param caption  which of its captions
/// @param seeds    of what the text steps draw, which depends on the image's name and the caption's
///                 number only
/// @return         [CLS] prompt caption [SEP] after the text steps of evaluation, cut to the
///                 tokenizer's length
[[nodiscard]] inline std::vector<std::int64_t> caption_ids(const Preprocessing& data,
                                                           const ImageRecord& record,
                                                           std::size_t caption,
                                                           const RandomStream& seeds) {
  RandomStream random = seeds.derive("evaluation").derive(record.image_id.text()).derive(caption);
  return data.tokenizer.encode(with_prompt(
      record.prompt_or(data.prompt), data.transforms.evaluate(record.captions[caption], random)));
}

}  // namespace vlp
