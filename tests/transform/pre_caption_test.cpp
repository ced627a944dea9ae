// BLIP's cleaning of captions against Python's regular expressions.

#include "plugins/transform/pre_caption.hpp"

#include <filesystem>
#include <fstream>
#include <string>

#include <boost/test/unit_test.hpp>
#include <nlohmann/json.hpp>

BOOST_AUTO_TEST_SUITE(pre_caption)

namespace {

std::string cleaned(const std::string& text, std::int64_t words = 30) {
  vlp::RandomStream random(1);
  return vlp::PreCaption({.words = words})(text, random);
}

}  // namespace

BOOST_AUTO_TEST_CASE(captions_become_what_the_reference_makes_of_them) {
  std::ifstream file(std::filesystem::path(VLP_TEST_DATA) / "transforms" / "pre_caption.json");
  const auto cases = nlohmann::json::parse(file);
  BOOST_TEST(cases.size() > 80U);
  for (const auto& entry : cases) {
    const std::string text = entry[0];
    BOOST_TEST(cleaned(text) == entry[1].get<std::string>(), "of " << entry.dump());
    BOOST_TEST(cleaned(text, 4) == entry[2].get<std::string>(), "four words of " << entry.dump());
  }
}

BOOST_AUTO_TEST_CASE(some_punctuation_stays) {
  BOOST_TEST(cleaned("Is it a T-shirt, or the dog's?") == "is it a t-shirt, or the dog's?");
  BOOST_TEST(cleaned("\"Look!\" (#1): stop; *go* ~ now.") == "look 1 stop go now");
}

BOOST_AUTO_TEST_CASE(cleaning_twice_is_cleaning_once) {
  for (const char* text : {"A  man. (x)", "Hello - World!!", "one", ""})
    BOOST_TEST(cleaned(cleaned(text)) == cleaned(text));
}

BOOST_AUTO_TEST_CASE(bytes_that_are_no_text_do_no_harm) {
  BOOST_TEST(cleaned("a \xFF b") == "a \uFFFD b");
}

BOOST_AUTO_TEST_CASE(it_is_a_transform_of_texts) {
  const vlp::AnyTransform transform = vlp::PreCaption({.words = 2});
  vlp::RandomStream random(1);
  BOOST_TEST(transform.is_text());
  BOOST_TEST(transform("ONE two THREE", random) == "one two");
  BOOST_TEST(random.next() == vlp::RandomStream(1).next());
}

BOOST_AUTO_TEST_SUITE_END()
