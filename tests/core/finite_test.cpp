#include "vlp/core/finite.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <limits>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include <boost/test/unit_test.hpp>

BOOST_AUTO_TEST_SUITE(finite_bits)

namespace {

/// A tensor of one dtype that lies at an odd address, as in a mapped file.
template <class T>
vlp::TensorBytes odd_tensor(const std::string& dtype, const std::vector<T>& items) {
  const auto owner = std::make_shared<std::vector<std::byte>>(items.size() * sizeof(T) + 1);
  std::memcpy(owner->data() + 1, items.data(), items.size() * sizeof(T));
  return {dtype,
          {static_cast<std::int64_t>(items.size())},
          std::span<const std::byte>(*owner).subspan(1),
          owner};
}

template <class T>
void check_each_place(const std::string& dtype, const std::vector<T>& good,
                      const std::vector<T>& bad) {
  constexpr std::size_t length = 37;  // no multiple of a register
  for (const T& item : good)
    BOOST_TEST(vlp::all_finite(odd_tensor(dtype, std::vector<T>(length, item))), dtype);
  for (const T& item : bad)
    for (std::size_t place = 0; place < length; ++place) {
      std::vector<T> items(length, good.front());
      items[place] = item;
      BOOST_TEST(!vlp::all_finite(odd_tensor(dtype, items)), dtype << " at " << place);
    }
}

template <class T>
std::vector<T> finite_numbers() {
  using Limits = std::numeric_limits<T>;
  return {1, 0, Limits::max(), Limits::lowest(), Limits::denorm_min(), -T{0}};
}
template <class T>
std::vector<T> other_numbers() {
  using Limits = std::numeric_limits<T>;
  return {Limits::infinity(), -Limits::infinity(), Limits::quiet_NaN(), -Limits::quiet_NaN()};
}

}  // namespace

BOOST_AUTO_TEST_CASE(nan_and_infinity_are_found_wherever_they_stand) {
  check_each_place("F32", finite_numbers<float>(), other_numbers<float>());
  check_each_place("F64", finite_numbers<double>(), other_numbers<double>());
  using Half = std::vector<std::uint16_t>;
  // binary16: 1, 65504, -0, the smallest; inf, -inf, NaN with the highest and the lowest bit.
  check_each_place("F16", Half{0x3c00, 0x7bff, 0x8000, 1}, Half{0x7c00, 0xfc00, 0x7e00, 0x7c01});
  check_each_place("BF16", Half{0x3f80, 0x7f7f, 0x8000, 1}, Half{0x7f80, 0xff80, 0x7fc0, 0x7f81});
}

BOOST_AUTO_TEST_CASE(integers_and_empty_tensors_are_finite) {
  BOOST_TEST(vlp::all_finite(odd_tensor("I32", std::vector<std::uint32_t>{0x7f80'0000U})));
  BOOST_TEST(vlp::all_finite(odd_tensor("I64", std::vector<std::int64_t>{-1})));
  BOOST_TEST(vlp::all_finite(odd_tensor("F32", std::vector<float>{})));
  BOOST_TEST(vlp::all_finite(std::span<const float>()));
}

BOOST_AUTO_TEST_CASE(a_span_of_floats_is_looked_at_likewise) {
  std::array<float, 5> numbers{1, 2, 3, 4, 5};
  BOOST_TEST(vlp::all_finite(numbers));
  numbers[4] = std::numeric_limits<float>::infinity();
  BOOST_TEST(!vlp::all_finite(numbers));
}

BOOST_AUTO_TEST_SUITE_END()
