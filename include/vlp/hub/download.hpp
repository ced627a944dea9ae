#pragma once
// Brings a model from a Hugging Face hub into the cache that transformers uses too. Files are named
// by their hash and checked against it; a download that stops leaves parts that the next one goes
// on with, never a file that looks whole; the revision's ref is written last. Includes no torch.

#include <algorithm>
#include <charconv>
#include <chrono>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <unistd.h>

#include "vlp/core/atomic_file.hpp"
#include "vlp/core/console.hpp"
#include "vlp/core/error.hpp"
#include "vlp/hub/cache.hpp"
#include "vlp/hub/file_lock.hpp"
#include "vlp/hub/hash.hpp"
#include "vlp/hub/hub_client.hpp"
#include "vlp/hub/model_files.hpp"
#include "vlp/hub/partial_file.hpp"

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
                RetryPolicy retry)
      : model_(model),
        cached_(settings.cache, model.name),
        console_(console),
        client_(settings, model, console, std::move(retry)) {}

  /// @throws WeightsError if anything is missing in the end
  DownloadedModel run() {
    const HubListing listing = client_.listing();
    result_.commit = listing.commit;
    result_.folder = cached_.snapshot(listing.commit);
    const WantedFiles wanted = wanted_files(listing.files);
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
        if (std::ranges::find(listing.files, shard) == listing.files.end())
          client_.fail(wanted.weights + " names " + shard + ", which is not there",
                       "Choose another revision");
      for (const std::string& shard : shards) bring(shard);
    }
    if (model_.revision != listing.commit) write_ref();
    return result_;
  }

 private:
  static constexpr std::int64_t kMegabyte = 1'000'000;  ///< bytes

  void bring(const std::string& name) {
    const HubFile file = client_.file(result_.commit, name);
    if (is_there(result_.folder / name, file)) return console_.note(name + ": there already");
    make_folder(cached_.blob(file.etag).parent_path());
    make_folder(result_.folder);
    const FileLock lock(cached_.lock(file.etag),
                        [&] { console_.note(name + ": waiting for another download of it"); });
    if (is_there(cached_.blob(file.etag), file))
      console_.note(name + ": there already");
    else
      fetch(file);
    link(file);
  }

  /// Whether a file exists with the size that it should have; blobs appear whole, so their hash was
  /// right then.
  [[nodiscard]] static bool is_there(const std::filesystem::path& path, const HubFile& file) {
    std::error_code error;
    const auto size = std::filesystem::file_size(path, error);
    return !error && (file.size < 0 || size == static_cast<std::uintmax_t>(file.size));
  }

  void fetch(const HubFile& file) {
    PartialFile partial(cached_.blob(file.etag).string() + ".incomplete");
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
    partial.rename_to(cached_.blob(file.etag));
    result_.fetched += partial.size();
    console_.note(file.name + ": " + size_text(partial.size()));
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
    if (is_content_hash(file.etag)) return content_hash(partial.path(), file.etag) == file.etag;
    console_.warning(file.name + ": the hub gives no hash to check it with (its ETag is " +
                     file.etag + ")");
    return true;
  }

  void require_room(const HubFile& file, std::int64_t arrived) const {
    std::error_code error;
    const auto room = std::filesystem::space(cached_.folder(), error);
    const std::int64_t needed = file.size - arrived;
    if (error || needed <= 0 || room.available >= static_cast<std::uintmax_t>(needed)) return;
    client_.fail(fmt::format("{} doesn't fit on the disk of {} (needs {}, {} are free)", file.name,
                             cached_.folder().string(), size_text(needed),
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

  /// Puts a link to the blob into the snapshot, in one step: whoever reads there sees the old file
  /// or the new one.
  void link(const HubFile& file) const {
    const std::filesystem::path path = result_.folder / file.name;
    const std::filesystem::path draft =
        result_.folder / fmt::format(".{}.{}.part", file.name, ::getpid());
    std::error_code error;
    std::filesystem::remove(draft, error);
    if (!error)
      std::filesystem::create_symlink(std::filesystem::path("../../blobs") / file.etag, draft,
                                      error);
    if (!error) std::filesystem::rename(draft, path, error);
    if (error)
      client_.fail(path.string() + " can't be linked to its content (" + error.message() + ")",
                   "Let HF_HUB_CACHE name a folder on a disk that knows symbolic links");
  }

  void write_ref() const {
    const std::filesystem::path ref = cached_.ref(model_.revision);
    make_folder(ref.parent_path());
    const FileLock lock(cached_.lock("refs"));
    AtomicFile<WeightsError> file(ref);
    file.write(std::as_bytes(std::span(result_.commit)));
    file.commit();
  }

  void make_folder(const std::filesystem::path& folder) const {
    std::error_code error;
    std::filesystem::create_directories(folder, error);
    if (error)
      client_.fail(folder.string() + " can't be made (" + error.message() + ")",
                   "Let HF_HUB_CACHE name a folder that can be written");
  }

  HubName model_;
  CachedModel cached_;
  Console console_;
  HubClient client_;
  DownloadedModel result_;
};

/// Brings what is not there yet. Several downloads of one model at once wait for each other.
/// @throws WeightsError if the model can't be had: not found, refused, no network, a full disk,
/// damaged on the way; or
///         if `settings.offline` forbids asking and the cache has no whole copy
inline DownloadedModel download_model(const HubSettings& settings, const HubName& model,
                                      const Console& console = {}, const RetryPolicy& retry = {}) {
  if (!settings.offline) return ModelDownload(settings, model, console, retry).run();
  const auto folder = find_in_cache(settings, model);
  if (!folder || !missing_files(*folder).empty())
    throw WeightsError(model.text() + ": not whole in the Hugging Face cache (looked in " +
                       settings.cache.string() +
                       "), and HF_HUB_OFFLINE forbids to ask the hub. Unset it, or bring the "
                       "model's folder from elsewhere.");
  console.note("HF_HUB_OFFLINE is set: the copy in the cache is not compared with the hub");
  return {.folder = *folder, .commit = folder->filename().string()};
}

}  // namespace vlp
