#pragma once
// Files that torch.save wrote: pytorch_model.bin, .pth. Tensors are views of the mapped file; only
// those that don't lie in row-major order are copied. Includes no torch.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "vlp/core/error.hpp"
#include "vlp/core/printable.hpp"
#include "vlp/weights/mapped_file.hpp"
#include "vlp/weights/pickle_value.hpp"
#include "vlp/weights/state_dict_choice.hpp"
#include "vlp/weights/strided.hpp"
#include "vlp/weights/tensor_map.hpp"
#include "vlp/weights/torch_layout.hpp"

namespace vlp {

/// What a file of torch.save holds. Tensors are checked and made when they are asked for.
class TorchFile {
 public:
  /// Bytes that tensors which are not in row-major order may take together, beyond the size of the
  /// file.
  static constexpr std::uint64_t kSpareBytes = std::uint64_t{16} << 20;

  /// @param file    the bytes
  /// @param source  how messages call it
  /// @throws WeightsError if the file is damaged, big-endian, from a newer format, or names
  /// anything that may not be named
  TorchFile(MappedFile file, std::string source)
      : file_(std::move(file)),
        source_(std::move(source)),
        layout_(TorchLayoutReader(file_.bytes, source_).read()),
        spare_(file_.bytes.size() + kSpareBytes) {}

  /// Everything in the file, as data.
  [[nodiscard]] const Pickle& pickle() const { return layout_.pickle; }

  /// Whether a value of the pickle is a tensor or a parameter.
  [[nodiscard]] bool is_tensor(PickleId value) const {
    return detail::is_tensor(layout_.pickle, value);
  }

  /// @param value  a value of the pickle for which `is_tensor` is true
  /// @param name   how messages call it
  /// @return  a view of the file, or a copy if the tensor is not in row-major order
  /// @throws WeightsError if the tensor is malformed, reaches beyond its storage, has a dtype that
  /// vlp doesn't know, or
  ///         if the copies of this file would take more than its size and `kSpareBytes`
  [[nodiscard]] TensorBytes tensor(PickleId value, std::string_view name) {
    const StridedTensor tensor = describe(value, name);
    if (tensor.in_order()) return tensor.view();
    if (tensor.size() > spare_)
      fail(name, "is not stored in row-major order and too large to be copied (got " +
                     std::to_string(tensor.size()) + " bytes, expected at most " +
                     std::to_string(spare_) + "). Save its contiguous() instead.");
    spare_ -= tensor.size();
    return tensor.gathered();
  }

  /// What `state_dict` passes over, a sentence each. @throws WeightsError as `choose_state_dict`
  [[nodiscard]] std::vector<std::string> notes() const {
    return choose_state_dict(layout_.pickle, source_).notes;
  }

  /// The tensors of the dict that `choose_state_dict` finds. Entries that are no tensors are left
  /// out.
  /// @throws WeightsError if there is no such dict or it has no tensor, if names are repeated or no
  /// texts, and as `tensor`
  [[nodiscard]] TensorMap state_dict() {
    const PickleId dict = choose_state_dict(layout_.pickle, source_).dict;
    TensorMap tensors;
    const auto entries = layout_.pickle.items(dict);
    for (std::size_t i = 0; i < entries.size(); i += 2) {
      if (!is_tensor(entries[i + 1])) continue;
      const std::string_view* name = layout_.pickle.text(entries[i]);
      if (!name) fail_and_save("a tensor's name is no text.");
      if (!tensors.emplace(*name, TensorBytes{}).second)
        fail_and_save("tensor '" + printable(*name) + "' stands there twice.");
      tensors.find(*name)->second = tensor(entries[i + 1], *name);
    }
    if (tensors.empty()) fail_and_save("the dict holds no tensor (got " + keys(dict) + ").");
    return tensors;
  }

 private:
  [[noreturn]] void fail(const std::string& what) const {
    throw WeightsError(source_ + ": " + what);
  }
  [[noreturn]] void fail_and_save(const std::string& what) const {
    fail(what + " " + std::string(detail::kSaveWeights));
  }
  [[noreturn]] void fail_and_save(std::string_view tensor, const std::string& what) const {
    fail_and_save("tensor '" + printable(tensor) + "' " + what);
  }
  [[noreturn]] void fail(std::string_view tensor, const std::string& what) const {
    fail("tensor '" + printable(tensor) + "' " + what);
  }

