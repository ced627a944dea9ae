#pragma once
// Flickr30k as Kaggle distributes it (Young et al. 2014): 31,783 photographs with five captions each, in
// `results.csv` and `flickr30k_images/`. Train, validation and test are drawn by seed.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <system_error>
#include <tuple>
#include <unordered_set>
#include <utility>
#include <vector>

#include "vlp/concepts/dataset.hpp"
#include "vlp/core/context.hpp"
#include "vlp/core/error.hpp"
#include "vlp/data/kaggle_csv.hpp"
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
          field<&Options::captions>("Kaggle's results.csv; a relative path starts at --data-dir.", not_empty()),
          field<&Options::images>("Folder of the images, which may hold others too; a relative path starts at --data-dir.", not_empty()),
          field<&Options::subset>("Share of the images to use, drawn with the seed, above 0 up to 1.", above_up_to(0.0, 1.0)),
          field<&Options::split>("Shares of train, validation and test; they sum to 1."),
          field<&Options::captions_per_image>("all: every caption of an image each epoch; one: one drawn per epoch.")};
    }
  };

  /// Reads the caption file, finds every image, and draws the splits.
  /// @throws DataError    if file or folder is not there, rows are broken, or images are missing (all at once)
  /// @throws RecipeError  if the shares don't sum to 1
  Flickr30k(Options options, const Context& ctx) : captions_per_image_(options.captions_per_image) {
    const std::filesystem::path csv = ctx.data_dir / options.captions;
    const std::filesystem::path folder = ctx.data_dir / options.images;
    require(is_file(csv), "captions", csv);
    require(is_folder(folder), "images", folder);

    std::vector<ImageCaptions> listed = read_kaggle_csv(csv);
    std::vector<std::string> ids;
    ids.reserve(listed.size());
    for (const ImageCaptions& image : listed) ids.push_back(image.image_id);
    const std::vector<std::filesystem::path> files = find_images(ids, folder);

    const SplitIndices parts = split_images(ids, options.subset, options.split, ctx.seeds.derive("split"));
    const auto take = [&](const std::vector<std::size_t>& indices, std::vector<ImageRecord>& records) {
      records.reserve(indices.size());
      for (const std::size_t i : indices) records.push_back({ids[i], files[i], std::move(listed[i].captions)});
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
  using Names = std::unordered_set<std::string>;

  /// A path that can't be looked at counts as not there.
  static bool is_file(const std::filesystem::path& path) {
    std::error_code error;
    return std::filesystem::is_regular_file(path, error);
  }
  static bool is_folder(const std::filesystem::path& path) {
    std::error_code error;
    return std::filesystem::is_directory(path, error);
  }

  static void require(bool there, const std::string& what, const std::filesystem::path& path) {
    if (!there)
      throw DataNotFoundError("dataset flickr30k: " + what + " not found at " + path.string() +
                              ". Pass --data-dir DIR, the folder that holds them, or set dataset." + what + ".");
  }

  static Names names_in(const std::filesystem::path& folder) {
    Names names;
    std::error_code error;
    for (std::filesystem::directory_iterator entry(folder, error), end; !error && entry != end; entry.increment(error))
      names.insert(entry->path().filename().string());
    if (error)
      throw DataNotFoundError("dataset flickr30k: " + folder.string() + " can't be listed (" + error.message() +
                              "). Check its permissions.");
    return names;
  }

  /// Looks up all names in one listing of the folder, and of the folder of the same name inside it, as in Kaggle's zip.
  static std::vector<std::filesystem::path> find_images(const std::vector<std::string>& ids, const std::filesystem::path& folder) {
    constexpr std::size_t kShown = 20;
    const Names here = names_in(folder);
    const std::filesystem::path inner = folder / (folder / "").parent_path().filename();
    const Names inside = is_folder(inner) ? names_in(inner) : Names{};
    std::vector<std::filesystem::path> files;
    files.reserve(ids.size());
    std::string missing;
    std::size_t count = 0;
    for (const std::string& id : ids) {
      files.push_back((here.contains(id) ? folder : inner) / id);
      if (!here.contains(id) && !inside.contains(id) && ++count <= kShown) missing += (count > 1 ? ", " : "") + id;
    }
    if (count > 0)
      throw DataNotFoundError("dataset flickr30k: " + std::to_string(count) + " of " + std::to_string(ids.size()) + " images are not in " +
                              folder.string() + ": " + missing + (count > kShown ? " and more" : "") +
                              ". Unpack all of flickr30k_images, or pass --data-dir DIR.");
    return files;
  }

  CaptionsPerImage captions_per_image_;
  std::vector<ImageRecord> train_, validation_, test_;
};
static_assert(Dataset<Flickr30k>);

}  // namespace vlp

VLP_PLUGIN(flickr30k, "1.0", vlp::Flickr30k);
