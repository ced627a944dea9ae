#pragma once
// What is asked of a component's options before recipes may set them: types that a recipe can hold,
// names that are free in the component's table, defaults inside their own ranges.

#include <algorithm>
#include <array>
#include <concepts>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <vector>

#include "vlp/recipe/diagnostics.hpp"
#include "vlp/recipe/field.hpp"
#include "vlp/recipe/read.hpp"
#include "vlp/recipe/value.hpp"

namespace vlp {

/// A key that a table of a recipe keeps beside the options of the component that it chooses.
struct PlaceKey {
  std::string_view kind;   ///< of the component
  std::string_view key;    ///< that no component of the kind may take
  std::string_view place;  ///< the table, as recipes write it
};

/// Every such key but `use`, which belongs to all tables. What declares them lies on higher floors:
/// plan/tables.hpp and plugins/dataset/concat.hpp.
inline constexpr std::array kPlaceKeys{
    PlaceKey{"dataset", "on_bad", "[dataset]"},
    PlaceKey{"dataset", "max_bad", "[dataset]"},
    PlaceKey{"dataset", "max_bad_images", "[dataset]"},
    PlaceKey{"dataset", "transparency", "[dataset]"},
    PlaceKey{"dataset", "orient", "[dataset]"},
    PlaceKey{"dataset", "repeat", "[[dataset.part]]"},
    PlaceKey{"transform", "when", "[[transform]]"},
    PlaceKey{"model", "weights", "[model]"},
    PlaceKey{"model", "prompt", "[model]"},
    PlaceKey{"loss", "weight", "[[loss]]"},
};

namespace detail {

/// Whether a recipe can hold a type.
/// @tparam Unfit  what is answered of types that `field<>` refuses itself
template <class T, bool Unfit>
inline constexpr bool held_by_recipes =
    unfit_for_recipes<T> ? Unfit : requires { sizeof(OptionType<T>); };
template <class T, bool Unfit>
inline constexpr bool held_by_recipes<std::optional<T>, Unfit> = held_by_recipes<T, Unfit>;
template <class T, bool Unfit>
inline constexpr bool held_by_recipes<std::vector<T>, Unfit> = held_by_recipes<T, Unfit>;
template <bool Unfit>
inline constexpr bool held_by_recipes<std::vector<bool>, Unfit> = Unfit;
template <class Fields, bool Unfit>
inline constexpr bool fields_held_by_recipes = false;
template <Options O, bool Unfit>
inline constexpr bool held_by_recipes<O, Unfit> =
    fields_held_by_recipes<decltype(O::fields()), Unfit>;
template <class... Fields, bool Unfit>
inline constexpr bool fields_held_by_recipes<std::tuple<Fields...>, Unfit> =
    (... && held_by_recipes<typename Fields::type, Unfit>);

/// Whether a default is compared with its range: not those that are chosen by name, and not what
/// only a component of a registry could read.
template <class T>
inline constexpr bool has_plain_default =
    std::same_as<T, std::int64_t> || std::same_as<T, double> || std::same_as<T, std::string> ||
    std::same_as<T, std::filesystem::path>;
template <class T>
inline constexpr bool has_plain_default<std::optional<T>> = has_plain_default<T>;
template <class T>
inline constexpr bool has_plain_default<std::vector<T>> = has_plain_default<T>;

/// An empty text or list stands for an option that recipes must set, whatever its range.
[[nodiscard]] inline bool is_empty(const Value& value) {
  if (const auto* text = value.as<std::string>()) return text->empty();
  if (const auto* array = value.as<Array>()) return array->empty();
  return false;
}

/// Adds each default that its own range forbids, nested tables included.
template <Options O>
void add_bad_defaults(const std::string& path, Diagnostics& mistakes) {
  const O defaults{};
  for_each_field<O>([&]<auto... Path>(const Field<Path...>& f) {
    using T = typename Field<Path...>::type;
    if constexpr (Options<T>) {
      add_bad_defaults<T>(join(path, f.name), mistakes);
    } else if constexpr (has_plain_default<T>) {
      const std::optional<Value> value = OptionType<T>::write(f.of(defaults));
      if (!value || is_empty(*value)) return;
      ReadContext ctx{mistakes, nullptr};
      T read{};
      OptionType<T>::read(*value, join(path, f.name), read, f.range, ctx);
    }
  });
}

}  // namespace detail

/// What is wrong with the options of a component of this kind, one sentence a mistake.
template <Options O>
[[nodiscard]] std::vector<std::string> option_mistakes(std::string_view kind) {
  std::vector<std::string> mistakes;
  const std::vector<std::string> names = option_names<O>();
  for (auto name = names.begin(); name != names.end(); ++name) {
    const std::string option = "option '" + *name + "' ";
    if (*name == "use")
      mistakes.push_back(option + "is the key that names the component. Rename the option.");
    for (const PlaceKey& taken : kPlaceKeys)
      if (taken.kind == kind && taken.key == *name)
        mistakes.push_back(option + "is a key of " + std::string(taken.place) +
                           " itself. Rename the option.");
    if (std::find(names.begin(), name, *name) != name)
      mistakes.push_back(option + "stands there twice, of two groups perhaps. Rename one of them.");
  }
  Diagnostics defaults;
  detail::add_bad_defaults<O>("", defaults);
  for (const Problem& problem : defaults.problems())
    mistakes.push_back("option '" + problem.key + "' has a default outside its own range (" +
                       problem.message + "). Change the default or the range.");
  return mistakes;
}

}  // namespace vlp
