#pragma once
// Lists of images with captions as BLIP's own code reads them (Li et al. 2022): rows
// {"image","caption","image_id"} in a JSON array, or a row a line, with a caption or an array of
// captions each. Includes no torch.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "vlp/captions/captions_by_image.hpp"
#include "vlp/captions/json_mistake.hpp"
#include "vlp/captions/json_reader.hpp"
#include "vlp/captions/problems.hpp"
#include "vlp/captions/text_file.hpp"
#include "vlp/concepts/dataset.hpp"
#include "vlp/core/error.hpp"
#include "vlp/core/printable.hpp"
#include "vlp/text/unicode.hpp"
#include "vlp/text/word_ids.hpp"

namespace vlp {

/// What names an image of a list.
enum class ImageIds {
  listed,     ///< `image_id`, or `image` as it is written in rows that have none
  file_name,  ///< the last part of `image`, e.g. 1000092795.jpg
  number,  ///< the number that ends the file's name: 391895 of COCO_val2014_000000391895.jpg, as in
           ///< COCO's annotations
};

/// Gathers the rows of one or more lists image by image, in order of first appearance; rows of the
/// same `image` are one record. Millions of rows are meant: a file is read once, in place.
class ImageTextLists {
 public:
  /// @param folder  where relative images start; put before them as it is, so it ends with a slash
  ///                or is empty
  /// @param advice  what is said of a file that is one JSON value instead, a sentence
  explicit ImageTextLists(std::string folder,
                          std::string advice = "Give a file with a row an image and text.")
      : folder_(std::move(folder)), advice_(std::move(advice)) {}

  /// Adds a list, packed by gzip or not. Other fields of its rows are checked as JSON and passed
  /// over.
  /// @throws DataNotFoundError  if there is no such file
  /// @throws DataError          naming line, column and path of up to 20 mistakes
  void read(const std::filesystem::path& list) {
    const TextFile& file = files_.emplace_back(TextFile::read(list));
    JsonReader reader(file);
    const std::string_view text = file.text();
    const std::size_t begin = text.find_first_not_of(" \t\r\n");
    const std::size_t before = captions_read_;
    if (begin != text.npos && text[begin] == '[')
      reader.document(text, [&](Value& root) {
        reader.elements(root, [&](std::size_t index, Value& row) {
          return read_row(reader, row, [&] { return "[" + std::to_string(index) + "]"; });
        });
      });
    else
      read_lines(file, reader);
    reader.problems().raise_if_any(file.name());
    if (captions_read_ == before)
      throw DataError(file.name() +
                      ": no captions (expected rows {\"image\":\"1.jpg\",\"caption\":\"a cat\"}). "
                      "Is the file complete?");
    blank_.report(notes_, file.name(), "empty captions were passed over");
    blank_ = {};
  }

  /// The images, once all lists are read.
  /// @throws DataError if `ids` is `number` and files have none in their names
  [[nodiscard]] std::vector<ImageRecord> finish(ImageIds ids) {
    Problems problems;
    for (std::uint32_t i = 0; i < records_.size(); ++i) {
      ImageRecord& record = records_[i];
      const std::string_view image = images_.word(i);
      if (ids == ImageIds::number && number_in(image).empty())
        problems.add([&] {
          return "image '" + printable(image) +
                 "': no number at the end of its name. Choose other image_ids.";
        });
      if (ids != ImageIds::listed || record.image_id.empty()) record.image_id = id_of(image, ids);
      record.captions.shrink_to_fit();
    }
    problems.raise_if_any("images");
    return std::move(records_);
  }

  /// What was passed over, a sentence each.
  [[nodiscard]] const std::vector<std::string>& notes() const { return notes_; }

 private:
  using Value = JsonReader::Value;

  void read_lines(const TextFile& file, JsonReader& reader) {
    const std::string_view text = file.text();
    const std::size_t begin = text.find_first_not_of(" \t\r\n");
    if (begin == text.npos)
      throw DataError(file.name() +
                      ": the file is empty (expected images with captions). Is it complete?");
    if (find_json_mistake(text.substr(begin, text.find('\n', begin) - begin)) &&
        !find_json_mistake(text))
      throw DataError(
          file.place(begin) +
          ": one JSON value over several lines (expected an array of rows, or a row a line: " +
          "{\"image\":\"1.jpg\",\"caption\":\"a cat\"}). " + advice_);
    reader.lines([&](Value& row, std::size_t line) {
      return read_row(reader, row, [&] { return "line " + std::to_string(line); });
    });
  }

