#pragma once
// The two layouts of torch.save. Since 2020: a zip archive with data.pkl and an entry for each
// storage. Before: a row of pickles, then the storages. Includes no torch.
// @see torch/serialization.py

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "vlp/core/error.hpp"
#include "vlp/core/printable.hpp"
#include "vlp/weights/pickle.hpp"
#include "vlp/weights/tensor_map.hpp"
#include "vlp/weights/zip_archive.hpp"

namespace vlp {

namespace detail {

/// PyTorch's storage classes and what their items are; "" for those that weight files can't hold
/// here.
inline constexpr std::array<std::pair<std::string_view, std::string_view>, 19> kStorages{
    {{"torch.DoubleStorage", "F64"},
     {"torch.FloatStorage", "F32"},
     {"torch.HalfStorage", "F16"},
     {"torch.BFloat16Storage", "BF16"},
     {"torch.LongStorage", "I64"},
     {"torch.IntStorage", "I32"},
     {"torch.ShortStorage", "I16"},
     {"torch.CharStorage", "I8"},
     {"torch.ByteStorage", "U8"},
     {"torch.BoolStorage", "BOOL"},
     {"torch.ComplexFloatStorage", ""},
     {"torch.ComplexDoubleStorage", ""},
     {"torch.QInt8Storage", ""},
     {"torch.QUInt8Storage", ""},
     {"torch.QInt32Storage", ""},
     {"torch.QUInt4x2Storage", ""},
     {"torch.QUInt2x4Storage", ""},
     {"torch.storage.UntypedStorage", ""},
     {"torch.storage.TypedStorage", ""}}};

/// What else a file may name: calls that make tensors, and harmless values that training scripts
/// save beside weights.
inline constexpr std::array<std::string_view, 18> kTorchNames{"torch._utils._rebuild_tensor",
                                                              "torch._utils._rebuild_tensor_v2",
                                                              "torch._utils._rebuild_parameter",
                                                              "torch.Size",
                                                              "torch.device",
                                                              "torch.float64",
                                                              "torch.float32",
                                                              "torch.float16",
                                                              "torch.bfloat16",
                                                              "torch.int64",
                                                              "torch.int32",
                                                              "torch.int16",
                                                              "torch.int8",
                                                              "torch.uint8",
                                                              "torch.bool",
                                                              "torch.strided",
                                                              "torch.contiguous_format",
                                                              "torch.channels_last"};

[[nodiscard]] inline bool is_torch_name(std::string_view name) {
  return std::ranges::count(kTorchNames, name) > 0 ||
         std::ranges::count(kStorages, name, [](const auto& s) { return s.first; }) > 0;
}

/// What to do about a file that is not what a loader of weights needs.
inline constexpr std::string_view kSaveWeights =
    "Save the weights with torch.save(model.state_dict(), FILE).";

}  // namespace detail

/// A storage as a pickle names it.
struct TorchStorage {
  std::string_view type;    ///< its class, e.g. "torch.FloatStorage"
  std::string_view key;     ///< its name within the file
  std::uint64_t items = 0;  ///< how many there are

  /// The dtype in safetensors' spelling; "" if weight files can't hold it here.
  [[nodiscard]] std::string_view dtype() const {
    const auto* found =
        std::ranges::find(detail::kStorages, type, [](const auto& s) { return s.first; });
    return found == detail::kStorages.end() ? std::string_view() : found->second;
  }
};

/// @param persistent  ("storage", class, key, device, items), before 2020 with None (it is no view)
///                    at the end
/// @throws WeightsError if it is anything else
[[nodiscard]] inline TorchStorage describe_storage(const Pickle& pickle,
                                                   const PicklePersistent& persistent,
                                                   const std::string& source) {
  const auto fail = [&] {
    throw WeightsError(source + ": a storage is described in an unknown way. " +
                       std::string(detail::kSaveWeights));
  };
  const auto parts = pickle.items(persistent.id);
  const bool view = parts.size() == 6 && !pickle.get<PickleNone>(parts[5]);
  if (parts.size() < 5 || parts.size() > 6 || view ||
      !pickle.is(persistent.id, PickleContainer::Type::tuple))
    fail();
  const auto* kind = pickle.text(parts[0]);
  const auto* key = pickle.text(parts[2]);
  const auto* items = pickle.get<std::int64_t>(parts[4]);
  const std::string_view type = pickle.global(parts[1]);
  if (!kind || *kind != "storage" || type.empty() || !key || !items || *items < 0) fail();
  return {type, *key, static_cast<std::uint64_t>(*items)};
}

/// The parts of a file of torch.save. Texts and storages are views of the file's bytes.
struct TorchLayout {
  Pickle pickle;                                                            ///< what was saved
  std::map<std::string, std::span<const std::byte>, std::less<>> storages;  ///< by key
};

/// Reads either layout.
class TorchLayoutReader {
 public:
  /// @param bytes   the file; must outlive the result
  /// @param source  how messages call it
  TorchLayoutReader(std::span<const std::byte> bytes, std::string source)
      : bytes_(bytes), source_(std::move(source)) {}

  /// @throws WeightsError if the file is damaged, big-endian, from a newer format, or names
  /// anything that may not be named
  [[nodiscard]] TorchLayout read() {
    const bool zip =
        bytes_.size() >= 2 && bytes_[0] == std::byte{'P'} && bytes_[1] == std::byte{'K'};
    if (zip)
      read_archive();
    else
      read_legacy();
    return std::move(out_);
  }

 private:
  [[noreturn]] void fail(const std::string& what) const {
    throw WeightsError(source_ + ": " + what);
  }
  [[noreturn]] void fail_and_save(const std::string& what) const {
    fail(what + " " + std::string(detail::kSaveWeights));
  }

