#pragma once
// Where a dataset's files lie: each folder is listed once, however many images are looked for in
// it, and what is missing is reported all at once. Includes no torch.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <string_view>
#include <system_error>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <vector>

#include "vlp/concepts/bad_sample.hpp"
#include "vlp/core/error.hpp"

namespace vlp {

/// A file or folder that an option of a dataset names must be there; one that can't be looked at
/// counts as missing.
/// @param there    whether it is
/// @param dataset  name of the component
/// @param option   that names it, e.g. "captions"
/// @param path     where it was looked for
/// @throws DataNotFoundError if it is not
inline void require_data(bool there, const std::string& dataset, const std::string& option,
                         const std::filesystem::path& path) {
  if (!there)
    throw DataNotFoundError(
        "dataset " + dataset + ": " + option + " not found at " + path.string() +
        ". Pass --data-dir DIR, the folder that holds them, or set dataset." + option + ".");
}
/// See `require_data`. @throws DataNotFoundError if there is no such file
inline void require_file(const std::string& dataset, const std::string& option,
                         const std::filesystem::path& path) {
  std::error_code error;
  require_data(std::filesystem::is_regular_file(path, error), dataset, option, path);
}
/// See `require_data`. @throws DataNotFoundError if there is no such folder
inline void require_folder(const std::string& dataset, const std::string& option,
                           const std::filesystem::path& path) {
  std::error_code error;
  require_data(std::filesystem::is_directory(path, error), dataset, option, path);
}

/// Looks for images and counts those that are not there. Names must match to the letter.
class ImageFolder {
 public:
  /// @param dataset  name of the component, for messages
  /// @param folder   where the images should be; it need not be there
  ImageFolder(std::string dataset, const std::filesystem::path& folder)
      : dataset_(std::move(dataset)) {
    const std::filesystem::path plain = (folder / "").parent_path();  // without a slash at the end
    folder_ = plain.string();
    bases_ = {folder_ + "/", (plain / plain.filename()).string() + "/"};
  }

  /// Finds an image in the folder, or in the folder of the same name inside, as Kaggle's zip
  /// unpacks. An image of a subfolder may also lie beside those of the others.
  /// @param name  below the folder, e.g. "1000092795.jpg" or
  ///              "train2014/COCO_train2014_000000000009.jpg"
  /// @return  its path; where it should be, if it is missing
  [[nodiscard]] std::string find(const std::string& name) {
    const std::string flat = name.substr(name.rfind('/') + 1);  // npos + 1 is 0
    for (const std::string& base : bases_) {
      if (has(base + name)) return base + name;
      if (flat.size() < name.size() && has(base + flat)) return base + flat;
    }
    miss(name, bases_.front() + name);
    return bases_.front() + name;
  }

  /// Looks for an image at one path and nowhere else. @param path  may lie outside the folder
  void require(const std::string& path) {
    if (!has(path))
      miss(path.starts_with(bases_.front()) ? path.substr(bases_.front().size()) : path, path);
  }

  /// @param images  how many were looked for
  /// @param advice  what to do, a sentence
  /// @param limits  how many may be missing
  /// @throws DataNotFoundError naming the first 20 that are missing and counting all, if there are
  ///         more than that
  void raise_if_missing(std::size_t images, const std::string& advice,
                        const BadSampleLimits& limits = {}) const {
    const std::int64_t allowed = limits.allowed(static_cast<std::int64_t>(images));
    if (std::cmp_less_equal(missing_, allowed)) return;
    throw DataNotFoundError("dataset " + dataset_ + ": " + std::to_string(missing_) + " of " +
                            std::to_string(images) + " images are not in " + folder_ + ": " +
                            shown_ + (missing_ > kShown ? " and more. " : ". ") +
                            (limits.skips() ? "dataset.max_bad and dataset.max_bad_images allow " +
                                                  std::to_string(allowed) + ". "
                                            : std::string()) +
                            advice);
  }

 private:
  static constexpr std::size_t kShown = 20;
  using Names = std::unordered_set<std::string>;

  [[nodiscard]] bool has(const std::string& path) {
    const Names& names = names_beside(path);
    return names.contains(path.substr(parent_.size()));
  }

  /// Names in the folder of `path`, which is `parent_` afterwards.
  [[nodiscard]] const Names& names_beside(const std::string& path) {
    const std::size_t slash = path.rfind('/');
    const std::string_view parent =
        std::string_view(path).substr(0, slash == path.npos ? 0 : slash + 1);
    if (!names_ || parent != parent_) {
      const auto [found, is_new] = listed_.try_emplace(std::string(parent));
      if (is_new) found->second = list(found->first);
      parent_ = found->first;  // keys of a map of nodes stay where they are
      names_ = &found->second;
    }
    return *names_;
  }

  /// Names in a folder; none if it is not there.
  [[nodiscard]] Names list(const std::string& folder) const {
    Names names;
    std::error_code error;
    for (std::filesystem::directory_iterator entry(folder.empty() ? "." : folder, error), end;
         !error && entry != end; entry.increment(error))
      names.insert(entry->path().filename().string());
    if (error && error != std::errc::no_such_file_or_directory &&
        error != std::errc::not_a_directory)
      throw DataNotFoundError("dataset " + dataset_ + ": " + folder + " can't be listed (" +
                              error.message() + "). Check its permissions.");
    return names;
  }

  /// @param path  where it was looked for
  void miss(const std::string& name, const std::string& path) {
    if (++missing_ > kShown) return;
    shown_ += (missing_ > 1 ? ", " : "") + name;
    std::string alike;  // the first of those that differ in capitals alone
    const Names& names = names_beside(path);
    const std::string wanted = small(std::string_view(path).substr(parent_.size()));
    for (const std::string& other : names)
      if (small(other) == wanted && (alike.empty() || other < alike)) alike = other;
    if (!alike.empty()) shown_ += " (there is " + alike + ")";
  }

  /// A name with its ASCII letters small.
  [[nodiscard]] static std::string small(std::string_view name) {
    std::string all(name);
    std::ranges::transform(all, all.begin(), [](char c) {
      return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    });
    return all;
  }

  std::string dataset_, folder_;
  std::vector<std::string> bases_;                 // with a slash at the end
  std::unordered_map<std::string, Names> listed_;  // by folder, with its slash
  std::string_view parent_;                        // of the image before
  const Names* names_ = nullptr;                   // of `parent_`
  std::size_t missing_ = 0;
  std::string shown_;
};

}  // namespace vlp
