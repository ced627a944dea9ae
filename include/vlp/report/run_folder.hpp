#pragma once
// The folder of one run as a place to write: never touches an earlier run, and replaces files as a
// whole. What can't be written, because the disk is full, is kept and tried again. Includes no
// torch.

#include <cerrno>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <ctime>
#include <filesystem>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include "vlp/concepts/dataset.hpp"
#include "vlp/core/atomic_file.hpp"
#include "vlp/core/console.hpp"
#include "vlp/core/draft.hpp"
#include "vlp/core/error.hpp"
#include "vlp/core/json.hpp"
#include "vlp/core/read_file.hpp"
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

/// How a run folder is opened.
struct RunFolderOptions {
  bool writes = true;    ///< whether this process writes the run's files; of several one does, and
                         ///< in the others nothing is made or written
  bool goes_on = false;  ///< the folder is an earlier, unfinished run's, which goes on
  bool counts_up = false;  ///< where there is such a folder already, NAME-2, NAME-3, ... are tried
  std::vector<std::pair<std::string, std::string>> first =
      {};                ///< files, by name, that are in the folder from its first moment
  Console console = {};  ///< hears what can't be written for now
};

/// How many lines each growing file of a run has, by name.
using LineCounts = std::map<std::string, std::int64_t>;

/// A folder that belongs to one run.
class RunFolder {
 public:
  /// Earlier runs are never overwritten.
  /// @throws RecipeError if the folder exists and isn't empty
  static void require_free(const std::filesystem::path& folder) {
    namespace fs = std::filesystem;
    if (fs::exists(folder) && (!fs::is_directory(folder) || !fs::is_empty(folder)))
      throw RecipeError("--out " + folder.string() +
                        ": exists and is not empty. Earlier runs are never overwritten; choose "
                        "another folder, or go on with that run by --resume " +
                        folder.string() + ".");
  }

  /// Makes the folder, or opens one whose run goes on; no other process can open it meanwhile.
  /// @throws RecipeError if it exists and isn't empty, though its run doesn't go on, or another
  ///                     process works in it; DiskError if it can't be made
  RunFolder(std::filesystem::path folder, RunFolderOptions options)
      : folder_(named(std::move(folder))),
        writes_(options.writes),
        console_(std::move(options.console)) {
    if (!writes_) return;
    remove_abandoned_drafts(folder_.parent_path().empty() ? "." : folder_.parent_path());
    if (options.goes_on) {
      lock();
      remove_abandoned_drafts(folder_, /*everywhere=*/true);
      for (const auto& [name, text] : options.first) write_now(name, text);
      return;
    }
    for (int number = 2; !make(options.first); ++number) {
      if (!options.counts_up) {
        require_free(folder_);
        fail_as_in_use();
      }
      if (number == 2) unnumbered_ = folder_;
      folder_ = unnumbered_.string() + "-" + std::to_string(number);
    }
    if (!options.first.empty()) lock();
  }
  /// The same of a folder that isn't there.
  explicit RunFolder(std::filesystem::path folder, bool writes = true)
      : RunFolder(std::move(folder), RunFolderOptions{.writes = writes}) {}
  ~RunFolder() {
    (void)flush();
    unlock();
  }
  RunFolder(const RunFolder&) = delete;
  RunFolder& operator=(const RunFolder&) = delete;

  /// The folder itself.
  [[nodiscard]] const std::filesystem::path& path() const { return folder_; }
  /// Whether this process writes the run's files.
  [[nodiscard]] bool writes() const { return writes_; }
  /// A folder inside, made when first asked for.
  [[nodiscard]] std::filesystem::path subfolder(const std::string& name) const {
    if (writes_) make_folder(folder_ / name);
    return folder_ / name;
  }

  /// Replaces a file as a whole: who reads it finds the old one or the new one. If it can't be
  /// written now, that is said, and tried again later.
  void write(const std::string& name, const std::string& text) const {
    if (!writes_) return;
    whole_[name] = text;
    (void)flush();
  }
  /// The same, indented.
  void write(const std::string& name, const Json& json) const { write(name, json.dump(2) + "\n"); }
  /// Lines of JSON, all at once.
  void write_lines(const std::string& name, const std::vector<Json>& lines) const {
    std::string text;
    for (const Json& line : lines) text += line.dump() + "\n";
    write(name, text);
  }
  /// Adds one line to a file of JSON lines, now or, if it can't be written, later.
  void append(const std::string& name, const Json& json) const {
    if (!writes_) return;
    lines_[name] += json.dump() + "\n";
    ++counts_[name];
    (void)flush();
  }

