#pragma once
// Which dict of a file of torch.save holds the weights: training scripts save them under a key of
// their own, beside an optimizer's state and settings. Includes no torch.

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "vlp/core/error.hpp"
#include "vlp/core/printable.hpp"
#include "vlp/weights/pickle_value.hpp"
#include "vlp/weights/torch_layout.hpp"

namespace vlp {

/// A dict with weights, and what is to be said of its surroundings.
struct StateDictChoice {
  PickleId dict;                   ///< a dict with tensors under texts
  std::vector<std::string> notes;  ///< sentences, without the file's name
};

namespace detail {

/// The keys that training scripts use, the most telling first; averages of weights stand last.
inline constexpr std::array<std::string_view, 13> kWeightKeys{
    "model",     "state_dict",     "model_state_dict", "module", "net",
    "network",   "weights",        "params",           "ema",    "model_ema",
    "ema_model", "state_dict_ema", "ema_state_dict"};

/// Whether a value of a pickle is a tensor or a parameter.
[[nodiscard]] inline bool is_tensor(const Pickle& pickle, PickleId value) {
  const auto* call = pickle.get<PickleCall>(value);
  return call && pickle.global(call->function).starts_with("torch._utils._rebuild_");
}

/// Looks through the dict that a file is.
class StateDictChooser {
 public:
  StateDictChooser(const Pickle& pickle, const std::string& source)
      : pickle_(pickle), source_(source), entries_(pickle.items(pickle.root())) {}

  [[nodiscard]] StateDictChoice choose() {
    if (!pickle_.is(pickle_.root(), PickleContainer::Type::dict)) fail("holds no dict of tensors.");
    for (std::size_t i = 0; i + 1 < entries_.size(); i += 2) {
      const std::string_view* key = pickle_.text(entries_[i]);
      if (key && tensors_in(entries_[i + 1]) > 0) inner_.insert_or_assign(*key, entries_[i + 1]);
    }
    const std::int64_t here = tensors_in(pickle_.root());
    const auto inner = inner_dict(here);
    StateDictChoice choice{inner ? inner_.find(*inner)->second : pickle_.root(), {}};
    if (inner) say_which(*inner, choice.notes);
    say_what_else(inner, choice.notes);
    return choice;
  }

 private:
  using Type = PickleContainer::Type;

  [[noreturn]] void fail(const std::string& what) const {
    throw WeightsError(source_ + ": " + what + " " + std::string(kSaveWeights));
  }

  /// How many tensors a dict has under texts; 0 for what is no dict. Each dict is looked at once,
  /// however often it is repeated.
  std::int64_t tensors_in(PickleId dict) {
    if (!pickle_.is(dict, Type::dict)) return 0;
    const auto [known, is_new] = counts_.emplace(dict, 0);
    if (!is_new) return known->second;
    const auto items = pickle_.items(dict);
    for (std::size_t i = 0; i + 1 < items.size(); i += 2)
      known->second += pickle_.text(items[i]) && is_tensor(pickle_, items[i + 1]);
    return known->second;
  }

  /// The key of the dict with the weights; nothing if the file is that dict itself.
  /// @param here  tensors that stand in the file's own dict
  [[nodiscard]] std::optional<std::string_view> inner_dict(std::int64_t here) {
    for (const std::string_view key : kWeightKeys)
      if (inner_.contains(key)) return key;
    if (inner_.size() == 1 && tensors_in(inner_.begin()->second) > here)
      return inner_.begin()->first;
    if (here > 0 || inner_.empty()) return std::nullopt;
    fail("holds several dicts of tensors (got " + dicts_but({}) +
         ", expected one, or one of them under 'model' or 'state_dict').");
  }

  /// `'ema' (473 tensors)`
  [[nodiscard]] std::string described(std::string_view key, PickleId dict) {
    const std::int64_t count = tensors_in(dict);
    return "'" + printable(key) + "' (" + std::to_string(count) +
           (count == 1 ? " tensor)" : " tensors)");
  }

  /// The dicts with tensors, but for one: `'ema' (473 tensors), 'teacher' (150 tensors)`.
  [[nodiscard]] std::string dicts_but(std::optional<std::string_view> chosen) {
    std::string text;
    std::size_t shown = 0, left = 0;
    for (const auto& [key, dict] : inner_) {
      if (key == chosen) continue;
      if (shown == kMostShown) {
        ++left;
        continue;
      }
      ++shown;
      text += (text.empty() ? "" : ", ") + described(key, dict);
    }
    return left == 0 ? text : text + " and " + std::to_string(left) + " more";
  }

  void say_which(std::string_view key, std::vector<std::string>& notes) {
    const std::string others = dicts_but(key);
    if (std::ranges::count(kWeightKeys, key) > 0 && others.empty()) return;
    notes.push_back("the weights are those under " + described(key, inner_.find(key)->second) +
                    (others.empty() ? "" : ", not those under " + others));
  }

  /// Whether a value is worth a word: a container with something in it, or an object.
  [[nodiscard]] bool is_something(PickleId value) const {
    return !pickle_.items(value).empty() || pickle_.get<PickleCall>(value);
  }

  /// Counts what stands beside the weights.
  void say_what_else(std::optional<std::string_view> chosen, std::vector<std::string>& notes) {
    std::size_t count = 0, worth = 0;
    std::string names;
    for (std::size_t i = 0; i + 1 < entries_.size(); i += 2) {
      const std::string_view* key = pickle_.text(entries_[i]);
      const bool own = chosen ? key && inner_.contains(*key) : is_tensor(pickle_, entries_[i + 1]);
      if (own) continue;
      ++count;
      if (!is_something(entries_[i + 1])) continue;
      if (key && worth++ < kMostShown)
        names += (names.empty() ? "'" : ", '") + printable(*key) + "'";
    }
    if (!names.empty())
      notes.push_back("left out what stands beside the weights (" + std::to_string(count) +
                      (count == 1 ? " entry" : " entries") + ", such as " + names + ")");
  }

  static constexpr std::size_t kMostShown = 6;  // keys in a message

  const Pickle& pickle_;
  const std::string& source_;
  std::span<const PickleId> entries_;
  std::map<std::string_view, PickleId> inner_;  // dicts with tensors, by key
  std::map<PickleId, std::int64_t> counts_;     // tensors of each dict
};

}  // namespace detail

/// The dict of a file that holds its weights: under the first of the usual keys that has tensors,
/// under the only key that has any, else the file's own dict, which may hold no tensor.
/// @param pickle  of the file
/// @param source  how messages call the file
/// @throws WeightsError if the file is no dict, or has several dicts of tensors under unusual keys
[[nodiscard]] inline StateDictChoice choose_state_dict(const Pickle& pickle,
                                                       const std::string& source) {
  return detail::StateDictChooser(pickle, source).choose();
}

}  // namespace vlp
