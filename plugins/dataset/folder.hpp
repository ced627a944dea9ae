#pragma once
// A folder of pictures with captions of one's own: in a table, comma- or tab-separated or JSON
// lines, or in a text file beside each picture.

#include <algorithm>
#include <array>
#include <cstddef>
#include <filesystem>
#include <fstream>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <system_error>
#include <tuple>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <vector>

#include "vlp/captions/image_table.hpp"
#include "vlp/captions/problems.hpp"
#include "vlp/concepts/context.hpp"
#include "vlp/concepts/dataset.hpp"
#include "vlp/core/console.hpp"
#include "vlp/core/error.hpp"
#include "vlp/core/message.hpp"
#include "vlp/core/printable.hpp"
#include "vlp/core/random.hpp"
#include "vlp/core/text_lines.hpp"
#include "vlp/data/image_finder.hpp"
#include "vlp/data/image_folder.hpp"
#include "vlp/data/split.hpp"
#include "vlp/recipe/field.hpp"
#include "vlp/registry/plugin.hpp"
#include "vlp/text/unicode.hpp"
#include "vlp/text/utf8.hpp"

namespace vlp {

/// Pictures of a folder and their captions; splits are drawn by image, or a column says them.
/// Nothing is decoded here.
class CaptionedFolder {
 public:
  static constexpr std::string_view name = "folder";

  struct Options {
    std::filesystem::path images = ".";
    std::filesystem::path captions;
    std::string image_column;
    std::string caption_column;
    std::string split_column;
    std::string prompt_column;
    SplitShares split;
    CaptionsPerImage captions_per_image = CaptionsPerImage::all;

    static constexpr auto fields() {
      return std::tuple{
          field<&Options::images>("Folder of the pictures, with those below it; a relative path "
                                  "starts at --data-dir.",
                                  not_empty()),
          field<&Options::captions>(
              "Table with a row a caption: a .csv or .tsv whose first line names its columns, or a "
              ".jsonl with an object a line; a relative path starts at --data-dir. Empty: beside "
              "each picture lies a .txt of its name with a caption a line."),
          field<&Options::image_column>(
              "Column of the pictures' paths below the folder; empty: the one called image, file, "
              "filename, file_name, path or image_name."),
          field<&Options::caption_column>("Column of the captions; empty: the one called caption, "
                                          "text, description, comment or sentence."),
          field<&Options::split_column>(
              "Column that says train, val, validation, dev or test of each picture; empty: the "
              "one called split, else splits are drawn with the seed."),
          field<&Options::prompt_column>(
              "Column of what stands before a picture's captions in place of model.prompt; empty: "
              "the one called prompt, if there is one."),
          field<&Options::split>("Shares of train, validation and test where no column says the "
                                 "split; they sum to 1."),
          field<&Options::captions_per_image>(
              "all: every caption of an image each epoch; one: one drawn per epoch.")};
    }

    /// What is wrong with the options together; empty = nothing.
    [[nodiscard]] std::string problem() const {
      const bool names_column = !image_column.empty() || !caption_column.empty() ||
                                !split_column.empty() || !prompt_column.empty();
      return captions.empty() && names_column
                 ? "a column without a table, expected a .csv, .tsv or .jsonl in captions"
                 : "";
    }
  };

  /// Reads the captions, finds every picture, and divides them.
  /// @throws DataNotFoundError  if table or folder is not there, no picture has a .txt, or pictures
  /// are missing (all at once)
  /// @throws DataError          if the table is broken, a column isn't there, or a split has
  /// another name
  /// @throws RecipeError        if the shares don't sum to 1
  CaptionedFolder(const Options& options, const Context& ctx)
      : captions_per_image_(options.captions_per_image) {
    const std::string dataset(name);
    const std::filesystem::path folder =
        options.images == "." ? ctx.folders.data : ctx.folders.data / options.images;
    const std::filesystem::path table = ctx.folders.data / options.captions;
    if (!options.captions.empty()) require_file(dataset, "captions", table);
    require_folder(dataset, "images", folder);
    ImageFinder pictures(dataset, folder);
    for (const std::string& problem : pictures.problems()) ctx.machine.console.note(problem);
    if (options.captions.empty())
      read_texts(pictures, folder);
    else
      read_table(table, options, pictures, folder);
    if (!options.captions.empty())
      pictures.raise_if_missing(images_.size(), "Mend the table, or set dataset.images.",
                                ctx.facts.bad);
    if (images_.empty())
      throw DataError("dataset folder: no captions in " + where_ +
                      " (expected a picture with a caption). Fill it in.");
    for (const std::string& note : notes_) ctx.machine.console.note(note);
    note_captions(ctx.machine.console);
    note_pictures_without(pictures, ctx.machine.console);
    divide(options, ctx.facts.seeds.derive("split"));
    images_ = {};
  }

