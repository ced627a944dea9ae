#pragma once
// Pictures of a folder, looked up by the names that a person's table has for them. Includes no
// torch.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <unordered_map>
#include <utility>
#include <vector>

#include "vlp/concepts/bad_sample.hpp"
#include "vlp/core/error.hpp"
#include "vlp/core/message.hpp"
#include "vlp/core/printable.hpp"
#include "vlp/image/image_format.hpp"
#include "vlp/image/list_images.hpp"

namespace vlp {

/// The pictures in a folder and those below it, but for those in the folders of runs. What isn't
/// found is gathered and reported at once.
class ImageFinder {
 public:
  /// How many names a message shows.
  static constexpr std::size_t kShown = 5;

  /// @param dataset  name of the component, for messages
  /// @param folder   is listed once
  ImageFinder(std::string dataset, const std::filesystem::path& folder)
      : dataset_(std::move(dataset)), folder_(folder.string()) {
    ImageListing listing = list_images(folder, /*recursive=*/true);
    problems_ = std::move(listing.problems);
    const std::size_t above = (folder / "").string().size();
    std::unordered_map<std::string, bool> runs;
    for (std::string& file : listing.images) {
      std::string name = file.substr(above);
      if (is_in_run(folder, name, runs)) continue;
      by_last_part_.emplace(last_part(name), names_.size());
      by_stem_.emplace(stem(last_part(name)), names_.size());
      names_.push_back(std::move(name));
      files_.push_back(std::move(file));
    }
  }

  /// Folders that can't be read, a line each.
  [[nodiscard]] const std::vector<std::string>& problems() const { return problems_; }
  /// How many pictures there are.
  [[nodiscard]] std::size_t size() const { return names_.size(); }
  /// The path of one below the folder, e.g. "cats/1.jpg". @param image  from 0, in order of bytes
  [[nodiscard]] const std::string& name(std::size_t image) const { return names_.at(image); }
  /// Where it lies.
  [[nodiscard]] const std::string& file(std::size_t image) const { return files_.at(image); }
  /// The folder in which it lies, "" for the one that was listed.
  [[nodiscard]] std::string_view folder_of(std::size_t image) const {
    const std::string_view name = names_.at(image);
    const std::size_t slash = name.rfind('/');
    return name.substr(0, slash == name.npos ? 0 : slash);
  }

  /// Looks a picture up by its path. It may lack folders at its beginning, have some more, or lack
  /// the ending, if just one picture fits; `\` counts as `/`.
  /// @param written  e.g. "cats/1.jpg", "1.jpg" or "1"
  /// @return  its number; none if there is no such picture or there are several, which is noted
  [[nodiscard]] std::optional<std::size_t> find(std::string_view written) {
    std::string wanted(written);
    std::ranges::replace(wanted, '\\', '/');
    while (wanted.starts_with("./")) wanted.erase(0, 2);
    std::vector<std::size_t> found = that_fit(by_last_part_, wanted, /*with_ending=*/true);
    if (found.empty()) found = that_fit(by_stem_, wanted, /*with_ending=*/false);
    if (found.size() == 1) return found.front();
    if (found.empty())
      miss(written, wanted);
    else
      doubt(written, found);
    return std::nullopt;
  }

  /// @param images  how many were looked for
  /// @param advice  what to do where some are missing, a sentence
  /// @param limits  how many may be missing
  /// @throws DataNotFoundError counting those that are missing and naming the first of them, if
  ///                           there are more
  /// @throws DataError         the same of those that could be several pictures, if there are any
  void raise_if_missing(std::size_t images, const std::string& advice,
                        const BadSampleLimits& limits = {}) const {
    const std::int64_t allowed = limits.allowed(static_cast<std::int64_t>(images));
    const auto shown = [](const std::vector<std::string>& names, std::size_t count) {
      return joined(names) + (count > names.size() ? " and more. " : ". ");
    };
    if (std::cmp_greater(missing_, allowed))
      throw DataNotFoundError("dataset " + dataset_ + ": " + std::to_string(missing_) + " of " +
                              std::to_string(images) + " images are not in " + folder_ + ": " +
                              shown(missing_names_, missing_) +
                              (limits.skips()
                                   ? "dataset.max_bad and dataset.max_bad_images allow " +
                                         std::to_string(allowed) + ". "
                                   : "") +
                              advice);
    if (doubtful_ > 0)
      throw DataError("dataset " + dataset_ + ": " + std::to_string(doubtful_) + " of " +
                      std::to_string(images) + " images could be several of the files in " +
                      folder_ + ": " + shown(doubtful_names_, doubtful_) +
                      "Write the folder and the ending in the table.");
  }

