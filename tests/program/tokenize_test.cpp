// `vlp tokenize` as a user meets it: the ids and texts of Hugging Face's tokenizer, line by line,
// and what is refused.

#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include <boost/test/unit_test.hpp>

#include "tests/support/process.hpp"

BOOST_AUTO_TEST_SUITE(tokenize_program)

namespace {

namespace fs = std::filesystem;
using vlp_test::Outcome;

const fs::path kTexts = fs::path(VLP_TEST_DATA) / "wordpiece";
const std::string kVocabulary =
    (fs::path(VLP_SOURCE_ROOT) / "share/vocabularies/bert-base-uncased.txt").string();

/// @param input    the file that is its standard input
/// @param options  behind the vocabulary
/// @param output   where standard output goes, empty = it is kept
Outcome tokenize_file(const fs::path& input, const std::vector<std::string>& options = {},
                      const std::string& output = {}) {
  std::string line = vlp_test::shell_quoted(VLP_PROGRAM) + " tokenize --vocabulary " +
                     vlp_test::shell_quoted(kVocabulary);
  for (const std::string& option : options) line += " " + option;
  line += " <" + vlp_test::shell_quoted(input.string()) + (output.empty() ? "" : " >" + output);
  return vlp_test::run_process({"sh", "-c", line});
}
Outcome tokenize(const std::string& input, const std::vector<std::string>& options = {},
                 const std::string& output = {}) {
  const ScratchFolder folder;
  std::ofstream(folder.path / "input", std::ios::binary) << input;
  return tokenize_file(folder.path / "input", options, output);
}

}  // namespace

BOOST_AUTO_TEST_CASE(ids_of_every_stored_text_agree) {
  BOOST_TEST((tokenize_file(kTexts / "texts.txt", {"--json-lines"}).out ==
              vlp_test::text_of(kTexts / "ids.jsonl")));
  BOOST_TEST((tokenize_file(kTexts / "special_texts.txt", {"--json-lines"}).out ==
              vlp_test::text_of(kTexts / "special_ids.jsonl")));
}

BOOST_AUTO_TEST_CASE(decoded_texts_of_every_stored_line_agree) {
  const Outcome outcome = tokenize_file(kTexts / "ids.jsonl", {"--decode", "--json-lines"});
  BOOST_TEST(outcome.code == 0);
  BOOST_TEST((outcome.out == vlp_test::text_of(kTexts / "decoded.txt")));
}

BOOST_AUTO_TEST_CASE(plain_lines_become_ids_and_ids_become_plain_lines) {
  BOOST_TEST(tokenize("A man.\na dog\n").out == "[101,1037,2158,1012,102]\n[101,1037,3899,102]\n");
  BOOST_TEST(
      tokenize("[101,1037,2158,1012,102]\n[ 30522 , 1037, 3899, 102, 0, 0 ]\n", {"--decode"}).out ==
      "a man.\na dog\n");
}

BOOST_AUTO_TEST_CASE(empty_lines_are_texts_and_a_last_line_needs_no_end) {
  BOOST_TEST(tokenize("\n\na man").out == "[101,102]\n[101,102]\n[101,1037,2158,102]\n");
  const Outcome nothing = tokenize("");
  BOOST_TEST(nothing.code == 0);
  BOOST_TEST(nothing.out == "");
  BOOST_TEST(tokenize("[]\n", {"--decode", "--json-lines"}).out == "\"\"\n");
}

BOOST_AUTO_TEST_CASE(a_byte_order_mark_and_ends_as_windows_writes_them_are_no_text) {
  const std::string mark = "\xEF\xBB\xBF";
  BOOST_TEST(tokenize(mark + "a man\r\na man\r\n").out ==
             "[101,1037,2158,102]\n[101,1037,2158,102]\n");
  BOOST_TEST(tokenize(mark + "\"a man\"\r\n", {"--json-lines"}).out == "[101,1037,2158,102]\n");
  BOOST_TEST(tokenize(mark + "[1037,2158]\r\n", {"--decode"}).out == "a man\n");
  BOOST_TEST(tokenize(mark).out == "");
}

BOOST_AUTO_TEST_CASE(a_model_folder_brings_its_vocabulary) {
  const ScratchFolder folder;
  fs::create_directories(folder.path / "model");
  fs::copy_file(kVocabulary, folder.path / "model" / "vocab.txt");
  for (const fs::path& model : {folder.path, folder.path / "model"}) {
    const Outcome outcome =
        vlp_test::run_process({"sh", "-c",
                               "echo a man | " + vlp_test::shell_quoted(VLP_PROGRAM) +
                                   " tokenize --model " + model.string()});
    BOOST_TEST(outcome.code == 0, outcome.err);
    BOOST_TEST(outcome.out == "[101,1037,2158,102]\n");
  }
  const ScratchFolder empty;
  const Outcome outcome =
      vlp_test::run_process({VLP_PROGRAM, "tokenize", "--model", empty.path.string()});
  BOOST_TEST(outcome.code == 5);
  BOOST_TEST(outcome.err.find("--vocabulary FILE") != std::string::npos, outcome.err);
}

