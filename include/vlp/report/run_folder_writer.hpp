#pragma once
// The observer that keeps a run in its folder. Includes no torch.

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "vlp/core/header_only.hpp"
#include "vlp/report/observer.hpp"
#include "vlp/report/run_folder.hpp"

namespace vlp {

/// Writes everything but the model: recipe.toml, split.json and environment.json at the start, a
/// line of log.jsonl, metrics.jsonl or bad.jsonl with each event, the captions, references and
/// scores of each image of an evaluated split, and at the end scores.json, the contact sheet, and
/// thumbnails of the images that it and the pages of a report show.
class RunFolderWriter {
 public:
  /// @param folder  must outlive this
  /// @param shown   images of a contact sheet, 0 = none
  RunFolderWriter(const RunFolder& folder, std::int64_t shown) : folder_(&folder), shown_(shown) {}

  void begin(const RunStart& start) const;
  void log(const LogLine& line) const;
  void bad_sample(const BadSample& sample) const;
  void evaluation(const EvaluationRecord& record) const;
  void end(const RunEnd& end) const;

 private:
  const RunFolder* folder_;
  std::int64_t shown_;
};
static_assert(Observer<RunFolderWriter>);

/// Which of a run's images are shown: some all over the split, as on the contact sheet, and those
/// with the best and the worst captions by the first score that each image has.
/// @param captions  of a split
/// @param rows      scores of these images; empty = no best and worst
/// @param spread    how many all over the split
/// @param extremes  how many of the best, and of the worst
/// @return          positions among the captions, ascending, each once
[[nodiscard]] std::vector<std::size_t> shown_images(std::span<const CaptionedImage> captions,
                                                    std::span<const ImageScores> rows,
                                                    std::size_t spread, std::size_t extremes);

}  // namespace vlp

#if VLP_HEADER_ONLY
#include "vlp/report/run_folder_writer_inl.hpp"
#endif
