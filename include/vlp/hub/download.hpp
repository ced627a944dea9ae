#pragma once
// Brings a model from a Hugging Face hub into the cache that transformers uses too. Files are named
// by their hash and checked against it; a download that stops leaves parts that the next one goes
// on with, never a file that looks whole; the revision's ref is written last. What is there already
// is used where the hub can't be asked or the cache can't be written, and a file system without
// symbolic links or locks will do, all as with huggingface_hub. Includes no torch.

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <charconv>
#include <chrono>
#include <cstdint>
#include <filesystem>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include "vlp/core/atomic_file.hpp"
#include "vlp/core/console.hpp"
#include "vlp/core/draft.hpp"
#include "vlp/core/error.hpp"
#include "vlp/hub/cache.hpp"
#include "vlp/hub/cache_calls.hpp"
#include "vlp/hub/file_lock.hpp"
#include "vlp/hub/hash.hpp"
#include "vlp/hub/hub_client.hpp"
#include "vlp/hub/model_files.hpp"
#include "vlp/hub/partial_file.hpp"
#include "vlp/hub/snapshot_file.hpp"

namespace vlp {

/// What a download has brought.
struct DownloadedModel {
  std::filesystem::path folder;  ///< the snapshot, with every file under its own name
  std::string commit;            ///< what the revision stands for
  std::int64_t fetched =
      0;  ///< bytes of files that had to be fetched; those that were there already don't count
};

/// A number of bytes as a person reads it: `711.4 kB`, `989.8 MB`.
[[nodiscard]] inline std::string size_text(std::int64_t bytes) {
  return bytes < 1'000'000 ? fmt::format("{:.1f} kB", static_cast<double>(bytes) / 1e3)
                           : fmt::format("{:.1f} MB", static_cast<double>(bytes) / 1e6);
}

/// One download of one model.
class ModelDownload {
 public:
  /// @throws WeightsError if the endpoint or the token is malformed
  ModelDownload(const HubSettings& settings, const HubName& model, Console console,
                RetryPolicy retry, CacheCalls calls = {})
      : settings_(settings),
        model_(model),
        cached_(settings.cache, model.name),
        console_(console),
        client_(settings, model, console, std::move(retry)),
        calls_(std::move(calls)),
        links_(settings.links) {}

  /// @throws WeightsError, DiskError if anything is missing in the end
  DownloadedModel run() {
    const std::optional<HubListing> listing = ask_for_listing();
    if (!listing) return result_;
    result_.commit = listing->commit;
    result_.folder = cached_.snapshot(listing->commit);
    const WantedFiles wanted = wanted_files(listing->files);
    if (wanted.configuration.empty() || wanted.configuration.front() != kConfigurationFiles[0])
      client_.fail("has no config.json", "Choose a model in the format of transformers");
    if (wanted.weights.empty())
      client_.fail("has neither model.safetensors nor pytorch_model.bin",
                   "Choose a revision with PyTorch weights");

    for (const std::string& name : wanted.configuration) bring(name);
    bring(wanted.weights);
    if (is_shard_index(wanted.weights)) {
      const std::vector<std::string> shards = shards_of(result_.folder / wanted.weights);
      for (const std::string& shard : shards)
        if (std::ranges::find(listing->files, shard) == listing->files.end())
          client_.fail(wanted.weights + " names " + shard + ", which is not there",
                       "Choose another revision");
      for (const std::string& shard : shards) bring(shard);
    }
    if (model_.revision != listing->commit) update_ref();
    return result_;
  }

 private:
  static constexpr std::int64_t kMegabyte = 1'000'000;  ///< bytes

  /// What the hub has; if it can't be asked, nothing, and the result is the copy in the cache.
  std::optional<HubListing> ask_for_listing() {
    const auto whole = find_whole_in_cache(settings_, model_);
    try {
      return client_.listing(/*needed=*/!whole);
    } catch (const HubError& error) {
      if (!whole) throw;
      result_ = {.folder = *whole, .commit = whole->filename().string()};
      console_.note(error.what() +
                    std::string(" The copy in the cache is used, not compared with the hub."));
      return std::nullopt;
    }
  }

