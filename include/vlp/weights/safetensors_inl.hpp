#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <limits>
#include <map>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include "vlp/core/atomic_file.hpp"
#include "vlp/core/error.hpp"
#include "vlp/core/printable.hpp"
#include "vlp/core/state.hpp"
#include "vlp/weights/mapped_file.hpp"
#include "vlp/weights/safetensors.hpp"
#include "vlp/weights/strict_json.hpp"
#include "vlp/weights/tensor_map.hpp"

namespace vlp {

namespace detail {

inline constexpr std::uint64_t kLongestHeader = 100'000'000;  // bytes; the format's own bound

inline constexpr std::string_view kMetadataKey = "__metadata__";

/// Reads one header; all its functions throw a WeightsError that names the file.
class SafetensorsReader {
 public:
  SafetensorsReader(const std::filesystem::path& path, MappedFile file)
      : path_(path), file_(std::move(file)) {}

  [[nodiscard]] SafetensorsFile read() {
    const nlohmann::json header = parse_header();
    SafetensorsFile result{path_, {}, {}};
    for (const auto& [name, entry] : header.items()) {
      if (name == kMetadataKey)
        result.metadata = read_metadata(entry);
      else
        result.tensors.emplace(name, read_tensor("tensor '" + printable(name) + "'", entry));
    }
    check_layout();
    return result;
  }

 private:
  struct Extent {
    std::uint64_t begin, end;
    std::string what;
  };

  [[noreturn]] void fail(const std::string& what) const {
    throw WeightsError(path_.string() + ": " + what +
                       " The file is damaged or no safetensors file; get it again.");
  }

  [[nodiscard]] nlohmann::json parse_header() {
    const std::uint64_t size = file_.bytes.size();
    if (size < 8)
      fail("too short for a header length (got " + std::to_string(size) +
           " bytes, expected at least 8).");
    std::uint64_t length = 0;
    for (std::size_t i = 0; i < 8; ++i)
      length |= std::to_integer<std::uint64_t>(file_.bytes[i]) << (8 * i);
    const std::uint64_t longest = std::min(kLongestHeader, size - 8);
    if (length > longest)
      fail("header length out of range (got " + std::to_string(length) +
           " bytes, expected at most " + std::to_string(longest) + ").");
    data_ = file_.bytes.subspan(8 + length);
    const std::string_view text(reinterpret_cast<const char*>(file_.bytes.data()) + 8, length);
    if (!text.starts_with('{')) fail("the header doesn't begin with '{'.");
    // Nothing nests deeper than header > tensor > shape > size.
    return StrictJson{"the header", 3, 8}.parse(text,
                                                [this](const std::string& what) { fail(what); });
  }

  [[nodiscard]] Metadata read_metadata(const nlohmann::json& entry) const {
    Metadata metadata;
    if (!entry.is_object()) fail("__metadata__ is not an object.");
    for (const auto& [key, value] : entry.items()) {
      if (!value.is_string()) fail("__metadata__ '" + printable(key) + "' is not a string.");
      metadata.emplace(key, value.get<std::string>());
    }
    return metadata;
  }

  [[nodiscard]] std::vector<std::int64_t> read_sizes(const std::string& what,
                                                     const nlohmann::json& entry,
                                                     const char* key) const {
    if (!entry.contains(key) || !entry[key].is_array()) fail(what + " has no array '" + key + "'.");
    std::vector<std::int64_t> sizes;
    for (const nlohmann::json& number : entry[key]) {
      constexpr std::uint64_t largest = std::numeric_limits<std::int64_t>::max();
      if (!number.is_number_unsigned() || number.get<std::uint64_t>() > largest)
        fail(what + ": '" + key + "' holds something else than integers from 0 to 2^63 - 1.");
      sizes.push_back(number.get<std::int64_t>());
      if (sizes.size() > kMostDimensions)
        fail(what + ": '" + key + "' has more than " + std::to_string(kMostDimensions) +
             " entries.");
    }
    return sizes;
  }

  [[nodiscard]] TensorBytes read_tensor(const std::string& what, const nlohmann::json& entry) {
    if (!entry.is_object()) fail(what + " is not described by an object.");
    if (!entry.contains("dtype") || !entry["dtype"].is_string())
      fail(what + " has no string 'dtype'.");
    TensorBytes tensor{
        entry["dtype"].get<std::string>(), read_sizes(what, entry, "shape"), {}, file_.owner};
    if (!item_size(tensor.dtype)) {
      throw WeightsError(path_.string() + ": " + what + " has an unknown dtype (got " +
                         printable(tensor.dtype) + ", expected one of " +
                         std::string(kTensorDtypes) + "). Convert the file.");
    }
    const auto expected = byte_size(tensor.dtype, tensor.shape);
    if (!expected) fail(what + ": the size of shape " + shape_text(tensor.shape) + " overflows.");

    const std::vector<std::int64_t> offsets = read_sizes(what, entry, "data_offsets");
    if (offsets.size() != 2 || offsets[0] > offsets[1])
      fail(what + ": 'data_offsets' is not [begin, end].");
    const auto begin = static_cast<std::uint64_t>(offsets[0]);
    const auto end = static_cast<std::uint64_t>(offsets[1]);
    if (end > data_.size())
      fail(what + " ends beyond the file (got byte " + std::to_string(end) +
           " of the data, expected at most " + std::to_string(data_.size()) + ").");
    if (end - begin != *expected)
      fail(what + ": shape and bytes differ (got " + std::to_string(end - begin) +
           " bytes, expected " + std::to_string(*expected) + " for " + tensor.dtype + " " +
           shape_text(tensor.shape) + ").");
    tensor.bytes = data_.subspan(begin, end - begin);
    extents_.push_back({begin, end, what});
    return tensor;
  }

