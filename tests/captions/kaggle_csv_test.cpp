#include "vlp/captions/kaggle_csv.hpp"

#include <boost/test/unit_test.hpp>

#include <string>
#include <vector>

#include "tests/support/messages.hpp"
#include "vlp/core/error.hpp"

BOOST_AUTO_TEST_SUITE(kaggle_csv)

using vlp::DataError;
using vlp::ImageCaptions;
using vlp::parse_kaggle_csv;

namespace {

const std::string kHeader = "image_name| comment_number| comment\n";

/// What the error of reading `rows` below the header says; empty if there is none.
std::string problem_of(const std::string& text) {
  return vlp_test::message_of<DataError>([&] { (void)parse_kaggle_csv(text, "results.csv"); });
}

std::string only_caption(const std::string& comment) {
  return parse_kaggle_csv(kHeader + "a.jpg| 0| " + comment + "\n", "results.csv")
      .at(0)
      .captions.at(0);
}

}  // namespace

BOOST_AUTO_TEST_CASE(images_keep_their_order_and_captions_follow_their_numbers) {
  const std::vector<ImageCaptions> images = parse_kaggle_csv(
      kHeader + "b.jpg| 1|  second .\na.jpg| 0| other .\nb.jpg| 10| third .\nb.jpg|0|first .",
      "results.csv");
  BOOST_REQUIRE_EQUAL(images.size(), 2);
  BOOST_TEST(images[0].image_id == "b.jpg");
  BOOST_TEST(images[0].captions == (std::vector<std::string>{"first .", "second .", "third ."}),
             boost::test_tools::per_element());
  BOOST_TEST(images[1].image_id == "a.jpg");
}

BOOST_AUTO_TEST_CASE(a_missing_second_separator_is_read_as_the_published_file_has_it) {
  for (const std::string end : {"", "|", " | "}) {
    const auto images = parse_kaggle_csv(
        kHeader + "2199200615.jpg| 3| A dog .\n2199200615.jpg| 4   A dog runs across the grass ." +
            end + "\n",
        "results.csv");
    BOOST_REQUIRE_EQUAL(images.size(), 1);
    BOOST_TEST(images[0].captions.at(1) == "A dog runs across the grass .");
  }
}

BOOST_AUTO_TEST_CASE(quotes_stay_unless_they_wrap_the_whole_comment) {
  BOOST_TEST(only_caption(R"(A sign says " open " .)") == R"(A sign says " open " .)");
  BOOST_TEST(only_caption(R"("A man , a plan .")") == "A man , a plan .");
  BOOST_TEST(only_caption(R"("A ""red"" bus .")") == R"(A "red" bus .)");
  BOOST_TEST(only_caption(R"("""Stop"" it says .")") == R"("Stop" it says .)");
  BOOST_TEST(only_caption(R"("Stop" and "go")") == R"("Stop" and "go")");
  BOOST_TEST(only_caption(R"(""Stop"")") == R"(""Stop"")");
  BOOST_TEST(only_caption(R"(")") == R"(")");
  BOOST_TEST(only_caption("left | right") == "left | right");
}

BOOST_AUTO_TEST_CASE(line_ends_byte_order_mark_blank_lines_and_equal_numbers_are_accepted) {
  const auto images = parse_kaggle_csv(
      "\xEF\xBB\xBF\r\nimage_name | comment_number|comment \r\n\r\na.jpg| 0| one .\r\n   "
      "\r\na.jpg| 0| two .\r\n",
      "results.csv");
  BOOST_REQUIRE_EQUAL(images.size(), 1);
  BOOST_TEST(images[0].captions == (std::vector<std::string>{"one .", "two ."}),
             boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(utf8_is_kept_and_other_bytes_are_refused) {
  BOOST_TEST(only_caption("caf\xC3\xA9 \xF0\x9F\x90\x95") == "caf\xC3\xA9 \xF0\x9F\x90\x95");
  for (const std::string bytes :
       {"caf\xE9", "\xC0\xAF", "\xED\xA0\x80", "\xF5\x80\x80\x80", "\xE2\x82", "\x80"})
    BOOST_TEST(problem_of(kHeader + "a.jpg| 0| " + bytes + "\n") ==
               "results.csv:2: bytes that are not UTF-8. Convert the file to UTF-8.");
}

BOOST_AUTO_TEST_CASE(all_broken_rows_are_listed_at_once) {
  const std::string text =
      kHeader + "a.jpg 0 no bar\na.jpg| 0| fine .\n| 0| nameless .\na.jpg| one| word .\n" +
      "a.jpg| -1| minus .\na.jpg| 2|  \na.jpg| 3| \"\"\na.jpg| only words\na.jpg| 4\n";
  BOOST_TEST(problem_of(text) ==
             "results.csv:2: no separator '|' (expected image_name| comment_number| comment). Mend "
             "or delete the row.\n"
             "results.csv:4: no image name. Mend or delete the row.\n"
             "results.csv:5: comment number is not a number (got 'one', expected 0, 1, 2, ...). "
             "Mend or delete the row.\n"
             "results.csv:6: comment number is not a number (got '-1', expected 0, 1, 2, ...). "
             "Mend or delete the row.\n"
             "results.csv:9: comment number is not a number (got 'only', expected 0, 1, 2, ...). "
             "Mend or delete the row.\n"
             "results.csv:10: no comment (expected image_name| comment_number| comment). Mend or "
             "delete the row.");
}

BOOST_AUTO_TEST_CASE(a_blank_comment_stays_for_who_reads_the_file) {
  for (const std::string comment : {"  ", "\"\"", "\" \"", "\xC2\xA0"})
    BOOST_TEST(only_caption(comment).find_first_not_of("\xC2\xA0") == std::string::npos);
}

BOOST_AUTO_TEST_CASE(twenty_broken_rows_are_named_and_all_are_counted) {
  std::string text = kHeader;
  for (int i = 0; i < 34; ++i) text += "broken\n";
  const std::string problem = problem_of(text);
  BOOST_TEST(problem.find("results.csv:21: ") != problem.npos);
  BOOST_TEST(problem.find("results.csv:22: ") == problem.npos);
  BOOST_TEST(problem.ends_with("\nresults.csv: 34 broken rows in all, the first 20 are listed."));
}

BOOST_AUTO_TEST_CASE(a_file_without_header_or_captions_is_refused) {
  BOOST_TEST(problem_of("a.jpg| 0| A dog .\n") ==
             "results.csv:1: no header (expected image_name| comment_number| comment). Is this "
             "Kaggle's results.csv?");
  BOOST_TEST(problem_of("\nimage,caption\n").starts_with("results.csv:2: no header"));
  BOOST_TEST(problem_of("image_name| comment_number| comment| more\n")
                 .starts_with("results.csv:1: no header"));
  BOOST_TEST(problem_of("") ==
             "results.csv:1: no captions (the file is empty). Is the download complete?");
  BOOST_TEST(problem_of(kHeader) ==
             "results.csv:1: no captions (the file is empty). Is the download complete?");
}

BOOST_AUTO_TEST_CASE(an_unreadable_file_is_named) {
  BOOST_CHECK_EXCEPTION((void)vlp::read_kaggle_csv("no/such.csv"), DataError,
                        [](const DataError& error) {
                          return std::string(error.what()) ==
                                 "no/such.csv: can't be read. Check the path and its permissions.";
                        });
}

BOOST_AUTO_TEST_SUITE_END()
