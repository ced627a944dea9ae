#pragma once
// What a pickle holds, as plain data: values that refer to each other by number. Nothing here owns
// another value, so no nesting is too deep and no cycle leaks. Includes no torch.

#include <cstddef>
#include <cstdint>
#include <deque>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace vlp {

/// The number of a value within its `Pickle`.
using PickleId = std::uint32_t;

/// Python's None.
struct PickleNone {};
/// An integer that 64 bits don't hold: little-endian two's complement.
struct PickleLong {
  std::span<const std::byte> bytes;  ///< more than 8
};
/// A text in UTF-8, as it stands in the pickle (not checked).
struct PickleText {
  std::string_view text;  ///< without an end mark
};
/// Raw bytes.
struct PickleBytes {
  std::span<const std::byte> bytes;  ///< may be empty
};
/// Several values: `Pickle::items` has them.
struct PickleContainer {
  /// Python's container types; an OrderedDict and a defaultdict are dicts, a set is a list, a
  /// frozenset a tuple. A dict's items are key, value, key, value, ...
  enum class Type : std::uint8_t { list, tuple, dict };
  Type type;            ///< which one
  std::uint32_t index;  ///< where `Pickle` keeps the items
};
/// The name of a class or function, e.g. "torch._utils._rebuild_tensor_v2". A name only: nothing is
/// ever looked up.
struct PickleGlobal {
  std::uint32_t index;  ///< where `Pickle` keeps the name
};
/// A call that the pickle asks for and that is not made: a function's name and its arguments. An
/// object is the call of its class; its attributes are not kept.
struct PickleCall {
  PickleId function;   ///< a `PickleGlobal`
  PickleId arguments;  ///< a tuple
};
/// Something outside the pickle, e.g. a tensor's storage.
struct PicklePersistent {
  PickleId id;  ///< the value that identifies it
};

/// One value.
using PickleValue =
    std::variant<PickleNone, bool, std::int64_t, double, PickleLong, PickleText, PickleBytes,
                 PickleContainer, PickleGlobal, PickleCall, PicklePersistent>;

/// All values of one pickle; texts and bytes are views of the pickle's own bytes, which must
/// outlive it.
class Pickle {
 public:
  /// The value that was pickled. @pre reading is over
  [[nodiscard]] PickleId root() const { return root_; }
  /// How many bytes the pickle takes, its end mark included.
  [[nodiscard]] std::size_t size() const { return size_; }
  /// All values, in the order in which they were made.
  [[nodiscard]] const std::vector<PickleValue>& values() const { return values_; }

  /// The value of that number as T, or nullptr if it is something else.
  template <class T>
  [[nodiscard]] const T* get(PickleId id) const {
    return std::get_if<T>(&values_[id]);
  }
  /// The text of that number, or nullptr if it is something else.
  [[nodiscard]] const std::string_view* text(PickleId id) const {
    const auto* value = get<PickleText>(id);
    return value ? &value->text : nullptr;
  }
  /// The full name of a global, or "" if the value is something else.
  [[nodiscard]] std::string_view global(PickleId id) const {
    const auto* value = get<PickleGlobal>(id);
    return value ? std::string_view(globals_[value->index]) : std::string_view();
  }
  /// Whether the value is a container of that type.
  [[nodiscard]] bool is(PickleId id, PickleContainer::Type type) const {
    const auto* container = get<PickleContainer>(id);
    return container && container->type == type;
  }
  /// The items of a list, tuple or dict (key, value, key, value, ...); none if the value is
  /// something else.
  [[nodiscard]] std::span<const PickleId> items(PickleId id) const {
    const auto* container = get<PickleContainer>(id);
    return container ? std::span<const PickleId>(containers_[container->index])
                     : std::span<const PickleId>();
  }
  /// The value that a dict has under a text; the last one if there are several, nullptr if there is
  /// none.
  [[nodiscard]] const PickleId* find(PickleId dict, std::string_view key) const {
    if (!is(dict, PickleContainer::Type::dict)) return nullptr;
    const std::span<const PickleId> entries = items(dict);
    for (std::size_t i = entries.size(); i >= 2; i -= 2)
      if (const auto* name = text(entries[i - 2]); name && *name == key) return &entries[i - 1];
    return nullptr;
  }

 private:
  friend class PickleReader;

  PickleId root_ = 0;
  std::size_t size_ = 0;
  std::vector<PickleValue> values_;
  std::vector<std::vector<PickleId>> containers_;
  std::deque<std::string> globals_;
  std::deque<std::string> decoded_;  // bytes that the pickle spells as text
};

}  // namespace vlp
