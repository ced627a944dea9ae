#include "vlp/text/wordpiece.hpp"

#include <boost/test/unit_test.hpp>
#include <nlohmann/json.hpp>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>
#include <vector>

#include "tests/support/messages.hpp"
#include "tests/support/scratch_folder.hpp"

BOOST_AUTO_TEST_SUITE(wordpiece)

namespace {

namespace fs = std::filesystem;
using Ids = std::vector<std::int64_t>;

constexpr std::string_view kSpecial = "[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\n";

struct Scratch : ScratchFolder {
  [[nodiscard]] fs::path file(const std::string& name, std::string_view content) const {
    std::ofstream(path / name, std::ios::binary) << content;
    return path / name;
  }
  [[nodiscard]] vlp::WordPiece vocabulary(std::string_view more) const {
    return vlp::WordPiece(file("vocab.txt", std::string(kSpecial) + std::string(more)));
  }
};

fs::path parity_folder() {
  const char* folder = std::getenv("VLP_PARITY_DIR");
  return folder ? fs::path(folder) / "wordpiece" : fs::path(VLP_TEST_DATA) / "wordpiece";
}

const vlp::WordPiece& bert() {
  static const vlp::WordPiece pieces(fs::path(VLP_SOURCE_ROOT) / "share" / "vocabularies" /
                                     "bert-base-uncased.txt");
  return pieces;
}

std::vector<nlohmann::json> json_lines(const std::string& name) {
  std::ifstream in(parity_folder() / name);
  BOOST_REQUIRE_MESSAGE(in, "missing: " << parity_folder() / name);
  std::vector<nlohmann::json> lines;
  for (std::string line; std::getline(in, line);) lines.push_back(nlohmann::json::parse(line));
  return lines;
}

void check_encoding(const std::string& texts_file, const std::string& ids_file,
                    std::size_t at_least) {
  const auto texts = json_lines(texts_file);
  const auto ids = json_lines(ids_file);
  BOOST_REQUIRE(texts.size() >= at_least);
  BOOST_REQUIRE(texts.size() == ids.size());
  for (std::size_t i = 0; i < texts.size(); ++i)
    BOOST_TEST((bert().encode(texts[i].get<std::string>()) == ids[i].get<Ids>()),
               texts_file << ":" << i + 1);
}

std::string message_of(const fs::path& vocabulary) {
  return vlp_test::message_of<vlp::DataError>([&] { const vlp::WordPiece pieces(vocabulary); });
}

}  // namespace

BOOST_AUTO_TEST_CASE(ids_equal_those_of_hugging_face) {
  check_encoding("texts.txt", "ids.jsonl", 2000);
}

BOOST_AUTO_TEST_CASE(literal_special_tokens_become_their_ids) {
  check_encoding("special_texts.txt", "special_ids.jsonl", 16);
}

BOOST_AUTO_TEST_CASE(decoded_texts_equal_those_of_hugging_face) {
  const auto ids = json_lines("ids.jsonl");
  const auto texts = json_lines("decoded.txt");
  BOOST_REQUIRE(ids.size() == texts.size());
  for (std::size_t i = 0; i < ids.size(); ++i)
    BOOST_TEST(bert().decode(ids[i].get<Ids>()) == texts[i].get<std::string>(),
               "decoded.txt:" << i + 1);
}

BOOST_AUTO_TEST_CASE(special_ids_follow_the_vocabulary) {
  const vlp::SpecialTokens special = bert().special();
  BOOST_TEST(special.pad == 0);
  BOOST_TEST(special.unknown == 100);
  BOOST_TEST(special.cls == 101);
  BOOST_TEST(special.sep == 102);
  BOOST_TEST(special.mask == 103);
  BOOST_TEST(special.decode == 30522);
  BOOST_TEST(special.encode == 30523);
  BOOST_TEST(bert().vocabulary_size() == 30524);
}

BOOST_AUTO_TEST_CASE(a_vocabulary_may_hold_the_tokens_of_the_decoder_and_encoder) {
  const Scratch scratch;
  const vlp::WordPiece pieces = scratch.vocabulary("[ENC]\na\n[DEC]\n");
  BOOST_TEST(pieces.special().encode == 5);
  BOOST_TEST(pieces.special().decode == 7);
  BOOST_TEST(pieces.vocabulary_size() == 8);
  BOOST_TEST(pieces.decode(Ids{7, 6, 5}) == "a");
  const vlp::WordPiece one = scratch.vocabulary("[DEC]\na\n");
  BOOST_TEST(one.special().decode == 5);
  BOOST_TEST(one.special().encode == 7);
  BOOST_TEST(one.vocabulary_size() == 8);
}

BOOST_AUTO_TEST_CASE(the_longest_piece_wins_and_an_uncut_word_is_unknown) {
  const Scratch scratch;
  const vlp::WordPiece pieces = scratch.vocabulary("sun\nsunflow\n##er\n##flower\n##s\n");
  BOOST_TEST((pieces.encode("sunflowers Sun suns") == Ids{2, 6, 7, 9, 5, 5, 9, 3}));
  BOOST_TEST((pieces.encode("sunx ers sun") == Ids{2, 1, 1, 5, 3}));
}

