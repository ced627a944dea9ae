// What is wrong with ids in the options of generation.

#include "vlp/concepts/generation.hpp"

#include <cstdint>
#include <string>
#include <vector>

#include <boost/test/unit_test.hpp>

#include "vlp/recipe/read.hpp"
#include "vlp/recipe/write.hpp"

BOOST_AUTO_TEST_SUITE(generation)

BOOST_AUTO_TEST_CASE(ids_are_looked_at_whatever_the_vocabulary) {
  vlp::GenerateOptions options;
  BOOST_TEST(options.problem() == "");
  options.begin_suppress_tokens = {4, -1};
  BOOST_TEST(options.problem() == "begin_suppress_tokens holds -1, which is no id; ids begin at 0");
  options = {};
  options.bad_words_ids = {{1}, {}};
  BOOST_TEST(options.problem() ==
             "bad_words_ids holds an empty sequence; give each at least one id");
  options = {};
  options.forced_eos_token_id = 7;
  options.suppress_tokens = {3, 7};
  BOOST_TEST(options.problem() ==
             "forced_eos_token_id 7 is one of suppress_tokens, so that nothing could be chosen; "
             "leave one of them out");
}

BOOST_AUTO_TEST_CASE(ids_lie_in_the_vocabulary) {
  vlp::GenerateOptions options;
  BOOST_TEST(vlp::vocabulary_problem(options, 8) == "");
  options.bad_words_ids = {{7}, {0, 8}};
  BOOST_TEST(vlp::vocabulary_problem(options, 8) ==
             "bad_words_ids: an id is outside the vocabulary (got 8, expected 0 to 7)");
  options.bad_words_ids = {};
  options.forced_bos_token_id = 9;
  BOOST_TEST(vlp::vocabulary_problem(options, 8) ==
             "forced_bos_token_id: an id is outside the vocabulary (got 9, expected 0 to 7)");
}

BOOST_AUTO_TEST_CASE(lists_of_ids_are_written_and_read_again) {
  vlp::GenerateOptions options, read;
  options.bad_words_ids = {{7}, {0, 8}};
  options.suppress_tokens = {3};
  options.forced_eos_token_id = 5;
  const vlp::Value written = vlp::write_options(options);
  BOOST_TEST(vlp::write_toml(written).find("bad_words_ids = [[7], [0, 8]]\nsuppress_tokens = [3]\n"
                                           "begin_suppress_tokens = []\n") != std::string::npos);
  vlp::Diagnostics problems;
  vlp::ReadContext reading{problems};
  vlp::read_options(written, "generate", read, reading);
  BOOST_TEST(problems.problems().empty());
  BOOST_TEST((read.bad_words_ids == options.bad_words_ids));
  BOOST_TEST((read.suppress_tokens == options.suppress_tokens));
  BOOST_TEST(read.forced_eos_token_id == 5);
}

BOOST_AUTO_TEST_SUITE_END()
