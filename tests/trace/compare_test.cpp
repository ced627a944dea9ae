// Two files of a model's numbers: every layout that a stored reference may have, and what counts as
// different.

#include "vlp/trace/compare.hpp"

#include <cmath>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <limits>
#include <memory>
#include <string>
#include <vector>

#include <boost/test/unit_test.hpp>

#include "tests/support/process.hpp"
#include "vlp/weights/safetensors.hpp"

BOOST_AUTO_TEST_SUITE(trace_comparison)

namespace {

namespace fs = std::filesystem;
using vlp::TensorDifference;

constexpr double kRounding = 1e-12;  // of sums of a few float64 numbers
constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

/// A tensor of numbers as they are stored.
template <class T>
vlp::TensorBytes tensor(const std::string& dtype, std::vector<std::int64_t> shape,
                        const std::vector<T>& values) {
  const auto owner = std::make_shared<const std::vector<T>>(values);
  return {dtype, std::move(shape), std::as_bytes(std::span(*owner)), owner};
}
vlp::TensorBytes f32(std::vector<std::int64_t> shape, const std::vector<float>& values) {
  return tensor("F32", std::move(shape), values);
}
vlp::TensorBytes f64(std::vector<std::int64_t> shape, const std::vector<double>& values) {
  return tensor("F64", std::move(shape), values);
}
vlp::TensorBytes index(const std::vector<std::int64_t>& rows) {
  return tensor("I64", {static_cast<std::int64_t>(rows.size())}, rows);
}

/// Two files in a folder of their own.
struct Pair {
  Pair(const vlp::NamedTensors& a, const vlp::NamedTensors& b) {
    vlp::write_safetensors(first, a);
    vlp::write_safetensors(second, b);
  }
  std::vector<TensorDifference> compare() const {
    return vlp::compare_traces(vlp::read_trace(first), vlp::read_trace(second));
  }
  std::vector<TensorDifference> backwards() const {
    return vlp::compare_traces(vlp::read_trace(second), vlp::read_trace(first));
  }
  vlp_test::Outcome program(const std::vector<std::string>& more = {}) const {
    std::vector<std::string> words{VLP_PROGRAM, "trace", "--compare", first.string(),
                                   second.string()};
    words.insert(words.end(), more.begin(), more.end());
    return vlp_test::run_process(words);
  }

  ScratchFolder folder;
  fs::path first = folder.path / "a.safetensors", second = folder.path / "b.safetensors";
};

/// The one difference of two files with one tensor.
TensorDifference only(const std::vector<TensorDifference>& differences) {
  BOOST_REQUIRE(differences.size() == 1U);
  return differences.front();
}

std::string message_of(const vlp::NamedTensors& tensors) {
  const Pair pair(tensors, tensors);
  try {
    (void)vlp::read_trace(pair.first);
  } catch (const vlp::DataError& error) {
    const std::string message = error.what();
    return message.substr(message.find(": ") + 2);
  }
  return "no error";
}

}  // namespace

BOOST_AUTO_TEST_CASE(the_largest_difference_and_the_relative_norm_are_those_of_a_hand_computation) {
  const Pair pair({{"x", f64({2, 2}, {1, 2, 3, 4})}}, {{"x", f64({2, 2}, {1, 2.5, 3, 2})}});
  const TensorDifference x = only(pair.compare());
  BOOST_TEST(x.name == "x");
  BOOST_TEST(x.largest == 2.0);
  BOOST_TEST(std::abs(x.relative - std::sqrt(4.25 / 20.25)) < kRounding);
  BOOST_TEST(x.beyond(1.9));
  BOOST_TEST(!x.beyond(2.0));
}

BOOST_AUTO_TEST_CASE(float64_is_compared_with_the_stored_float64_and_float32_with_float32) {
  const vlp::NamedTensors stored{{"x", f32({1}, {1.5F})}, {"x.f64", f64({1}, {1.0})}};
  BOOST_TEST(only(Pair({{"x", f64({1}, {1.0})}}, stored).compare()).largest == 0.0);
  BOOST_TEST(only(Pair({{"x", f32({1}, {1.5F})}}, stored).compare()).largest == 0.0);
  BOOST_TEST(only(Pair({{"x", f64({1}, {1.0})}}, stored).backwards()).largest == 0.0);
}

BOOST_AUTO_TEST_CASE(a_tensor_held_at_two_precisions_by_both_is_compared_at_both) {
  const Pair pair({{"x", f32({1}, {1})}, {"x.f64", f64({1}, {1})}},
                  {{"x", f32({1}, {1})}, {"x.f64", f64({1}, {3})}});
  BOOST_TEST(only(pair.compare()).largest == 2.0);
}

BOOST_AUTO_TEST_CASE(what_is_held_at_different_precisions_is_compared_as_it_is_and_says_so) {
  const TensorDifference x =
      only(Pair({{"x", f64({1}, {1.25})}}, {{"x", f32({1}, {1})}}).compare());
  BOOST_TEST(x.largest == 0.25);
  BOOST_TEST(x.how == "F64 with F32");
}

