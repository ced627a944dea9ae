#pragma once
// Flickr30k as Kaggle distributes it (Young et al. 2014): 31,783 photographs with five captions
// each, in `results.csv` and `flickr30k_images/`. Train, validation and test are drawn by seed.

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
#include "vlp/captions/kaggle_csv.hpp"
#include "vlp/concepts/context.hpp"
#include "vlp/concepts/dataset.hpp"
#include "vlp/core/console.hpp"
#include "vlp/data/image_folder.hpp"
#include "vlp/data/split.hpp"
#include "vlp/recipe/field.hpp"
#include "vlp/registry/plugin.hpp"

namespace vlp {

/// Images and captions of Flickr30k; nothing is decoded here.
class Flickr30k {
 public:
  static constexpr std::string_view name = "flickr30k";

  struct Options {
    std::filesystem::path captions = "results.csv";
    std::filesystem::path images = "flickr30k_images";
    double subset = 1.0;
    SplitShares split;
    CaptionsPerImage captions_per_image = CaptionsPerImage::all;

    static constexpr auto fields() {
      return std::tuple{
          field<&Options::captions>("Kaggle's results.csv; a relative path starts at --data-dir.",
                                    not_empty()),
          field<&Options::images>("Folder of the images, which may hold others too; a relative "
                                  "path starts at --data-dir.",
                                  not_empty()),
          field<&Options::subset>(
              "Share of the images to use, drawn with the seed, above 0 up to 1.",
              above_up_to(0.0, 1.0)),
          field<&Options::split>("Shares of train, validation and test; they sum to 1."),
          field<&Options::captions_per_image>(
              "all: every caption of an image each epoch; one: one drawn per epoch.")};
    }
  };

  /// Reads the caption file, finds every image, and draws the splits.
  /// @throws DataError    if file or folder is not there, rows are broken, or images are missing
  /// (all at once)
  /// @throws RecipeError  if the shares don't sum to 1
  Flickr30k(Options options, const Context& ctx) : captions_per_image_(options.captions_per_image) {
    const std::string dataset(name);
    const std::filesystem::path csv = ctx.folders.data / options.captions;
    const std::filesystem::path folder = ctx.folders.data / options.images;
    require_file(dataset, "captions", csv);
    require_folder(dataset, "images", folder);

    std::vector<ImageCaptions> listed = read(csv, ctx.machine.console);
    ImageFolder images(dataset, folder);
    std::vector<std::string> ids, files;
    ids.reserve(listed.size());
    files.reserve(listed.size());
    for (const ImageCaptions& image : listed) {
      ids.push_back(image.image_id.text());
      files.push_back(images.find(image.image_id.text()));
    }
    images.raise_if_missing(ids.size(), "Unpack all of flickr30k_images, or pass --data-dir DIR.",
                            ctx.facts.bad);

    const SplitIndices parts =
        split_images(ids, options.subset, options.split, ctx.facts.seeds.derive("split"));
    const auto take = [&](const std::vector<std::size_t>& indices,
                          std::vector<ImageRecord>& records) {
      records.reserve(indices.size());
      for (const std::size_t i : indices)
        records.push_back({ids[i], std::move(files[i]), std::move(listed[i].captions)});
    };
    take(parts.train, train_);
    take(parts.validation, validation_);
    take(parts.test, test_);
  }

  /// Images of a split in the order of the caption file; may be empty.
  [[nodiscard]] std::span<const ImageRecord> records(Split split) const {
    return split == Split::train ? train_ : split == Split::validation ? validation_ : test_;
  }
  /// As the options say.
  [[nodiscard]] CaptionsPerImage captions_per_image() const { return captions_per_image_; }

 private:
  /// Captions with words.
  static std::vector<ImageCaptions> read(const std::filesystem::path& csv, const Console& console) {
    CaptionFile listed;
    listed.name = csv.string();
    listed.format = CaptionFormat::kaggle_csv;
    listed.images = read_kaggle_csv(csv);
    pass_over_blank(listed, AllBlank::left_out);
    for (const std::string& note : listed.notes) console.note(note);
    return std::move(listed.images);
  }

  CaptionsPerImage captions_per_image_;
  std::vector<ImageRecord> train_, validation_, test_;
};
static_assert(Dataset<Flickr30k>);

}  // namespace vlp

VLP_PLUGIN(flickr30k, "1.0", vlp::Flickr30k);
