#pragma once
// The images that a run has skipped, each once, and how many it may skip. Includes no torch.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <span>
#include <string>
#include <string_view>
#include <unordered_set>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "vlp/concepts/bad_sample.hpp"
#include "vlp/concepts/dataset.hpp"
#include "vlp/core/error.hpp"
#include "vlp/core/image_id_json.hpp"
#include "vlp/core/json.hpp"
#include "vlp/core/message.hpp"
#include "vlp/core/read_file.hpp"
#include "vlp/report/run_files.hpp"
#include "vlp/report/run_folder.hpp"

namespace vlp {

/// Knows those that the run's folder lists already.
class BadSamples {
 public:
  /// @param folder  of the run, cut back to where the run goes on; must outlive this
  /// @throws DataError if its list can't be understood
  BadSamples(const RunFolder& folder, BadSampleLimits limits) : folder_(&folder), limits_(limits) {
    if (!folder.writes()) return;
    const std::string name = (folder.path() / run_files::kBad).string();
    const std::string text = read_file(name).value_or("");
    for (std::size_t begin = 0, end = 0; (end = text.find('\n', begin)) != text.npos;
         begin = end + 1)
      try {
        listed_.insert(
            Json::parse(text.substr(begin, end - begin)).at("image").get<ImageId>().text());
      } catch (const std::exception& error) {
        throw DataError(name + ": can't be understood (" + error.what() +
                        "). Did another program change it?");
      }
  }

  /// @param found  in any number of times
  /// @return       those that are new, each once, in their order
  [[nodiscard]] std::vector<BadSample> add(std::span<const BadSample> found) {
    std::vector<BadSample> fresh;
    for (const BadSample& sample : found)
      if (listed_.insert(sample.image_id.text()).second) fresh.push_back(sample);
    return fresh;
  }

  /// How many images there are in the list.
  [[nodiscard]] std::int64_t count() const { return static_cast<std::int64_t>(listed_.size()); }
  /// Those of some images that are in the list.
  [[nodiscard]] std::vector<std::string> among(std::span<const ImageRecord> images) const {
    std::vector<std::string> found;
    std::unordered_set<std::string_view> seen;
    for (const ImageRecord& image : images)
      if (listed_.contains(image.image_id.text()) && seen.insert(image.image_id.text()).second)
        found.push_back(image.image_id.text());
    return found;
  }

  /// @param split  the images' split
  /// @param images  how many it has
  /// @param bad     names of those that can't be used
  /// @throws DataError if they are more than the limits allow
  void require_few(Split split, std::size_t images, const std::vector<std::string>& bad) const {
    const std::int64_t allowed = limits_.allowed(static_cast<std::int64_t>(images));
    if (std::cmp_less_equal(bad.size(), allowed)) return;
    constexpr std::size_t kNamed = 5;
    std::vector<std::string> first(
        bad.begin(), bad.begin() + static_cast<std::ptrdiff_t>(std::min(bad.size(), kNamed)));
    throw DataError(fmt::format(
        "dataset: {} of {} images of the {} split are missing or broken (expected at most {}, by "
        "dataset.max_bad = {} and dataset.max_bad_images = {}): {}{}. {} lists them. Mend them, or "
        "raise these limits and go on with --resume.",
        bad.size(), images, split_name(split), allowed, limits_.max_bad, limits_.max_bad_images,
        joined(first, ", "), bad.size() > kNamed ? " and more" : "",
        (folder_->path() / run_files::kBad).string()));
  }

 private:
  const RunFolder* folder_;
  BadSampleLimits limits_;
  std::unordered_set<std::string> listed_;  // image ids
};

}  // namespace vlp