  /// Writes what couldn't be written before. @return  whether nothing is left
  [[nodiscard]] bool flush() const {
    std::string problem;
    const auto attempt = [&](const auto& work) {
      try {
        work();
        return true;
      } catch (const DiskError& error) {
        problem = error.what();
        return false;
      }
    };
    for (auto at = whole_.begin(); at != whole_.end();) {
      const bool done = attempt([&] { write_now(at->first, at->second); });
      at = done ? whole_.erase(at) : std::next(at);
    }
    for (auto at = lines_.begin(); at != lines_.end();) {
      const bool done = attempt([&] { append_now(at->first, at->second); });
      at = done ? lines_.erase(at) : std::next(at);
    }
    if (!problem.empty() && problem_.empty())
      console_.warning(problem + " The run goes on and tries again.");
    problem_ = problem;
    return problem.empty();
  }
  /// Lets `finish` fail, for something that can't be tried again. Empty = not any more.
  void remember_loss(std::string what) const { loss_ = std::move(what); }
  /// The end of the run. @throws DiskError if something is still not written
  void finish() const {
    if (!flush()) throw DiskError(problem_ + " Files of this run are missing.");
    if (!loss_.empty()) throw DiskError(loss_);
  }

  /// Lines of each file that has grown in this run, with those that were there when it went on.
  [[nodiscard]] const LineCounts& line_counts() const { return counts_; }
  /// Brings files that grow to the disk, so that no checkpoint knows more lines than there are. May
  /// be called from any thread.
  /// @param counts  of a moment at which nothing waited to be written; a file that isn't there any
  ///                more is passed over
  /// @throws DiskError if a file can't be brought there
  void sync_lines(const LineCounts& counts) const {
    for (const auto& [name, count] : counts) {
      const std::filesystem::path file = folder_ / name;
      const int descriptor = ::open(file.c_str(), O_RDONLY | O_CLOEXEC);
      if (descriptor < 0 && errno == ENOENT) continue;
      const int code = descriptor < 0 || ::fsync(descriptor) != 0 ? errno : 0;
      if (descriptor >= 0) ::close(descriptor);
      if (code != 0) fail(file, "can't be flushed to the disk", code);
    }
  }
  /// Cuts off what the files of JSON lines have beyond a checkpoint's counts; files that it doesn't
  /// know are removed.
  /// @throws DiskError if that can't be done
  void cut_lines(const LineCounts& counts) const {
    namespace fs = std::filesystem;
    if (!writes_) return;
    std::vector<fs::path> files;
    for (const auto& entry : fs::directory_iterator(folder_))
      if (entry.is_regular_file() && entry.path().extension() == ".jsonl")
        files.push_back(entry.path());
    for (const fs::path& file : files) {
      const auto found = counts.find(file.filename().string());
      cut(file, found == counts.end() ? 0 : found->second);
    }
    counts_ = counts;
  }
  /// Removes a file or a folder inside, if it is there. @throws DiskError if that can't be done
  void remove(const std::string& name) const {
    std::error_code error;
    if (writes_) std::filesystem::remove_all(folder_ / name, error);
    if (error) fail(folder_ / name, "can't be removed", error.value());
  }

 private:
  /// Without a slash at its end, which would hide its name.
  static std::filesystem::path named(std::filesystem::path folder) {
    return folder.has_filename() ? folder : folder.parent_path();
  }
  [[noreturn]] static void fail(const std::filesystem::path& place, const std::string& what,
                                int code) {
    throw DiskError(place.string() + ": " + what + " (" + std::generic_category().message(code) +
                    "). Make room, or allow writing there.");
  }
  static void make_folder(const std::filesystem::path& folder) {
    std::error_code error;
    std::filesystem::create_directories(folder, error);
    if (error) fail(folder, "can't be made", error.value());
  }

