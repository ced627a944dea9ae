// What the program says of an exception, whoever threw it, and with which exit code it ends.

#include "src/shared/failure.hpp"

#include <cstdlib>
#include <exception>
#include <stdexcept>
#include <string>

#include <boost/test/unit_test.hpp>

BOOST_AUTO_TEST_SUITE(failure_of_program)

namespace {

const std::string kStack =
    "\nException raised from index at Index.cpp:12 (most recent call first):\nframe #0: "
    "c10::Error::Error + 0x80 (0x7f in libc10.so)\n";
const std::string kHint = "\nVLP_STACK=1 shows the calls that led there.";

template <class E>
vlp::Failure failure_of(const E& error) {
  try {
    throw error;
  } catch (...) {
    return vlp::failure_of_exception();
  }
}

}  // namespace

BOOST_AUTO_TEST_CASE(no_stack_is_shown_whatever_wraps_it) {
  unsetenv("VLP_STACK");
  const vlp::Failure bare = failure_of(std::runtime_error("bad index" + kStack));
  BOOST_TEST(bare.text == "unexpected error: bad index" + kHint);
  BOOST_TEST(bare.code == 1);
  const vlp::Failure wrapped = failure_of(vlp::PluginError("p.so: failed: bad index" + kStack));
  BOOST_TEST(wrapped.text == "error: p.so: failed: bad index" + kHint);
  BOOST_TEST(wrapped.code == 3);
  const vlp::Failure named = failure_of(
      vlp::ComponentError(vlp::ExitCode::unexpected, "loss 'x': bad index", kStack.substr(1)));
  BOOST_TEST(named.text == "error: loss 'x': bad index" + kHint);
}

BOOST_AUTO_TEST_CASE(the_stack_is_shown_where_it_is_asked_for) {
  setenv("VLP_STACK", "1", /*overwrite=*/1);
  const vlp::Failure wrapped = failure_of(vlp::PluginError("p.so: failed: bad index" + kStack));
  unsetenv("VLP_STACK");
  BOOST_TEST(wrapped.text ==
             "error: p.so: failed: bad index" + kStack.substr(0, kStack.size() - 1));
}

BOOST_AUTO_TEST_CASE(errors_without_a_stack_are_said_as_they_are) {
  const vlp::Failure plain = failure_of(vlp::NonFiniteError("a.png: no numbers.\nm: 1 of 2"));
  BOOST_TEST(plain.text == "error: a.png: no numbers.\nm: 1 of 2");
  BOOST_TEST(plain.code == 6);
  BOOST_TEST(failure_of(vlp::InterruptedError("by SIGINT")).text == "by SIGINT");
}

BOOST_AUTO_TEST_SUITE_END()
