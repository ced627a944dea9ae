#include "plugins/dataset/folder.hpp"

#include <algorithm>
#include <set>
#include <string>
#include <vector>

#include <boost/test/unit_test.hpp>

#include "tests/support/data_folder.hpp"

BOOST_AUTO_TEST_SUITE(folder)

using boost::test_tools::per_element;
using vlp::CaptionedFolder;
using vlp::Split;
using Lines = std::vector<std::string>;

namespace {

/// Pictures a.jpg to f.jpg and a table for them.
struct Captioned : DataFolder {
  explicit Captioned(const std::string& text = {}, const std::string& table = "captions.csv") {
    images({"a.jpg", "b.jpg", "c.jpg", "d.jpg", "e.jpg", "f.jpg"});
    if (!text.empty()) options.captions = write(table, text);
  }
  CaptionedFolder::Options options;

  [[nodiscard]] Lines records(Split split) const {
    return shown_records(CaptionedFolder(options, ctx), split);
  }
  /// All splits, in the order of the ids.
  [[nodiscard]] Lines all() const {
    const CaptionedFolder dataset(options, ctx);
    Lines lines;
    for (const Split split : {Split::train, Split::validation, Split::test})
      for (std::string& line : shown_records(dataset, split)) lines.push_back(std::move(line));
    std::ranges::sort(lines);
    return lines;
  }
  /// What is wrong, or noted, with FILE for the table and DIR for the folder.
  [[nodiscard]] std::string shortened(std::string text) const {
    for (const auto& [from, to] :
         {std::pair<std::string, std::string>{options.captions.string(), "FILE"},
          {path.string(), "DIR"}})
      for (std::size_t at = 0; !from.empty() && (at = text.find(from)) != text.npos;)
        text.replace(at, from.size(), to);
    return text;
  }
  [[nodiscard]] std::string problem() const {
    return shortened(DataFolder::problem<CaptionedFolder>(options));
  }
  Lines noted() {
    notes.clear();
    (void)CaptionedFolder(options, ctx);
    Lines lines;
    for (const std::string& note : notes) lines.push_back(shortened(note));
    return lines;
  }
};

}  // namespace

BOOST_AUTO_TEST_CASE(rows_of_a_picture_are_its_captions_in_their_order) {
  const Captioned data(
      "image,caption\nb.jpg,\"two, in one\"\na,a cat\n./b.jpg,three\nb,four\na.jpg,a cat again\n");
  BOOST_TEST(data.all() == (Lines{"a.jpg: a cat|a cat again", "b.jpg: two, in one|three|four"}),
             per_element());
}

BOOST_AUTO_TEST_CASE(json_lines_and_tabs_are_read_alike) {
  const Lines expected{"a.jpg: a cat", "b.jpg: x|y"};
  BOOST_TEST(Captioned("path\ttext\na.jpg\ta cat\nb.jpg\tx\nb.jpg\ty\n", "t.tsv").all() == expected,
             per_element());
  BOOST_TEST(Captioned("{\"path\":\"a.jpg\",\"text\":\"a cat\"}\n"
                       "{\"path\":\"b.jpg\",\"text\":[\"x\",\"y\"]}\n",
                       "t.jsonl")
                     .all() == expected,
             per_element());
}

BOOST_AUTO_TEST_CASE(a_text_beside_a_picture_has_a_caption_a_line) {
  Captioned data;
  data.images({"more/a.png"});
  data.write("a.txt",
             "\xEF\xBB\xBF"
             "a cat\r\n\r\n  the cat\r\n");
  data.write("more/a.txt", "another");
  data.write("b.txt", "\n");
  data.write("readme.txt", "not of a picture");
  BOOST_TEST(data.all() == (Lines{"a.jpg: a cat|  the cat", "more/a.png: another"}), per_element());
  BOOST_TEST(data.noted() ==
                 (Lines{"DIR: 3 lines, 2 pictures with 1 to 2 captions each.",
                        "DIR: 5 pictures beside the others have no caption: b.jpg, c.jpg, d.jpg, "
                        "e.jpg, f.jpg."}),
             per_element());
}

BOOST_AUTO_TEST_CASE(texts_that_are_not_there_or_not_clear_are_said) {
  Captioned data;
  BOOST_TEST(data.problem() ==
             "dataset folder: no picture has captions (got 6 pictures in DIR, expected beside each "
             "a .txt of its name with a caption a line). Write them, or name a table in "
             "dataset.captions.");
  BOOST_TEST(data.not_found<CaptionedFolder>(data.options));
  data.images({"a.png"});
  data.write("a.txt", "a cat");
  data.write("b.txt", "a dog\ncaf\xE9\n");
  BOOST_TEST(
      data.problem() ==
      "DIR/a.txt: belongs to two pictures (got a.jpg and a.png, expected one). Rename one of "
      "them.\nDIR/b.txt:2: bytes that are not UTF-8. Convert the file to UTF-8.");
}

BOOST_AUTO_TEST_CASE(the_seed_draws_the_splits_by_picture) {
  Captioned data("image,caption\na,1\nb,2\nc,3\nd,4\ne,5\nf,6\na,7\n");
  data.options.split = {.train = 0.5, .validation = 0.34, .test = 0.16};
  BOOST_TEST(data.records(Split::train).size() == 3U);
  BOOST_TEST(data.records(Split::validation).size() == 2U);
  BOOST_TEST(data.records(Split::test).size() == 1U);
  std::set<Lines> drawn;
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    data.ctx.facts.seeds = vlp::RandomStream(seed);
    BOOST_TEST((data.records(Split::train) == data.records(Split::train)));
    drawn.insert(data.records(Split::train));
  }
  BOOST_TEST(drawn.size() > 3U);
}