BOOST_AUTO_TEST_CASE(rows_are_looked_up_by_the_row_index) {
  const vlp::NamedTensors whole{{"x", f32({4, 2}, {0, 1, 2, 3, 4, 5, 6, 7})}};
  const Pair pair(whole, {{"row_index", index({3, 1})}, {"x.rows", f32({2, 2}, {6, 7, 2, 3.5F})}});
  for (const TensorDifference& x : {only(pair.compare()), only(pair.backwards())}) {
    BOOST_TEST(x.largest == 0.5);
    BOOST_TEST(x.how == "2 rows");
  }
}

BOOST_AUTO_TEST_CASE(columns_are_looked_up_along_the_last_axis) {
  const vlp::NamedTensors whole{{"x", f64({2, 1, 3}, {0, 1, 2, 3, 4, 5})}};
  const Pair pair(whole, {{"row_index", index({0, 2})},
                          {"x", f32({2, 1, 3}, {9, 9, 9, 9, 9, 9})},
                          {"x.columns.f64", f64({2, 1, 2}, {0, 2, 3, 6})}});
  for (const TensorDifference& x : {only(pair.compare()), only(pair.backwards())}) {
    BOOST_TEST(x.largest == 1.0);
    BOOST_TEST(x.how == "2 columns");
  }
}

BOOST_AUTO_TEST_CASE(of_two_samples_the_common_rows_are_compared) {
  const Pair pair({{"row_index", index({0, 5})}, {"x.rows", f32({2}, {1, 2})}},
                  {{"row_index", index({5, 7})}, {"x.rows", f32({2}, {4, 9})}});
  BOOST_TEST(only(pair.compare()).largest == 2.0);
  const Pair apart({{"row_index", index({0})}, {"x.rows", f32({1}, {1})}},
                   {{"row_index", index({7})}, {"x.rows", f32({1}, {1})}});
  BOOST_TEST(only(apart.compare()).problem ==
             "nothing in common: the files hold different parts of it");
}

BOOST_AUTO_TEST_CASE(sums_show_a_difference_outside_the_rows) {
  const vlp::NamedTensors stored{
      {"row_index", index({0})}, {"x.rows", f32({1}, {1})}, {"x.sums", f64({3}, {-4, 10, 30})}};
  BOOST_TEST(only(Pair({{"x", f32({4}, {1, -2, -3 + 4 - 4, 0})}}, stored).compare()).beyond(0.5));
  const TensorDifference same =
      only(Pair({{"x", f32({4}, {1, -2, 1, -4})}}, {{"x.sums", f64({3}, {-4, 8, 22})}}).compare());
  BOOST_TEST(same.largest == 0.0);
  BOOST_TEST(same.how == "sums");
  // The sum is 0.8 larger: one of four numbers differs by at least 0.2.
  const Pair shifted({{"x", f32({4}, {1, -2, 1, -4})}}, {{"x.sums", f64({3}, {-3.2, 8, 22})}});
  BOOST_TEST(std::abs(only(shifted.compare()).largest - 0.2) < kRounding);
  BOOST_TEST(std::abs(only(shifted.backwards()).largest - 0.2) < kRounding);
}

BOOST_AUTO_TEST_CASE(nan_differs_from_everything_and_equal_infinities_do_not_differ) {
  BOOST_TEST(only(Pair({{"x", f64({2}, {kNaN, 1})}}, {{"x", f64({2}, {kNaN, 1})}}).compare())
                 .beyond(1e300));
  const double infinity = std::numeric_limits<double>::infinity();
  BOOST_TEST(!only(Pair({{"x", f64({1}, {infinity})}}, {{"x", f64({1}, {infinity})}}).compare())
                  .beyond(0));
  BOOST_TEST(only(Pair({{"x", f64({1}, {infinity})}}, {{"x", f64({1}, {-infinity})}}).compare())
                 .beyond(1e300));
}

BOOST_AUTO_TEST_CASE(a_missing_tensor_and_another_shape_are_problems_that_name_the_file) {
  const Pair pair({{"x", f32({2}, {1, 2})}}, {{"x", f32({1, 2}, {1, 2})}, {"y", f32({1}, {1})}});
  const std::vector<TensorDifference> differences = pair.compare();
  BOOST_REQUIRE(differences.size() == 2U);
  BOOST_TEST(differences[0].problem == "shapes [2] and [1, 2]");
  BOOST_TEST(differences[1].problem == "missing in " + pair.first.string());
  BOOST_TEST(pair.backwards()[1].problem == "missing in " + pair.first.string());
  const Pair short_of_rows({{"x", f32({2}, {1, 2})}},
                           {{"row_index", index({2})}, {"x.rows", f32({1}, {1})}});
  BOOST_TEST(only(short_of_rows.compare()).problem == "no row 2 in shape [2]");
}

