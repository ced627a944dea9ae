#pragma once
// Options declared once: an aggregate and a tuple of described members. Reading, range checks, the
// resolved recipe, `vlp help`, the reference page and `--set` all walk that tuple. Standard library
// only.

#include <array>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

namespace vlp {

/// The values that a number may take. For strings and lists it bounds the length.
struct Range {
  double low = -std::numeric_limits<double>::infinity();  ///< smallest value
  double high = std::numeric_limits<double>::infinity();  ///< largest value, allowed itself
  bool low_open = false;                                  ///< `low` itself is not allowed

  /// Whether `x` is allowed; not a number never is.
  [[nodiscard]] constexpr bool contains(double x) const {
    return (low_open ? x > low : x >= low) && x <= high;
  }
  /// Whether there is any bound.
  [[nodiscard]] constexpr bool bounded() const {
    return low != -std::numeric_limits<double>::infinity() ||
           high != std::numeric_limits<double>::infinity();
  }
};

/// From `low` to `high`, both allowed.
constexpr Range between(double low, double high) { return {low, high, false}; }
/// `low` and everything above.
constexpr Range at_least(double low) {
  return {low, std::numeric_limits<double>::infinity(), false};
}
/// Everything above `low`, which is not allowed itself.
constexpr Range above(double low) { return {low, std::numeric_limits<double>::infinity(), true}; }
/// Above `low`, which is not allowed itself, up to `high`, which is.
constexpr Range above_up_to(double low, double high) { return {low, high, true}; }
/// For strings and lists: at least one character or entry.
constexpr Range not_empty() { return at_least(1); }

namespace detail {

template <auto Member>
consteval std::string_view member_name() {
  std::string_view s = __PRETTY_FUNCTION__;  // "... [Member = &Owner::temperature]"; g++ adds ";
                                             // ..." and "with auto"
  s.remove_prefix(s.find("= &"));
  s = s.substr(0, s.find_first_of(";]"));
  return s.substr(s.rfind("::") + 2);
}

template <class T>
struct MemberOf;
template <class Owner, class T>
struct MemberOf<T Owner::*> {
  using owner = Owner;
  using type = T;
};

struct AnyValue {
  template <class T>
  operator T() const;
};
template <class T, std::size_t... I>
constexpr bool braces(std::index_sequence<I...>) {
  return requires { T{((void)I, AnyValue{})...}; };
}
/// How many members an aggregate has: the largest N for which T{N values} parses.
template <class T, std::size_t N = 24>
constexpr std::size_t arity() {
  if constexpr (N == 0)
    return 0;
  else if constexpr (braces<T>(std::make_index_sequence<N>{}))
    return N;
  else
    return arity<T, N - 1>();
}

template <auto Value>
consteval std::string_view enumerator_name() {
  std::string_view s =
      __PRETTY_FUNCTION__;  // "... [Value = ns::Kind::linear]", or "(ns::Kind)7" where none exists
  s.remove_prefix(s.find("Value = ") + 8);
  s = s.substr(0, s.find_first_of(";]"));
  const std::size_t last = s.find_last_of(":)");
  return last == s.npos ? s : s[last] == ')' ? std::string_view{} : s.substr(last + 1);
}
template <class E, std::size_t... I>
consteval auto enumerator_names(std::index_sequence<I...>) {
  return std::array<std::string_view, sizeof...(I)>{enumerator_name<static_cast<E>(I)>()...};
}

}  // namespace detail

/// Names of an `enum class` whose values count up from 0, as TOML spells them; at most 16.
template <class E>
  requires std::is_enum_v<E>
struct EnumNames {
  static constexpr auto table = detail::enumerator_names<E>(
      std::make_index_sequence<16>{});  ///< by value; empty behind the last
  /// How many enumerators there are.
  static constexpr std::size_t count() {
    std::size_t n = 0;
    while (n < table.size() && !table[n].empty()) ++n;
    return n;
  }
  /// The name of an enumerator.
  static constexpr std::string_view of(E value) { return table[static_cast<std::size_t>(value)]; }
};

namespace detail {

/// A member of a member of an aggregate, by pointers to members.
template <auto... Members>
struct MemberPath {};
template <auto First, auto... Rest>
struct MemberPath<First, Rest...> {
  using owner = typename MemberOf<decltype(First)>::owner;
  static constexpr auto& of(auto& options) {
    if constexpr (sizeof...(Rest) == 0)
      return options.*First;
    else
      return MemberPath<Rest...>::of(options.*First);
  }
  static consteval std::string_view name() {
    if constexpr (sizeof...(Rest) == 0)
      return member_name<First>();
    else
      return MemberPath<Rest...>::name();
  }
  using type = std::remove_cvref_t<decltype(of(std::declval<owner&>()))>;
};

}  // namespace detail

/// One described member of an options aggregate; make it with `field<&Options::member>(...)`. One
/// of a group in it is reached by several members.
template <auto... Path>
struct Field {
  /// The aggregate.
  using owner = typename detail::MemberPath<Path...>::owner;
  /// The type of the option.
  using type = typename detail::MemberPath<Path...>::type;
  static constexpr std::string_view name = detail::MemberPath<Path...>::name();