  /// Images of a split in the order of the table, else of their paths; may be empty.
  [[nodiscard]] std::span<const ImageRecord> records(Split split) const {
    return records_[position(split)];
  }
  /// As the options say.
  [[nodiscard]] CaptionsPerImage captions_per_image() const { return captions_per_image_; }

 private:
  /// A picture and what is known of it.
  struct Image {
    ImageRecord record;
    std::optional<std::size_t> picture;  ///< its number; none = missing
    std::string split;                   ///< as written
    std::size_t line = 0;                ///< of its first row
  };

  static std::size_t position(Split split) { return static_cast<std::size_t>(split); }

  [[nodiscard]] static std::string counted(std::size_t n, std::string_view one,
                                           std::string_view many) {
    return std::to_string(n) + " " + std::string(n == 1 ? one : many);
  }

  // --- a text beside each picture
  // -----------------------------------------------------------------

  void read_texts(const ImageFinder& pictures, const std::filesystem::path& folder) {
    where_ = folder.string();
    Problems problems;
    std::unordered_map<std::string, std::size_t> owners;  // of texts
    for (std::size_t picture = 0; picture < pictures.size(); ++picture) {
      const std::filesystem::path text =
          std::filesystem::path(pictures.file(picture)).replace_extension(".txt");
      std::error_code ignored;  // what can't be looked at isn't there
      if (!std::filesystem::is_regular_file(text, ignored)) continue;
      const auto [owner, is_new] = owners.emplace(text.string(), picture);
      if (!is_new) {
        problems.add([&] {
          return text.string() + ": belongs to two pictures (got " +
                 printable(pictures.name(owner->second)) + " and " +
                 printable(pictures.name(picture)) + ", expected one). Rename one of them.";
        });
        continue;
      }
      Image image{{pictures.name(picture), pictures.file(picture), {}}, picture, "", 0};
      read_text(text, image.record.captions, problems);
      rows_ += image.record.captions.size();
      if (!image.record.captions.empty()) images_.push_back(std::move(image));
    }
    problems.raise_if_any(where_);
    if (owners.empty())
      throw DataNotFoundError(
          "dataset folder: no picture has captions (got " +
          counted(pictures.size(), "picture", "pictures") + " in " + where_ +
          ", expected beside each a .txt of its name with a caption a line). Write them, or name "
          "a table in dataset.captions.");
  }

  static void read_text(const std::filesystem::path& file, std::vector<std::string>& captions,
                        Problems& problems) {
    std::ifstream in(file, std::ios::binary);
    TextLines lines(in);
    std::size_t number = 0;
    while (std::optional<std::string> line = lines.next()) {
      ++number;
      if (utf8_prefix(*line) < line->size())
        problems.add([&] {
          return file.string() + ":" + std::to_string(number) +
                 ": bytes that are not UTF-8. Convert the file to UTF-8.";
        });
      if (!only_white_space(*line)) captions.push_back(std::move(*line));
    }
    if (!in.eof() || in.bad())
      problems.add([&] { return file.string() + ": can't be read. Check its permissions."; });
  }

  // --- a table
  // ------------------------------------------------------------------------------------

  void read_table(const std::filesystem::path& file, const Options& options, ImageFinder& pictures,
                  const std::filesystem::path& folder) {
    where_ = file.string();
    const ImageTable table = read_image_table(file, {options.image_column, options.caption_column,
                                                     options.split_column, options.prompt_column});
    columns_ = table.columns;
    rows_ = table.rows.size();
    Problems problems;
    Lines without_image, without_caption;
    std::unordered_map<std::string, std::size_t> by_name, by_id;  // to images_
    for (const ImageRow& row : table.rows) {
      if (row.image.empty() || row.captions.empty()) {
        (row.image.empty() ? without_image : without_caption).add(row.line);
        continue;
      }
      const auto [known, is_new] = by_name.try_emplace(row.image, images_.size());
      if (is_new) known->second = place_of(row, pictures, folder, by_id);
      add_row(images_[known->second], row, problems);
    }
    problems.raise_if_any(where_);
    without_image.note(notes_, where_, "without a picture");
    without_caption.note(notes_, where_, "without a caption");
  }