BOOST_AUTO_TEST_CASE(the_recipe_of_a_run_says_which_tokenizer_it_is) {
  const ScratchFolder folder;
  const auto tokenized = [&](const std::string& text) {
    return vlp_test::run_process({"sh", "-c",
                                  "echo " + text + " | " + vlp_test::shell_quoted(VLP_PROGRAM) +
                                      " tokenize --model " + folder.path.string()});
  };
  std::ofstream(folder.path / "recipe.toml")
      << "[tokenizer]\nuse = \"wordpiece\"\nvocabulary = \"bert-base-uncased\"\nmax_length = 3\n";
  BOOST_TEST(tokenized("a man").out == "[101,1037,102]\n", "by the name that ships, as it cuts");
  fs::copy_file(kVocabulary, folder.path / "vocab.txt");
  BOOST_TEST(tokenized("a man").out == "[101,1037,2158,102]\n", "its files cut nothing");
  std::ofstream(folder.path / "recipe.toml") << "[tokenizer]\nuse = \"of_a_plugin\"\n";
  const Outcome unknown = tokenized("a man");
  BOOST_TEST(unknown.code == 2);
  BOOST_TEST(unknown.err.find("no tokenizer named 'of_a_plugin'") != std::string::npos,
             unknown.err);
  BOOST_TEST(unknown.err.find("--plugin FILE.so") != std::string::npos, unknown.err);
}

BOOST_AUTO_TEST_CASE(other_files_than_the_formats_know_are_refused_with_what_they_say) {
  const ScratchFolder folder;
  fs::copy_file(kVocabulary, folder.path / "vocab.txt");
  std::ofstream(folder.path / "tokenizer_config.json") << R"({"tokenizer_class": "GPT2Tokenizer"})";
  const Outcome outcome =
      vlp_test::run_process({VLP_PROGRAM, "tokenize", "--model", folder.path.string()});
  BOOST_TEST(outcome.code == 5);
  BOOST_TEST(outcome.err.find("tokenizer_class: not supported (got \"GPT2Tokenizer\"") !=
                 std::string::npos,
             outcome.err);
}

BOOST_AUTO_TEST_CASE(a_line_that_is_not_what_was_announced_ends_with_4_after_the_lines_before_it) {
  const auto refused = [](const std::string& line, const std::vector<std::string>& options,
                          const std::string& message) {
    const bool decode = options.front() == "--decode";
    const Outcome outcome = tokenize((decode ? "[101]\n" : "\"\"\n") + line + "\n", options);
    BOOST_TEST_CONTEXT(line) {
      BOOST_TEST(outcome.code == 4);
      BOOST_TEST(outcome.out == (decode ? "\n" : "[101,102]\n"));
      BOOST_TEST(outcome.err == "error: stdin:2: " + message + "\n");
    }
  };
  refused("a man", {"--json-lines"}, "not JSON (got \"a man\", expected a JSON string).");
  refused("", {"--json-lines"}, "not JSON (got an empty line, expected a JSON string).");
  refused("[1]", {"--json-lines"}, "not a text (got \"[1]\", expected a JSON string).");
  refused("\"\\ud800\"", {"--json-lines"},
          "not JSON (got \"\\\"\\\\ud800\\\"\", expected a JSON string).");
  refused("[101,", {"--decode"}, "not JSON (got \"[101,\", expected a JSON list of ids).");
  refused("\"a\"", {"--decode"}, "not a list (got \"\\\"a\\\"\", expected a JSON list of ids).");
  for (const std::string id : {"30524", "-1", "1.5", "\"a\"", "null", "99999999999999999999"})
    BOOST_TEST(tokenize("[101," + id + "]", {"--decode"})
                       .err.find("expected an integer from 0 to 30523).") != std::string::npos,
               id);
}

BOOST_AUTO_TEST_CASE(bytes_that_are_not_utf8_are_refused_with_their_place) {
  const Outcome outcome = tokenize("a man\na d\xffg\n");
  BOOST_TEST(outcome.code == 4);
  BOOST_TEST(outcome.out == "[101,1037,2158,102]\n");
  BOOST_TEST(outcome.err ==
             "error: stdin:2: byte 4 of the line is not UTF-8. Convert the text to UTF-8.\n");
  BOOST_TEST(tokenize("\xef\xbf\xbd man\n").code == 0, "U+FFFD itself is a character");
}

BOOST_AUTO_TEST_CASE(an_output_that_takes_nothing_is_an_error) {
  for (const char* output : {"/dev/full", "&-"}) {
    const Outcome outcome = tokenize("a man\n", {}, output);
    BOOST_TEST_CONTEXT(output) {
      BOOST_TEST(outcome.code == 4);
      BOOST_TEST(outcome.err.starts_with("error: stdout: can't be written ("), outcome.err);
    }
  }
}

BOOST_AUTO_TEST_CASE(usage_errors_end_with_2) {
  for (const std::vector<std::string>& words : std::vector<std::vector<std::string>>{
           {}, {"--vocabulary", "x", "--model", "y"}, {"--decod"}}) {
    std::vector<std::string> line{VLP_PROGRAM, "tokenize"};
    line.insert(line.end(), words.begin(), words.end());
    BOOST_TEST(vlp_test::run_process(line).code == 2);
  }
}

BOOST_AUTO_TEST_CASE(libtorch_is_not_opened) {
  const ScratchFolder folder;
  fs::copy_file(kVocabulary, folder.path / "vocab.txt");
  for (const std::vector<std::string>& words : std::vector<std::vector<std::string>>{
           {"--vocabulary", kVocabulary}, {"--model", folder.path.string()}}) {
    const Outcome outcome =
        vlp_test::run_process({VLP_PROGRAM, "tokenize", words[0], words[1]}, "LD_DEBUG=files");
    BOOST_TEST(outcome.code == 0);
    BOOST_TEST(outcome.err.find("libc.so") != std::string::npos,
               "LD_DEBUG=files lists what is opened");
    BOOST_TEST(outcome.err.find("torch") == std::string::npos);
  }
}

BOOST_AUTO_TEST_SUITE_END()
