#include "vlp/core/foreign_errors.hpp"

#include <filesystem>
#include <new>
#include <stdexcept>
#include <string>

#include <boost/test/unit_test.hpp>

#include "tests/support/messages.hpp"

BOOST_AUTO_TEST_SUITE(foreign_errors)

namespace {

using vlp_test::message_of;

/// What LibTorch's exceptions say.
struct FakeTorchError : std::exception {
  [[nodiscard]] const char* what() const noexcept override {
    return "index out of range in self\nException raised from index at Index.cpp:12 (most recent "
           "call first):\nframe #0: c10::Error::Error + 0x80 (0x7f in libc10.so)\n";
  }
};

template <class E>
void fail(const E& error) {
  vlp::named("dataset 'bad_rows'", [&]() { throw error; });
}

/// The exit code of what comes out of a component of this kind that throws `error`.
template <class E>
vlp::ExitCode code(const char* kind, const E& error) {
  try {
    vlp::named(std::string(kind) + " 'x'", [&]() { throw error; });
  } catch (const vlp::Error& named) {
    return named.code();
  }
  return vlp::ExitCode::ok;
}

}  // namespace

BOOST_AUTO_TEST_CASE(what_is_thrown_comes_out_with_kind_and_name) {
  BOOST_TEST(message_of<vlp::ComponentError>([] { fail(std::runtime_error("bad row")); }) ==
             "dataset 'bad_rows': bad row");
}

BOOST_AUTO_TEST_CASE(what_is_returned_comes_out_as_it_is) {
  int value = 3;
  int& same = vlp::named("loss 'x'", [&]() -> int& { return value; });
  BOOST_TEST(&same == &value);
  BOOST_TEST(vlp::named("loss 'x'", [] { return std::string("text"); }) == "text");
}

BOOST_AUTO_TEST_CASE(an_error_of_vlp_keeps_its_type_and_its_words) {
  BOOST_TEST(message_of<vlp::DataNotFoundError>([] {
               fail(vlp::DataNotFoundError("a.json: not found. Download it."));
             }) == "a.json: not found. Download it.");
}

BOOST_AUTO_TEST_CASE(of_components_in_each_other_the_inner_one_is_named) {
  const std::string message = message_of<vlp::ComponentError>(
      [] { vlp::named("model 'blip'", [] { fail(std::out_of_range("vector::at")); }); });
  BOOST_TEST(message == "dataset 'bad_rows': vector::at");
}

BOOST_AUTO_TEST_CASE(the_stack_of_libtorch_stands_apart) {
  try {
    fail(FakeTorchError{});
    BOOST_ERROR("nothing was thrown");
  } catch (const vlp::ComponentError& error) {
    BOOST_TEST(error.what() == "dataset 'bad_rows': index out of range in self");
    BOOST_TEST(error.stack() ==
               "Exception raised from index at Index.cpp:12 (most recent call first):\nframe #0: "
               "c10::Error::Error + 0x80 (0x7f in libc10.so)\n");
  }
}

BOOST_AUTO_TEST_CASE(a_text_without_stack_loses_its_last_line_ends_only) {
  const auto [message, stack] = vlp::without_stack("one\n  two\n\n");
  BOOST_TEST(message == "one\n  two");
  BOOST_TEST(stack == "");
  BOOST_TEST(vlp::without_stack("").message == "");
}

BOOST_AUTO_TEST_CASE(what_fails_at_run_time_in_a_dataset_are_its_data) {
  using vlp::ExitCode;
  BOOST_TEST((code("dataset", std::runtime_error("bad row")) == ExitCode::data));
  BOOST_TEST((code("dataset", std::filesystem::filesystem_error("open", {})) == ExitCode::data));
  BOOST_TEST((code("dataset", std::out_of_range("at")) == ExitCode::unexpected));
  BOOST_TEST((code("dataset", std::bad_alloc()) == ExitCode::unexpected));
  BOOST_TEST((code("loss", std::runtime_error("no")) == ExitCode::unexpected));
}

BOOST_AUTO_TEST_CASE(what_is_no_exception_passes) {
  BOOST_CHECK_THROW(vlp::named("loss 'x'", [] { throw 42; }), int);
}

BOOST_AUTO_TEST_SUITE_END()