  /// Counts lines, for a note.
  struct Lines {
    std::size_t count = 0, first = 0;
    void add(std::size_t line) {
      if (count++ == 0) first = line;
    }
    void note(std::vector<std::string>& notes, const std::string& file,
              const std::string& what) const {
      if (count > 0)
        notes.push_back(file + ": " + counted(count, "row", "rows") + " " + what +
                        (count == 1 ? " was" : " were") + " passed over, the first is on line " +
                        std::to_string(first) + ".");
    }
  };

  /// @return  where the image of a name that is new stands among the images
  std::size_t place_of(const ImageRow& row, ImageFinder& pictures,
                       const std::filesystem::path& folder,
                       std::unordered_map<std::string, std::size_t>& by_id) {
    const std::optional<std::size_t> picture = pictures.find(row.image);
    const std::string id = picture ? pictures.name(*picture) : row.image;
    const auto [place, is_new] = by_id.try_emplace(id, images_.size());
    if (is_new)
      images_.push_back(
          {{id, picture ? pictures.file(*picture) : (folder / row.image).string(), {}},
           picture,
           "",
           row.line});
    return place->second;
  }

  void add_row(Image& image, const ImageRow& row, Problems& problems) const {
    ImageRecord& record = image.record;
    record.captions.insert(record.captions.end(), row.captions.begin(), row.captions.end());
    const auto agree = [&](std::string& known, const std::string& found, const char* what) {
      if (known.empty()) known = found;
      if (found.empty() || known == found) return;
      problems.add([&] {
        return where_ + ":" + std::to_string(row.line) + ": another " + what +
               " than in a row before (got '" + printable(found) + "', expected '" +
               printable(known) + "' for " + printable(record.image_id.text()) +
               "). A picture has one; mend one of the rows.";
      });
    };
    agree(image.split, row.split, "split");
    agree(record.prompt, row.prompt, "prompt");
  }

  // --- what is told
  // -------------------------------------------------------------------------------

  void note_captions(const Console& console) const {
    std::size_t fewest = images_.front().record.captions.size(), most = 0;
    std::unordered_set<std::string_view> seen;
    std::size_t twice = 0, is_long = 0;
    const std::string* first_twice = nullptr;
    const Image* first_long = nullptr;
    for (const Image& image : images_) {
      fewest = std::min(fewest, image.record.captions.size());
      most = std::max(most, image.record.captions.size());
      for (const std::string& caption : image.record.captions) {
        if (!seen.insert(caption).second && twice++ == 0) first_twice = &caption;
        if (words_in(caption) > kManyWords && is_long++ == 0) first_long = &image;
      }
    }
    const std::string range =
        fewest == most ? counted(most, "caption", "captions")
                       : std::to_string(fewest) + " to " + std::to_string(most) + " captions";
    console.note(
        where_ + ": " +
        (columns_.image.empty() ? counted(rows_, "line", "lines") : counted(rows_, "row", "rows")) +
        ", " + counted(images_.size(), "picture", "pictures") + " with " + range +
        (images_.size() == 1 ? "" : " each") + columns_told() + ".");
    if (twice > 0)
      console.note(where_ + ": " +
                   counted(twice, "caption is equal to an earlier one",
                           "captions are equal to earlier ones") +
                   ", the first is '" + printable(*first_twice) + "'.");
    if (is_long > 0)
      console.note(where_ + ": " + counted(is_long, "caption has", "captions have") +
                   " more than " + std::to_string(kManyWords) + " words, the first is of " +
                   printable(first_long->record.image_id.text()) +
                   "; what tokenizer.max_length cuts off is not learned.");
  }

