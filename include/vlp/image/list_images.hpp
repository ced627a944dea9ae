#pragma once
// The pictures in a folder as it is, and what else lies there. Includes no torch.

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdio>
#include <filesystem>
#include <iterator>
#include <memory>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include "vlp/core/message.hpp"
#include "vlp/core/printable.hpp"
#include "vlp/image/image_format.hpp"

namespace vlp {

/// What a folder holds besides pictures.
struct PassedOver {
  std::size_t files = 0;
  std::size_t unreadable = 0;     ///< of these files, those whose content can't be looked at
  std::set<std::string> endings;  ///< of the names of these files, e.g. ".txt"; "" = none
  std::size_t folders = 0;
  std::size_t loops = 0;   ///< links that lead back to a folder above them
  std::size_t hidden = 0;  ///< whose names begin with a dot, as macOS writes them beside pictures

  /// E.g. "3 files (.db, .txt) and 1 folder", without what is hidden; empty = nothing.
  [[nodiscard]] std::string text() const {
    std::vector<std::string> parts;
    if (files > 0) parts.push_back(counted(files, "file", "files") + " (" + kinds() + ")");
    if (folders > 0) parts.push_back(counted(folders, "folder", "folders"));
    if (loops > 0)
      parts.push_back(counted(loops, "link to a folder above it", "links to folders above them"));
    std::string all;
    for (std::size_t i = 0; i < parts.size(); ++i)
      all += (i == 0 ? "" : i + 1 == parts.size() ? " and " : ", ") + parts[i];
    return all;
  }

  /// @return  e.g. "1 file", "2 files"
  [[nodiscard]] static std::string counted(std::size_t n, std::string_view one,
                                           std::string_view many) {
    return std::to_string(n) + " " + std::string(n == 1 ? one : many);
  }

 private:
  [[nodiscard]] std::string kinds() const {
    constexpr std::size_t kShown = 8;
    std::vector<std::string> shown;
    for (const std::string& ending : endings)
      if (!ending.empty() && shown.size() < kShown) shown.push_back(printable(ending));
    const bool some_without = endings.contains("");
    if (endings.size() - (some_without ? 1 : 0) > kShown) shown.emplace_back("...");
    if (some_without) shown.emplace_back("without an ending");
    const std::string all = joined(shown);
    return unreadable == 0 ? all : all + "; " + std::to_string(unreadable) + " can't be read";
  }
};

/// The pictures of a folder.
struct ImageListing {
  std::vector<std::string> images;    ///< paths, in the order of their bytes
  std::vector<std::string> problems;  ///< folders that can't be read, a line each
  PassedOver passed_over;
};

namespace detail {

/// Collects what lies in a folder, and in those below it.
class ImageLister {
 public:
  explicit ImageLister(bool recursive) : recursive_(recursive) {}

  void look_into(const std::filesystem::path& folder) {
    std::vector<std::filesystem::path> folders;
    std::error_code error;
    for (std::filesystem::directory_iterator entry(folder, error), end; !error && entry != end;
         entry.increment(error))
      take(*entry, folders);
    if (error)
      found_.problems.push_back(folder.string() + ": the folder can't be read (" + error.message() +
                                "). Check its permissions.");
    std::ranges::sort(folders, {}, &std::filesystem::path::native);
    above_.push_back(folder);
    for (const std::filesystem::path& below : folders) {
      if (is_above(below))
        ++found_.passed_over.loops;
      else
        look_into(below);
    }
    above_.pop_back();
  }

  [[nodiscard]] ImageListing found() {
    std::ranges::sort(found_.images);
    std::ranges::sort(found_.problems);
    return std::move(found_);
  }

 private:
  void take(const std::filesystem::directory_entry& entry,
            std::vector<std::filesystem::path>& folders) {
    const std::string name = entry.path().filename().string();
    PassedOver& others = found_.passed_over;
    std::error_code ignored;  // what can't be looked at is neither a folder nor a file
    if (name.starts_with('.')) {
      ++others.hidden;
    } else if (entry.is_directory(ignored)) {
      if (recursive_)
        folders.push_back(entry.path());
      else
        ++others.folders;
    } else if (is_picture(entry, name)) {
      found_.images.push_back(entry.path().string());
    } else {
      ++others.files;
      others.endings.insert(name_ending(name));
    }
  }

  /// A file that is named as a picture counts as one, and so does a link by such a name that leads
  /// nowhere: who reads it says what is wrong. Of others the content decides. A pipe or a device
  /// is never opened.
  [[nodiscard]] bool is_picture(const std::filesystem::directory_entry& entry,
                                const std::string& name) {
    std::error_code error;
    if (!entry.is_regular_file(error))
      return is_image_name(name) && !std::filesystem::exists(entry.path(), error);
    if (is_image_name(name)) return true;
    const std::unique_ptr<std::FILE, int (*)(std::FILE*)> file(
        std::fopen(entry.path().c_str(), "rb"), std::fclose);
    std::array<std::byte, kImageHeadBytes> head{};
    const std::size_t got = file ? std::fread(head.data(), 1, head.size(), file.get()) : 0;
    if (!file || std::ferror(file.get()) != 0) ++found_.passed_over.unreadable;
    return image_format(std::span(head).first(got)).has_value();
  }

  [[nodiscard]] bool is_above(const std::filesystem::path& folder) const {
    return std::ranges::any_of(above_, [&](const std::filesystem::path& above) {
      std::error_code ignored;
      return std::filesystem::equivalent(above, folder, ignored);
    });
  }

  bool recursive_;
  std::vector<std::filesystem::path> above_;  // the folder that is looked into, and those above
  ImageListing found_;
};

}  // namespace detail

/// Lists the pictures of a folder. JPEG, PNG and WebP files are told by their content, whatever
/// their names; a file that is named as one (`is_image_name`) is listed whatever its content, since
/// somebody means a picture. Hidden files and folders are left out. Links are followed.
/// @param recursive  also those of the folders below, each link to a folder as if it were one, but
///                   for those that lead back to a folder above them
[[nodiscard]] inline ImageListing list_images(const std::filesystem::path& folder,
                                              bool recursive = false) {
  detail::ImageLister lister(recursive);
  lister.look_into(folder);
  return lister.found();
}

}  // namespace vlp
