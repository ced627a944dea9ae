#pragma once
// Weights in several files: model.safetensors.index.json or pytorch_model.bin.index.json says which
// file ("shard") of its folder holds which tensor. Includes no torch.

#include <cstddef>
#include <filesystem>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "vlp/core/error.hpp"
#include "vlp/core/printable.hpp"
#include "vlp/weights/mapped_file.hpp"
#include "vlp/weights/strict_json.hpp"
#include "vlp/weights/tensor_map.hpp"

#include <nlohmann/json.hpp>

namespace vlp {

/// Reads what an index names.
class ShardReader {
 public:
  /// Reads one shard.
  using ReadShard = std::function<TensorMap(const std::filesystem::path&)>;
  /// Longest index that is read, in bytes.
  static constexpr std::size_t kLongestIndex = std::size_t{64} << 20;

  /// @param path   the index
  /// @param index  its bytes
  /// @param read   reads one of the files that it names
  ShardReader(std::filesystem::path path, const MappedFile& index, ReadShard read)
      : path_(std::move(path)), read_(std::move(read)) {
    parse(index);
  }

  /// Tensors that the index names, and those beside them in the shards that it doesn't name.
  /// @throws WeightsError listing shards that are missing, tensors that are missing in their shard,
  /// and tensors that stand in another shard than the index says, or in two
  /// @see transformers' from_pretrained, which takes all tensors of the shards that are named
  [[nodiscard]] TensorMap read() {
    for (const auto& [shard, names] : shards_) read_shard(shard, names);
    add_unnamed();
    if (!problems_.empty()) {
      constexpr std::size_t most = 20;
      std::string text = path_.string() + ": the shards don't agree with their index.";
      for (std::size_t i = 0; i < problems_.size() && i < most; ++i) text += "\n  " + problems_[i];
      if (problems_.size() > most)
        text += "\n  and " + std::to_string(problems_.size() - most) + " more";
      throw WeightsError(text + "\nGet the files again, all from one place.");
    }
    return std::move(tensors_);
  }

  /// What `read` has to say, a sentence each.
  [[nodiscard]] std::vector<std::string> notes() const {
    if (unnamed_.empty()) return {};
    const std::size_t count = unnamed_.size();
    return {"the shards hold " + std::to_string(count) + (count == 1 ? " tensor" : " tensors") +
            " that the index doesn't name (" + (count == 1 ? "" : "e.g. ") +
            printable(unnamed_.begin()->first) + "); used all the same, as in transformers"};
  }

 private:
  /// A tensor that the index doesn't name, with its shard.
  struct Unnamed {
    std::string shard;
    TensorBytes tensor;
  };

  [[noreturn]] void fail(const std::string& what) const {
    throw WeightsError(path_.string() + ": " + what);
  }

  void parse(const MappedFile& index) {
    const std::string_view text(reinterpret_cast<const char*>(index.bytes.data()),
                                index.bytes.size());
    if (text.size() > kLongestIndex)
      fail("too long for an index of shards (got " + std::to_string(text.size()) +
           " bytes, expected at most " + std::to_string(kLongestIndex) +
           "). Give the weights themselves.");
    constexpr int deepest = 8;  // of "metadata", which may hold anything
    const auto json = StrictJson{"the index", deepest, 0}.parse(
        text, [this](const std::string& what) { fail(what + " Get it again."); });
    if (!json.contains("weight_map") || !json["weight_map"].is_object())
      fail(
          "a JSON file, but no index of shards (got no object \"weight_map\"). Give the weights "
          "themselves.");
    for (const auto& [name, shard] : json["weight_map"].items()) {
      if (!shard.is_string())
        fail("the index names no file for tensor '" + printable(name) + "'. Get it again.");
      shards_[checked(shard.get<std::string>())].push_back(name);
    }
    if (shards_.empty()) fail("the index names no tensor. Get it again.");
  }

  /// A shard lies in the index's own folder.
  [[nodiscard]] std::string checked(const std::string& shard) const {
    const bool plain = !shard.empty() && shard != "." && shard != ".." &&
                       shard.find_first_of(std::string("/\\\0", 3)) == shard.npos;
    if (!plain)
      fail("the index names a file outside its folder (got '" + printable(shard) +
           "', expected a file name). Get it from elsewhere.");
    return shard;
  }

  void read_shard(const std::string& shard, const std::vector<std::string>& names) {
    const std::filesystem::path file = path_.parent_path() / shard;
    if (!std::filesystem::exists(file)) {
      problems_.push_back("missing file: " + printable(shard) + " (" +
                          std::to_string(names.size()) + " tensors, e.g. " +
                          printable(names.front()) + ")");
      return;
    }
    TensorMap found = read_(file);
    for (const std::string& name : names) {
      auto tensor = found.extract(name);
      if (tensor.empty())
        problems_.push_back("missing tensor: " + printable(name) + " (expected in " +
                            printable(shard) + ")");
      else
        tensors_.insert(std::move(tensor));
    }
    for (auto& [name, tensor] : found) {
      const auto [other, is_new] = unnamed_.try_emplace(name, Unnamed{shard, tensor});
      if (!is_new)
        problems_.push_back("unexpected tensor: " + printable(name) + " in " +
                            printable(other->second.shard) + " and in " + printable(shard));
    }
  }

  /// What the index names for another shard is no tensor that it forgot.
  void add_unnamed() {
    std::set<std::string_view> named;
    for (const auto& [shard, names] : shards_) named.insert(names.begin(), names.end());
    for (const auto& [name, found] : unnamed_)
      if (named.contains(name))
        problems_.push_back("unexpected tensor: " + printable(name) + " in " +
                            printable(found.shard));
      else
        tensors_.emplace(name, found.tensor);
  }

  std::filesystem::path path_;
  ReadShard read_;
  std::map<std::string, std::vector<std::string>> shards_;
  TensorMap tensors_;
  std::map<std::string, Unnamed> unnamed_;
  std::vector<std::string> problems_;
};

}  // namespace vlp
