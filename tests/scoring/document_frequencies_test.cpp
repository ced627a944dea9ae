#include "vlp/scoring/document_frequencies.hpp"

#include <boost/test/unit_test.hpp>

#include <string>
#include <vector>

#include "tests/support/caption_scores.hpp"

BOOST_AUTO_TEST_SUITE(document_frequencies)

namespace {

std::string message(const std::string& text) {
  try {
    (void)vlp::DocumentFrequencies::parse(text, "df.json");
  } catch (const vlp::DataError& error) {
    const std::string what = error.what();
    BOOST_TEST(what.find("Expected {\"images\": N, \"df\":") != what.npos);
    return what.substr(0, what.find(". Expected"));
  }
  return "no error";
}

}  // namespace

BOOST_AUTO_TEST_CASE(images_count_once_and_candidates_never) {
  const vlp::DocumentFrequencies df(
      vlp::CaptionSet({{"1", "a zebra", {"a man", "a man a"}}, {"2", "a man", {"the man"}}}));
  BOOST_TEST(df.images() == 2U);
  BOOST_TEST(df["a"] == 1U);
  BOOST_TEST(df["man"] == 2U);
  BOOST_TEST(df["a man"] == 1U);
  BOOST_TEST(df["a man a"] == 1U);
  BOOST_TEST(df["zebra"] == 0U);
}

BOOST_AUTO_TEST_CASE(json_is_sorted_and_read_back) {
  const vlp::DocumentFrequencies df(vlp::CaptionSet({{"1", "x", {"b \"a\"", "\u00e9"}}}));
  BOOST_TEST(df.json() ==
             "{\"images\":1,\"df\":{\"\\\"a\\\"\":1,\"b\":1,\"b \\\"a\\\"\":1,\"\u00e9\":1}}\n");
  const auto read = vlp::DocumentFrequencies::parse(df.json(), "df.json");
  BOOST_TEST(read.json() == df.json());
  BOOST_TEST(vlp::DocumentFrequencies::parse("{\"df\":{\"a\":3},\"images\":4}", "df.json")["a"] ==
             3U);
}

BOOST_AUTO_TEST_CASE(any_number_of_threads_counts_the_same) {
  const auto captions = vlp::test::random_captions(50, vlp::RandomStream(2));
  const std::string one = vlp::DocumentFrequencies(vlp::CaptionSet(captions, 1)).json();
  for (const std::int64_t threads : {2, 7, 100})
    BOOST_TEST(vlp::DocumentFrequencies(vlp::CaptionSet(captions, threads)).json() == one);
}

BOOST_AUTO_TEST_CASE(other_files_are_refused_with_the_place) {
  const std::string begin = "df.json: document frequencies: ";
  BOOST_TEST(message("{\"images\":3}") == begin + "has no 'df'");
  BOOST_TEST(message("{\"df\":{}}") == begin + "has no 'images'");
  BOOST_TEST(message("{\"images\":0,\"df\":{}}") == begin + "are of 0 images");
  BOOST_TEST(message("") == begin + "no JSON at byte 1");
  BOOST_TEST(message("{\"images\":3,\"df\":{\"a\":3}") == begin + "no JSON at byte 25");
  BOOST_TEST(message("[]") == begin + "got a list");
  BOOST_TEST(message("{\"images\":-3,\"df\":{}}") == begin + "got a negative number at 'images'");
  BOOST_TEST(message("{\"images\":3,\"df\":{\"a\":1.5}}") == begin + "got a fraction at 'a'");
  BOOST_TEST(message("{\"images\":3,\"df\":{\"a\":\"1\"}}") == begin + "got a text at 'a'");
  BOOST_TEST(message("{\"images\":3,\"df\":{\"a\":{}}}") == begin + "got an object at 'a'");
  BOOST_TEST(message("{\"images\":3,\"df\":{\"a\":1,\"a\":2}}") == begin + "has 'a' twice");
  BOOST_TEST(message("{\"images\":3,\"images\":3,\"df\":{}}") == begin + "has 'images' twice");
  BOOST_TEST(message("{\"images\":3,\"df\":{\"a\":0}}") ==
             begin + "the count of 'a' is 0 (expected at least 1)");
  BOOST_TEST(message("{\"images\":3,\"df\":{\"a\":4}}") ==
             begin + "an n-gram stands in 4 of 3 images");
  BOOST_CHECK_THROW((void)vlp::DocumentFrequencies::read("/no/such/file"), vlp::DataError);
  BOOST_CHECK_THROW((void)vlp::DocumentFrequencies::read("/"), vlp::DataError);
}

BOOST_AUTO_TEST_SUITE_END()