  /// @return  whether it was read, however wrong; else it is still to be skipped
  template <class Where>
  bool read_row(JsonReader& reader, Value& row, const Where& where) {
    if (!JsonReader::is_object(row)) {
      reader.wrong(row, where(), "an object with \"image\" and \"caption\"");
      return false;
    }
    std::optional<std::string_view> image;
    std::optional<ImageIdView> id;
    bool has_image = false, has_caption = false;
    captions_.clear();
    reader.fields(row, [&](std::string_view name, Value& value) {
      if (name == "image") {
        has_image = true;
        image = reader.string(value);
        if (!image || image->empty())
          reader.wrong(value, where() + ".image", "a path that is not empty");
        return true;
      }
      if (name == "image_id") {
        id = reader.id(value);
        if (!id) reader.wrong(value, where() + ".image_id", "an integer or a string");
        return true;
      }
      if (name != "caption") return false;
      has_caption = true;
      return read_captions(reader, value, where);
    });
    if (!has_image) reader.missing(row, where(), "image", "a path that is not empty");
    if (!has_caption) reader.missing(row, where(), "caption", "a string or an array of strings");
    if (image && !image->empty()) keep(reader, row, *image, id, where);
    return true;
  }

  template <class Where>
  bool read_captions(JsonReader& reader, Value& value, const Where& where) {
    const auto take = [&](Value& caption, const auto& path) {
      if (const std::optional<std::string_view> text = reader.string(caption))
        captions_.emplace_back(*text);
      else
        reader.wrong(caption, path(), "a string");
    };
    if (!JsonReader::is_array(value)) {
      take(value, [&] { return where() + ".caption"; });
      return true;
    }
    reader.elements(value, [&](std::size_t index, Value& caption) {
      take(caption, [&] { return where() + ".caption[" + std::to_string(index) + "]"; });
      return true;
    });
    return true;
  }

  template <class Where>
  void keep(JsonReader& reader, Value& row, std::string_view image, std::optional<ImageIdView> id,
            const Where& where) {
    captions_read_ += captions_.size();
    if (captions_.empty()) blank_.add(image);
    std::erase_if(captions_, [&](std::string_view caption) {
      const bool blank = only_white_space(caption);
      if (blank) blank_.add(image);
      return blank;
    });
    if (captions_.empty()) return;
    const std::uint32_t index =
        images_.id(reader.is_in_text(image) ? image : escaped_.emplace_back(image));
    if (index == records_.size())
      records_.push_back(
          {.image_id = {},
           .file = image.front() == '/' ? std::string(image) : folder_ + std::string(image),
           .captions = {}});
    ImageRecord& record = records_[index];
    if (id && record.image_id.empty()) record.image_id = *id;
    if (id && record.image_id.text() != id->text)
      reader.problems().add([&] {
        return reader.place(row) + ": " + where() +
               " names an image by another image_id than a row before (got " + printable(id->text) +
               ", expected " + printable(record.image_id.text()) + " for '" + printable(image) +
               "'). Mend one of the two.";
      });
    for (const std::string_view caption : captions_) record.captions.emplace_back(caption);
  }

  /// `000000391895` of "val2014/COCO_val2014_000000391895.jpg"; empty if its name doesn't end with
  /// a number
  static std::string_view number_in(std::string_view image) {
    std::string_view stem = image.substr(image.rfind('/') + 1);  // npos + 1 is 0
    stem = stem.substr(0, stem.rfind('.'));
    return stem.substr(stem.find_last_not_of("0123456789") + 1);
  }

  static ImageId id_of(std::string_view image, ImageIds ids) {
    if (ids == ImageIds::listed) return image;
    if (ids == ImageIds::file_name) return image.substr(image.rfind('/') + 1);
    const std::string_view number = number_in(image);
    return ImageId::number(number.substr(
        std::min(number.find_first_not_of('0'), number.size() - (number.empty() ? 0 : 1))));
  }

  std::string folder_, advice_;
  std::deque<TextFile> files_;       // as `images_` looks into their texts
  std::deque<std::string> escaped_;  // images that are not as the files have them
  WordIds images_;
  std::vector<ImageRecord> records_;  // by image
  std::vector<std::string> captions_;
  std::size_t captions_read_ = 0;
  LeftOut blank_;
  std::vector<std::string> notes_;
};

}  // namespace vlp
