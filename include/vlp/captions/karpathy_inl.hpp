#pragma once

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

#include "vlp/captions/captions_by_image.hpp"
#include "vlp/captions/json_reader.hpp"
#include "vlp/captions/karpathy.hpp"
#include "vlp/captions/text_file.hpp"
#include "vlp/core/error.hpp"
#include "vlp/core/printable.hpp"

namespace vlp {

namespace detail {

class KarpathyReader {
 public:
  using Value = JsonReader::Value;

  KarpathyReader(JsonReader& reader, const std::string& name, const KarpathyChoice& choice)
      : reader_(reader), choice_(choice) {
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
        reader_.elements(value,
                         [&](std::size_t index, Value& image) { return read_image(image, index); });
        return true;
      });
    });
    reader_.problems().raise_if_any(file_.name);
    if (!choice_.split.empty() && !images_by_split_.contains(choice_.split))
      throw DataError(file_.name + ": no split '" + printable(choice_.split) + "' (expected " +
                      splits() + "). Name one of these.");
    silent_.report(file_, "images without a caption were left out");
    return std::move(file_);
  }

 private:
  struct Image {
    std::array<std::optional<ImageId>, kKarpathyKeys.size()> ids;
    std::optional<std::string> split, folder;
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
      if (name == "split" || (name == "filepath" && choice_.files)) {
        has_split |= name == "split";
        if (const std::optional<std::string_view> text = reader_.string(field))
          (name == "split" ? image.split : image.folder) = *text;
        else
          reader_.wrong(field, where() + "." + std::string(name), "a string");
        return true;
      }
      if (name == "sentences") {
        has_sentences = true;
        return read_sentences(field, where(), image.captions);
      }
      const auto key = std::find(kKarpathyKeys.begin(), kKarpathyKeys.end(), name);
      if (key == kKarpathyKeys.end()) return false;
      std::optional<ImageId>& id = image.ids[static_cast<std::size_t>(key - kKarpathyKeys.begin())];
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
    if (!choice_.split.empty() && *image.split != choice_.split) return;
    std::optional<ImageId> id =
        choice_.image_key.empty() ? first_id(image) : image.ids[position(choice_.image_key)];
    if (!id)
      return reader_.missing(value, file_.row_name(index),
                             choice_.image_key.empty() ? "filename" : choice_.image_key,
                             "an integer or a string");
    const std::optional<ImageId>& filename = image.ids[position("filename")];
    if (choice_.files && !filename)
      return reader_.missing(value, file_.row_name(index), "filename", "a string");
    if (!ids_.insert(id->text()).second) {
      reader_.problems().add([&] {
        return reader_.place(value) + ": " + file_.row_name(index) + " is a second image '" +
               printable(id->text()) +
               "' (expected each once). Remove one of the two, or name images by another field.";
      });
      return;
    }
    if (image.captions.empty()) return silent_.add(id->text());
    file_.second_rows.push_back(image.captions.size() > 1 ? index : 0);
    file_.splits.push_back(std::move(*image.split));
    if (choice_.files)
      file_.files.push_back(image.folder && !image.folder->empty()
                                ? *image.folder + "/" + filename->text()
                                : filename->text());
    file_.images.push_back({std::move(*id), std::move(image.captions)});
  }

  static std::size_t position(std::string_view key) {
    return static_cast<std::size_t>(std::find(kKarpathyKeys.begin(), kKarpathyKeys.end(), key) -
                                    kKarpathyKeys.begin());
  }

  static std::optional<ImageId> first_id(const Image& image) {
    const auto found = std::find_if(image.ids.begin(), image.ids.end(),
                                    [](const auto& id) { return id.has_value(); });
    return found == image.ids.end() ? std::nullopt : *found;
  }

  [[nodiscard]] std::string splits() const {
    std::string text;
    for (const auto& [name, images] : images_by_split_)
      text += (text.empty() ? "" : ", ") + printable(name) + " with " + std::to_string(images) +
              " images";
    return text.empty() ? "none, as there are no images" : text;
  }

  JsonReader& reader_;
  CaptionFile file_;
  const KarpathyChoice& choice_;
  std::map<std::string, std::size_t> images_by_split_;
  std::unordered_set<std::string> ids_;
  LeftOut silent_;
};

}  // namespace detail

VLP_INLINE CaptionFile read_karpathy(const TextFile& file, JsonReader& reader,
                                     const KarpathyChoice& choice) {
  return detail::KarpathyReader(reader, file.name(), choice).read(file.text());
}

}  // namespace vlp
