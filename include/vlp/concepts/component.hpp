#pragma once
// What every component has whatever its kind: a name, options declared once, and a constructor that
// takes them.

#include <concepts>
#include <string>
#include <string_view>
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

/// A component can be named, described and built: from (options, context), (options), (context), or
/// nothing.
template <class T>
concept Component =
    requires {
      { detail::Described<T>::type::name } -> std::convertible_to<std::string_view>;
    } && Options<options_of<T>> &&
    (std::constructible_from<T, options_of<T>, const Context&> ||
     std::constructible_from<T, options_of<T>> || std::constructible_from<T, const Context&> ||
     std::default_initializable<T>);

/// Builds a component in whichever of the four ways it allows.
template <Component T>
[[nodiscard]] T build_component(options_of<T> options, const Context& ctx) {
  if constexpr (std::constructible_from<T, options_of<T>, const Context&>)
    return T(std::move(options), ctx);
  else if constexpr (std::constructible_from<T, options_of<T>>)
    return T(std::move(options));
  else if constexpr (std::constructible_from<T, const Context&>)
    return T(ctx);
  else
    return T();
}

}  // namespace vlp
