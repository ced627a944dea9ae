// Tables of one's own: which columns are meant, and what stands in them.

#include "vlp/captions/image_table.hpp"

#include <string>
#include <vector>

#include <boost/test/unit_test.hpp>

#include "tests/support/data_folder.hpp"

BOOST_AUTO_TEST_SUITE(image_table)

namespace {

using Captions = std::vector<std::string>;

vlp::ImageTable table_of(const std::string& name, const std::string& text,
                         const vlp::ImageColumns& wanted = {}) {
  const DataFolder folder;
  return vlp::read_image_table(folder.write(name, text), wanted);
}

/// What is wrong with a table, without its folder.
std::string table_problem(const std::string& name, const std::string& text,
                          const vlp::ImageColumns& wanted = {}) {
  const DataFolder folder;
  const std::string file = folder.write(name, text);
  std::string problem =
      vlp_test::message_of<vlp::DataError>([&] { (void)vlp::read_image_table(file, wanted); });
  for (std::size_t at = 0; (at = problem.find(file)) != problem.npos;)
    problem.replace(at, file.size(), name);
  return problem;
}

}  // namespace

BOOST_AUTO_TEST_CASE(columns_are_found_by_name_in_any_order_and_capitals) {
  for (const std::string image : {"image", "File", "FILENAME", "file_name", "path", "image_name"})
    for (const std::string caption : {"caption", "Text", "description", "comment", "sentence"}) {
      const vlp::ImageTable table =
          table_of("t.csv", "id," + caption + "," + image + "\n7,a cat, 1.jpg \n");
      BOOST_TEST(table.columns.image == image);
      BOOST_TEST(table.columns.caption == caption);
      BOOST_TEST(table.columns.split == "");
      BOOST_TEST(table.columns.prompt == "");
      BOOST_TEST_REQUIRE(table.rows.size() == 1U);
      BOOST_TEST(table.rows[0].image == "1.jpg");
      BOOST_TEST((table.rows[0].captions == Captions{"a cat"}));
      BOOST_TEST(table.rows[0].line == 2U);
    }
}

BOOST_AUTO_TEST_CASE(splits_and_prompts_are_read_where_there_are_some) {
  const vlp::ImageTable table = table_of(
      "t.tsv", "image\tcaption\tsplit\tPrompt\na.jpg\ta, cat\tval\ta drawing of\nb.jpg\tb\t\t\n");
  BOOST_TEST(table.columns.prompt == "Prompt");
  BOOST_TEST(table.rows.at(0).split == "val");
  BOOST_TEST(table.rows.at(0).prompt == "a drawing of");
  BOOST_TEST((table.rows.at(0).captions == Captions{"a, cat"}));
  BOOST_TEST(table.rows.at(1).split == "");
  BOOST_TEST(table.rows.at(1).prompt == "");
}

BOOST_AUTO_TEST_CASE(named_columns_are_taken) {
  const vlp::ImageTable table =
      table_of("t.csv", "image,caption,alt,url\na.jpg,x,a cat,u\n", {"url", "alt", "caption", ""});
  BOOST_TEST(table.rows.at(0).image == "u");
  BOOST_TEST((table.rows.at(0).captions == Captions{"a cat"}));
  BOOST_TEST(table.rows.at(0).split == "x");
}

BOOST_AUTO_TEST_CASE(json_lines_have_strings_or_lists_of_them) {
  const vlp::ImageTable table = table_of("t.jsonl",
                                         "{\"file\":\"a.jpg\",\"text\":\"a \\\"cat\\\"\"}\n\n"
                                         "{\"file\":\"b.jpg\",\"text\":[\"b\",\" \",\"c\"],"
                                         "\"split\":\"test\",\"size\":[1,2]}\n"
                                         "{\"file\":null,\"text\":\"d\"}\n{\"text\":null}\n");
  BOOST_TEST_REQUIRE(table.rows.size() == 4U);
  BOOST_TEST(table.columns.split == "split");
  BOOST_TEST((table.rows[0].captions == Captions{"a \"cat\""}));
  BOOST_TEST((table.rows[1].captions == Captions{"b", "c"}));
  BOOST_TEST(table.rows[1].split == "test");
  BOOST_TEST(table.rows[1].line == 3U);
  BOOST_TEST(table.rows[2].image == "");
  BOOST_TEST(table.rows[3].captions.empty());
}

BOOST_AUTO_TEST_CASE(a_column_that_is_not_there_or_not_clear_is_said_with_those_there_are) {
  BOOST_TEST(table_problem("t.csv", "name,caption\na,b\n") ==
             "t.csv: no column is called image or file or filename or file_name or path or "
             "image_name (got 'name', 'caption'). Set dataset.image_column, or give the table a "
             "first line with names.");
  BOOST_TEST(
      table_problem("t.csv", "image,caption,path,text\na,b,c,d\n") ==
      "t.csv: which column is meant isn't clear (got image, path, expected one of them). Set "
      "dataset.image_column.");
  BOOST_TEST(
      table_problem("t.csv", "image,caption\na,b\n", {"", "alt", "", ""}) ==
      "t.csv: no column 'alt' (got 'image', 'caption'). Set dataset.caption_column to one of "
      "them.");
}

BOOST_AUTO_TEST_CASE(cells_of_json_that_are_no_text_are_listed) {
  BOOST_TEST(
      table_problem("t.jsonl",
                    "{\"image\":1,\"caption\":\"a\"}\n{\"image\":\"a\",\"caption\":[2]}\n[]") ==
      "t.jsonl:1:10: line 1.image is wrong (got 1, expected a string). Mend it.\n"
      "t.jsonl:2:25: line 2.caption[0] is wrong (got 2, expected a string). Mend it.\n"
      "t.jsonl:3:1: line 3 is wrong (got an array, expected an object with the image and its "
      "caption). Mend it.");
}

BOOST_AUTO_TEST_CASE(the_ending_says_the_form) {
  BOOST_TEST(table_problem("t.xlsx", "x") ==
             "t.xlsx: the form of the table isn't known (got the ending '.xlsx', expected .csv, "
             ".tsv or .jsonl). Rename the file.");
  BOOST_TEST(table_of("T.CSV", "image,caption\na,b\n").rows.size() == 1U);
}

BOOST_AUTO_TEST_SUITE_END()