  // Today's layout: PREFIX/data.pkl, PREFIX/data/KEY for each storage, PREFIX/byteorder,
  // PREFIX/version.

  void read_archive() {
    const ZipArchive archive(bytes_, source_);
    const std::string prefix = find_prefix(archive);
    const auto text = [&](const std::string& name) {
      const auto bytes = archive.bytes(prefix + name);
      const std::string_view whole(reinterpret_cast<const char*>(bytes.data()), bytes.size());
      return std::string(whole.substr(0, whole.find('\n')));
    };
    if (archive.has(prefix + "byteorder") && text("byteorder") != "little")
      fail("the tensors are not little-endian (got byte order '" + printable(text("byteorder")) +
           "'). Save the file on a little-endian machine.");
    if (archive.has(prefix + "version")) check_version(text("version"));
    out_.pickle =
        PickleReader(archive.bytes(prefix + "data.pkl"), source_, detail::is_torch_name).read();

    const std::string folder = prefix + "data/";
    for (const std::string_view name : archive.names())
      if (name.starts_with(folder))
        out_.storages.emplace(name.substr(folder.size()), archive.bytes(name));
  }

  [[nodiscard]] std::string find_prefix(const ZipArchive& archive) const {
    std::vector<std::string> prefixes;
    for (const std::string_view name : archive.names())
      if (name == "data.pkl" || name.ends_with("/data.pkl"))
        prefixes.emplace_back(name.substr(0, name.size() - 8));
    if (prefixes.empty())
      fail(
          "a zip archive, but not one of torch.save (got no entry data.pkl). Unpack it, or get the "
          "weights themselves.");
    if (prefixes.size() > 1)
      fail_and_save("the zip archive has several data.pkl (got '" + printable(prefixes[0]) +
                    "data.pkl' and '" + printable(prefixes[1]) + "data.pkl', expected one).");
    if (archive.has(prefixes[0] + "constants.pkl"))
      fail_and_save(
          "a TorchScript program, as torch.jit.save writes it (got an entry constants.pkl).");
    return prefixes[0];
  }

  /// The format counts up when old readers would misread it; 10 is the highest that PyTorch 2
  /// knows.
  void check_version(const std::string& version) const {
    const bool number = !version.empty() && version.size() <= 2 &&
                        std::ranges::all_of(version, [](char c) { return c >= '0' && c <= '9'; });
    if (!number || std::stoi(version) < 1 || std::stoi(version) > 10)
      fail_and_save("unknown version of the format (got '" + printable(version) +
                    "', expected 1 to 10).");
  }

  // The layout before 2020: pickles of a magic number, a version, facts on the machine, the object,
  // the storages' keys; then for each key a count of items in 8 bytes and the items.

  void read_legacy() {
    std::span<const std::byte> rest = bytes_;
    const auto next = [&] {
      Pickle pickle = PickleReader(rest, source_, detail::is_torch_name).read();
      rest = rest.subspan(pickle.size());
      return pickle;
    };
    static constexpr std::array<unsigned char, 10> magic{0x6c, 0xfc, 0x9c, 0x46, 0xf9,
                                                         0x20, 0x6a, 0xa8, 0x50, 0x19};
    const Pickle first = next();
    const auto* number = first.get<PickleLong>(first.root());
    if (!number || !std::ranges::equal(number->bytes, std::as_bytes(std::span(magic))))
      fail_and_save("a pickle, but not one of torch.save.");
    const Pickle version = next();
    const auto* protocol = version.get<std::int64_t>(version.root());
    if (!protocol || *protocol != 1001)
      fail_and_save("unknown version of the format from before 2020 (expected 1001).");
    const Pickle machine = next();
    const PickleId* little = machine.find(machine.root(), "little_endian");
    if (!little || !machine.get<bool>(*little) || !*machine.get<bool>(*little))
      fail("the tensors are not little-endian. Save the file on a little-endian machine.");
    out_.pickle = next();
    const Pickle keys = next();
    read_legacy_storages(keys, rest);
  }

  void read_legacy_storages(const Pickle& keys, std::span<const std::byte> rest) {
    std::map<std::string_view, std::uint64_t> sizes;  // of an item, by storage
    for (const PickleValue& value : out_.pickle.values())
      if (const auto* persistent = std::get_if<PicklePersistent>(&value)) {
        const TorchStorage storage = describe_storage(out_.pickle, *persistent, source_);
        sizes.emplace(storage.key, item_size(storage.dtype()).value_or(0));
      }
    for (const PickleId id : keys.items(keys.root())) {
      const std::string_view* key = keys.text(id);
      const auto known = key ? sizes.find(*key) : sizes.end();
      if (known == sizes.end()) fail("lists a storage that no tensor uses. Get the file again.");
      const std::uint64_t item = known->second;
      if (item == 0)
        fail_and_save("holds numbers of an unknown dtype (expected one of " +
                      std::string(kTensorDtypes) + "). Convert them.");
      std::uint64_t items = 0;
      if (rest.size() < 8) fail("the file is cut off within its storages. Get the file again.");
      for (std::size_t i = 0; i < 8; ++i)
        items |= std::to_integer<std::uint64_t>(rest[i]) << (8 * i);
      rest = rest.subspan(8);
      if (items > rest.size() / item)
        fail("the file is cut off within its storages. Get the file again.");
      out_.storages.emplace(*key, rest.first(items * item));
      rest = rest.subspan(items * item);
    }
    if (!rest.empty())
      fail("goes on after its last storage (got " + std::to_string(rest.size()) +
           " bytes more). Get the file again.");
  }

  std::span<const std::byte> bytes_;
  std::string source_;
  TorchLayout out_;
};

}  // namespace vlp
