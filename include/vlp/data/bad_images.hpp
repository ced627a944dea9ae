#pragma once
// A look at every image of a dataset. Includes no torch.

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <thread>
#include <vector>

#include "vlp/concepts/bad_sample.hpp"
#include "vlp/concepts/dataset.hpp"
#include "vlp/core/console.hpp"
#include "vlp/core/error.hpp"
#include "vlp/core/parallel.hpp"
#include "vlp/core/progress.hpp"
#include "vlp/image/byte_budget.hpp"
#include "vlp/image/read.hpp"

namespace vlp {

/// Decodes the image of a record. @return  what keeps it from being used; nothing if it is sound
/// @param record  its position in its split
/// @param memory  for pixels
[[nodiscard]] inline std::optional<BadSample> bad_image(const ImageRecord& image,
                                                        std::int64_t record, ByteBudget& memory) {
  const auto bad = [&](const char* reason, const std::exception& error) {
    return BadSample{image.image_id, reason, error.what(), record};
  };
  try {
    ByteShare share;
    (void)read_pixels(image.file, {}, [&](std::size_t bytes) { share = memory.take(bytes); });
  } catch (const MissingFileError& error) {
    return bad(bad_reasons::kMissing, error);
  } catch (const ReadError& error) {
    return bad(bad_reasons::kUnreadable, error);
  } catch (const DataError& error) {
    return bad(bad_reasons::kUndecodable, error);
  }
  return std::nullopt;
}

/// Decodes all images of all splits.
/// @param threads  0 = all cores
/// @param console  hears how far it is
/// @return         by `Split` the images that can't be used, in the dataset's order
[[nodiscard]] inline std::array<std::vector<BadSample>, 3> bad_images(const AnyDataset& dataset,
                                                                      std::int64_t threads,
                                                                      const Console& console) {
  std::vector<std::optional<BadSample>> all;  // of all splits, one behind the other
  std::array<std::span<const ImageRecord>, 3> splits;
  std::size_t count = 0;
  for (const Split split : {Split::train, Split::validation, Split::test}) {
    splits[static_cast<std::size_t>(split)] = dataset.records(split);
    count += dataset.records(split).size();
  }
  all.resize(count);

  ByteBudget memory(kImageMemory);
  std::atomic<std::size_t> next = 0, done = 0;
  const auto work = [&] {
    for (std::size_t i = 0; (i = next.fetch_add(1)) < count; ++done) {
      std::size_t place = i;
      auto split = splits.begin();
      for (; place >= split->size(); ++split) place -= split->size();
      all[i] = bad_image((*split)[place], static_cast<std::int64_t>(place), memory);
    }
  };
  {
    const ProgressMeter progress(console, "decoding images", static_cast<std::int64_t>(count),
                                 "images");
    std::vector<std::jthread> workers;
    for (std::int64_t i = 0; i < threads_for(threads, count, 1); ++i) workers.emplace_back(work);
    while (done < count) {
      std::this_thread::sleep_for(std::chrono::milliseconds(20));
      progress.done(static_cast<std::int64_t>(done));
    }
    progress.done(
        static_cast<std::int64_t>(count));  // all may have been done before the first look
  }
  std::array<std::vector<BadSample>, 3> bad;
  auto found = all.begin();
  for (std::size_t split = 0; split < splits.size(); ++split)
    for (std::size_t i = 0; i < splits[split].size(); ++i, ++found)
      if (*found) bad[split].push_back(*std::move(*found));
  return bad;
}

}  // namespace vlp