  /// @return  false if there is something of this name that isn't an empty folder, or another
  ///          process begins in it
  bool make(const std::vector<std::pair<std::string, std::string>>& first) {
    namespace fs = std::filesystem;
    if (fs::exists(folder_)) {
      if (!fs::is_directory(folder_) || !fs::is_empty(folder_)) return false;
      if (!first.empty() && (!try_lock() || !fs::is_empty(folder_))) {
        unlock();
        return false;
      }
      for (const auto& [name, text] : first) write_now(name, text);
      return true;
    }
    if (first.empty()) {
      make_folder(folder_);
      return true;
    }
    if (folder_.has_parent_path()) make_folder(folder_.parent_path());
    const fs::path draft = draft_of(folder_);
    make_folder(draft);
    for (const auto& [name, text] : first) {
      AtomicFile<DiskError> file(draft / name);
      file.write(std::as_bytes(std::span(text)));
      file.commit();
    }
    if (::rename(draft.c_str(), folder_.c_str()) != 0) {
      const int code = errno;
      std::error_code ignored;
      fs::remove_all(draft, ignored);
      if (code == EEXIST || code == ENOTEMPTY) return false;
      fail(folder_, "can't make the run folder", code);
    }
    sync_folder(folder_.parent_path());
    return true;
  }

  /// Where the file system knows no locks, nothing is locked.
  /// @return  false if another process has locked it
  bool try_lock() {
    if (lock_ >= 0) return true;
    lock_ = ::open(folder_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return lock_ < 0 || ::flock(lock_, LOCK_EX | LOCK_NB) == 0 || errno != EWOULDBLOCK;
  }
  void unlock() {
    if (lock_ >= 0) ::close(std::exchange(lock_, -1));
  }
  void lock() {
    if (try_lock()) return;
    unlock();
    fail_as_in_use();
  }
  [[noreturn]] void fail_as_in_use() const {
    throw RecipeError(folder_.string() +
                      ": another process works in this run folder. Wait for its end, or stop it.");
  }

  [[nodiscard]] std::filesystem::path place_of(const std::string& name) const {
    std::filesystem::path file = folder_ / name;
    make_folder(file.parent_path());
    return file;
  }
  void write_now(const std::string& name, const std::string& text) const {
    AtomicFile<DiskError> file(place_of(name));
    file.write(std::as_bytes(std::span(text)));
    file.commit();
  }
  /// @param text  what is to be added; what of it could be is taken away
  void append_now(const std::string& name, std::string& text) const {
    const std::filesystem::path file = place_of(name);
    const int descriptor = ::open(file.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
    if (descriptor < 0) fail(file, "can't be written", errno);
    int code = 0;
    while (code == 0 && !text.empty()) {
      const ssize_t written = ::write(descriptor, text.data(), text.size());
      if (written > 0) text.erase(0, static_cast<std::size_t>(written));
      if (written < 0 && errno != EINTR) code = errno;
    }
    if (::close(descriptor) != 0 && code == 0) code = errno;
    if (code != 0) fail(file, "can't be written", code);
  }
  void cut(const std::filesystem::path& file, std::int64_t lines) const {
    const std::string text = read_file(file).value_or("");
    std::size_t end = 0;
    std::int64_t found = 0;
    for (; found < lines; ++found) {
      const std::size_t line = text.find('\n', end);
      if (line == text.npos) break;
      end = line + 1;
    }
    if (found < lines)
      console_.warning(file.string() + ": lines of before the checkpoint are missing (got " +
                       std::to_string(found) + ", expected " + std::to_string(lines) + ")");
    if (lines == 0) {
      remove(file.filename().string());
    } else if (end < text.size() && ::truncate(file.c_str(), static_cast<off_t>(end)) != 0) {
      fail(file, "can't be cut", errno);
    }
  }

  std::filesystem::path folder_, unnumbered_;
  bool writes_;
  Console console_;
  int lock_ = -1;
  // What is not written yet, and why; a run writes from one thread.
  mutable std::map<std::string, std::string> whole_, lines_;
  mutable LineCounts counts_;
  mutable std::string problem_, loss_;
};

}  // namespace vlp
