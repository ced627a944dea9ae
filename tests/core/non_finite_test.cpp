#include "vlp/core/non_finite.hpp"

#include <cstdint>
#include <string>

#include <boost/test/unit_test.hpp>

#include "tests/support/messages.hpp"

BOOST_AUTO_TEST_SUITE(non_finite)

namespace {

using vlp_test::message_of;

[[noreturn]] void third_row() {
  throw vlp::NonFiniteRow(2, "the image states are not finite. Check the weights.");
}
std::string name_of(std::int64_t row) { return "photo-" + std::to_string(row) + ".jpg"; }

}  // namespace

BOOST_AUTO_TEST_CASE(a_row_is_counted_from_one_until_somebody_knows_its_name) {
  const std::string counted = message_of<vlp::NonFiniteError>([] { third_row(); });
  BOOST_TEST(counted ==
             "image 3 of the batch: the image states are not finite. Check the weights.");
  const std::string called =
      message_of<vlp::NonFiniteError>([] { vlp::naming_rows(name_of, [] { third_row(); }); });
  BOOST_TEST(called == "photo-2.jpg: the image states are not finite. Check the weights.");
  const std::string named_once = message_of<vlp::NonFiniteError>([] {
    vlp::naming_rows([](std::int64_t) { return std::string("outer"); },
                     [] { vlp::naming_rows(name_of, [] { third_row(); }); });
  });
  BOOST_TEST(named_once == called);
}

BOOST_AUTO_TEST_CASE(what_is_known_of_the_weights_follows_the_message) {
  const std::string weights = "m.bin: 1 of 2 tensors hold NaN or infinity: a";
  const auto fail = [] { throw vlp::NonFiniteError("the loss is not finite."); };
  BOOST_TEST(message_of<vlp::NonFiniteError>([&] { vlp::blaming_weights(weights, fail); }) ==
             "the loss is not finite.\n" + weights);
  BOOST_TEST(message_of<vlp::NonFiniteError>([&] { vlp::blaming_weights("", fail); }) ==
             "the loss is not finite.");
  try {
    vlp::blaming_weights(weights, fail);
  } catch (const vlp::Error& error) {
    BOOST_TEST((error.code() == vlp::ExitCode::non_finite));
  }
}

BOOST_AUTO_TEST_CASE(results_and_other_errors_pass) {
  BOOST_TEST(vlp::naming_rows(name_of, [] { return 3; }) == 3);
  BOOST_TEST(vlp::blaming_weights("w", [] { return 4; }) == 4);
  const auto other = [] { throw vlp::DataError("a broken image."); };
  BOOST_TEST(message_of<vlp::DataError>([&] {
               vlp::blaming_weights("w", [&] { vlp::naming_rows(name_of, other); });
             }) == "a broken image.");
}

BOOST_AUTO_TEST_SUITE_END()
