#pragma once
// A run as its folder tells it, finished or not: what pages and comparisons are made of. Includes
// no torch.

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "vlp/concepts/bad_sample.hpp"
#include "vlp/concepts/dataset.hpp"
#include "vlp/core/header_only.hpp"
#include "vlp/core/image_id.hpp"
#include "vlp/core/json.hpp"
#include "vlp/recipe/value.hpp"
#include "vlp/report/measured.hpp"
#include "vlp/report/observer.hpp"

namespace vlp {

/// A caption that a run wrote.
struct RecordedCaption {
  ImageId image_id;
  std::string caption;

  friend bool operator==(const RecordedCaption&, const RecordedCaption&) = default;
};

/// One evaluation of a run.
struct RecordedEvaluation {
  Split split = Split::validation;        ///< which images
  std::int64_t epoch = 0;                 ///< of the weights, 0 = given ones
  std::int64_t step = 0;                  ///< updates done
  std::string name;                       ///< of its files
  Measured measured;                      ///< with rows, where the folder has them
  std::vector<RecordedCaption> captions;  ///< in the dataset's order
};

/// What stands at the end of a run.
struct RecordedScores {
  Split split = Split::test;     ///< that was scored
  std::int64_t best_epoch = 0;   ///< whose weights were scored; 0 = given ones
  std::int64_t best_step = 0;    ///< updates behind which they were; 0 = given ones, or not known
  Measured measured;             ///< without rows: see `RunRecord::final_evaluation`
  Scores baseline;               ///< of the commonest training caption; may be empty
  std::string baseline_caption;  ///< said of every image
};

/// All that a run folder holds but weights and pictures.
struct RunRecord {
  std::filesystem::path folder;
  Value recipe;                                                ///< resolved
  Json environment;                                            ///< as it was written
  std::vector<std::pair<Split, std::vector<ImageId>>> splits;  ///< ids of images
  std::vector<LogLine> log;                                    ///< in order
  std::vector<RecordedEvaluation> evaluations;                 ///< in order
  std::optional<RecordedScores> scores;                        ///< none = not finished
  std::vector<BadSample> bad;      ///< images that were skipped, each once; positions aren't known
  std::vector<std::string> notes;  ///< what of the folder couldn't be used, and why

  /// Whether the run came to its end.
  [[nodiscard]] bool finished() const { return scores.has_value(); }
  /// The last evaluation of a split in or after an epoch; null if there is none.
  [[nodiscard]] const RecordedEvaluation* evaluation(Split split, std::int64_t epoch) const;
  /// The evaluation that gave the scores; null if there are none.
  [[nodiscard]] const RecordedEvaluation* final_evaluation() const;
  /// Where a small picture of an image lies; empty if the run made none.
  [[nodiscard]] std::filesystem::path thumbnail(const ImageId& image_id) const;
};

/// Reads a run's folder, one of before `rows/` too. A last line that was cut off while it was being
/// written is left out, with a note.
/// @throws DataError if it is no run folder, or naming the file and the line that can't be
/// understood
[[nodiscard]] RunRecord read_run(const std::filesystem::path& folder);

/// What people wrote of the images of an evaluated split, by image.
/// @throws DataError if the file is broken
[[nodiscard]] std::vector<std::pair<ImageId, std::vector<std::string>>> read_references(
    const RunRecord& run, Split split);

}  // namespace vlp

#if VLP_HEADER_ONLY
#include "vlp/report/run_record_inl.hpp"
#endif
