#include "vlp/weights/wordpiece_files.hpp"

#include <filesystem>
#include <fstream>
#include <string>

#include <boost/test/unit_test.hpp>

#include "tests/support/messages.hpp"
#include "tests/support/scratch_folder.hpp"

namespace wordpiece_files_test {

namespace fs = std::filesystem;

/// A folder into which files are written.
struct Folder {
  ScratchFolder scratch;

  [[nodiscard]] fs::path write(const char* name, const char* text) const {
    std::ofstream(scratch.path / name) << text;
    return scratch.path / name;
  }
  [[nodiscard]] std::string refusal() const {
    return vlp_test::message_of<vlp::WeightsError>(
        [&] { (void)vlp::wordpiece_vocabulary(scratch.path); });
  }
};

BOOST_FIXTURE_TEST_SUITE(wordpiece_files, Folder)

BOOST_AUTO_TEST_CASE(the_plainer_of_two_vocabularies_is_taken) {
  BOOST_TEST(!vlp::wordpiece_vocabulary(scratch.path).has_value());
  const fs::path json = write("tokenizer.json", "{}");
  BOOST_TEST((vlp::wordpiece_vocabulary(scratch.path) == json));
  const fs::path text = write("vocab.txt", "[PAD]\n");
  BOOST_TEST((vlp::wordpiece_vocabulary(scratch.path) == text));
}

BOOST_AUTO_TEST_CASE(settings_of_another_tokenizer_are_refused_all_at_once) {
  (void)write("tokenizer_config.json",
              R"({"tokenizer_class": "GPT2Tokenizer", "do_lower_case": false})");
  BOOST_TEST(refusal() == "", "without a vocabulary nobody asks");
  (void)write("vocab.txt", "[PAD]\n");
  BOOST_TEST(
      vlp_test::contains(refusal(), R"(tokenizer_class: not supported (got "GPT2Tokenizer")"));
  BOOST_TEST(vlp_test::contains(refusal(), "do_lower_case: not supported (got false"));
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace wordpiece_files_test
