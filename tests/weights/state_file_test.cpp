#include "vlp/weights/state_file.hpp"

#include <boost/test/unit_test.hpp>

#include <bit>
#include <cmath>
#include <limits>

#include "tests/support/messages.hpp"
#include "tests/support/scratch_folder.hpp"
#include "vlp/core/random.hpp"
#include "vlp/weights/safetensors.hpp"

BOOST_AUTO_TEST_SUITE(state_file)

using namespace vlp;
using vlp_test::contains;

namespace {

std::string message_of(const std::filesystem::path& path) {
  return vlp_test::message_of<WeightsError>([&] { (void)load_state(path); });
}

}  // namespace

BOOST_FIXTURE_TEST_CASE(a_state_comes_back_exactly, ScratchFolder) {
  State state;
  const auto integers = {std::int64_t{0}, std::int64_t{-1},
                         std::numeric_limits<std::int64_t>::min(),
                         std::numeric_limits<std::int64_t>::max()};
  const auto numbers = {0.0,
                        -0.0,
                        0.1,
                        1.0 / 3,
                        -5e-324,
                        1.7976931348623157e308,
                        std::numeric_limits<double>::infinity()};
  int n = 0;
  for (const std::int64_t x : integers) state.put("same." + std::to_string(n++), x);
  for (const double x : numbers) state.put("number." + std::to_string(n++), x);
  state.put("text", std::string("a \"quoted\"\nline, é, and \0 inside", 31));
  state.put("text.empty", std::string());
  state.put("text:colon", std::string("colons in names"));
  state.put("format", std::string("not the file's own entry"));
  const auto floats =
      std::make_shared<const std::vector<float>>(std::vector<float>{1, -2, std::nanf("7")});
  state.prefixed("model").put(
      "w", TensorBytes{"F32", {3, 1}, std::as_bytes(std::span(*floats)), floats});
  save_state(state, path / "state.safetensors");

  const State back = load_state(path / "state.safetensors");
  BOOST_TEST(back.entries().size() == state.entries().size());
  for (const auto& [name, entry] : state.entries()) {
    BOOST_REQUIRE_MESSAGE(back.has(name), name);
    if (const auto* tensor = std::get_if<TensorBytes>(&entry)) {
      BOOST_TEST(back.tensor(name).dtype == tensor->dtype);
      BOOST_TEST(back.tensor(name).shape == tensor->shape, boost::test_tools::per_element());
      BOOST_TEST(std::ranges::equal(back.tensor(name).bytes, tensor->bytes));
    } else if (const auto* number = std::get_if<double>(&entry)) {
      BOOST_TEST(
          std::bit_cast<std::uint64_t>(back.number(name)) == std::bit_cast<std::uint64_t>(*number),
          name);
    } else if (const auto* integer = std::get_if<std::int64_t>(&entry)) {
      BOOST_TEST(back.integer(name) == *integer);
    } else {
      BOOST_TEST(back.text(name) == std::get<std::string>(entry));
    }
  }
}

BOOST_FIXTURE_TEST_CASE(not_a_number_stays_one, ScratchFolder) {
  State state;
  state.put("x", std::nan(""));
  save_state(state, path / "s");
  BOOST_TEST(std::isnan(load_state(path / "s").number("x")));
}

BOOST_FIXTURE_TEST_CASE(a_random_stream_resumes_where_it_stood, ScratchFolder) {
  RandomStream stream(3);
  (void)stream.next();
  State state, part = state.prefixed("seeds");
  stream.save(part);
  save_state(state, path / "s");
  RandomStream resumed(0);
  resumed.load(load_state(path / "s").prefixed("seeds"));
  BOOST_TEST(resumed.next() == stream.next());
}

BOOST_FIXTURE_TEST_CASE(saving_replaces_the_file_it_was_loaded_from, ScratchFolder) {
  const auto bytes =
      std::make_shared<const std::vector<std::uint8_t>>(std::vector<std::uint8_t>{1, 2, 3});
  State state;
  state.put("w", TensorBytes{"U8", {3}, std::as_bytes(std::span(*bytes)), bytes});
  save_state(state, path / "s");
  const State loaded = load_state(path / "s");
  save_state(loaded, path / "s");
  BOOST_TEST(std::ranges::equal(loaded.tensor("w").bytes, std::as_bytes(std::span(*bytes))));
  BOOST_TEST(std::ranges::equal(load_state(path / "s").tensor("w").bytes,
                                std::as_bytes(std::span(*bytes))));
}

BOOST_FIXTURE_TEST_CASE(files_that_are_no_checkpoint_are_refused, ScratchFolder) {
  const auto name = path / "s";
  const auto refusal = [&](const Metadata& metadata) {
    write_safetensors(name, {}, metadata);
    const std::string text = message_of(name);
    BOOST_TEST(text.starts_with(name.string() + ": "), text);
    return text;
  };
  BOOST_TEST(contains(
      refusal({}), "not a checkpoint of this version (got format none, expected \"vlp-state-1\")"));
  BOOST_TEST(contains(refusal({{"format", "pt"}}), "got format \"pt\""));
  BOOST_TEST(
      contains(refusal({{"format", "vlp-state-1"}, {"other", "1"}}), "unknown entry 'other'"));
  BOOST_TEST(contains(refusal({{"format", "vlp-state-1"}, {"integer:n", "1.5"}}),
                      "entry 'n' is not a number (got \"1.5\")"));
  BOOST_TEST(contains(refusal({{"format", "vlp-state-1"}, {"integer:n", "9223372036854775808"}}),
                      "is not a number"));
  BOOST_TEST(contains(refusal({{"format", "vlp-state-1"}, {"number:x", ""}}), "is not a number"));
}

BOOST_FIXTURE_TEST_CASE(missing_entries_and_wrong_types_are_named, ScratchFolder) {
  State state;
  state.put("n", std::int64_t{1});
  save_state(state, path / "s");
  const State back = load_state(path / "s");
  BOOST_CHECK_EXCEPTION((void)back.prefixed("a").number("x"), WeightsError,
                        [](const auto& e) { return contains(e.what(), "'a.x' is missing"); });
  BOOST_CHECK_EXCEPTION((void)back.number("n"), WeightsError,
                        [](const auto& e) { return contains(e.what(), "'n' has another type"); });
}

BOOST_AUTO_TEST_SUITE_END()
