#pragma once
// Zip archives whose entries are stored without compression, as torch.save writes them: where each
// entry's bytes lie. Includes no torch.
// @see libminizip's unzip.h

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "vlp/core/error.hpp"
#include "vlp/core/printable.hpp"

#include <minizip/unzip.h>

namespace vlp {

namespace detail {

/// Bytes in memory as the stream that minizip reads from.
struct ZipStream {
  std::span<const std::byte> bytes;
  std::uint64_t position = 0;

  static voidpf open(voidpf self, const void* /*name*/, int /*mode*/) { return self; }
  static uLong read(voidpf self, voidpf /*stream*/, void* into, uLong size) {
    auto& [bytes, position] = *static_cast<ZipStream*>(self);
    const std::uint64_t count = std::min<std::uint64_t>(size, bytes.size() - position);
    if (count > 0) std::memcpy(into, bytes.data() + position, count);
    position += count;
    return static_cast<uLong>(count);
  }
  static uLong write(voidpf /*self*/, voidpf /*stream*/, const void* /*from*/, uLong /*size*/) {
    return 0;
  }
  static ZPOS64_T tell(voidpf self, voidpf /*stream*/) {
    return static_cast<ZipStream*>(self)->position;
  }
  static long seek(voidpf self, voidpf /*stream*/, ZPOS64_T offset, int origin) {
    auto& [bytes, position] = *static_cast<ZipStream*>(self);
    const std::uint64_t start = origin == ZLIB_FILEFUNC_SEEK_SET   ? 0
                                : origin == ZLIB_FILEFUNC_SEEK_CUR ? position
                                                                   : bytes.size();
    if (offset > bytes.size() - start) return -1;
    position = start + offset;
    return 0;
  }
  static int close(voidpf /*self*/, voidpf /*stream*/) { return 0; }
  static int error(voidpf /*self*/, voidpf /*stream*/) { return 0; }

  [[nodiscard]] zlib_filefunc64_def functions() {
    return {open, read, write, tell, seek, close, error, this};
  }
};

}  // namespace detail

/// The entries of an archive in memory, by name.
class ZipArchive {
 public:
  /// @param bytes   the whole archive; must outlive the entries' bytes
  /// @param source  how messages call it
  /// @throws WeightsError if the archive is cut off or damaged, names an entry twice, or places one
  /// outside itself
  ZipArchive(std::span<const std::byte> bytes, std::string source)
      : bytes_(bytes), source_(std::move(source)) {
    if (!ends())
      fail("the zip archive is cut off or damaged (no directory of its entries at its end)");
    detail::ZipStream stream{bytes};
    zlib_filefunc64_def functions = stream.functions();
    const std::unique_ptr<void, int (*)(unzFile)> archive(unzOpen2_64("", &functions), unzClose);
    if (!archive) fail("the zip archive is damaged (no directory of its entries)");
    unz_global_info64 facts{};
    unzGetGlobalInfo64(archive.get(), &facts);
    if (facts.number_entry == 0) return;
    int result = unzGoToFirstFile(archive.get());
    for (; result == UNZ_OK; result = unzGoToNextFile(archive.get())) add_entry(archive.get());
    if (result != UNZ_END_OF_LIST_OF_FILE) fail("the directory of the zip archive is damaged");
  }

  /// Whether there is an entry of that name.
  [[nodiscard]] bool has(std::string_view name) const { return entries_.contains(name); }
  /// The bytes of an entry. @throws WeightsError if it is missing, compressed or encrypted
  [[nodiscard]] std::span<const std::byte> bytes(std::string_view name) const {
    const auto found = entries_.find(name);
    if (found == entries_.end()) fail("the zip archive lacks the entry '" + printable(name) + "'");
    if (!found->second.stored)
      fail("the entry '" + printable(name) + "' of the zip archive is compressed or encrypted");
    return found->second.bytes;
  }
  /// Names of all entries, sorted.
  [[nodiscard]] std::vector<std::string_view> names() const {
    std::vector<std::string_view> all;
    for (const auto& entry : entries_) all.push_back(entry.first);
    return all;
  }

 private:
  struct Entry {
    std::span<const std::byte> bytes;
    bool stored = false;
  };

  [[noreturn]] void fail(const std::string& what) const {
    throw WeightsError(source_ + ": " + what +
                       ". Get the file again, or save it again with torch.save.");
  }

  /// Whether the last record, of 22 bytes and perhaps a comment, is there; minizip forgives where
  /// it is cut off.
  [[nodiscard]] bool ends() const {
    constexpr std::size_t record = 22;
    constexpr std::size_t longest_comment = 0xffff;
    const std::string_view text(reinterpret_cast<const char*>(bytes_.data()), bytes_.size());
    const std::string_view tail =
        text.substr(text.size() - std::min(text.size(), record + longest_comment));
    return tail.size() >= record && tail.rfind("PK\x05\x06", tail.size() - record) != tail.npos;
  }

  void add_entry(unzFile archive) {
    unz_file_info64 facts{};
    if (unzGetCurrentFileInfo64(archive, &facts, buffer_.data(), buffer_.size(), nullptr, 0,
                                nullptr, 0) != UNZ_OK)
      fail("the directory of the zip archive is damaged");
    const std::string name = buffer_.substr(0, facts.size_filename);

    Entry entry;
    constexpr uLong encrypted = 1;
    if (facts.compression_method == 0 && (facts.flag & encrypted) == 0) {
      int method = 0;
      if (unzOpenCurrentFile2(archive, &method, nullptr, /*raw=*/1) != UNZ_OK)
        fail("the entry '" + printable(name) + "' of the zip archive is damaged");
      const std::uint64_t begin = unzGetCurrentFileZStreamPos64(archive);
      unzCloseCurrentFile(archive);
      if (facts.compressed_size != facts.uncompressed_size || begin > bytes_.size() ||
          facts.uncompressed_size > bytes_.size() - begin)
        fail("the entry '" + printable(name) + "' ends beyond the zip archive");
      entry = {bytes_.subspan(begin, facts.uncompressed_size), true};
    }
    if (!entries_.emplace(name, entry).second)
      fail("the zip archive has the entry '" + printable(name) + "' twice");
  }

  std::span<const std::byte> bytes_;
  std::string source_;
  std::string buffer_ =
      std::string(std::size_t{1} << 16, '\0');  // the longest name, and its end mark
  std::map<std::string, Entry, std::less<>> entries_;
};

}  // namespace vlp
