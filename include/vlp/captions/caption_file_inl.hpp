#pragma once

#include <algorithm>
#include <cstddef>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <simdjson.h>

#include "vlp/captions/caption_file.hpp"
#include "vlp/captions/captions_by_image.hpp"
#include "vlp/captions/coco_captions.hpp"
#include "vlp/captions/json_reader.hpp"
#include "vlp/captions/kaggle_csv.hpp"
#include "vlp/captions/karpathy.hpp"
#include "vlp/captions/text_file.hpp"
#include "vlp/core/error.hpp"
#include "vlp/text/utf8.hpp"

namespace vlp {

namespace detail {

/// What a JSON object is by its fields. Nothing is checked: the reader of that format will.
/// @return  nothing if it is none of them or broken; `json_lines` only if nothing stands behind the
///          object
inline std::optional<CaptionFormat> format_of_object(simdjson::ondemand::document& document) {
  using namespace simdjson;
  ondemand::object root;
  if (document.get_object().get(root) != SUCCESS) return std::nullopt;
  bool is_row = false;
  for (auto result : root) {
    ondemand::field field;
    std::string_view name;
    if (std::move(result).get(field) != SUCCESS || field.unescaped_key().get(name) != SUCCESS)
      return std::nullopt;
    if (name == "annotations") return CaptionFormat::coco_captions;
    if (name == "image_id" || name == "caption" || name == "captions") is_row = true;
    if (name != "images") continue;
    ondemand::array images;
    if (field.value().get_array().get(images) != SUCCESS) continue;
    for (auto element : images) {
      ondemand::object image;
      if (element.get_object().get(image) != SUCCESS) break;
      for (auto inner : image) {
        std::string_view key;
        if (inner.unescaped_key().get(key) != SUCCESS) return std::nullopt;
        if (key == "sentences" || key == "sentids" || key == "imgid")
          return CaptionFormat::karpathy;
      }
      break;
    }
  }
  if (is_row && document.current_location().error() == OUT_OF_BOUNDS)
    return CaptionFormat::json_lines;
  return std::nullopt;
}

inline constexpr std::string_view kJsonBlanks = " \t\r\n";

/// @throws DataError saying what is wrong with a text that is no caption file
[[noreturn]] inline void refuse_format(const TextFile& file, JsonReader& reader,
                                       std::string_view first_line) {
  const std::string_view text = file.text();
  if (const std::size_t good = utf8_prefix(text); good < text.size())
    throw DataError(file.place(good) + ": bytes that are not UTF-8. Convert the file to UTF-8.");
  if (first_line.empty())
    throw DataError(file.name() + ": the file is empty (expected captions). Is it complete?");
  const auto check = [&](std::string_view part) {
    reader.document(part, [&](JsonReader::Value& root) { reader.skip(root); });
  };
  if (first_line.starts_with('{') && find_json_mistake(first_line))
    check(text);  // else the line stands by itself
  constexpr std::size_t kExcerpt = 60;
  throw DataError(
      file.place(static_cast<std::size_t>(first_line.data() - text.data())) +
      ": none of the forms of a caption file (got '" + printable(first_line.substr(0, kExcerpt)) +
      R"(', expected COCO's {"images":[{"id":1}],"annotations":[{"image_id":1,"caption":"a cat"}]}, COCO's results )"
      R"([{"image_id":1,"caption":"a cat"}], Karpathy's {"images":[{"filename":"1.jpg","split":"test","sentences":)"
      R"([{"raw":"a cat"}]}]}, JSON lines {"image_id":1,"caption":"a cat"}, or Kaggle's results.csv). Write it as one of these.)");
}

/// @throws DataError if the text is no caption file
inline CaptionFormat format_of(const TextFile& file, JsonReader& reader) {
  const std::string_view text = file.text();
  const std::size_t begin = std::min(text.find_first_not_of(kJsonBlanks), text.size());
  const std::size_t end = std::min(text.find('\n', begin), text.size());
  const std::string_view line = text.substr(begin, end - begin);
  if (line.starts_with('[')) return CaptionFormat::coco_results;
  if (is_header(trim_blanks(line))) return CaptionFormat::kaggle_csv;
  std::optional<CaptionFormat> format;
  if (line.starts_with('{')) {
    const auto look = [&](simdjson::ondemand::document& document) {
      if (const std::optional<CaptionFormat> found = format_of_object(document)) format = found;
    };
    const bool more = text.find_first_not_of(kJsonBlanks, end) != text.npos;
    reader.peek(more ? line : text, look);
    if (more && format != CaptionFormat::json_lines) reader.peek(text, look);
  }
  if (!format) refuse_format(file, reader, line);
  return *format;
}

inline CaptionFile read_captions(const TextFile& file, const CaptionFileOptions& options) {
  JsonReader reader(file);
  const CaptionFormat format = format_of(file, reader);
  if (const auto& key = options.image_key;
      !key.empty() &&
      std::find(kKarpathyKeys.begin(), kKarpathyKeys.end(), key) == kKarpathyKeys.end())
    throw RecipeError("image key: unknown (got '" + printable(key) +
                      "', expected cocoid, filename or imgid). Choose one of these.");
  if (format != CaptionFormat::karpathy && !(options.split.empty() && options.image_key.empty()))
    throw DataError(file.name() + ": has no splits and no choice of image ids (got split '" +
                    printable(options.split) + "', image key '" + printable(options.image_key) +
                    "', expected one of Karpathy's files). Leave them out.");
  CaptionFile captions;
  switch (format) {
    case CaptionFormat::coco_captions: captions = read_coco_captions(file, reader); break;
    case CaptionFormat::coco_results:  captions = read_coco_results(file, reader); break;
    case CaptionFormat::json_lines:    captions = read_caption_lines(file, reader); break;
    case CaptionFormat::karpathy:
      captions = read_karpathy(file, reader, {options.split, options.image_key});
      break;
    case CaptionFormat::kaggle_csv:
      captions.name = file.name();
      captions.format = format;
      captions.images = parse_kaggle_csv(file.text(), file.name());
      captions.second_rows.resize(captions.images.size());
      break;
  }
  if (captions.images.empty()) {
    std::string message =
        file.name() +
        ": no captions (got 0 images with a caption, expected at least 1). Is the file complete?";
    for (const std::string& note : captions.notes) message += "\n" + note;
    throw DataError(message);
  }
  return captions;
}

}  // namespace detail

VLP_INLINE CaptionFile read_caption_file(const std::filesystem::path& path,
                                         const CaptionFileOptions& options) {
  return detail::read_captions(TextFile::read(path), options);
}

VLP_INLINE CaptionFile parse_caption_file(std::string_view bytes, const std::string& name,
                                          const CaptionFileOptions& options) {
  return detail::read_captions(TextFile::of(name, bytes), options);
}

}  // namespace vlp
