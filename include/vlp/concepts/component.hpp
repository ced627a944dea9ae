#pragma once
// What every component has whatever its kind: a name, options declared once, and a constructor that
// takes them.

#include <concepts>
#include <cstddef>
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

/// The same of a component that is there; an erased one says it itself.
template <class T>
[[nodiscard]] std::string shown_component(const T& component, std::string_view kind) {
  if constexpr (requires { component.shown(); })
    return component.shown();
  else
    return shown_component<T>(kind);
}

namespace detail {

/// Whether a component is built from these. A holder's constructor takes anything and hands it on,
/// so its module is asked.
template <class T, class... From>
concept BuiltFrom = std::constructible_from<typename Described<T>::type, From...> &&
                    std::constructible_from<T, From...>;

/// What a constructor reads of the context.
template <class... Part>
struct Reads {};

/// All that it may read; of several constructors the first is taken that is listed here.
using AllReads = std::tuple<Reads<Context>, Reads<Machine, Folders, Facts>, Reads<Machine, Folders>,
                            Reads<Machine, Facts>, Reads<Folders, Facts>, Reads<Machine>,
                            Reads<Folders>, Reads<Facts>, Reads<>>;

template <class Part>
[[nodiscard]] const Part& context_part(const Context& ctx) {
  if constexpr (std::same_as<Part, Context>)
    return ctx;
  else if constexpr (std::same_as<Part, Machine>)
    return ctx.machine;
  else if constexpr (std::same_as<Part, Folders>)
    return ctx.folders;
  else
    return ctx.facts;
}

/// Whether a component is built from `From` and, behind them, what is read.
template <class T, class Read, class... From>
inline constexpr bool kBuiltReading = false;
template <class T, class... Part, class... From>
inline constexpr bool kBuiltReading<T, Reads<Part...>, From...> =
    BuiltFrom<T, From..., const Part&...>;

/// The place in `AllReads` of what a component that is built from `From` reads; their number if it
/// is built in none of these ways.
template <class T, class... From>
[[nodiscard]] consteval std::size_t reading() {
  return []<class... Read>(std::tuple<Read...>*) {
    std::size_t place = 0;
    (void)((kBuiltReading<T, Read, From...> || (++place, false)) || ...);
    return place;
  }(static_cast<AllReads*>(nullptr));
}

/// Whether a component is built from these and, behind them, all, some parts or nothing of the
/// context.
template <class T, class... From>
inline constexpr bool kBuildable = reading<T, From...>() < std::tuple_size_v<AllReads>;

template <class T, class... From>
[[nodiscard]] T build_from(const Context& ctx, From... from) {
  return [&]<class... Part>(Reads<Part...>) {
    return T(std::move(from)..., context_part<Part>(ctx)...);
  }(std::tuple_element_t<reading<T, From...>(), AllReads>{});
}

/// Whether a component has options that none of its constructors takes: they would be ignored.
template <class T>
concept IgnoresOptions =
    Options<options_of<T>> && std::tuple_size_v<decltype(options_of<T>::fields())> != 0 &&
    !kBuildable<T, options_of<T>>;

}  // namespace detail

/// A component can be named, described and built: from its options, if it has any, and behind them
/// what it reads of the context: a `const Context&`, or of that some parts in the order `const
/// Machine&`, `const Folders&`, `const Facts&`, or nothing.
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