  /// Arguments of _rebuild_tensor_v2(storage, offset, size, stride, requires_grad, hooks[,
  /// metadata]); _rebuild_tensor takes the first four; _rebuild_parameter(tensor, requires_grad,
  /// hooks) wraps one of them.
  [[nodiscard]] std::span<const PickleId> arguments(PickleId value, std::string_view name) const {
    for (const bool wrapped : {true, false}) {
      const auto* call = layout_.pickle.get<PickleCall>(value);
      if (!call || !is_tensor(value)) break;
      const std::string_view function = layout_.pickle.global(call->function);
      const auto parts = layout_.pickle.items(call->arguments);
      if (function != "torch._utils._rebuild_parameter") {
        const bool first_version = function == "torch._utils._rebuild_tensor";
        if (first_version ? parts.size() != 4 : parts.size() < 6 || parts.size() > 7) break;
        if (parts.size() == 7 && !layout_.pickle.items(parts[6]).empty())
          fail(name, "is conjugated or negated lazily. Save its contiguous() instead.");
        return parts;
      }
      if (!wrapped || parts.size() < 1) break;
      value = parts[0];
    }
    fail_and_save(name, "is made in an unknown way.");
  }

  [[nodiscard]] std::vector<std::int64_t> sizes(PickleId value, std::string_view name) const {
    const PickleId* list = &value;
    if (const auto* call = layout_.pickle.get<PickleCall>(value);
        call && layout_.pickle.global(call->function) == "torch.Size")
      if (const auto wrapped = layout_.pickle.items(call->arguments); wrapped.size() == 1)
        list = &wrapped[0];
    const auto items = layout_.pickle.items(*list);
    if (!layout_.pickle.get<PickleContainer>(*list) ||
        layout_.pickle.is(*list, PickleContainer::Type::dict))
      fail_and_save(name, "has no list of sizes.");
    if (items.size() > kMostDimensions)
      fail(name, "has too many dimensions (got " + std::to_string(items.size()) +
                     ", expected at most " + std::to_string(kMostDimensions) + ").");
    std::vector<std::int64_t> numbers;
    for (const PickleId item : items) {
      const auto* number = layout_.pickle.get<std::int64_t>(item);
      if (!number) fail_and_save(name, "has a size that is no 64-bit integer.");
      numbers.push_back(*number);
    }
    return numbers;
  }

  [[nodiscard]] StridedTensor describe(PickleId value, std::string_view name) const {
    const auto parts = arguments(value, name);
    const auto* persistent = layout_.pickle.get<PicklePersistent>(parts[0]);
    const auto* offset = layout_.pickle.get<std::int64_t>(parts[1]);
    if (!persistent || !offset) fail_and_save(name, "has no storage or no offset.");
    const TorchStorage storage = describe_storage(layout_.pickle, *persistent, source_);
    const std::string_view dtype = storage.dtype();
    if (dtype.empty())
      fail(name, "has an unknown dtype (got a " + std::string(storage.type) + ", expected one of " +
                     std::string(kTensorDtypes) + "). Convert it before saving.");
    const auto bytes = layout_.storages.find(storage.key);
    if (bytes == layout_.storages.end())
      fail(name, "lies in a storage that the file lacks (got '" + printable(storage.key) +
                     "'). Get the file again.");
    if (storage.items != bytes->second.size() / *item_size(dtype) ||
        bytes->second.size() % *item_size(dtype) != 0)
      fail(name, "lies in a storage of another size (got " + std::to_string(bytes->second.size()) +
                     " bytes, expected " + std::to_string(storage.items) + " items of " +
                     std::string(dtype) + "). Get the file again.");
    StridedTensor tensor{std::string(dtype),    *offset,       sizes(parts[2], name),
                         sizes(parts[3], name), bytes->second, file_.owner};
    if (!tensor.fits())
      fail(name, "reaches beyond its storage (got offset " + std::to_string(*offset) + ", sizes " +
                     shape_text(tensor.shape) + " and strides " + shape_text(tensor.strides) +
                     ", expected them within " + std::to_string(storage.items) +
                     " items). Get the file again.");
    return tensor;
  }

  /// The first keys of a dict, for messages.
  [[nodiscard]] std::string keys(PickleId dict) const {
    std::string text;
    const auto entries = layout_.pickle.items(dict);
    for (std::size_t i = 0; i < entries.size() && i < 16; i += 2)
      if (const auto* key = layout_.pickle.text(entries[i]))
        text += (text.empty() ? "'" : ", '") + printable(*key) + "'";
    return text.empty() ? "nothing under a text" : text;
  }

  MappedFile file_;
  std::string source_;
  TorchLayout layout_;
  std::uint64_t spare_;
};

/// Maps a file that torch.save wrote. @throws WeightsError also if it is missing
[[nodiscard]] inline TorchFile read_torch_file(const std::filesystem::path& path) {
  return {map_file(path), path.string()};
}

}  // namespace vlp