  /// The tensors must cover the data exactly, each byte once.
  void check_layout() {
    std::ranges::sort(extents_, {}, [](const Extent& e) { return std::pair(e.begin, e.end); });
    std::uint64_t covered = 0;
    for (const Extent& extent : extents_) {
      if (extent.begin < covered)
        fail(extent.what + " overlaps the one before it at byte " + std::to_string(extent.begin) +
             " of the data.");
      if (extent.begin > covered)
        fail(extent.what + " leaves a hole before it at byte " + std::to_string(covered) +
             " of the data.");
      covered = extent.end;
    }
    if (covered != data_.size())
      fail("bytes that belong to no tensor (got " + std::to_string(data_.size()) +
           " bytes of data, expected " + std::to_string(covered) + ").");
  }

  const std::filesystem::path& path_;
  MappedFile file_;
  std::span<const std::byte> data_;
  std::vector<Extent> extents_;
};

/// @throws WeightsError if a name is used twice or reserved, or a tensor's bytes don't fit its
/// shape
inline void check_writable(const std::filesystem::path& path, const NamedTensors& tensors) {
  std::set<std::string_view> names;
  for (const auto& [name, tensor] : tensors) {
    if (name == kMetadataKey || !names.insert(name).second)
      throw WeightsError(path.string() + ": tensor name '" + name +
                         "' is used twice or reserved. Rename it.");
    const auto expected = byte_size(tensor.dtype, tensor.shape);
    if (!expected || *expected != tensor.bytes.size())
      throw WeightsError(path.string() + ": tensor '" + name + "' can't be written (got " +
                         std::to_string(tensor.bytes.size()) + " bytes for " + tensor.dtype + " " +
                         shape_text(tensor.shape) + ").");
  }
}

/// The JSON, filled up with spaces so that the data begins at a multiple of 8 bytes.
[[nodiscard]] inline std::string safetensors_header(const NamedTensors& tensors,
                                                    const Metadata& metadata) {
  using nlohmann::json;
  std::string text = "{";
  if (!metadata.empty()) text += json(kMetadataKey).dump() + ":" + json(metadata).dump();
  std::uint64_t begin = 0;
  for (const auto& [name, tensor] : tensors) {
    const std::uint64_t end = begin + tensor.bytes.size();
    const json entry = {
        {"dtype", tensor.dtype}, {"shape", tensor.shape}, {"data_offsets", {begin, end}}};
    text += (text.size() > 1 ? "," : "") + json(name).dump() + ":" + entry.dump();
    begin = end;
  }
  text += "}";
  text.append((8 - text.size() % 8) % 8, ' ');
  return text;
}

}  // namespace detail

VLP_INLINE SafetensorsFile read_safetensors(const std::filesystem::path& path) {
  return detail::SafetensorsReader(path, map_file(path)).read();
}

VLP_INLINE SafetensorsFile read_safetensors(const std::filesystem::path& path, MappedFile file) {
  return detail::SafetensorsReader(path, std::move(file)).read();
}

VLP_INLINE void write_safetensors(const std::filesystem::path& path, const NamedTensors& tensors,
                                  const Metadata& metadata, const ByteSink& also) {
  detail::check_writable(path, tensors);
  NamedTensors ordered;
  for (const std::uint64_t size : {8, 4, 2, 1})
    for (const auto& named : tensors)
      if (item_size(named.second.dtype) == size) ordered.push_back(named);
  std::string header;
  try {
    header = detail::safetensors_header(ordered, metadata);
  } catch (const nlohmann::json::exception&) {
    throw WeightsError(path.string() + ": a name or a text of the metadata is not UTF-8.");
  }
  if (header.size() > detail::kLongestHeader)
    throw WeightsError(path.string() + ": the header is too long (got " +
                       std::to_string(header.size()) + " bytes, expected at most " +
                       std::to_string(detail::kLongestHeader) + ").");
  const auto length =
      std::bit_cast<std::array<std::byte, 8>>(static_cast<std::uint64_t>(header.size()));

  AtomicFile<WeightsError> file(path, also);
  file.write(length);
  file.write(std::as_bytes(std::span(header)));
  for (const auto& [name, tensor] : ordered) file.write(tensor.bytes);
  file.commit();
}

}  // namespace vlp
