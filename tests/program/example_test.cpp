// The program of docs/examples/caption_image.cpp says what `vlp caption` says.

#include <string>
#include <vector>

#include <boost/test/unit_test.hpp>

#include "tests/support/caption_program.hpp"
#include "tests/support/messages.hpp"

namespace {

vlp_test::Outcome caption_image(std::vector<std::string> words) {
  words.insert(words.begin(), std::string(VLP_BUILD_DIR) + "/examples/caption_image");
  return vlp_test::run_process(words);
}

}  // namespace

BOOST_FIXTURE_TEST_SUITE(example, vlp_test::ModelFolder)

BOOST_AUTO_TEST_CASE(a_program_of_ones_own_captions_an_image_as_the_program_does) {
  const std::string image = vlp_test::image("07_rgb.png");
  const auto own = caption_image({folder.path.string(), image});
  BOOST_TEST_REQUIRE(own.code == 0, own.err);
  const auto vlp = caption({image});
  BOOST_TEST_REQUIRE(vlp.code == 0, vlp.err);
  BOOST_TEST(own.out.size() > 2U);
  BOOST_TEST(image + ": " + own.out == vlp.out);
}

BOOST_AUTO_TEST_CASE(it_ends_with_the_exit_code_of_what_is_wrong) {
  const auto outcome = caption_image({(folder.path / "absent").string(), "x.png"});
  BOOST_TEST(outcome.code == 5);
  BOOST_TEST(outcome.err.starts_with("error: "), outcome.err);
  BOOST_TEST(vlp_test::contains(caption_image({}).out, "MODEL IMAGE"));
  BOOST_TEST(caption_image({}).code == 0);
  BOOST_TEST(caption_image({"model"}).code == 2);
}

BOOST_AUTO_TEST_SUITE_END()