  std::string_view doc;  ///< one sentence with the unit
  Range range{};         ///< of its value, or of its length

  /// The option in an aggregate.
  static constexpr type& of(owner& options) { return detail::MemberPath<Path...>::of(options); }
  /// The option in an aggregate.
  static constexpr const type& of(const owner& options) {
    return detail::MemberPath<Path...>::of(options);
  }
};

/// A member that is an aggregate of options itself, which recipes know nothing of: its options
/// stand among the owner's. Make it with `group<&Options::member>()`.
template <auto Member>
struct FieldGroup {
  /// The aggregate of the group.
  using type = typename detail::MemberOf<decltype(Member)>::type;
};

namespace detail {

/// Whether no recipe can hold a type: a number of another size than TOML's, a reference to text.
template <class T>
inline constexpr bool unfit_for_recipes =
    (std::is_arithmetic_v<T> && !std::same_as<T, bool> && !std::same_as<T, std::int64_t> &&
     !std::same_as<T, double>) ||
    std::is_pointer_v<T> || std::same_as<T, std::string_view>;
template <class T>
inline constexpr bool unfit_for_recipes<std::optional<T>> = unfit_for_recipes<T>;
template <class T>
inline constexpr bool unfit_for_recipes<std::vector<T>> = unfit_for_recipes<T>;
template <>
inline constexpr bool unfit_for_recipes<std::vector<bool>> = true;  // its entries are no objects

}  // namespace detail

/// @param doc    one sentence with the unit
/// @param range  what a number, or the length of a string or list, must satisfy
template <auto Member>
constexpr Field<Member> field(std::string_view doc, Range range = {}) {
  static_assert(!detail::unfit_for_recipes<typename Field<Member>::type>,
                "an option is a bool, std::int64_t, double, std::string, std::filesystem::path, an "
                "enum class, an aggregate with fields(), a vlp::Use, or a std::optional or "
                "std::vector of one of these; for int write std::int64_t, for float write double");
  return {doc, range};
}

/// Options that several components have in common, in the place where `fields()` names them.
template <auto Member>
constexpr FieldGroup<Member> group() {
  return {};
}

namespace detail {

template <class T, class... All>
inline constexpr std::size_t occurrences =
    (static_cast<std::size_t>(std::same_as<T, All>) + ... + 0U);
template <class Tuple>
inline constexpr bool all_different = false;
template <class... T>
inline constexpr bool all_different<std::tuple<T...>> = (... && (occurrences<T, T...> == 1));

/// Whether `fields()` names a member twice.
template <class O>
concept NamesOneTwice = requires { O::fields(); } && !all_different<decltype(O::fields())>;

}  // namespace detail

/// An aggregate whose every member is described by `fields()`, once; a forgotten member doesn't
/// compile.
template <class O>
concept Options = std::is_aggregate_v<O> && std::default_initializable<O> && requires {
  O::fields();
} && detail::arity<O>() == std::tuple_size_v<decltype(O::fields())> && !detail::NamesOneTwice<O>;

namespace detail {

template <auto... Path, auto... Members, class Visit>
constexpr void visit_field(MemberPath<Path...>, const Field<Members...>& field, Visit& visit) {
  visit(Field<Path..., Members...>{field.doc, field.range});
}
template <auto... Path, auto Member, class Visit>
constexpr void visit_field(MemberPath<Path...>, const FieldGroup<Member>&, Visit& visit) {
  std::apply(
      [&](const auto&... fields) {
        (visit_field(MemberPath<Path..., Member>{}, fields, visit), ...);
      },
      FieldGroup<Member>::type::fields());
}

}  // namespace detail

/// Calls `visit(field)` for each described member, in order, those of groups in their place.
template <Options O, class Visit>
constexpr void for_each_field(Visit&& visit) {
  std::apply(
      [&](const auto&... fields) {
        (detail::visit_field(detail::MemberPath<>{}, fields, visit), ...);
      },
      O::fields());
}

/// The options of a component that has none.
struct NoOptions {
  static constexpr auto fields() { return std::tuple{}; }
};

}  // namespace vlp
