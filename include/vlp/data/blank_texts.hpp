#pragma once
// A dataset without the captions of which a recipe's text steps leave nothing, such as "..." where
// punctuation is taken away.

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "vlp/concepts/dataset.hpp"
#include "vlp/core/console.hpp"
#include "vlp/core/parallel.hpp"
#include "vlp/core/printable.hpp"
#include "vlp/core/random.hpp"
#include "vlp/data/pipeline.hpp"
#include "vlp/text/unicode.hpp"

namespace vlp {

namespace detail {

/// Some captions of another dataset's.
class ChosenCaptions {
 public:
  ChosenCaptions(AnyDataset whole, std::array<std::vector<ImageRecord>, 3> changed,
                 std::array<bool, 3> is_changed)
      : whole_(std::move(whole)), changed_(std::move(changed)), is_changed_(is_changed) {}

  [[nodiscard]] std::span<const ImageRecord> records(Split split) const {
    const auto i = static_cast<std::size_t>(split);
    if (is_changed_[i]) return changed_[i];
    return whole_.records(split);
  }
  [[nodiscard]] CaptionsPerImage captions_per_image() const { return whole_.captions_per_image(); }

 private:
  AnyDataset whole_;
  std::array<std::vector<ImageRecord>, 3> changed_;
  std::array<bool, 3> is_changed_;
};
static_assert(Dataset<ChosenCaptions>);

/// Where a caption is: the record's position, and its own among the record's.
struct CaptionPlace {
  std::size_t record = 0;
  std::size_t caption = 0;
};

/// The captions that become blank, in their order.
inline std::vector<CaptionPlace> blank_texts(std::span<const ImageRecord> records,
                                             const Pipeline& steps, std::int64_t threads) {
  constexpr std::size_t kWorthAThread = 2000;  // records
  const std::int64_t blocks = threads_for(threads, records.size(), kWorthAThread);
  std::vector<std::vector<CaptionPlace>> found(block_count(blocks, records.size()));
  parallel_blocks(blocks, records.size(),
                  [&](std::size_t block, std::size_t begin, std::size_t end) {
                    for (std::size_t i = begin; i < end; ++i)
                      for (std::size_t k = 0; k < records[i].captions.size(); ++k) {
                        RandomStream random = RandomStream(i).derive(k);
                        if (only_white_space(steps(records[i].captions[k], random)))
                          found[block].push_back({i, k});
                      }
                  });
  std::vector<CaptionPlace> blank;
  for (const auto& of_block : found) blank.insert(blank.end(), of_block.begin(), of_block.end());
  return blank;
}

/// The records without those captions, and without the images that have no others.
inline std::vector<ImageRecord> without(std::span<const ImageRecord> records,
                                        std::span<const CaptionPlace> blank) {
  std::vector<ImageRecord> kept;
  kept.reserve(records.size());
  for (std::size_t i = 0; i < records.size(); ++i) {
    const bool had = !records[i].captions.empty();
    ImageRecord record = records[i];
    for (std::size_t taken = 0; !blank.empty() && blank.front().record == i; ++taken) {
      record.captions.erase(record.captions.begin() +
                            static_cast<std::ptrdiff_t>(blank.front().caption - taken));
      blank = blank.subspan(1);
    }
    if (!had || !record.captions.empty()) kept.push_back(std::move(record));
  }
  return kept;
}

/// "dataset: the text transforms leave nothing of 3 captions of the training split, ..."
/// @param images  that are left out
inline std::string blank_note(const std::string& split, std::size_t captions, std::size_t images,
                              const ImageRecord& first) {
  const auto counted = [](std::size_t n, const std::string& one, const std::string& many) {
    return std::to_string(n) + " " + (n == 1 ? one : many);
  };
  std::string note = "dataset: the text transforms leave nothing of " +
                     counted(captions, "caption", "captions") + " of the " + split +
                     " split; passed over, the first is of image '" +
                     printable(first.image_id.text()) + "'";
  if (images > 0)
    note += "; left out " + counted(images, "image that has", "images that have") + " no others";
  return note;
}

}  // namespace detail

/// @param dataset     as it was built
/// @param transforms  of training for the training split, of evaluation for the others; one that
///                    draws is asked once for each caption
/// @param threads     0 = all cores
/// @param console     hears how many captions are passed over, a note for each split
/// @return            `dataset` itself where nothing is passed over
[[nodiscard]] inline AnyDataset without_blank_texts(AnyDataset dataset, const Pipelines& transforms,
                                                    std::int64_t threads, const Console& console) {
  std::array<std::vector<ImageRecord>, 3> changed;
  std::array<bool, 3> is_changed{};
  for (const auto& [split, name] :
       {std::pair(Split::train, "training"), std::pair(Split::validation, "validation"),
        std::pair(Split::test, "test")}) {
    const Pipeline& steps = split == Split::train ? transforms.train : transforms.evaluate;
    if (steps.texts.empty()) continue;
    const std::span<const ImageRecord> records = dataset.records(split);
    const std::vector<detail::CaptionPlace> blank = detail::blank_texts(records, steps, threads);
    if (blank.empty()) continue;
    const auto i = static_cast<std::size_t>(split);
    changed[i] = detail::without(records, blank);
    is_changed[i] = true;
    console.note(detail::blank_note(name, blank.size(), records.size() - changed[i].size(),
                                    records[blank.front().record]));
  }
  if (std::ranges::count(is_changed, true) == 0) return dataset;
  return detail::ChosenCaptions(std::move(dataset), std::move(changed), is_changed);
}

}  // namespace vlp