  /// What the hub says about a file; nothing if it can't be asked and the file is there.
  std::optional<HubFile> ask_for_file(const std::string& name) {
    std::error_code error;
    const bool may_do = std::filesystem::is_regular_file(result_.folder / name, error);
    if (may_do && unanswered_) return std::nullopt;
    try {
      return client_.file(result_.commit, name);
    } catch (const HubError& problem) {
      if (!may_do) throw;
      unanswered_ = true;
      console_.note(problem.what() + std::string(" What the cache has of this commit is used."));
      return std::nullopt;
    }
  }

  void bring(const std::string& name) {
    const std::optional<HubFile> known = ask_for_file(name);
    if (!known || is_there(result_.folder / name, *known))
      return console_.note(name + ": there already");
    const HubFile& file = *known;
    // Content without a name of the hub's gets one when it is whole.
    const std::string key = file.etag.empty() ? result_.commit + "-" + name : file.etag;
    make_folder(cached_.blob(key).parent_path());
    make_folder(result_.folder);
    const FileLock lock(
        cached_.lock(key), [&] { console_.note(name + ": waiting for another download of it"); },
        calls_);
    const bool locked = lock.problem().empty();
    if (!locked && std::exchange(locks_, false))
      console_.note(lock.problem() +
                    "; another download at the same time may fetch the same files again");
    if (is_there(result_.folder / name, file)) return console_.note(name + ": there already");
    brought_ = true;
    if (!file.etag.empty() && is_there(cached_.blob(file.etag), file)) {
      console_.note(name + ": there already");
      place(name, cached_.blob(file.etag), /*is_new=*/false);
    } else {
      place(name, fetch(file, key, locked), /*is_new=*/true);
    }
  }

  /// Whether a file exists with the size that it should have; blobs appear whole, so their hash was
  /// right then.
  [[nodiscard]] static bool is_there(const std::filesystem::path& path, const HubFile& file) {
    std::error_code error;
    const auto size = std::filesystem::file_size(path, error);
    return !error && (file.size < 0 || size == static_cast<std::uintmax_t>(file.size));
  }

  /// Where a file's bytes arrive. Without a lock, and where something of another user's is in the
  /// way, it is a file that no other download has; it doesn't outlast this one.
  [[nodiscard]] PartialFile open_partial(const std::string& key, bool locked) const {
    const std::filesystem::path blob = cached_.blob(key);
    const std::filesystem::path shared = blob.string() + ".incomplete";
    std::error_code error;
    const auto type = std::filesystem::symlink_status(shared, error).type();
    const bool usable = type == std::filesystem::file_type::not_found ||
                        (type == std::filesystem::file_type::regular &&
                         ::faccessat(AT_FDCWD, shared.c_str(), R_OK | W_OK, AT_EACCESS) == 0);
    if (locked && usable) return PartialFile(shared);
    static std::atomic<int> count = 0;
    return PartialFile(
        fmt::format("{}.{}{}.incomplete", blob.string(), detail::process_word(), count++),
        /*stays=*/false);
  }

  /// @param key  names the file while it has no hash
  /// @return  the blob
  std::filesystem::path fetch(const HubFile& file, const std::string& key, bool locked) {
    PartialFile partial = open_partial(key, locked);
    if (file.etag.empty()) partial.cut(0);  // nothing tells whether it is of this file
    if (file.size >= 0 && partial.size() > file.size) partial.cut(0);
    require_room(file, partial.size());
    const bool resumed = partial.size() > 0;
    if (resumed) console_.note(file.name + ": going on after " + size_text(partial.size()));
    receive(file, partial);
    bool intact = is_intact(file, partial);
    if (!intact && resumed) {
      console_.note(file.name +
                    ": what an earlier download left doesn't fit, fetching it from the beginning");
      partial.cut(0);
      receive(file, partial);
      intact = is_intact(file, partial);
    }
    if (!intact) {
      const std::string hash =
          is_content_hash(file.etag) ? content_hash(partial.path(), file.etag) : "unknown";
      partial.remove();
      client_.fail(fmt::format("{} has arrived damaged (got a file of {} bytes with hash {}, "
                               "expected {}) and is deleted",
                               file.name, partial.size(), hash, file.etag),
                   "Try again; if it happens again, check HF_ENDPOINT and the proxy");
    }
    const std::filesystem::path blob = cached_.blob(
        file.etag.empty() ? content_hash(partial.path(), std::string(64, '0')) : file.etag);
    partial.rename_to(blob);
    result_.fetched += partial.size();
    console_.note(file.name + ": " + size_text(partial.size()));
    return blob;
  }

