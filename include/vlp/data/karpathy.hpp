#pragma once
// Karpathy's splits of COCO, Flickr8k and Flickr30k (Karpathy and Fei-Fei 2015): {"images":[{"filename","imgid","split",
// "cocoid","sentences":[{"raw"}]}]}, "cocoid" in COCO's only. Includes no torch.

#include <algorithm>
#include <array>
#include <cstddef>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_set>
#include <utility>
#include <vector>

#include "vlp/core/error.hpp"
#include "vlp/data/captions_by_image.hpp"
#include "vlp/data/json_reader.hpp"
#include "vlp/data/text_file.hpp"
#include "vlp/weights/shown.hpp"

namespace vlp {

/// Fields of Karpathy's files that can name an image, in the order in which they are preferred.
inline constexpr std::array<std::string_view, 3> kKarpathyKeys{"cocoid", "filename", "imgid"};

namespace detail {

class KarpathyReader {
 public:
  using Value = JsonReader::Value;

  KarpathyReader(JsonReader& reader, const std::string& name, const std::string& split, const std::string& image_key)
      : reader_(reader), split_(split), image_key_(image_key) {
    file_.name = name;
    file_.format = CaptionFormat::karpathy;
  }

  [[nodiscard]] CaptionFile read(std::string_view part) {
    reader_.document(part, [&](Value& root) {
      reader_.fields(root, [&](std::string_view name, Value& value) {
        if (name != "images") return false;
        if (!JsonReader::is_array(value)) {
          reader_.wrong(value, "\"images\"", "an array");
          return false;
        }
        reader_.elements(value, [&](std::size_t index, Value& image) { return read_image(image, index); });
        return true;
      });
    });
    reader_.problems().raise_if_any(file_.name);
    if (!split_.empty() && !images_by_split_.contains(split_))
      throw DataError(file_.name + ": no split '" + shown(split_) + "' (expected " + splits() + "). Name one of these.");
    silent_.report(file_, "images without a caption were left out");
    return std::move(file_);
  }

 private:
  struct Image {
    std::array<std::optional<std::string>, kKarpathyKeys.size()> ids;
    std::optional<std::string> split;
    std::vector<std::string> captions;
  };

  bool read_image(Value& value, std::size_t index) {
    const auto where = [&] { return file_.row_name(index); };
    if (!JsonReader::is_object(value)) {
      reader_.wrong(value, where(), "an object with \"filename\", \"split\" and \"sentences\"");
      return false;
    }
    Image image;
    bool has_split = false, has_sentences = false;
    reader_.fields(value, [&](std::string_view name, Value& field) {
      if (name == "split") {
        has_split = true;
        if (const std::optional<std::string_view> split = reader_.string(field))
          image.split = *split;
        else
          reader_.wrong(field, where() + ".split", "a string");
        return true;
      }
      if (name == "sentences") {
        has_sentences = true;
        return read_sentences(field, where(), image.captions);
      }
      const auto key = std::find(kKarpathyKeys.begin(), kKarpathyKeys.end(), name);
      if (key == kKarpathyKeys.end()) return false;
      std::optional<std::string>& id = image.ids[static_cast<std::size_t>(key - kKarpathyKeys.begin())];
      id = reader_.id(field);
      if (!id) reader_.wrong(field, where() + "." + std::string(name), "an integer or a string");
      return true;
    });
    if (!has_split) reader_.missing(value, where(), "split", "a string");
    if (!has_sentences) reader_.missing(value, where(), "sentences", "an array");
    if (image.split) keep(std::move(image), value, index);
    return true;
  }

  bool read_sentences(Value& value, const std::string& where, std::vector<std::string>& captions) {
    if (!JsonReader::is_array(value)) {
      reader_.wrong(value, where + ".sentences", "an array");
      return false;
    }
    reader_.elements(value, [&](std::size_t index, Value& sentence) {
      const auto path = [&] { return where + ".sentences[" + std::to_string(index) + "]"; };
      if (!JsonReader::is_object(sentence)) {
        reader_.wrong(sentence, path(), "an object with \"raw\"");
        return false;
      }
      bool has_raw = false;
      reader_.fields(sentence, [&](std::string_view name, Value& field) {
        if (name != "raw") return false;
        has_raw = true;
        if (const std::optional<std::string_view> caption = reader_.string(field))
          captions.emplace_back(*caption);
        else
          reader_.wrong(field, path() + ".raw", "a string");
        return true;
      });
      if (!has_raw) reader_.missing(sentence, path(), "raw", "a string");
      return true;
    });
    return true;
  }

  void keep(Image image, Value& value, std::size_t index) {
    ++images_by_split_[*image.split];
    if (!split_.empty() && *image.split != split_) return;
    std::optional<std::string> id;
    if (image_key_.empty())
      for (std::size_t i = 0; i < kKarpathyKeys.size() && !id; ++i) id = image.ids[i];
    else
      id = image.ids[static_cast<std::size_t>(std::find(kKarpathyKeys.begin(), kKarpathyKeys.end(), image_key_) - kKarpathyKeys.begin())];
    if (!id) return reader_.missing(value, file_.row_name(index), image_key_.empty() ? "filename" : image_key_, "an integer or a string");
    if (!ids_.insert(*id).second) {
      reader_.problems().add([&] {
        return reader_.place(value) + ": " + file_.row_name(index) + " is a second image '" + shown(*id) +
               "' (expected each once). Remove one of the two, or name images by another field.";
      });
      return;
    }
    if (image.captions.empty()) return silent_.add(*id);
    file_.second_rows.push_back(image.captions.size() > 1 ? index : 0);
    file_.splits.push_back(std::move(*image.split));
    file_.images.push_back({std::move(*id), std::move(image.captions)});
  }

  [[nodiscard]] std::string splits() const {
    std::string text;
    for (const auto& [name, images] : images_by_split_)
      text += (text.empty() ? "" : ", ") + shown(name) + " with " + std::to_string(images) + " images";
    return text.empty() ? "none, as there are no images" : text;
  }

  JsonReader& reader_;
  CaptionFile file_;
  const std::string& split_;
  const std::string& image_key_;
  std::map<std::string, std::size_t> images_by_split_;
  std::unordered_set<std::string> ids_;
  PassedOver silent_;
};

}  // namespace detail

/// Reads one of Karpathy's files, images in its order.
/// @param file       the text
/// @param reader     of that file
/// @param split      keeps the images of this split only; "" = all
/// @param image_key  one of `kKarpathyKeys`, the field that names an image; "" = the first of them that an image has
/// @throws DataError naming line, column and path of up to 20 mistakes; listing the splits, if `split` is none of them
[[nodiscard]] inline CaptionFile read_karpathy(const TextFile& file, JsonReader& reader, const std::string& split,
                                               const std::string& image_key) {
  return detail::KarpathyReader(reader, file.name(), split, image_key).read(file.text());
}

}  // namespace vlp
