#pragma once
// The folder of one run as a place to write: never touches an earlier run, and replaces files as a
// whole. Includes no torch.

#include <chrono>
#include <ctime>
#include <filesystem>
#include <fstream>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "vlp/concepts/dataset.hpp"
#include "vlp/core/atomic_file.hpp"
#include "vlp/core/error.hpp"
#include "vlp/core/json.hpp"
#include "vlp/recipe/field.hpp"

namespace vlp {

/// Names of the splits in files.
[[nodiscard]] inline std::string split_name(Split split) {
  return std::string(EnumNames<Split>::of(split));
}

/// `NAME-20260131-142501`, in local time.
[[nodiscard]] inline std::string timed_name(const std::string& name) {
  const std::time_t now = std::chrono::system_clock::to_time_t(std::chrono::system_clock::now());
  std::tm local{};
  localtime_r(&now, &local);
  char text[32];
  std::strftime(text, sizeof text, "%Y%m%d-%H%M%S", &local);
  return name + "-" + text;
}

/// A folder that belongs to one run.
class RunFolder {
 public:
  /// Earlier runs are never overwritten.
  /// @throws RecipeError if the folder exists and isn't empty
  static void require_free(const std::filesystem::path& folder) {
    namespace fs = std::filesystem;
    if (fs::exists(folder) && (!fs::is_directory(folder) || !fs::is_empty(folder)))
      throw RecipeError(
          "--out " + folder.string() +
          ": exists and is not empty. Earlier runs are never overwritten; choose another folder.");
  }

  /// Makes the folder.
  /// @param writes  whether this process writes the run's files; of several one does, and in the
  ///                others nothing is made or written
  /// @throws RecipeError if it exists and isn't empty, DataError if it can't be made
  explicit RunFolder(std::filesystem::path folder, bool writes = true)
      : folder_(std::move(folder)), writes_(writes) {
    if (!writes_) return;
    require_free(folder_);
    std::error_code error;
    std::filesystem::create_directories(folder_, error);
    if (error)
      throw DataError(folder_.string() + ": can't make the run folder: " + error.message() +
                      ". Choose another --out.");
  }

  /// The folder itself.
  [[nodiscard]] const std::filesystem::path& path() const { return folder_; }
  /// Whether this process writes the run's files.
  [[nodiscard]] bool writes() const { return writes_; }
  /// A folder inside, made when first asked for.
  [[nodiscard]] std::filesystem::path subfolder(const std::string& name) const {
    if (writes_) std::filesystem::create_directories(folder_ / name);
    return folder_ / name;
  }

  /// Replaces a file as a whole: who reads it finds the old one or the new one.
  /// @throws DataError if it can't be written
  void write(const std::string& name, const std::string& text) const {
    if (!writes_) return;
    AtomicFile<DataError> file(place_of(name));
    file.write(std::as_bytes(std::span(text)));
    file.commit();
  }
  /// The same, indented.
  void write(const std::string& name, const Json& json) const { write(name, json.dump(2) + "\n"); }
  /// Lines of JSON, all at once.
  void write_lines(const std::string& name, const std::vector<Json>& lines) const {
    std::string text;
    for (const Json& line : lines) text += line.dump() + "\n";
    write(name, text);
  }
  /// Adds one line to a file of JSON lines. @throws DataError if it can't be written
  void append(const std::string& name, const Json& json) const {
    if (!writes_) return;
    const std::filesystem::path file = place_of(name);
    std::ofstream out(file, std::ios::binary | std::ios::app);
    out << json.dump() + "\n";
    out.flush();
    if (!out) throw DataError(file.string() + ": can't be written. Is the disk full?");
  }

 private:
  [[nodiscard]] std::filesystem::path place_of(const std::string& name) const {
    std::filesystem::path file = folder_ / name;
    std::filesystem::create_directories(file.parent_path());
    return file;
  }

  std::filesystem::path folder_;
  bool writes_;
};

}  // namespace vlp
