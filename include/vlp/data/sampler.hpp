#pragma once
// Which image and caption come when in an epoch: a pure function of the records, the seed and the
// epoch.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "vlp/concepts/dataset.hpp"
#include "vlp/core/random.hpp"

namespace vlp {

/// One sample of an epoch.
struct SampleRow {
  std::int64_t record = 0;   ///< position of the image among the records
  std::int64_t caption = 0;  ///< position of the caption among the image's
  std::int64_t repetition =
      0;  ///< how often the epoch has had this image before, see `ImageRecord::repeat`

  friend bool operator==(const SampleRow&, const SampleRow&) = default;
};

/// Rows of an epoch whatever its number; an image without captions has none, a repeated one has
/// them several times.
[[nodiscard]] inline std::int64_t rows_per_epoch(std::span<const ImageRecord> records,
                                                 CaptionsPerImage mode) {
  std::int64_t rows = 0;
  for (const ImageRecord& record : records) {
    const auto captions = static_cast<std::int64_t>(record.captions.size());
    rows += record.repeat *
            (mode == CaptionsPerImage::all ? captions : std::min<std::int64_t>(captions, 1));
  }
  return rows;
}

/// The rows of one epoch. `all`: every caption; `one`: one an image, drawn anew each epoch and each
/// repetition.
/// @param records  a split
/// @param mode     all captions, or one of each image
/// @param shuffle  false: in the order of the records
/// @param random   the sampler's own stream, e.g. `ctx.facts.seeds.derive("sampler")`; the epoch is
///                 derived from it
/// @param epoch    from 0
[[nodiscard]] inline std::vector<SampleRow> epoch_rows(std::span<const ImageRecord> records,
                                                       CaptionsPerImage mode, bool shuffle,
                                                       const RandomStream& random,
                                                       std::int64_t epoch) {
  const RandomStream of_epoch = random.derive(static_cast<std::uint64_t>(epoch));
  RandomStream draw = of_epoch.derive("caption");
  std::vector<SampleRow> rows;
  rows.reserve(static_cast<std::size_t>(rows_per_epoch(records, mode)));
  for (std::size_t i = 0; i < records.size(); ++i) {
    const std::size_t captions = records[i].captions.size();
    const auto record = static_cast<std::int64_t>(i);
    for (std::int64_t repetition = 0; repetition < records[i].repeat; ++repetition)
      if (mode == CaptionsPerImage::all)
        for (std::size_t c = 0; c < captions; ++c)
          rows.push_back({record, static_cast<std::int64_t>(c), repetition});
      else if (captions > 0)
        rows.push_back({record, static_cast<std::int64_t>(draw.below(captions)), repetition});
  }
  RandomStream order = of_epoch.derive("order");
  if (shuffle) order.shuffle(std::span<SampleRow>(rows));
  return rows;
}

}  // namespace vlp
