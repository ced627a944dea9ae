#include "plugins/tokenizer/wordpiece.hpp"

#include <boost/test/unit_test.hpp>

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "tests/support/messages.hpp"
#include "tests/support/scratch_folder.hpp"

BOOST_AUTO_TEST_SUITE(wordpiece)

namespace fs = std::filesystem;

BOOST_AUTO_TEST_CASE(the_component_finds_its_vocabulary_by_name_or_path) {
  vlp::Folders folders;
  folders.share = fs::path(VLP_SOURCE_ROOT) / "share";
  const vlp::WordPieceTokenizer by_name({}, folders);
  BOOST_TEST(by_name.vocabulary_size() == 30524);

  const ScratchFolder scratch;
  const fs::path small = scratch.path / "small.txt";
  std::ofstream(small) << "[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\na\n";
  vlp::WordPieceTokenizer::Options options;
  options.vocabulary = small.string();
  options.max_length = 4;
  const vlp::AnyTokenizer by_path{vlp::WordPieceTokenizer(options, folders)};
  BOOST_TEST(by_path.vocabulary_size() == 8);
  BOOST_TEST((by_path.encode("a a a a") == std::vector<std::int64_t>{2, 5, 5, 3}));
  BOOST_TEST(
      (by_path.encode_whole("a a a a").value() == std::vector<std::int64_t>{2, 5, 5, 5, 5, 3}));
  BOOST_TEST(
      (vlp::WordPieceTokenizer::vocabulary_file("mine.txt", folders) == fs::path("mine.txt")));
  BOOST_TEST((vlp::WordPieceTokenizer::vocabulary_file("mine", folders) ==
              folders.share / "vocabularies" / "mine.txt"));
}

BOOST_AUTO_TEST_CASE(a_name_that_does_not_ship_is_told_which_do) {
  vlp::Folders folders;
  folders.share = fs::path(VLP_SOURCE_ROOT) / "share";
  const auto message = [&](const std::string& vocabulary) {
    return vlp_test::message_of<vlp::Error>(
        [&] { (void)vlp::WordPieceTokenizer({.vocabulary = vocabulary}, folders); });
  };
  BOOST_TEST(message("demos") ==
             "tokenizer 'wordpiece': no vocabulary named 'demos' ships with vlp (looked for " +
                 (folders.share / "vocabularies" / "demos.txt").string() +
                 "; there are: bert-base-uncased, demo). Name one of them, or the path of a "
                 "vocab.txt.");
  BOOST_TEST(message("./demos.txt") ==
                 "./demos.txt: the vocabulary can't be opened. Check the path and its permissions.",
             "of a path nothing ships");
  folders.share = "nowhere";
  BOOST_TEST(message("demo").find("there are: none") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(its_own_files_make_it_again_where_there_are_some) {
  using Tokenizer = vlp::WordPieceTokenizer;
  const ScratchFolder scratch;
  const Tokenizer::Options given{.vocabulary = "mine.txt", .max_length = 7};
  BOOST_TEST(Tokenizer::from_folder(given, scratch.path).vocabulary == "mine.txt");
  std::ofstream(scratch.path / "vocab.txt") << "[PAD]\n";
  const Tokenizer::Options own = Tokenizer::from_folder(given, scratch.path);
  BOOST_TEST(own.vocabulary == (scratch.path / "vocab.txt").string());
  BOOST_TEST(own.max_length == 7);
}

BOOST_AUTO_TEST_SUITE_END()
