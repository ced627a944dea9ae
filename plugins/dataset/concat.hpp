#pragma once
// Several datasets one behind another: `[[dataset.part]]`, each with `use`, its own options, and
// how often an epoch has it.

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <tuple>
#include <unordered_set>
#include <utility>
#include <vector>

#include "vlp/concepts/context.hpp"
#include "vlp/concepts/dataset.hpp"
#include "vlp/core/error.hpp"
#include "vlp/recipe/field.hpp"
#include "vlp/registry/plugin.hpp"
#include "vlp/registry/use.hpp"

namespace vlp {

/// What each [[dataset.part]] keeps beside the dataset's own options.
struct PartExtras {
  std::int64_t repeat = 1;

  static constexpr auto fields() {
    return std::tuple{field<&PartExtras::repeat>(
        "Times that an epoch has the part's training samples.", between(1, 1000))};
  }
};

/// The parts' splits, each split in the order of the parts. An image id that an earlier part has in
/// the same split gets the part's position behind it: "1.jpg" of the second part becomes "1.jpg#1".
class Concat {
 public:
  static constexpr std::string_view name = "concat";

  struct Options {
    std::vector<Use<AnyDataset, PartExtras>> part;

    static constexpr auto fields() {
      return std::tuple{
          field<&Options::part>("The datasets: tables [[dataset.part]] with `use`, that dataset's "
                                "options, and `repeat`, times that an epoch "
                                "has its training samples (1 if left out).",
                                not_empty())};
    }

    /// What is wrong with the options together; empty = nothing.
    [[nodiscard]] std::string problem() const {
      return part.empty() ? "no parts, expected at least one table [[dataset.part]] with `use` "
                            "naming a dataset"
                          : "";
    }
  };

  /// Builds one part after the other.
  /// @throws DataNotFoundError  naming what is missing of all parts
  /// @throws DataError          as the parts do
  /// @throws RecipeError        if the parts' captions_per_image differ
  Concat(const Options& options, const Context& ctx) {
    std::string missing;
    std::array<std::unordered_set<std::string>, 3> ids;
    for (std::size_t i = 0; i < options.part.size(); ++i) {
      const std::optional<AnyDataset> dataset = build(options.part[i], ctx, missing);
      if (!dataset) continue;
      require_mode(dataset->captions_per_image(), i);
      for (const Split split : {Split::train, Split::validation, Split::test})
        append(dataset->records(split), options.part[i].extra.repeat, "#" + std::to_string(i),
               ids[position(split)], splits_[position(split)]);
    }
    if (!missing.empty()) throw DataNotFoundError(missing);
  }

  /// Images of a split, part after part; may be empty.
  [[nodiscard]] std::span<const ImageRecord> records(Split split) const {
    return splits_[position(split)];
  }
  /// As all parts say.
  [[nodiscard]] CaptionsPerImage captions_per_image() const {
    return mode_.value_or(CaptionsPerImage::all);
  }

 private:
  static std::size_t position(Split split) { return static_cast<std::size_t>(split); }

  /// @return  nothing if its data are not there, which `missing` then says
  static std::optional<AnyDataset> build(const Use<AnyDataset, PartExtras>& part,
                                         const Context& ctx, std::string& missing) {
    try {
      return part.build(ctx);
    } catch (const DataNotFoundError& error) {
      missing += (missing.empty() ? "" : "\n") + std::string(error.what());
      return std::nullopt;
    }
  }

  void require_mode(CaptionsPerImage mode, std::size_t part) {
    if (!mode_) mode_ = mode;
    if (mode == *mode_) return;
    throw RecipeError("dataset.part." + std::to_string(part) +
                      ".captions_per_image: differs from the parts before (got " +
                      std::string(EnumNames<CaptionsPerImage>::of(mode)) + ", expected " +
                      std::string(EnumNames<CaptionsPerImage>::of(*mode_)) +
                      "). Set all parts alike.");
  }

  /// @param seen  ids of the parts before; this part's are added
  static void append(std::span<const ImageRecord> part, std::int64_t repeat,
                     const std::string& suffix, std::unordered_set<std::string>& seen,
                     std::vector<ImageRecord>& records) {
    const std::size_t first = records.size();
    records.reserve(first + part.size());
    for (const ImageRecord& record : part) {
      ImageRecord& copy = records.emplace_back(record);
      copy.repeat *= repeat;
      while (seen.contains(copy.image_id.text())) copy.image_id = copy.image_id.text() + suffix;
    }
    for (std::size_t i = first; i < records.size(); ++i) seen.insert(records[i].image_id.text());
  }

  std::optional<CaptionsPerImage> mode_;
  std::array<std::vector<ImageRecord>, 3> splits_;  // by `position`
};
static_assert(Dataset<Concat>);

}  // namespace vlp

VLP_PLUGIN(concat, "1.0", vlp::Concat);