 private:
  using Index = std::unordered_multimap<std::string, std::size_t>;

  [[nodiscard]] static std::string last_part(std::string_view name) {
    return std::string(name.substr(name.rfind('/') + 1));  // npos + 1 is 0
  }
  /// A path without the ending of its last part.
  [[nodiscard]] static std::string stem(std::string_view name) {
    return std::string(name.substr(0, name.size() - name_ending(last_part(name)).size()));
  }

  /// Whether a picture lies in the folder of a run, which holds copies of the run's pictures.
  static bool is_in_run(const std::filesystem::path& folder, const std::string& name,
                        std::unordered_map<std::string, bool>& known) {
    for (std::size_t slash = name.find('/'); slash != name.npos;
         slash = name.find('/', slash + 1)) {
      const std::string below = name.substr(0, slash);
      const auto [found, is_new] = known.try_emplace(below);
      std::error_code ignored;  // what can't be looked at is no run
      if (is_new)
        found->second = std::filesystem::exists(folder / below / "environment.json", ignored) &&
                        std::filesystem::exists(folder / below / "recipe.toml", ignored);
      if (found->second) return true;
    }
    return false;
  }

  /// Whether one path is the other, or its end.
  [[nodiscard]] static bool agree(std::string_view a, std::string_view b) {
    if (a.size() < b.size()) std::swap(a, b);
    return a.ends_with(b) && (a.size() == b.size() || a[a.size() - b.size() - 1] == '/');
  }

  [[nodiscard]] std::vector<std::size_t> that_fit(const Index& index, const std::string& wanted,
                                                  bool with_ending) const {
    std::vector<std::size_t> exact, others;
    const auto [first, last] = index.equal_range(last_part(wanted));
    for (auto entry = first; entry != last; ++entry) {
      const std::string& name = names_[entry->second];
      const std::string compared = with_ending ? name : stem(name);
      if (compared == wanted)
        exact.push_back(entry->second);
      else if (agree(compared, wanted))
        others.push_back(entry->second);
    }
    std::vector<std::size_t>& found = exact.empty() ? others : exact;
    std::ranges::sort(found);
    return std::move(found);
  }

  void miss(std::string_view written, const std::string& wanted) {
    if (++missing_ > kShown) return;
    std::string shown = printable(written);
    const auto small = [](std::string_view text) {
      std::string all(text);
      for (char& c : all)
        if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
      return all;
    };
    const auto alike = std::ranges::find(names_, small(wanted), small);
    if (alike != names_.end()) shown += " (there is " + printable(*alike) + ")";
    missing_names_.push_back(std::move(shown));
  }

  void doubt(std::string_view written, const std::vector<std::size_t>& found) {
    if (++doubtful_ > kShown) return;
    doubtful_names_.push_back(printable(written) + " (" + printable(names_[found[0]]) + " or " +
                              printable(names_[found[1]]) + ")");
  }

  std::string dataset_, folder_;
  std::vector<std::string> problems_;
  std::vector<std::string> names_, files_;  // by image
  Index by_last_part_, by_stem_;
  std::size_t missing_ = 0, doubtful_ = 0;
  std::vector<std::string> missing_names_, doubtful_names_;  // the first of them
};

}  // namespace vlp