  /// Until all bytes are there, as far as the hub has told how many.
  void receive(const HubFile& file, PartialFile& partial) {
    if (file.size >= 0 && partial.size() == file.size) return;
    const auto start = std::chrono::steady_clock::now();
    std::int64_t received = 0;
    bool begun = false;
    const auto take = [&](const HttpAnswer& answer, std::span<const std::byte> bytes) {
      if (!std::exchange(begun, true)) begin(file, partial, answer);
      if (file.size >= 0 && partial.size() + static_cast<std::int64_t>(bytes.size()) > file.size) {
        partial.remove();
        client_.fail(fmt::format("{} is longer than announced (expected {} bytes) and is deleted",
                                 file.name, file.size),
                     "Try again; if it happens again, check HF_ENDPOINT and the proxy");
      }
      const std::int64_t before = partial.size();
      partial.write(bytes);
      received += static_cast<std::int64_t>(bytes.size());
      const std::chrono::duration<double> time = std::chrono::steady_clock::now() - start;
      show(file, before, partial.size(),
           static_cast<double>(received) / std::max(time.count(), 1e-3));
    };
    const auto look = [&](HttpAnswer& answer) {
      begun = false;
      if (answer.status == 416 && partial.size() > 0) {
        partial.cut(0);
        answer.connection = HttpAnswer::Connection::broken;
        answer.problem = "the server can't go on in the middle";
      } else if (answer.connection == HttpAnswer::Connection::whole && answer.status < 300 &&
                 file.size > partial.size()) {
        answer.connection = HttpAnswer::Connection::broken;
        answer.problem = fmt::format("ended after {} of {} bytes", partial.size(), file.size);
      }
    };
    client_.fetch(file, [&] { return partial.size(); }, take, look);
  }

  /// Puts the end of the partial file where the server's bytes begin.
  void begin(const HubFile& file, PartialFile& partial, const HttpAnswer& answer) const {
    std::int64_t start = 0;  // 200: the server sends the whole file, whatever was asked
    if (answer.status == 206) {
      const std::string range = answer.header("content-range");
      constexpr std::string_view kUnit = "bytes ";
      start = -1;
      if (range.starts_with(kUnit))
        std::from_chars(range.data() + kUnit.size(), range.data() + range.size(), start);
      if (start < 0 || start > partial.size())
        client_.fail(fmt::format("{} goes on at a wrong place (got '{}', expected byte {})",
                                 file.name, range, partial.size()),
                     "Check HF_ENDPOINT and the proxy");
    }
    partial.cut(start);
  }

  [[nodiscard]] bool is_intact(const HubFile& file, const PartialFile& partial) const {
    if (file.size >= 0 && partial.size() != file.size) return false;
    if (is_content_hash(file.etag)) return has_hash(partial.path(), file.etag);
    console_.warning(file.name + ": the hub gives no hash to check it with (" +
                     (file.etag.empty() ? "it sends no usable ETag" : "its ETag is " + file.etag) +
                     ")" + (file.size < 0 ? ", and no size" : ""));
    return true;
  }

  void require_room(const HubFile& file, std::int64_t arrived) const {
    std::error_code error;
    const auto room = std::filesystem::space(cached_.folder(), error);
    const std::int64_t needed = file.size - arrived;
    if (error || needed <= 0 || room.available >= static_cast<std::uintmax_t>(needed)) return;
    client_.fail<DiskError>(fmt::format("{} doesn't fit on the disk of {} (needs {}, {} are free)",
                                        file.name, cached_.folder().string(), size_text(needed),
                                        size_text(static_cast<std::int64_t>(room.available))),
                            "Make room, or let HF_HUB_CACHE name a folder on another disk");
  }

