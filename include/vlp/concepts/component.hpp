#pragma once
// What every component has whatever its kind: a name, options declared once, and a constructor that
// takes them.

#include <concepts>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>

#include "vlp/concepts/context.hpp"
#include "vlp/recipe/field.hpp"

namespace vlp {

namespace detail {

/// A torch module holder describes itself through the module that it holds.
template <class T>
struct Described {
  using type = T;
};
template <class T>
  requires requires { typename T::ContainedType; }
struct Described<T> {
  using type = typename T::ContainedType;
};

template <class T>
struct OptionsOf {
  using type = NoOptions;
};
template <class T>
  requires requires { typename Described<T>::type::Options; }
struct OptionsOf<T> {
  using type = typename Described<T>::type::Options;
};

}  // namespace detail

/// Carries a type to the overloads of `kind_of`, one beside each kind's concept, which tell the
/// kind of a component.
template <class T>
struct ComponentTag {};

/// The options aggregate of a component; `NoOptions` where it declares none.
template <class T>
using options_of = typename detail::OptionsOf<T>::type;

/// The name by which recipes choose a component: `T::name`, in snake_case.
template <class T>
inline constexpr std::string_view name_of = detail::Described<T>::type::name;

/// What messages call a component of kind `kind`: `loss 'itc'`, or `a loss` if it has no name.
template <class T>
[[nodiscard]] std::string shown_component(std::string_view kind) {
  if constexpr (requires { detail::Described<T>::type::name; })
    return std::string(kind) + " '" + std::string(name_of<T>) + "'";
  else
    return "a " + std::string(kind);
}

namespace detail {

/// Whether a component is built from these. A holder's constructor takes anything and hands it on,
/// so its module is asked.
template <class T, class... From>
concept BuiltFrom = std::constructible_from<typename Described<T>::type, From...> &&
                    std::constructible_from<T, From...>;

/// Whether a component is built from these and, behind them, all, one part or nothing of the
/// context.
template <class T, class... From>
inline constexpr bool kBuildable =
    BuiltFrom<T, From..., const Context&> || BuiltFrom<T, From..., const Machine&> ||
    BuiltFrom<T, From..., const Folders&> || BuiltFrom<T, From..., const Facts&> ||
    BuiltFrom<T, From...>;

template <class T, class... From>
[[nodiscard]] T build_from(const Context& ctx, From... from) {
  if constexpr (BuiltFrom<T, From..., const Context&>)
    return T(std::move(from)..., ctx);
  else if constexpr (BuiltFrom<T, From..., const Machine&>)
    return T(std::move(from)..., ctx.machine);
  else if constexpr (BuiltFrom<T, From..., const Folders&>)
    return T(std::move(from)..., ctx.folders);
  else if constexpr (BuiltFrom<T, From..., const Facts&>)
    return T(std::move(from)..., ctx.facts);
  else
    return T(std::move(from)...);
}

/// Whether a component has options that none of its constructors takes: they would be ignored.
template <class T>
concept IgnoresOptions =
    Options<options_of<T>> && std::tuple_size_v<decltype(options_of<T>::fields())> != 0 &&
    !kBuildable<T, options_of<T>>;

}  // namespace detail

/// A component can be named, described and built: from its options, if it has any, and behind them
/// what it reads of the context: a `const Context&`, or of that only `const Machine&`, `const
/// Folders&` or `const Facts&`, or nothing.
template <class T>
concept Component =
    requires {
      { detail::Described<T>::type::name } -> std::convertible_to<std::string_view>;
    } && Options<options_of<T>> && !detail::IgnoresOptions<T> &&
    (detail::kBuildable<T, options_of<T>> || detail::kBuildable<T>);

/// Builds a component in whichever of these ways it allows.
template <Component T>
[[nodiscard]] T build_component(options_of<T> options, const Context& ctx) {
  if constexpr (detail::kBuildable<T, options_of<T>>)
    return detail::build_from<T>(ctx, std::move(options));
  else
    return detail::build_from<T>(ctx);
}

}  // namespace vlp
