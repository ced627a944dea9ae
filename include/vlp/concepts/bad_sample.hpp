#pragma once
// Samples whose image can't be used: what is known of them, and how many a run puts up with.
// Includes no torch.

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <string>
#include <tuple>

#include "vlp/core/image_id.hpp"

namespace vlp {

/// What a run does when an image is missing or broken.
enum class OnBad { stop, skip };

/// How many images of a split may be missing or broken.
struct BadSampleLimits {
  OnBad on_bad = OnBad::stop;          ///< stop: none
  double max_bad = 0.01;               ///< share of a split's images, rounded up
  std::int64_t max_bad_images = 1000;  ///< whatever the share

  /// Whether a run goes on without them.
  [[nodiscard]] bool skips() const { return on_bad == OnBad::skip; }
  /// @param images  of a split
  /// @return        how many of them may be bad; never all
  [[nodiscard]] std::int64_t allowed(std::int64_t images) const {
    if (!skips()) return 0;
    constexpr double kRounding = 1e-9;  // 0.07 * 100 is a little more than 7
    const double share = std::ceil(max_bad * static_cast<double>(images) - kRounding);
    return std::min(
        {max_bad_images, static_cast<std::int64_t>(share), std::max<std::int64_t>(images - 1, 0)});
  }
};

/// An image that can't be used.
struct BadSample {
  ImageId image_id;         ///< its name in the dataset
  std::string reason;       ///< in a word: see `bad_reasons`
  std::string error;        ///< what happened, with the file
  std::int64_t record = 0;  ///< position among the records of its split

  auto members() { return std::tie(image_id, reason, error, record); }
  [[nodiscard]] auto members() const { return std::tie(image_id, reason, error, record); }
  friend bool operator==(const BadSample&, const BadSample&) = default;
};

/// Why an image can't be used.
namespace bad_reasons {
inline constexpr const char* kMissing = "missing";          ///< there is no such file
inline constexpr const char* kUndecodable = "undecodable";  ///< broken, or of no known format
inline constexpr const char* kUnreadable = "unreadable";  ///< the disk or the network fails; a run
                                                          ///< never skips such an image
}  // namespace bad_reasons

}  // namespace vlp