  [[nodiscard]] std::string columns_told() const {
    if (columns_.image.empty()) return "";
    std::vector<std::string> told{"pictures from '" + columns_.image + "'",
                                  "captions from '" + columns_.caption + "'"};
    if (!columns_.split.empty())
      told.push_back("splits from '" + columns_.split + "', so dataset.split is not used");
    if (!columns_.prompt.empty()) told.push_back("prompts from '" + columns_.prompt + "'");
    return "; " + printable_list(told);
  }
  [[nodiscard]] static std::string printable_list(const std::vector<std::string>& parts) {
    std::vector<std::string> shown;
    for (const std::string& part : parts) shown.push_back(printable(part));
    return joined(shown);
  }

  [[nodiscard]] static std::size_t words_in(std::string_view caption) {
    std::size_t words = 0;
    bool inside = false;
    for (const char c : caption) {
      const bool blank = is_blank({&c, 1});
      if (!blank && !inside) ++words;
      inside = !blank;
    }
    return words;
  }

  /// Pictures that nothing is said of, in the folders that some of the others lie in.
  void note_pictures_without(const ImageFinder& pictures, const Console& console) const {
    std::vector<bool> has(pictures.size(), false);
    std::set<std::string_view> folders;
    for (const Image& image : images_)
      if (image.picture) {
        has[*image.picture] = true;
        folders.insert(pictures.folder_of(*image.picture));
      }
    std::vector<std::string> shown;
    std::size_t count = 0;
    for (std::size_t picture = 0; picture < pictures.size(); ++picture) {
      if (has[picture] || !folders.contains(pictures.folder_of(picture))) continue;
      if (++count <= ImageFinder::kShown) shown.push_back(printable(pictures.name(picture)));
    }
    if (count > 0)
      console.note(
          where_ + ": " +
          counted(count, "picture beside the others has", "pictures beside the others have") +
          " no caption: " + joined(shown) + (count > shown.size() ? " and more." : "."));
  }

  // --- splits
  // -------------------------------------------------------------------------------------

  void divide(const Options& options, const RandomStream& random) {
    if (!columns_.split.empty()) return divide_by_column();
    std::vector<std::string> ids;
    for (const Image& image : images_) ids.push_back(image.record.image_id.text());
    const SplitIndices parts = split_images(ids, 1.0, options.split, random);
    const auto take = [&](const std::vector<std::size_t>& indices, Split split) {
      for (const std::size_t i : indices)
        records_[position(split)].push_back(std::move(images_[i].record));
    };
    take(parts.train, Split::train);
    take(parts.validation, Split::validation);
    take(parts.test, Split::test);
  }

  void divide_by_column() {
    static const std::map<std::string, Split, std::less<>> kSplits{
        {"train", Split::train},
        {"val", Split::validation},
        {"validation", Split::validation},
        {"dev", Split::validation},
        {"test", Split::test}};
    std::map<std::string, std::pair<std::size_t, std::size_t>> others;  // images, first line
    for (Image& image : images_) {
      std::string split = image.split;
      std::ranges::transform(split, split.begin(), [](char c) {
        return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
      });
      const auto found = kSplits.find(split);
      if (found != kSplits.end())
        records_[position(found->second)].push_back(std::move(image.record));
      else if (auto& [count, line] = others[image.split]; count++ == 0)
        line = image.line;
    }
    if (others.empty()) return;
    std::vector<std::string> shown;
    for (const auto& [split, told] : others)
      if (shown.size() < kSplitsShown)
        shown.push_back("'" + printable(split) + "' of " +
                        counted(told.first, "picture", "pictures") + ", first on line " +
                        std::to_string(told.second));
    throw DataError(where_ + ": column '" + printable(columns_.split) +
                    "' has other splits than there are (got " + joined(shown) +
                    (others.size() > shown.size() ? " and more" : "") +
                    ", expected train, val, validation, dev or test). Mend them.");
  }

  static constexpr std::size_t kManyWords = 40;
  static constexpr std::size_t kSplitsShown = 20;

  CaptionsPerImage captions_per_image_;
  std::vector<Image> images_;
  std::array<std::vector<ImageRecord>, 3> records_;  // by `position`
  std::string where_;                                // the table, else the folder
  ImageColumns columns_;                             // of the table; all empty without one
  std::size_t rows_ = 0;
  std::vector<std::string> notes_;
};
static_assert(Dataset<CaptionedFolder>);

}  // namespace vlp

VLP_PLUGIN(folder, "1.0", vlp::CaptionedFolder);
