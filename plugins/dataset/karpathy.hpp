#pragma once
// COCO, Flickr30k or Flickr8k with the splits that papers compare on (Karpathy and Fei-Fei 2015):
// `dataset_coco.json`, `dataset_flickr30k.json` or `dataset_flickr8k.json`, and a folder of images.

#include <cstddef>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

#include "vlp/captions/blank_captions.hpp"
#include "vlp/captions/captions_by_image.hpp"
#include "vlp/captions/json_reader.hpp"
#include "vlp/captions/karpathy.hpp"
#include "vlp/captions/text_file.hpp"
#include "vlp/concepts/context.hpp"
#include "vlp/concepts/dataset.hpp"
#include "vlp/core/error.hpp"
#include "vlp/core/printable.hpp"
#include "vlp/data/image_folder.hpp"
#include "vlp/data/split.hpp"
#include "vlp/recipe/field.hpp"
#include "vlp/registry/plugin.hpp"

namespace vlp {

/// Images and captions of a file of Karpathy's; its splits stay as they are. Nothing is decoded
/// here.
class Karpathy {
 public:
  static constexpr std::string_view name = "karpathy";

  /// Where COCO's 30,504 images of the split `restval` go.
  enum class Restval {
    train,  ///< to the training images, as in most papers: 113,287 of COCO
    skip,   ///< nowhere: 82,783 of COCO
  };
  /// The field that names an image, in captions that are written and in `vlp score --image-key`.
  enum class ImageKey {
    automatic,  ///< cocoid, else filename, else imgid, whichever the image has
    cocoid,     ///< COCO's number of the image, as in its own annotations
    filename,   ///< e.g. 1000092795.jpg
    imgid,      ///< the image's number in Karpathy's file
  };

  struct Options {
    std::filesystem::path captions = "dataset_flickr30k.json";
    std::filesystem::path images = "flickr30k_images";
    Restval restval = Restval::train;
    double subset = 1.0;
    CaptionsPerImage captions_per_image = CaptionsPerImage::all;
    ImageKey image_key = ImageKey::automatic;

    static constexpr auto fields() {
      return std::tuple{
          field<&Options::captions>(
              "Karpathy's JSON file, packed by gzip or not: dataset_coco.json, "
              "dataset_flickr30k.json or dataset_flickr8k.json; a relative "
              "path starts at --data-dir.",
              not_empty()),
          field<&Options::images>("Folder of the images, for COCO the one that holds train2014 and "
                                  "val2014; a relative path starts at --data-dir.",
                                  not_empty()),
          field<&Options::restval>(
              "COCO's split restval: train with its images, as most papers do, or skip them."),
          field<&Options::subset>("Share of the training images to use, drawn with the seed, above "
                                  "0 up to 1; the other splits stay whole.",
                                  above_up_to(0.0, 1.0)),
          field<&Options::captions_per_image>(
              "all: every caption of an image each epoch; one: one drawn per epoch."),
          field<&Options::image_key>("Field that names an image in written captions; automatic: "
                                     "cocoid, else filename, else imgid.")};
    }
  };

  /// Reads the file and finds every image of the splits that are used.
  /// @throws DataNotFoundError  if file or folder is not there, or images are missing (all at once)
  /// @throws DataError          if the file is broken, or has other splits than train, restval, val
  /// and test
  Karpathy(const Options& options, const Context& ctx)
      : captions_per_image_(options.captions_per_image) {
    const std::filesystem::path json = ctx.folders.data / options.captions;
    const std::filesystem::path folder = ctx.folders.data / options.images;
    require_file(std::string(name), "captions", json);
    require_folder(std::string(name), "images", folder);

    CaptionFile listed = read(json, options.image_key);
    pass_over_blank(listed, AllBlank::left_out);
    for (const std::string& note : listed.notes) ctx.machine.console.note(note);
    ImageFolder images(std::string(name), folder);
    for (std::size_t i = 0; i < listed.images.size(); ++i) {
      std::vector<ImageRecord>* const records = records_of(listed, i, options.restval);
      if (!records) continue;
      ImageCaptions& image = listed.images[i];
      records->push_back(
          {std::move(image.image_id), images.find(listed.files[i]), std::move(image.captions)});
    }
    images.raise_if_missing(train_.size() + validation_.size() + test_.size(),
                            "Unpack all images there, or set dataset.images.", ctx.facts.bad);
    if (options.subset < 1) draw(options.subset, ctx.facts.seeds.derive("split"));
  }

  /// Images of a split in the order of the file; may be empty.
  [[nodiscard]] std::span<const ImageRecord> records(Split split) const {
    return split == Split::train ? train_ : split == Split::validation ? validation_ : test_;
  }
  /// As the options say.
  [[nodiscard]] CaptionsPerImage captions_per_image() const { return captions_per_image_; }

 private:
  static CaptionFile read(const std::filesystem::path& json, ImageKey key) {
    const TextFile file = TextFile::read(json);
    JsonReader reader(file);
    CaptionFile listed = read_karpathy(
        file, reader,
        {.split = {},
         .image_key = key == ImageKey::automatic ? "" : std::string(EnumNames<ImageKey>::of(key)),
         .files = true});
    if (listed.images.empty())
      throw DataError(file.name() +
                      ": no images with captions (expected "
                      "{\"images\":[{\"filename\":\"1.jpg\",\"split\":\"train\"," +
                      "\"sentences\":[{\"raw\":\"a cat\"}]}]}). Is it one of Karpathy's files?");
    return listed;
  }

  /// Where image `i` goes; null = nowhere.
  std::vector<ImageRecord>* records_of(const CaptionFile& listed, std::size_t i, Restval restval) {
    const std::string& split = listed.splits[i];
    if (split == "train") return &train_;
    if (split == "val") return &validation_;
    if (split == "test") return &test_;
    if (split == "restval") return restval == Restval::train ? &train_ : nullptr;
    throw DataError(listed.name + ": image '" + printable(listed.images[i].image_id.text()) +
                    "' is in an unknown split (got '" + printable(split) +
                    "', expected train, restval, val or test). Mend it.");
  }

  /// Keeps a share of the training images, in their order.
  void draw(double subset, RandomStream random) {
    std::vector<std::string> ids;
    ids.reserve(train_.size());
    for (const ImageRecord& record : train_) ids.push_back(record.image_id.text());
    std::vector<ImageRecord> kept;
    for (const std::size_t i :
         split_images(ids, subset, {.train = 1, .validation = 0, .test = 0}, random).train)
      kept.push_back(std::move(train_[i]));
    train_ = std::move(kept);
  }

  CaptionsPerImage captions_per_image_;
  std::vector<ImageRecord> train_, validation_, test_;
};
static_assert(Dataset<Karpathy>);

}  // namespace vlp

VLP_PLUGIN(karpathy, "1.0", vlp::Karpathy);
