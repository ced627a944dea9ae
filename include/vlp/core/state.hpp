#pragma once
// The one small interface through which everything that holds state (parameters, optimizer, scaler,
// schedule, random streams, loader position, losses, metrics) is saved and restored. Includes no
// torch: a tensor is bytes with an owner.

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "vlp/core/error.hpp"

namespace vlp {

class HostCopies;  // of concepts/tensor_state.hpp

/// A contiguous tensor as bytes: what a weight file holds, without any tensor library.
struct TensorBytes {
  std::string dtype;                ///< safetensors' names: F64 F32 F16 BF16 I64 I32 I16 I8 U8 BOOL
  std::vector<std::int64_t> shape;  ///< sizes, outermost first
  std::span<const std::byte> bytes;   ///< row-major, little-endian
  std::shared_ptr<const void> owner;  ///< keeps `bytes` alive
};

/// A flat map from names to numbers, texts and tensors; a component sees its own part through
/// `prefixed`.
class State {
 public:
  /// What a name can stand for.
  using Entry = std::variant<std::int64_t, double, std::string, TensorBytes>;

  State() : entries_(std::make_shared<std::map<std::string, Entry, std::less<>>>()) {}
  /// One into which `put_tensor` copies tensors of a GPU without waiting for each: their bytes are
  /// there once the maker has waited for `copies`.
  explicit State(std::shared_ptr<HostCopies> copies) : State() { copies_ = std::move(copies); }

  /// The part of this state under `name`; shares the entries.
  [[nodiscard]] State prefixed(std::string_view name) const {
    State part = *this;
    part.prefix_ += std::string(name) + ".";
    return part;
  }

  /// Adds or replaces an entry.
  void put(std::string_view name, std::int64_t value) {
    entries()[prefix_ + std::string(name)] = value;
  }
  /// Adds or replaces an entry.
  void put(std::string_view name, double value) { entries()[prefix_ + std::string(name)] = value; }
  /// Adds or replaces an entry.
  void put(std::string_view name, std::string value) {
    entries()[prefix_ + std::string(name)] = std::move(value);
  }
  /// Adds or replaces an entry; the bytes are shared, not copied, and must not change any more.
  void put(std::string_view name, TensorBytes value) {
    entries()[prefix_ + std::string(name)] = std::move(value);
  }

  /// Whether there is such an entry, of whatever type.
  [[nodiscard]] bool has(std::string_view name) const {
    return entries().contains(prefix_ + std::string(name));
  }
  /// @throws WeightsError if the entry is missing or of another type
  [[nodiscard]] std::int64_t integer(std::string_view name) const {
    return get<std::int64_t>(name);
  }
  /// @throws WeightsError if the entry is missing or of another type
  [[nodiscard]] double number(std::string_view name) const { return get<double>(name); }
  /// @throws WeightsError if the entry is missing or of another type
  [[nodiscard]] const std::string& text(std::string_view name) const {
    return get<std::string>(name);
  }
  /// @throws WeightsError if the entry is missing or of another type
  [[nodiscard]] const TensorBytes& tensor(std::string_view name) const {
    return get<TensorBytes>(name);
  }

  /// What tensors of a GPU are copied by; null = one by one.
  [[nodiscard]] HostCopies* copies() const { return copies_.get(); }

  /// All entries by full name, sorted.
  [[nodiscard]] const std::map<std::string, Entry, std::less<>>& entries() const {
    return *entries_;
  }
  /// All entries by full name, sorted.
  [[nodiscard]] std::map<std::string, Entry, std::less<>>& entries() { return *entries_; }

 private:
  template <class T>
  const T& get(std::string_view name) const {
    const auto found = entries().find(prefix_ + std::string(name));
    if (found == entries().end())
      throw WeightsError("checkpoint: entry '" + prefix_ + std::string(name) + "' is missing.");
    const T* value = std::get_if<T>(&found->second);
    if (!value)
      throw WeightsError("checkpoint: entry '" + prefix_ + std::string(name) +
                         "' has another type.");
    return *value;
  }

  std::shared_ptr<std::map<std::string, Entry, std::less<>>> entries_;
  std::shared_ptr<HostCopies> copies_;
  std::string prefix_;
};

/// Whatever can put all of itself into a State and come back from it exactly.
template <class T>
concept Stateful = requires(const T& saved, T& restored, State& out, const State& in) {
  saved.save(out);
  restored.load(in);
};

}  // namespace vlp
