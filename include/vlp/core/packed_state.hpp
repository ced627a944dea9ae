#pragma once
// A State as bytes, for a process of the same program to read. Includes no torch.

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <tuple>
#include <utility>
#include <variant>
#include <vector>

#include "vlp/core/packed.hpp"
#include "vlp/core/state.hpp"

namespace vlp {

namespace detail {

/// A tensor of a state with bytes of its own.
struct PackedTensor {
  std::string name, dtype;
  std::vector<std::int64_t> shape;
  Bytes bytes;

  auto members() { return std::tie(name, dtype, shape, bytes); }
  [[nodiscard]] auto members() const { return std::tie(name, dtype, shape, bytes); }
};

/// Entries of a state by name, each kind apart.
struct PackedEntries {
  std::vector<std::pair<std::string, std::int64_t>> integers;
  std::vector<std::pair<std::string, double>> numbers;
  std::vector<std::pair<std::string, std::string>> texts;
  std::vector<PackedTensor> tensors;

  void add(const std::string& name, std::int64_t value) { integers.emplace_back(name, value); }
  void add(const std::string& name, double value) { numbers.emplace_back(name, value); }
  void add(const std::string& name, const std::string& value) { texts.emplace_back(name, value); }
  void add(const std::string& name, const TensorBytes& value) {
    tensors.push_back(
        {name, value.dtype, value.shape, Bytes(value.bytes.begin(), value.bytes.end())});
  }
  auto members() { return std::tie(integers, numbers, texts, tensors); }
  [[nodiscard]] auto members() const { return std::tie(integers, numbers, texts, tensors); }
};

}  // namespace detail

/// @return  all entries by full name, tensors with their bytes
[[nodiscard]] inline Bytes pack_state(const State& state) {
  detail::PackedEntries packed;
  for (const auto& [name, entry] : state.entries())
    std::visit([&, &key = name](const auto& value) { packed.add(key, value); }, entry);
  return pack(packed);
}

/// @param bytes  of `pack_state`
/// @return       the same entries; tensors own their bytes
/// @throws ContractError if these are other bytes
[[nodiscard]] inline State unpack_state(std::span<const std::byte> bytes) {
  auto [packed] = unpack<detail::PackedEntries>(bytes);
  State state;
  for (const auto& [name, value] : packed.integers) state.put(name, value);
  for (const auto& [name, value] : packed.numbers) state.put(name, value);
  for (const auto& [name, value] : packed.texts) state.put(name, value);
  for (detail::PackedTensor& tensor : packed.tensors) {
    const auto owner = std::make_shared<const Bytes>(std::move(tensor.bytes));
    state.put(tensor.name, TensorBytes{tensor.dtype, tensor.shape, *owner, owner});
  }
  return state;
}

}  // namespace vlp
