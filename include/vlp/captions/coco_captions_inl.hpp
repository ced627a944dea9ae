#pragma once

#include <algorithm>
#include <cstddef>
#include <deque>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "vlp/captions/captions_by_image.hpp"
#include "vlp/captions/coco_captions.hpp"
#include "vlp/captions/json_reader.hpp"

namespace vlp {

namespace detail {

/// Gathers the rows of a file.
class RowReader {
 public:
  using Value = JsonReader::Value;

  RowReader(JsonReader& reader, const std::string& name, CaptionFormat format) : reader_(reader) {
    file_.name = name;
    file_.format = format;
  }

  /// @param root  an array of rows
  void read_rows(Value& root) {
    reader_.elements(root, [&](std::size_t index, Value& row) { return read_row(row, index); });
  }

  /// @param root  an object with "annotations", an array of rows, and perhaps "images", a list of
  ///              {"id": 7}
  void read_annotations(Value& root) {
    reader_.fields(root, [&](std::string_view name, Value& value) {
      if (name != "annotations" && name != "images") return false;
      if (!JsonReader::is_array(value)) {
        reader_.wrong(value, "\"" + std::string(name) + "\"", "an array");
        return false;
      }
      name == "images" ? read_list(value) : read_rows(value);
      return true;
    });
  }

  /// @param row     {"image_id","caption"}, in JSON lines also {"image_id","captions":[]}
  /// @param number  where it stands
  /// @return  whether it was read, however wrong; else it is still to be skipped
  bool read_row(Value& row, std::size_t number) {
    const auto where = [&] { return file_.row_name(number); };
    if (!JsonReader::is_object(row)) {
      reader_.wrong(row, where(), "an object with \"image_id\" and \"caption\"");
      return false;
    }
    std::optional<ImageIdView> id;
    bool has_id = false, has_caption = false;
    captions_.clear();
    reader_.fields(row, [&](std::string_view name, Value& value) {
      if (name == "image_id") {
        has_id = true;
        id = reader_.id(value);
        if (!id) reader_.wrong(value, where() + ".image_id", "an integer or a string");
        return true;
      }
      const bool is_list = name == "captions" && file_.format == CaptionFormat::json_lines;
      if (name != "caption" && !is_list) return false;
      has_caption = true;
      if (is_list) return read_captions(value, where() + ".captions");
      read_caption(value, [&] { return where() + ".caption"; });
      return true;
    });
    if (!has_id) reader_.missing(row, where(), "image_id", "an integer or a string");
    if (!has_caption) reader_.missing(row, where(), "caption", "a string");
    if (!id) return true;
    const ImageIdView image{lasting(id->text), id->is_number};
    for (const std::string_view caption : captions_) groups_.add(image, caption, number);
    return true;
  }

  /// The captions by image. @throws DataError listing what is wrong with rows
  [[nodiscard]] CaptionFile finish() {
    reader_.problems().raise_if_any(file_.name);
    groups_.finish(file_);
    return std::move(file_);
  }

 private:
  void read_list(Value& images) {
    groups_.begin_list();
    reader_.elements(images, [&](std::size_t index, Value& image) {
      const auto where = [&] { return "images[" + std::to_string(index) + "]"; };
      if (!JsonReader::is_object(image)) {
        reader_.wrong(image, where(), "an object with \"id\"");
        return false;
      }
      bool has_id = false;
      reader_.fields(image, [&](std::string_view name, Value& value) {
        if (name != "id") return false;
        has_id = true;
        if (const std::optional<ImageIdView> id = reader_.id(value))
          groups_.list(*id);
        else
          reader_.wrong(value, where() + ".id", "an integer or a string");
        return true;
      });
      if (!has_id) reader_.missing(image, where(), "id", "an integer or a string");
      return true;
    });
  }

  /// The same string, lasting as long as the file's text.
  std::string_view lasting(std::string_view string) {
    return reader_.is_in_text(string) ? string : escaped_.emplace_back(string);
  }

  template <class Where>
  void read_caption(Value& value, const Where& where) {
    if (const std::optional<std::string_view> caption = reader_.string(value))
      captions_.push_back(lasting(*caption));
    else
      reader_.wrong(value, where(), "a string");
  }

  bool read_captions(Value& value, const std::string& where) {
    std::size_t count = 0;
    const bool is_array = JsonReader::is_array(value);
    if (is_array)
      reader_.elements(value, [&](std::size_t index, Value& caption) {
        read_caption(caption, [&] { return where + "[" + std::to_string(index) + "]"; });
        ++count;
        return true;
      });
    if (count == 0) reader_.wrong(value, where, "an array of at least one string");
    return is_array;
  }

  JsonReader& reader_;
  CaptionFile file_;
  std::deque<std::string> escaped_;  // strings that are not as the file has them
  CaptionGroups groups_;
  std::vector<std::string_view> captions_;  // of one row
};

}  // namespace detail

VLP_INLINE CaptionFile read_coco_captions(const TextFile& file, JsonReader& reader) {
  detail::RowReader rows(reader, file.name(), CaptionFormat::coco_captions);
  reader.document(file.text(), [&](JsonReader::Value& root) { rows.read_annotations(root); });
  return rows.finish();
}

VLP_INLINE CaptionFile read_coco_results(const TextFile& file, JsonReader& reader) {
  detail::RowReader rows(reader, file.name(), CaptionFormat::coco_results);
  reader.document(file.text(), [&](JsonReader::Value& root) { rows.read_rows(root); });
  return rows.finish();
}

VLP_INLINE CaptionFile read_caption_lines(const TextFile& file, JsonReader& reader) {
  detail::RowReader rows(reader, file.name(), CaptionFormat::json_lines);
  reader.lines(
      [&](JsonReader::Value& row, std::size_t number) { return rows.read_row(row, number); });
  return rows.finish();
}

}  // namespace vlp
