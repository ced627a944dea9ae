#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include "vlp/core/error.hpp"
#include "vlp/core/printable.hpp"
#include "vlp/weights/mapped_file.hpp"
#include "vlp/weights/read_weights.hpp"
#include "vlp/weights/safetensors.hpp"
#include "vlp/weights/shard_index.hpp"
#include "vlp/weights/tensor_map.hpp"
#include "vlp/weights/torch_file.hpp"

namespace vlp {

namespace detail {

enum class WeightsFormat { safetensors, torch, shard_index };

/// Files that are not weights: how they begin, what they are, what to do.
struct ForeignFile {
  std::string_view beginning;
  std::string_view message;
};

inline constexpr std::array<ForeignFile, 10> kForeignFiles{{
    {"version https://git-lfs",
     "a Git LFS pointer, not the weights themselves. Run `git lfs pull` in its folder, or download "
     "the file."},
    {"\x1f\x8b", "a gzip file. Unpack it with gunzip."},
    {"BZh", "a bzip2 file. Unpack it with bunzip2."},
    {"\xfd\x37zXZ", "an xz file. Unpack it with unxz."},
    {"\x28\xb5\x2f\xfd", "a Zstandard file. Unpack it with unzstd."},
    {"7z\xbc\xaf\x27\x1c", "a 7-Zip archive. Unpack it."},
    {"\x89HDF\r\n",
     "an HDF5 file, such as TensorFlow's tf_model.h5. Give model.safetensors or "
     "pytorch_model.bin."},
    {"GGUF", "a GGUF file. Give model.safetensors or pytorch_model.bin."},
    {"\x93NUMPY", "a NumPy array. Give model.safetensors or pytorch_model.bin."},
    {"%PDF", "a PDF document. Get the weights again."},
}};

/// @throws WeightsError saying what the file is if it holds no weights
[[nodiscard]] inline WeightsFormat weights_format(std::string_view file,
                                                  const std::string& source) {
  const auto fail = [&](std::string_view what) {
    throw WeightsError(source + ": " + std::string(what));
  };
  if (file.empty())
    fail("the file is empty. Get it again; its download may have been interrupted.");
  if (looks_like_safetensors(file)) return WeightsFormat::safetensors;
  if (file.starts_with("PK\x03\x04") || file.starts_with("PK\x05\x06")) return WeightsFormat::torch;
  if (file.starts_with('\x80')) return WeightsFormat::torch;
  for (const auto& [beginning, message] : kForeignFiles)
    if (file.starts_with(beginning)) fail(message);
  if (file.size() > 262 && file.substr(257, 5) == "ustar")
    fail("a tar archive. Unpack it with tar -xf.");

  std::string_view text = file.starts_with("\xef\xbb\xbf") ? file.substr(3) : file;
  text.remove_prefix(std::min(text.find_first_not_of(" \t\r\n"), text.size()));
  if (text.starts_with('{')) return WeightsFormat::shard_index;
  if (text.starts_with('<'))
    fail("an HTML or XML page, as servers send in place of a file (got \"" +
         printable(text.substr(0, 60)) + "\"). Get the file again.");
  if (file.size() > 8 && file[8] == '{')
    return WeightsFormat::safetensors;  // its reader says what is wrong
  std::string bytes;
  static constexpr std::string_view digits = "0123456789abcdef";
  for (const char c : file.substr(0, 8)) {
    const auto byte = static_cast<unsigned char>(c);
    bytes += (bytes.empty() ? "" : " ") + std::string{digits[byte / 16], digits[byte % 16]};
  }
  fail("no file of weights (got one that begins with the bytes " + bytes +
       ", expected safetensors or a file of torch.save). Get it again.");
  return {};
}

/// One file that is no index.
[[nodiscard]] inline WeightFile read_whole(const std::filesystem::path& path, MappedFile file,
                                           WeightsFormat format) {
  if (format == WeightsFormat::safetensors) {
    SafetensorsFile read = read_safetensors(path, std::move(file));
    return {path.string(), std::move(read.tensors), std::move(read.metadata)};
  }
  if (format == WeightsFormat::torch) {
    TorchFile read(std::move(file), path.string());
    TensorMap tensors = read.state_dict();
    return {path.string(), std::move(tensors), {}, read.notes()};
  }
  throw WeightsError(
      path.string() +
      ": an index of shards where a shard was expected. Get the files again, all from one place.");
}

}  // namespace detail

VLP_INLINE WeightFile read_weight_file(const std::filesystem::path& path, MappedFile file) {
  const auto format = detail::weights_format(detail::text_of(file), path.string());
  if (format != detail::WeightsFormat::shard_index)
    return detail::read_whole(path, std::move(file), format);
  std::vector<std::string> notes;
  const auto read_shard = [&](const std::filesystem::path& shard) {
    MappedFile bytes = map_file(shard);
    const auto inner = detail::weights_format(detail::text_of(bytes), shard.string());
    WeightFile read = detail::read_whole(shard, std::move(bytes), inner);
    for (const std::string& note : read.notes)
      notes.push_back(printable(shard.filename().string()) + ": " + note);
    return std::move(read.tensors);
  };
  ShardReader reader(path, file, read_shard);
  TensorMap tensors = reader.read();
  for (std::string& note : reader.notes()) notes.push_back(std::move(note));
  return {path.string(), std::move(tensors), {}, std::move(notes)};
}

VLP_INLINE WeightFile read_weight_file(const std::filesystem::path& path) {
  return read_weight_file(path, map_file(path));
}

VLP_INLINE std::filesystem::path find_weights(const std::filesystem::path& folder) {
  namespace fs = std::filesystem;
  const auto fail = [&](const fs::path& where, const std::string& what) {
    throw WeightsError(where.string() + ": " + what);
  };
  if (!fs::is_directory(folder)) fail(folder, "not a folder. Give the folder of a model.");
  for (const char* name : {"model.safetensors", "model.safetensors.index.json", "pytorch_model.bin",
                           "pytorch_model.bin.index.json"}) {
    const fs::path file = folder / name;
    if (fs::exists(file)) return file;
    if (fs::is_symlink(file))
      fail(file,
           "a link to a file that is not there. Get the file again; its download may have been "
           "interrupted.");
  }

  std::vector<fs::path> candidates, further;
  std::error_code problem;
  for (fs::directory_iterator entry(folder, problem), end; !problem && entry != end;
       entry.increment(problem)) {
    const std::string extension = entry->path().extension().string();
    if (extension == ".safetensors" || extension == ".bin" || extension == ".pth")
      candidates.push_back(entry->path());
    else if (extension == ".pt" || extension == ".ckpt")
      further.push_back(entry->path());
  }
  if (problem) fail(folder, "can't be listed (" + problem.message() + ").");
  if (candidates.empty()) candidates = std::move(further);
  if (candidates.size() == 1) return candidates.front();
  if (candidates.empty())
    fail(folder,
         "no weights in this folder (expected model.safetensors or pytorch_model.bin, or an index "
         "of shards). Check the path.");
  std::ranges::sort(candidates);
  std::string names;
  for (const fs::path& file : candidates)
    names += (names.empty() ? "" : ", ") + file.filename().string();
  fail(folder, "several files of weights (got " + names +
                   ", expected one, or one named model.safetensors). Give the path of the file.");
  return {};
}

}  // namespace vlp
