#pragma once
// Values one behind the other as bytes, for a process of the same program to read. Nothing says
// which types they have: who unpacks them names the same ones. For numbers, enums, strings, vectors
// and pairs of such, and aggregates whose `members()` ties their members.

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <tuple>
#include <type_traits>
#include <vector>

#include "vlp/core/error.hpp"

namespace vlp {

/// Bytes that processes exchange.
using Bytes = std::vector<std::byte>;

namespace detail {

template <class T>
inline constexpr bool packs_as_is = std::is_arithmetic_v<T> || std::is_enum_v<T>;

template <class T>
void pack_into(Bytes& bytes, const T& value) {
  if constexpr (packs_as_is<T>) {
    const auto raw = std::as_bytes(std::span(&value, 1));
    bytes.insert(bytes.end(), raw.begin(), raw.end());
  } else if constexpr (requires { value.members(); }) {
    std::apply([&](const auto&... member) { (pack_into(bytes, member), ...); }, value.members());
  } else if constexpr (requires { value.second; }) {
    pack_into(bytes, value.first);
    pack_into(bytes, value.second);
  } else {
    pack_into(bytes, static_cast<std::uint64_t>(value.size()));
    for (const auto& element : value) pack_into(bytes, element);
  }
}

/// Takes what `pack_into` has put there from the front.
template <class T>
void unpack_from(std::span<const std::byte>& bytes, T& value) {
  const auto require = [&](std::uint64_t count) {
    if (bytes.size() < count)
      throw ContractError("packed values: too few bytes (got " + std::to_string(bytes.size()) +
                          ", expected at least " + std::to_string(count) +
                          "). Unpack the types that were packed.");
  };
  if constexpr (packs_as_is<T>) {
    require(sizeof value);
    std::memcpy(&value, bytes.data(), sizeof value);
    bytes = bytes.subspan(sizeof value);
  } else if constexpr (requires { value.members(); }) {
    std::apply([&](auto&... member) { (unpack_from(bytes, member), ...); }, value.members());
  } else if constexpr (requires { value.second; }) {
    unpack_from(bytes, value.first);
    unpack_from(bytes, value.second);
  } else {
    std::uint64_t size = 0;
    unpack_from(bytes, size);
    require(size);  // an element is one byte at least
    value.resize(static_cast<std::size_t>(size));
    for (auto& element : value) unpack_from(bytes, element);
  }
}

}  // namespace detail

/// @return  the values one behind the other
template <class... T>
[[nodiscard]] Bytes pack(const T&... values) {
  Bytes bytes;
  (detail::pack_into(bytes, values), ...);
  return bytes;
}

/// @param bytes  of `pack`
/// @return       the values, of the types that were packed
/// @throws ContractError if there are fewer or more bytes than the types take
template <class... T>
[[nodiscard]] std::tuple<T...> unpack(std::span<const std::byte> bytes) {
  std::tuple<T...> values;
  std::apply([&](T&... value) { (detail::unpack_from(bytes, value), ...); }, values);
  if (!bytes.empty())
    throw ContractError("packed values: too many bytes (got " + std::to_string(bytes.size()) +
                        " behind the last value, expected none). Unpack the types that were "
                        "packed.");
  return values;
}

}  // namespace vlp