BOOST_AUTO_TEST_CASE(every_dtype_is_read) {
  const auto same = [](const vlp::TensorBytes& a, const vlp::TensorBytes& b) {
    return only(Pair({{"x", a}}, {{"x", b}}).compare()).largest;
  };
  const vlp::TensorBytes numbers = f64({3}, {1, 0, 100});
  BOOST_TEST(same(tensor<std::int64_t>("I64", {3}, {1, 0, 100}), numbers) == 0.0);
  BOOST_TEST(same(tensor<std::int32_t>("I32", {3}, {1, 0, 100}), numbers) == 0.0);
  BOOST_TEST(same(tensor<std::int16_t>("I16", {3}, {1, 0, 100}), numbers) == 0.0);
  BOOST_TEST(same(tensor<std::int8_t>("I8", {3}, {1, 0, 100}), numbers) == 0.0);
  BOOST_TEST(same(tensor<std::uint8_t>("U8", {3}, {1, 0, 100}), numbers) == 0.0);
  // 1, the smallest number above 0, the largest one, and -2 in binary16; 1, 0.5, -3 and infinity in
  // bfloat16.
  BOOST_TEST(same(tensor<std::uint16_t>("F16", {4}, {0x3C00, 0x0001, 0x7BFF, 0xC000}),
                  f64({4}, {1, std::ldexp(1, -24), 65504, -2})) == 0.0);
  BOOST_TEST(same(tensor<std::uint16_t>("BF16", {4}, {0x3F80, 0x3F00, 0xC040, 0x7F80}),
                  f64({4}, {1, 0.5, -3, std::numeric_limits<double>::infinity()})) == 0.0);
}

BOOST_AUTO_TEST_CASE(a_row_index_that_does_not_fit_is_an_error) {
  const vlp::TensorBytes rows = f32({2, 1}, {1, 2});
  BOOST_TEST(message_of({{"x.rows", rows}}) ==
             "'x.rows' doesn't fit row_index (got [2, 1], expected 0 rows). Write the file again.");
  BOOST_TEST(message_of({{"row_index", index({1, 1})}, {"x.rows", rows}}) ==
             "row_index holds a row twice or a negative one. Write the file again.");
  BOOST_TEST(message_of({{"row_index", rows}}) ==
             "row_index is not a list of integers (got F32 [2, 1], expected I64 [R]). Write the "
             "file again.");
  BOOST_TEST(message_of({{"x.sums", f64({2}, {1, 2})}}) ==
             "'x.sums' is no triple of sums (got [2], expected [3]). Write the file again.");
}

BOOST_AUTO_TEST_CASE(the_program_prints_a_line_a_tensor_and_ends_with_7_beyond_the_tolerance) {
  const Pair pair({{"x", f32({1}, {1})}, {"y", f32({1}, {2})}},
                  {{"x", f32({1}, {1})}, {"y", f32({1}, {2.5F})}});
  const vlp_test::Outcome beyond = pair.program(), within = pair.program({"--tolerance", "0.5"});
  BOOST_TEST(beyond.code == 7);
  BOOST_TEST(beyond.err == "");
  BOOST_TEST(beyond.out ==
             "         x  0.000e+00  relative 0.000e+00\n"
             "DIFFERS  y  5.000e-01  relative 2.000e-01\n"
             "2 tensors compared, largest difference 5.000e-01 (y); 1 beyond 5e-05, 0 missing or "
             "not comparable\n");
  BOOST_TEST(within.code == 0);
  BOOST_TEST(
      Pair({{"x", f32({1}, {1})}}, {{"x", f32({1}, {1})}, {"y", f32({1}, {1})}}).program().code ==
          7,
      "a name is missing");
}

BOOST_AUTO_TEST_CASE(the_program_names_a_file_that_is_not_there_or_broken_and_ends_with_4) {
  const Pair pair({{"x", f32({1}, {1})}}, {});
  fs::resize_file(pair.second, 5);
  const vlp_test::Outcome broken = pair.program();
  BOOST_TEST(broken.code == 4);
  BOOST_TEST(
      broken.err.starts_with("error: " + pair.second.string() + ": too short for a header length"),
      broken.err);
  fs::remove(pair.second);
  BOOST_TEST(pair.program().err ==
             "error: " + pair.second.string() + ": there is no such file. Check the path.\n");
}

BOOST_AUTO_TEST_CASE(the_program_compares_without_libtorch) {
  const Pair pair({{"x", f32({1}, {1})}}, {{"x", f32({1}, {1})}});
  const vlp_test::Outcome outcome = vlp_test::run_process(
      {VLP_PROGRAM, "trace", "--compare", pair.first.string(), pair.second.string()},
      "LD_DEBUG=files");
  BOOST_TEST(outcome.code == 0);
  BOOST_TEST(outcome.err.find("libc.so") != std::string::npos);
  BOOST_TEST(outcome.err.find("torch") == std::string::npos);
}

BOOST_AUTO_TEST_SUITE_END()
