#pragma once
// Images with captions as BLIP's own lists have them (Li et al. 2022): JSON arrays, or JSON lines,
// of rows {"image", "caption"}. For data of one's own, and for pre-training on millions of pairs.

#include <cstddef>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <tuple>
#include <unordered_map>
#include <vector>

#include "vlp/captions/image_text_lists.hpp"
#include "vlp/concepts/context.hpp"
#include "vlp/concepts/dataset.hpp"
#include "vlp/core/error.hpp"
#include "vlp/core/printable.hpp"
#include "vlp/data/image_folder.hpp"
#include "vlp/recipe/field.hpp"
#include "vlp/registry/plugin.hpp"

namespace vlp {

/// Images and captions out of lists, a split each; rows of one image are one record. Nothing is
/// decoded here.
class ImageTextJson {
 public:
  static constexpr std::string_view name = "image_text_json";

  struct Options {
    std::vector<std::filesystem::path> train;
    std::vector<std::filesystem::path> validation;
    std::vector<std::filesystem::path> test;
    std::filesystem::path images;
    bool check_images = true;
    ImageIds image_ids = ImageIds::listed;
    CaptionsPerImage captions_per_image = CaptionsPerImage::all;

    static constexpr auto fields() {
      return std::tuple{
          field<&Options::train>(
              "Lists of the training images, packed by gzip or not: JSON arrays of rows "
              "{\"image\",\"caption\"}, or such a row a line; a "
              "caption is a string or an array of strings. Relative paths start at --data-dir."),
          field<&Options::validation>("Lists of the validation images, in the same forms."),
          field<&Options::test>("Lists of the test images, in the same forms."),
          field<&Options::images>(
              "Folder at which the relative images of the lists start; a relative path starts at "
              "--data-dir, empty is --data-dir itself."),
          field<&Options::check_images>("true: all images are looked up at the start; false: a "
                                        "missing one is found when it is "
                                        "loaded, for millions of images."),
          field<&Options::image_ids>(
              "What names an image in written captions: listed: its image_id, else its path in the "
              "list; file_name: the last part of the "
              "path; number: the number at the end of the file's name, as COCO's annotations have "
              "it."),
          field<&Options::captions_per_image>(
              "all: every caption of an image each epoch; one: one drawn per epoch.")};
    }

    /// What is wrong with the options together; empty = nothing.
    [[nodiscard]] std::string problem() const {
      return train.empty() && validation.empty() && test.empty()
                 ? "no lists, expected files in train, validation or test, e.g. train = "
                   "[\"train.json\"]"
                 : "";
    }
  };

  /// Reads the lists and, if asked to, looks every image up.
  /// @throws DataNotFoundError  if a list or folder is not there, or images are missing (all at
  /// once)
  /// @throws DataError          if a list is broken, or two images for validation or test have one
  /// id
  ImageTextJson(const Options& options, const Context& ctx)
      : captions_per_image_(options.captions_per_image) {
    const std::string dataset(name);
    const Machine& machine = ctx.machine;
    const Folders& folders = ctx.folders;
    const std::filesystem::path folder = folders.data / options.images;
    require_lists(options.train, "train", folders.data);
    require_lists(options.validation, "validation", folders.data);
    require_lists(options.test, "test", folders.data);
    require_folder(dataset, "images", folder);

    train_ = read(options.train, folder, options.image_ids, machine, folders);
    validation_ = read(options.validation, folder, options.image_ids, machine, folders);
    test_ = read(options.test, folder, options.image_ids, machine, folders);
    require_distinct_ids(validation_, "validation");
    require_distinct_ids(test_, "test");
    if (!options.check_images) return;
    ImageFolder images(dataset, folder);
    for (const auto* records : {&train_, &validation_, &test_})
      for (const ImageRecord& record : *records) images.require(record.file);
    images.raise_if_missing(train_.size() + validation_.size() + test_.size(),
                            "Unpack all images there, or set dataset.images.", ctx.facts.bad);
  }

  /// Images of a split in the order of the lists; may be empty.
  [[nodiscard]] std::span<const ImageRecord> records(Split split) const {
    return split == Split::train ? train_ : split == Split::validation ? validation_ : test_;
  }
  /// As the options say.
  [[nodiscard]] CaptionsPerImage captions_per_image() const { return captions_per_image_; }

 private:
  static void require_lists(const std::vector<std::filesystem::path>& lists,
                            const std::string& option, const std::filesystem::path& data) {
    for (const std::filesystem::path& list : lists)
      require_file(std::string(name), option, data / list);
  }

  static std::vector<ImageRecord> read(const std::vector<std::filesystem::path>& lists,
                                       const std::filesystem::path& folder, ImageIds ids,
                                       const Machine& machine, const Folders& folders) {
    ImageTextLists images(
        (folder / "").string(),
        "COCO's and Flickr30k's splits by Karpathy are read by dataset karpathy.");
    for (const std::filesystem::path& list : lists) images.read(folders.data / list);
    for (const std::string& note : images.notes()) machine.console.note(note);
    return images.finish(ids);
  }

  /// What a model says of an image is compared by its id; in training nothing is.
  static void require_distinct_ids(const std::vector<ImageRecord>& records,
                                   const std::string& split) {
    std::unordered_map<std::string_view, const ImageRecord*> seen;
    for (const ImageRecord& record : records)
      if (const auto [other, is_new] = seen.emplace(record.image_id.text(), &record); !is_new)
        throw DataError("dataset " + std::string(name) + ": two images for " + split +
                        " have one id (got '" + printable(record.image_id.text()) + "' for " +
                        other->second->file + " and " + record.file +
                        ", expected each once). Mend their image_id, or set dataset.image_ids.");
  }

  CaptionsPerImage captions_per_image_;
  std::vector<ImageRecord> train_, validation_, test_;
};
static_assert(Dataset<ImageTextJson>);

}  // namespace vlp

VLP_PLUGIN(image_text_json, "1.0", vlp::ImageTextJson);