BOOST_AUTO_TEST_CASE(a_column_says_the_splits) {
  Captioned data(
      "image,caption,split\na,1,train\nb,2,Val\nc,3,validation\nd,4,dev\ne,5,test\na,6,\n");
  BOOST_TEST(data.records(Split::train) == (Lines{"a.jpg: 1|6"}), per_element());
  BOOST_TEST(data.records(Split::validation) == (Lines{"b.jpg: 2", "c.jpg: 3", "d.jpg: 4"}),
             per_element());
  BOOST_TEST(data.records(Split::test) == (Lines{"e.jpg: 5"}), per_element());
  BOOST_TEST(
      Captioned("image,caption,split\na,1,train\nb,2,eval\nc,3,eval\nd,4,\n").problem() ==
      "FILE: column 'split' has other splits than there are (got '' of 1 picture, first on "
      "line 5, 'eval' of 2 pictures, first on line 3, expected train, val, validation, dev or "
      "test). Mend them.");
  BOOST_TEST(Captioned("image,caption,split\na,1,train\na,2,test\n").problem() ==
             "FILE:3: another split than in a row before (got 'test', expected 'train' for a.jpg). "
             "A picture has one; mend one of the rows.");
}

BOOST_AUTO_TEST_CASE(a_column_gives_pictures_prompts) {
  Captioned data("image,caption,prompt\na,1,a drawing of\nb,2,\na,3,\n");
  data.options.split = {.train = 1, .validation = 0, .test = 0};
  const CaptionedFolder dataset(data.options, data.ctx);
  BOOST_TEST(dataset.records(Split::train)[0].prompt == "a drawing of");
  BOOST_TEST(dataset.records(Split::train)[1].prompt == "");
  BOOST_TEST(Captioned("image,caption,prompt\na,1,a drawing of\na,2,a photo of\n").problem() ==
             "FILE:3: another prompt than in a row before (got 'a photo of', expected 'a drawing "
             "of' for a.jpg). A picture has one; mend one of the rows.");
}

BOOST_AUTO_TEST_CASE(what_was_read_and_what_is_odd_is_told) {
  std::string many;
  for (int i = 0; i < 41; ++i) many += "word ";
  Captioned data(
      "file,text,split\na.jpg,a cat,train\na.jpg,a cat,train\nb.jpg,a cat,train\n,x,\n"
      "c.jpg,,train\nc.jpg, ,train\nd.jpg," +
      many + ",test\n");
  BOOST_TEST(
      data.noted() ==
          (Lines{
              "FILE: 1 row without a picture was passed over, the first is on line 5.",
              "FILE: 2 rows without a caption were passed over, the first is on line 6.",
              "FILE: 7 rows, 3 pictures with 1 to 2 captions each; pictures from 'file', captions "
              "from 'text', splits from 'split', so dataset.split is not used.",
              "FILE: 2 captions are equal to earlier ones, the first is 'a cat'.",
              "FILE: 1 caption has more than 40 words, the first is of d.jpg; what "
              "tokenizer.max_length cuts off is not learned.",
              "FILE: 3 pictures beside the others have no caption: c.jpg, e.jpg, f.jpg."}),
      per_element());
}

BOOST_AUTO_TEST_CASE(pictures_of_other_folders_need_no_caption) {
  Captioned data("image,caption\nmine/x.jpg,a cat\nmine/y.jpg,a dog\n");
  data.images({"mine/x.jpg", "mine/y.jpg", "others/z.jpg"});
  BOOST_TEST(data.noted() == (Lines{"FILE: 2 rows, 2 pictures with 1 caption each; pictures from "
                                    "'image', captions from 'caption'."}),
             per_element());
}

BOOST_AUTO_TEST_CASE(missing_pictures_are_counted_once_each) {
  Captioned data("image,caption\na.jpg,1\nx.jpg,2\nx.jpg,3\ny.jpg,4\n");
  BOOST_TEST(data.problem() ==
             "dataset folder: 2 of 3 images are not in DIR: x.jpg, y.jpg. Mend the table, or set "
             "dataset.images.");
  BOOST_TEST(data.not_found<CaptionedFolder>(data.options));
  data.ctx.facts.bad = {vlp::OnBad::skip, 1.0, 2};
  BOOST_TEST(data.all() == (Lines{"a.jpg: 1", "x.jpg: 2|3", "y.jpg: 4"}), per_element());
}

BOOST_AUTO_TEST_CASE(a_table_or_folder_that_is_not_there_is_named) {
  Captioned data("image,caption\na,1\n");
  data.options.images = "nowhere";
  BOOST_TEST(data.problem().starts_with("dataset folder: images not found at DIR/nowhere."));
  data.options.captions = "other.csv";
  BOOST_TEST(vlp_test::contains(data.problem(), "captions not found at "));
  BOOST_TEST(data.not_found<CaptionedFolder>(data.options));
  BOOST_TEST(
      Captioned("image,caption\na,\n").problem() ==
      "dataset folder: no captions in FILE (expected a picture with a caption). Fill it in.");
  CaptionedFolder::Options column;
  column.image_column = "x";
  BOOST_TEST(column.problem() ==
             "a column without a table, expected a .csv, .tsv or .jsonl in captions");
}

BOOST_AUTO_TEST_SUITE_END()