BOOST_AUTO_TEST_CASE(a_word_of_more_than_100_characters_is_unknown) {
  const Scratch scratch;
  const vlp::WordPiece pieces = scratch.vocabulary("\u0436\n##\u0436\n");
  std::string word;
  for (int i = 0; i < 100; ++i) word += "\u0436";
  BOOST_TEST(pieces.encode(word).size() == 102U);
  BOOST_TEST((pieces.encode(word + "\u0436") == Ids{2, 1, 3}));
}

BOOST_AUTO_TEST_CASE(truncation_keeps_the_separator_last) {
  BOOST_TEST((bert().encode("a dog and a cat", 5) == Ids{101, 1037, 3899, 1998, 102}));
  BOOST_TEST((bert().encode("a dog", 4) == bert().encode("a dog")));
  BOOST_TEST((bert().encode("", 3) == Ids{101, 102}));
}

BOOST_AUTO_TEST_CASE(bytes_that_are_not_utf8_are_ignored) {
  BOOST_TEST((bert().encode("d\xffog\xc3") == bert().encode("dog")));
}

BOOST_AUTO_TEST_CASE(case_accents_and_blanks_do_not_change_ids) {
  BOOST_TEST((bert().encode("  A caf\u00e9\u3000on the street ") ==
              bert().encode("a CAFE\u0301 on\tthe street")));
}

BOOST_AUTO_TEST_CASE(ids_without_a_token_decode_to_nothing) {
  BOOST_TEST(bert().decode(Ids{30522, 1037, -1, 3899, 30523, 99999, 102, 0}) == "a dog");
  BOOST_TEST(bert().decode(Ids{}) == "");
}

BOOST_AUTO_TEST_CASE(a_written_folder_makes_the_same_tokenizer_again) {
  const Scratch scratch;
  const fs::path folder = scratch.path / "deep" / "model";
  bert().write(folder);
  const vlp::WordPiece again(folder / "vocab.txt");
  BOOST_TEST((again.tokens() == bert().tokens()));

  std::ifstream config_file(folder / "tokenizer_config.json");
  const auto config = nlohmann::json::parse(config_file);
  BOOST_TEST(config.at("do_lower_case").get<bool>());
  BOOST_TEST(config.at("model_max_length").get<int>() == 512);
  BOOST_TEST(config.at("tokenizer_class").get<std::string>() == "BertTokenizer");
  std::ifstream map_file(folder / "special_tokens_map.json");
  const auto map = nlohmann::json::parse(map_file);
  BOOST_TEST(map.size() == 5U);
  BOOST_TEST(map.at("sep_token").get<std::string>() == "[SEP]");
}

BOOST_AUTO_TEST_CASE(a_folder_that_cannot_be_written_is_an_error) {
  const Scratch scratch;
  const fs::path file = scratch.file("taken", "");
  BOOST_CHECK_EXCEPTION(bert().write(file), vlp::DataError, [&](const vlp::DataError& error) {
    return std::string(error.what()) ==
           (file / "vocab.txt").string() +
               ": can't be written. Check that its folder exists and has room.";
  });
}

BOOST_AUTO_TEST_CASE(broken_vocabularies_are_refused_by_file_and_line) {
  const Scratch scratch;
  const fs::path missing = scratch.path / "none.txt";
  BOOST_TEST(message_of(missing) ==
             missing.string() +
                 ": the vocabulary can't be opened. Check the path and its permissions.");
  const fs::path twice = scratch.file("twice.txt", std::string(kSpecial) + "a\n##a\na\n");
  BOOST_TEST(message_of(twice) ==
             twice.string() + ":8: token 'a' stands on line 6 already. Remove one of the two.");
  const fs::path blank = scratch.file("blank.txt", std::string(kSpecial) + "\na\n");
  BOOST_TEST(message_of(blank) ==
             blank.string() + ":6: the line is blank (expected one token). Remove it.");
  const fs::path lacking = scratch.file("lacking.txt", "[PAD]\n[UNK]\n[CLS]\n[SEP]\n");
  BOOST_TEST(message_of(lacking) == lacking.string() +
                                        ": special token [MASK] is missing (got 4 lines). Use a "
                                        "BERT vocabulary, one token a line.");
}

BOOST_AUTO_TEST_CASE(a_byte_order_mark_and_crlf_are_no_part_of_tokens) {
  const Scratch scratch;
  const fs::path file = scratch.file(
      "windows.txt", "\xEF\xBB\xBF[PAD]\r\n[UNK]\r\n[CLS]\r\n[SEP]\r\n[MASK]\r\na\r\n");
  const vlp::WordPiece pieces(file);
  BOOST_TEST((pieces.encode("a") == std::vector<std::int64_t>{2, 5, 3}));
}

BOOST_AUTO_TEST_CASE(a_folder_is_no_vocabulary) {
  const Scratch scratch;
  BOOST_TEST(message_of(scratch.path) ==
             scratch.path.string() + ": the vocabulary can't be read. Name a file, not a folder.");
}

BOOST_AUTO_TEST_CASE(line_ends_of_windows_are_accepted) {
  const Scratch scratch;
  const fs::path file =
      scratch.file("crlf.txt", "[PAD]\r\n[UNK]\r\n[CLS]\r\n[SEP]\r\n[MASK]\r\na\r\n");
  BOOST_TEST((vlp::WordPiece(file).encode("a") == Ids{2, 5, 3}));
}

BOOST_AUTO_TEST_SUITE_END()
