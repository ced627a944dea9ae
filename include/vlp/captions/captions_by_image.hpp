#pragma once
// What a file of captions holds, image by image. Includes no torch.

#include <cstddef>
#include <cstdint>
#include <deque>
#include <numeric>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "vlp/captions/kaggle_csv.hpp"
#include "vlp/core/image_id.hpp"
#include "vlp/core/printable.hpp"
#include "vlp/text/word_ids.hpp"

namespace vlp {

/// The forms of caption files that are read.
enum class CaptionFormat {
  coco_captions,  ///< {"images":[{"id"}],"annotations":[{"image_id","caption"}]}
  coco_results,   ///< [{"image_id","caption"}]
  json_lines,     ///< {"image_id","caption"} or {"image_id","captions":[]} a line
  karpathy,       ///< {"images":[{"filename","imgid","split","sentences":[{"raw"}]}]}
  kaggle_csv,     ///< image_name| comment_number| comment
};

/// The captions of a file.
struct CaptionFile {
  std::string name;                                     ///< how messages call the file
  CaptionFormat format = CaptionFormat::coco_captions;  ///< what it was found to be
  std::vector<ImageCaptions> images;  ///< each image once, with at least one caption
  std::vector<std::string> splits;    ///< by image: its split, in Karpathy's files only; else empty
  std::vector<std::string> files;     ///< by image: see `KarpathyChoice::files`; else empty
  std::vector<std::size_t>
      second_rows;  ///< by image: the row of its second caption, 0 if it has one caption
  std::vector<std::string> notes;  ///< what was passed over, a sentence each

  /// Where a row stands, for messages: "annotations[17]", "[17]", "images[17]", "line 17".
  [[nodiscard]] std::string row_name(std::size_t row) const {
    const std::string number = std::to_string(row);
    switch (format) {
      case CaptionFormat::coco_captions: return "annotations[" + number + "]";
      case CaptionFormat::coco_results:  return "[" + number + "]";
      case CaptionFormat::karpathy:      return "images[" + number + "]";
      case CaptionFormat::json_lines:
      case CaptionFormat::kaggle_csv:    break;
    }
    return "line " + number;
  }
};

/// Counts what is passed over, for a note.
class LeftOut {
 public:
  /// Counts one thing. @param id  the image it belongs to
  void add(std::string_view id) {
    if (count_++ == 0) first_ = id;
  }
  /// Adds a note if there was anything.
  /// @param name  how messages call the file
  /// @param what  e.g. "images without a caption were left out"
  void report(std::vector<std::string>& notes, const std::string& name,
              const std::string& what) const {
    if (count_ > 0)
      notes.push_back(name + ": " + std::to_string(count_) + " " + what + ", the first is '" +
                      printable(first_) + "'.");
  }
  /// The same for the notes of a file of captions.
  void report(CaptionFile& file, const std::string& what) const {
    report(file.notes, file.name, what);
  }

 private:
  std::size_t count_ = 0;
  std::string first_;
};

/// Puts captions together that come one by one. Texts are kept as views, which must last until
/// `finish`.
class CaptionGroups {
 public:
  /// Adds a caption to those of its image.
  /// @param row  where it stands, see `CaptionFile::row_name`
  void add(ImageIdView image_id, std::string_view caption, std::size_t row) {
    rows_.push_back({place_of(image_id), row, caption});
  }

  /// Begins the list that says which images there are and in which order.
  void begin_list() { list_.emplace(); }
  /// Adds an image to the list; once more changes nothing.
  void list(ImageIdView image_id) {
    list_->push_back(place_of({listed_.emplace_back(image_id.text), image_id.is_number}));
  }

  /// Copies the images into `file`: in order of first appearance, or in the list's if there is one.
  /// Images that the list lacks are passed over, as pycocotools does, and those without a caption
  /// left out; `file.notes` says how many.
  void finish(CaptionFile& file) const {
    // Rows by image, each image's in their order: a caption's memory then lies beside that of its
    // image's others.
    std::vector<std::size_t> end(ids_.size() + 1);
    for (const Row& row : rows_) ++end[row.image + 1];
    std::partial_sum(end.begin(), end.end(), end.begin());
    std::vector<const Row*> sorted(rows_.size());
    for (const Row& row : rows_)
      sorted[end[row.image]++] = &row;  // an image's begin moves to its end

    LeftOut unlisted, silent;
    std::vector<bool> taken(ids_.size());
    const auto rows_of = [&](std::uint32_t image) {
      const std::size_t begin = image == 0 ? 0 : end[image - 1];
      return std::span(sorted).subspan(begin, end[image] - begin);
    };
    const auto take = [&](std::uint32_t image) {
      if (taken[image]) return;
      taken[image] = true;
      const std::span<const Row* const> rows = rows_of(image);
      if (rows.empty()) return silent.add(ids_.word(image));
      std::vector<std::string>& captions =
          file.images
              .emplace_back(ImageCaptions{ImageIdView{ids_.word(image), are_numbers_[image]}, {}})
              .captions;
      captions.reserve(rows.size());
      for (const Row* row : rows) captions.emplace_back(row->caption);
      file.second_rows.push_back(rows.size() > 1 ? rows[1]->number : 0);
    };
    if (list_)
      for (const std::uint32_t image : *list_) take(image);
    for (std::uint32_t image = 0; image < ids_.size(); ++image) {
      if (!list_)
        take(image);
      else if (!taken[image])
        for (std::size_t i = 0; i < rows_of(image).size(); ++i) unlisted.add(ids_.word(image));
    }
    unlisted.report(file, "captions of images that \"images\" doesn't list were passed over");
    silent.report(file, "images without a caption were left out");
  }

 private:
  struct Row {
    std::uint32_t image = 0;
    std::size_t number = 0;
    std::string_view caption;
  };

  /// An image's place among all; how it is written where it is first met counts.
  std::uint32_t place_of(ImageIdView id) {
    const std::uint32_t place = ids_.id(id.text);
    if (place == are_numbers_.size()) are_numbers_.push_back(id.is_number);
    return place;
  }

  WordIds ids_;
  std::vector<bool> are_numbers_;
  std::vector<Row> rows_;
  std::deque<std::string> listed_;  // close together, as each row looks for its image here
  std::optional<std::vector<std::uint32_t>> list_;
};

}  // namespace vlp