  /// Says how far a file is, once for each megabyte.
  void show(const HubFile& file, std::int64_t before, std::int64_t arrived,
            double per_second) const {
    const bool finished = arrived == file.size;
    if (file.size < kMegabyte || (!finished && arrived / kMegabyte == before / kMegabyte)) return;
    const std::int64_t total = (file.size + kMegabyte - 1) / kMegabyte;
    console_.progress(
        {.task = file.name,
         .done = finished ? total : arrived / kMegabyte,
         .total = total,
         .per_second = per_second / kMegabyte,
         .unit = "MB",
         .seconds_left = static_cast<double>(file.size - arrived) / std::max(per_second, 1.0)});
  }

  /// Drafts have names that no other process uses, so threads take turns.
  static std::mutex& in_this_process() {
    static std::mutex mutex;
    return mutex;
  }

  /// Puts a blob into the snapshot, under its file's name.
  /// @param is_new  whether no other file can be using the blob
  void place(const std::string& name, const std::filesystem::path& blob, bool is_new) {
    const std::lock_guard one(in_this_process());
    const std::filesystem::path file = result_.folder / name;
    if (links_) {
      const int code = link_to_blob(file, blob, calls_);
      if (code == 0) return;
      links_ = false;
      console_.note(cached_.folder().string() + ": no symbolic links (" +
                    std::generic_category().message(code) + "), so the files are copied");
    }
    if (is_new)
      move_blob(file, blob);
    else
      copy_blob(file, blob);
  }

  /// A cache that has everything but can't be written keeps an old ref.
  void update_ref() {
    const std::filesystem::path ref = cached_.ref(model_.revision);
    if (find_in_cache(settings_, model_) == result_.folder) return;
    const std::lock_guard one(in_this_process());
    try {
      make_folder(ref.parent_path());
      AtomicFile<WeightsError> file(ref);
      file.write(std::as_bytes(std::span(result_.commit)));
      file.commit();
    } catch (const Error& error) {
      if (brought_) throw;
      const auto old = find_in_cache(settings_, model_);
      console_.warning(std::string(error.what()) + " Until that can be done, name the model " +
                       model_.name + "@" + result_.commit +
                       (old ? "; " + model_.text() + " is still commit " + old->filename().string()
                            : std::string()));
    }
  }

  void make_folder(const std::filesystem::path& folder) const {
    std::error_code error;
    std::filesystem::create_directories(folder, error);
    if (!error) return;
    const std::string what = folder.string() + " can't be made (" + error.message() + ")";
    const auto whole = find_whole_in_cache(settings_, model_);
    const std::string advice =
        "Let HF_HUB_CACHE name a folder that can be written" +
        (whole ? "; " + model_.text() + " is whole there at commit " + whole->filename().string()
               : std::string());
    if (is_disk_problem(error.value())) client_.fail<DiskError>(what, advice);
    client_.fail<WeightsError>(what, advice);
  }

  HubSettings settings_;
  HubName model_;
  CachedModel cached_;
  Console console_;
  HubClient client_;
  CacheCalls calls_;
  bool links_;               ///< whether the cache can have symbolic links, as far as is known
  bool locks_ = true;        ///< the same of locks
  bool unanswered_ = false;  ///< whether the hub couldn't be asked for a file
  bool brought_ = false;     ///< whether anything is new in the cache
  DownloadedModel result_;
};

/// Brings what is not there yet. Several downloads of one model at once wait for each other. If the
/// hub can't be asked, a whole copy in the cache is taken as it is, with a note.
/// @param calls  how the cache's file system links and locks; a test gives its own
/// @throws WeightsError if the model can't be had: not found, refused, no network, damaged on the
///                      way, or `settings.offline` forbids asking and the cache has no whole copy;
///                      DiskError if the disk is full or read-only
inline DownloadedModel download_model(const HubSettings& settings, const HubName& model,
                                      const Console& console = {}, const RetryPolicy& retry = {},
                                      const CacheCalls& calls = {}) {
  if (!settings.offline) return ModelDownload(settings, model, console, retry, calls).run();
  const auto folder = find_whole_in_cache(settings, model);
  if (!folder)
    throw WeightsError(model.text() + ": not whole in the Hugging Face cache (looked in " +
                       settings.cache.string() +
                       "), and HF_HUB_OFFLINE forbids to ask the hub. Unset it, or bring the "
                       "model's folder from elsewhere.");
  console.note("HF_HUB_OFFLINE is set: the copy in the cache is not compared with the hub");
  return {.folder = *folder, .commit = folder->filename().string()};
}

}  // namespace vlp
